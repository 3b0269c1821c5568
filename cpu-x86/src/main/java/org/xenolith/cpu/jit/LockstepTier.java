package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.copy;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.mismatch;

import java.util.Arrays;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Block;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.memory.HostMapping;

/**
 * Runs every block twice, in the interpreter and as host code, and compares the state and what was written; the first difference ends the
 * run with {@link LockstepDifference}.
 *
 * <p>The interpreter goes first, with a {@link WriteJournal}, and is undone; what the host code leaves behind is kept. What emitted code
 * leaves to the interpreter, and what cannot be undone, is executed once and not compared. The run is the same as in any other tier.
 */
public final class LockstepTier extends NativeTier {
    /** No fault is asked for. */
    public static final long NO_FAULT = Long.MAX_VALUE;

    /** State that blocks may change: everything up to the vector registers. */
    private static final int AREA = CpuState.YMM + 16 * CpuState.YMM_SIZE;
    /** Iterations of a REP that are compared at a time. */
    private static final int MAX_ITERATIONS = 4096;
    private static final int[] MODE_WORDS = {CpuState.CR0, CpuState.CR4, CpuState.EFER, CpuState.SYSTEM_FLAGS,
        CpuState.SEGMENT + CpuState.CS * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_SELECTOR,
        CpuState.SEGMENT + CpuState.SS * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_SELECTOR};

    private final Cpu cpu;
    private final long state;
    private final Translations translations;
    private final WriteJournal journal;
    private final LockstepReport report;
    private final HostMapping copies = new HostMapping(8192);
    private final long before = copies.address();
    private final long expected = before + 4096;
    private final long faultAt;
    private Translation spoiled;
    private long compared;
    private long uncompared;

    /** Of the comparison in progress: the value of {@code retired} at which host code must leave, and whether it did. */
    private long limit;
    /** The time-stamp counter when no instruction had been retired: the clock's own answer never goes back. */
    private long timeBase;
    private boolean paused;

    /** @param faultAt once this many instructions have been retired, a translation is spoiled on purpose; {@link #NO_FAULT} for never */
    public LockstepTier(Cpu cpu, CodeCache cache, InstructionTable table, Translations translations, long faultAt) {
        super(cpu, cache, table, translations);
        this.cpu = cpu;
        this.state = cpu.stateAddress();
        this.translations = translations;
        this.journal = new WriteJournal(cpu);
        this.report = new LockstepReport(cpu, new CodeText(table, translations), journal, state, expected);
        this.faultAt = faultAt;
    }

    /** Instructions executed in both tiers and found equal. */
    public long compared() {
        return compared;
    }

    /** Instructions that an interrupt kept from being compared. */
    public long uncompared() {
        return uncompared;
    }

    /** The interpreter has been here first. */
    @Override
    boolean keepsWalkOrder() {
        return false;
    }

    @Override
    boolean pauses() {
        paused = cpu.retired() >= limit;
        return paused;
    }

    @Override
    long timeStamp() {
        return timeBase + cpu.retired();
    }

    @Override
    protected void execute(long budget) {
        long remaining = budget;
        lastExit = ExitKind.STEP;
        Translation t = next(remaining);
        int k = 0;
        while (t != null) {
            if (k == 0 && remaining < t.insnCount) {
                counts().interpreted(remaining, "(end of budget)");
                runBlock(remaining);
                return;
            }
            if (k == 0 && cpu.retired() >= faultAt) {
                t = spoil(t);
            }
            long start = cpu.retired();
            timeBase = cpu.tsc() - start;
            if (!compare(t, k, remaining)) {
                throw difference(t, k, remaining, start);
            }
            remaining -= cpu.retired() - start;
            if (cpu.attention() || remaining <= 0) {
                return;
            }
            if (paused) {
                k = index(t);
                left = remaining;
                t = interpret(t, k, ExitKind.STEP);
                remaining = left;
                lastExit = ExitKind.STEP;
                k++;
                if (t == null || k < t.insnCount) {
                    continue;
                }
            }
            t = next(remaining);
            k = 0;
        }
    }

    /** Number of the instruction that RIP is at. */
    private int index(Translation t) {
        int k = 0;
        while (t.ripOf(k) != cpu.rip()) {
            k++;
        }
        return k;
    }

    /** The translation at RIP; what was left last leads there from now on. */
    private Translation next(long remaining) {
        discardSpoiled();
        int exit = lastExit;
        Translation from = translations.get(ExitKind.translation(exit));
        left = remaining;
        Translation to = at(cpu.rip());
        if (to != null && from != null) {
            switch (ExitKind.kind(exit)) {
                case ExitKind.TAKEN -> link(from, true, to);
                case ExitKind.NEXT -> link(from, false, to);
                case ExitKind.JUMP, ExitKind.INDIRECT -> know(to);
                default -> {
                }
            }
        }
        return to;
    }

    /**
     * Executes instructions {@code from} and following in both tiers. Host code's results stay; {@link #paused} then tells whether the
     * instruction at RIP is for the interpreter.
     *
     * @return whether both are equal
     */
    private boolean compare(Translation t, int from, long remaining) {
        long start = cpu.retired();
        boolean stopped = interpretAll(t, from, remaining);
        long n = cpu.retired() - start;
        copy(state, expected, AREA);
        undo(n);
        // a page walk into its own page may have ended the translation
        paused = stopped && n == 0 || t.dead;
        if (paused) {
            return true;
        }
        limit = start + n;
        // a block that is left early must pass its head; a REP could do one iteration too many
        left = stopped ? Math.max(t.insnCount - from, n + 1) : n;
        run(t, from);
        if (paused) {
            cpu.setRip(t.ripOf(ExitKind.insn(lastExit)));
        }
        canonicalFlags();
        long done = cpu.retired() - start;
        if (done < n && cpu.attention()) {
            uncompared += done;
            return true;
        }
        compared += n;
        // an iteration of a REP that the interpreter did for host code ends the run before it can pause
        paused |= stopped && done == n;
        return done == n && paused == stopped && mismatch(state, expected, AREA) < 0 && journal.difference(0) < 0;
    }

    /**
     * The interpreter's pass, with its flags in canonical form.
     *
     * @return true when it stopped before an instruction of the block
     */
    private boolean interpretAll(Translation t, int from, long remaining) {
        Insn[] insns = t.block.insns();
        copy(state, before, AREA);
        journal.begin();
        cpu.mmu().setDataBreakpoints(journal);
        boolean stopped = false;
        for (int k = from; k < t.insnCount && !stopped; k++) {
            long rip = t.ripOf(k);
            int writes = journal.writes();
            int control = cpu.x87().control();
            int mxcsr = cpu.field32(CpuState.MXCSR);
            stopped = onlyInterpreted(t, insns[k]) || !attempt(insns[k], rip, Math.min(remaining, MAX_ITERATIONS))
                    || undoesUnmasking(insns[k], control);
            if (stopped) {
                if (!insns[k].def().rep()) {
                    journal.cancel(writes);
                }
                cpu.setRip(rip);
                cpu.setField(CpuState.CR2, get64(before + CpuState.CR2));
                // VCVTPS2PH has written it when its store is refused
                cpu.setField32(CpuState.MXCSR, mxcsr);
            }
            // what asks for attention here is asked for again by the pass that counts
            cpu.setInterruptShadow(false);
            cpu.clearAttention();
        }
        cpu.mmu().setDataBreakpoints(null);
        canonicalFlags();
        return stopped;
    }

    /** FLDCW that has unmasked an exception is for the interpreter: takes it back. */
    private boolean undoesUnmasking(Insn i, int control) {
        if (!i.def().mnemonic().equals("FLDCW") || Mode.x87Masked(cpu)) {
            return false;
        }
        // nothing was pending before: all exceptions were masked
        cpu.x87().setControl(control);
        cpu.addRetired(-1);
        return true;
    }

    private boolean onlyInterpreted(Translation t, Insn i) {
        return (t.interpreted >>> i.index() & 1) != 0
                || i.rep() != 0 && i.def().rep() && cpu.systemFlag(Flags.DF)
                || i.def().mnemonic().equals("STI") && eventWaited();
    }

    /** An interrupt waited for IF when the pass began: then STI is for the interpreter. */
    private boolean eventWaited() {
        return (get64(before + CpuState.SYSTEM_FLAGS) & Flags.IF) == 0
                && (cpu.environment().hasExternalInterrupt(cpu) || cpu.apic().pending());
    }

    /** Back to before the interpreter's pass, which retired n instructions. */
    private void undo(long n) {
        copy(before, state, AREA);
        cpu.addRetired(-n);
        for (int word : MODE_WORDS) {
            if (get64(before + word) != get64(expected + word)) {
                cpu.updateMode();
                break;
            }
        }
        journal.undo();
        cpu.clearAttention();
    }

    private void canonicalFlags() {
        cpu.setArithmeticFlags(cpu.arithmeticFlags());
    }

    /** Translates a block anew with a fault in it; it is thrown away once it has been left without a difference. */
    private Translation spoil(Translation t) {
        translations.discard(t);
        spoiled = translations.make(t.block, t.rip, t.mode, true);
        return spoiled;
    }

    private void discardSpoiled() {
        if (spoiled != null) {
            translations.discard(spoiled);
            spoiled = null;
        }
    }

    /**
     * Says what differs after the instructions from {@code from} on: looks for the shortest piece of the block that does.
     *
     * @param start instructions retired before
     */
    private LockstepDifference difference(Translation t, int from, long remaining, long start) {
        Insn[] insns = t.block.insns();
        for (int n = from + 1; n < t.insnCount; n++) {
            back(start);
            Block b = new Block(t.block.machineAddress(), t.block.codeBits(), Arrays.copyOf(insns, n),
                    insns[n - 1].endOffset(), t.block.secondMfn());
            Translation piece = translations.make(b, t.rip, t.mode, t.spoiledAt >= 0);
            if (!compare(piece, from, remaining)) {
                return report.of(t, n - 1, start, limit - start, cpu.retired() - start, AREA);
            }
        }
        back(start);
        compare(t, from, remaining);
        return report.of(t, t.insnCount - 1, start, limit - start, cpu.retired() - start, AREA);
    }

    /** Back to before both passes. */
    private void back(long start) {
        journal.restore();
        copy(before, state, AREA);
        cpu.addRetired(start - cpu.retired());
        cpu.updateMode();
        cpu.clearAttention();
    }

    @Override
    public void close() {
        super.close();
        copies.close();
    }
}
