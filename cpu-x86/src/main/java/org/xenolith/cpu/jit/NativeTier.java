package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.cpu.decode.Block;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.mmu.Tlb;

/**
 * Runs one CPU's blocks as host code; what the code leaves to it, the interpreter does for one instruction. Counts, state and memory are the
 * interpreter's to the instruction.
 */
public class NativeTier extends Interpreter implements AutoCloseable {
    /** Memory operands of an instruction, at most. */
    private static final int OPERANDS = 2;

    private final Cpu cpu;
    private final Translations translations;
    private final JumpCaches jumps;
    private final long state;
    private final long top;
    private final NativeCounts counts = new NativeCounts();

    /** Times that a translation's groups may fail before it is given up for a plain one. */
    private static final int GROUP_FAILURES = 8;

    /** Places where instructions that only the interpreter does have led to. */
    private static final int LANDINGS = 256;
    private final Translation[] landings = new Translation[LANDINGS];
    /** RIP of the next of them. */
    private long landed = NOWHERE;
    private static final long NOWHERE = 1L << 62;

    /** The mode that the CPU's Java side knows of. */
    private int knownMode = Mode.NONE;
    private final boolean tellsTime;
    private Translation missedIn;
    private int missedAt;
    private long missedBefore;
    private int missesThere;

    /** Of the run in progress. */
    long left;
    /** Number of the last exit. */
    int lastExit;

    public NativeTier(Cpu cpu, CodeCache cache, InstructionTable table, Translations translations) {
        super(cpu, cache, table);
        this.cpu = cpu;
        this.translations = translations;
        this.state = cpu.stateAddress();
        this.top = state + NativeLayout.BIAS;
        this.jumps = new JumpCaches(cpu);
        translations.addJumpCaches(jumps);
        cpu.mmu().setFetchListener(jumps);
        NativeLayout.prepare(state);
        tellsTime = cpu.clock().perInstruction() && cpu.model().tscKhz() == 1_000_000;
    }

    public NativeCounts counts() {
        return counts;
    }

    @Override
    protected void execute(long budget) {
        left = budget;
        Translation t = at(cpu.rip());
        if (t != null && t.rip == landed) {
            landings[landingIndex(landed)] = t;
            landed = NOWHERE;
        }
        run(t, 0);
    }

    /** Runs translations for what is left, beginning at instruction {@code from} of {@code first}. */
    final void run(Translation first, int from) {
        Translation t = first;
        int k = from;
        while (t != null) {
            if (k > 0 && t.grouped && !groupsHold(t, k)) {
                t = translations.plain(t);
            }
            put64(top + NativeLayout.BUDGET, ~(left - (k == 0 ? 0 : t.insnCount - k)));
            put64(top + NativeLayout.X87_ENTER, t.needsX87(k) ? 1 : 0);
            prepareEntry(t.mode);
            counts.entries++;
            int exit = translations.enter(state, k == 0 ? t.head() : t.code + t.at[k]);
            lastExit = exit;
            int kind = ExitKind.kind(exit);
            counts.exit(kind);
            k = ExitKind.insn(exit);
            t = translations.get(ExitKind.translation(exit));
            int mode = kind == ExitKind.NEXT || kind == ExitKind.JUMP ? t.nextMode : t.mode;
            if (mode != knownMode) {
                // SYSCALL, SYSRET, STAC and CLAC have changed the state
                cpu.followMode();
                knownMode = mode;
            }
            long before = left;
            left = ~get64(top + NativeLayout.BUDGET);
            switch (kind) {
                case ExitKind.TAKEN, ExitKind.NEXT -> {
                    retire(before, 0);
                    t = chain(t, kind == ExitKind.TAKEN);
                    k = 0;
                }
                case ExitKind.JUMP -> {
                    retire(before, 0);
                    t = jump(get64(top + NativeLayout.ADDRESS));
                    k = 0;
                }
                case ExitKind.BUDGET -> {
                    left += t.insnCount;
                    retire(before, 0);
                    cpu.setRip(t.rip);
                    if (left > 0) {
                        counts.interpreted(left, "(end of budget)");
                        runBlock(left);
                    }
                    return;
                }
                default -> {
                    if (t.loop) {
                        t = translations.base(t);
                    }
                    left += t.insnCount - k;
                    retire(before, t.undefinedAt(k));
                    if (t.x87Pending != null) {
                        X87Lowering.pointers(t, k, cpu.x87());
                    }
                    if (pauses()) {
                        return;
                    }
                    boolean group = kind == ExitKind.GROUP;
                    if (group) {
                        kind = firstOfGroup(t, k);
                    }
                    if (kind >= ExitKind.MISS_READ && fill(t, k, kind)) {
                        if (group) {
                            t = afterGroup(t, k);
                        }
                        break;
                    }
                    Insn done = t.block.insns()[k];
                    t = interpret(t, k, kind);
                    k++;
                    if (kind == ExitKind.INDIRECT) {
                        k = 0;
                    } else if (t == null && done.def().end()) {
                        t = landing();
                        k = 0;
                    }
                }
            }
        }
    }

    /**
     * The groups that instruction k is in the middle of, looked up anew: what happened since their checks may have changed the TLB.
     *
     * @return false when one does not hold
     */
    private boolean groupsHold(Translation t, int k) {
        if (t.groupsOpen == Translation.UNKNOWN) {
            t.groupsOpen = translations.groups(t).openBefore();
        }
        if (k < Long.SIZE && (t.groupsOpen >>> k & 1) == 0) {
            return true;
        }
        AccessGroups groups = translations.groups(t);
        for (int g = 0; g < groups.count(); g++) {
            if (groups.openAt(g, k) && !lookup(groups, g, k, Mode.rights(t.mode))) {
                return false;
            }
        }
        return true;
    }

    /** Looks a group's range up in the TLB and keeps the addend where emitted code finds it. */
    private boolean lookup(AccessGroups groups, int group, int k, int rights) {
        long value = get64(top + NativeLayout.slot(groups.register(group)));
        long low = value + groups.low(group, k);
        long entry = top + Tlb.ENTRY_SIZE * (low >>> 12 & Tlb.ENTRIES - 1);
        long tag = get64(entry + NativeLayout.tlb(rights, groups.written(group) ? Tlb.WRITE : Tlb.READ));
        if (value + groups.high(group, k) - 1 + tag >>> 12 != 0) {
            return false;
        }
        put64(top + NativeLayout.group(groups.word(group)), get64(entry + NativeLayout.tlb(rights, Tlb.ADDEND)));
        return true;
    }

    /** A group's check failed: what its first access, instruction k, would have left for; its address goes to ADDRESS. */
    private int firstOfGroup(Translation t, int k) {
        AccessGroups groups = translations.groups(t);
        long value = get64(top + NativeLayout.slot(groups.register(groups.at(k))));
        put64(top + NativeLayout.ADDRESS, value + groups.disp(k));
        return ExitKind.miss(groups.bytes(k), groups.writes(k));
    }

    /** The first access of a group is possible now; the group may be, too. */
    private Translation afterGroup(Translation t, int k) {
        AccessGroups groups = translations.groups(t);
        if (lookup(groups, groups.at(k), k, Mode.rights(t.mode))) {
            return t;
        }
        if (++t.failures == GROUP_FAILURES) {
            translations.preferPlain(t);
        }
        return translations.plain(t);
    }

    /** False where every page has been walked before, so that a walk can change nothing any more. */
    boolean keepsWalkOrder() {
        return true;
    }

    /** True to stop where an instruction would be left to the interpreter, before it is; RIP is then stale. */
    boolean pauses() {
        return false;
    }

    /**
     * Serves a miss.
     *
     * @return true when emitted code can do the instruction now; false when the interpreter must
     */
    private boolean fill(Translation t, int k, int kind) {
        if (keepsWalkOrder() && readsBefore(t.block.insns()[k], kind >= ExitKind.MISS_WRITE)) {
            return false;
        }
        if (missedIn != t || missedAt != k || missedBefore != cpu.retired()) {
            missedIn = t;
            missedAt = k;
            missedBefore = cpu.retired();
            missesThere = 0;
        }
        // two operands that take each other's entry would miss for ever
        if (++missesThere > OPERANDS || !cpu.mmu().fillForNative(get64(top + NativeLayout.ADDRESS),
                ExitKind.missBytes(kind), kind >= ExitKind.MISS_WRITE)) {
            return false;
        }
        counts.missesServed++;
        return !cpu.attention();
    }

    /**
     * The access may be to an instruction's second memory operand: the page walk for it may set bits in what has been read from the first, so
     * the interpreter must do both in order.
     */
    private static boolean readsBefore(Insn i, boolean write) {
        return switch (i.def().mnemonic()) {
            case "MOVS" -> write;
            case "CMPS" -> true;
            case "PUSH", "CALL" -> write && i.isMem(0);
            default -> false;
        };
    }

    /** The flags of the host into the state, and what was executed into the count. */
    private void retire(long before, int undefined) {
        cpu.addRetired(before - left);
        int f = (int) get64(top + NativeLayout.FLAGS);
        cpu.setArithmeticFlags((f >>> 8 & 0xd5 | (f & 1) << 11) & ~undefined);
    }

    private void prepareEntry(int mode) {
        if (Mode.code32(mode)) {
            for (int seg = CpuState.FS; seg <= CpuState.GS; seg++) {
                put64(top + NativeLayout.NOT_FLAT + 8L * (seg - CpuState.FS), FlatSegments.unlimited(cpu, seg) ? 0 : 1);
            }
        }
        int f = cpu.arithmeticFlags();
        put64(top + NativeLayout.FLAGS, (f & 0xd5) << 8 | f >>> 11 & 1);
        boolean waiting = !cpu.systemFlag(Flags.IF) && (cpu.guestMode() != null
                ? cpu.guestMode().awaitsInterruptFlag(cpu)
                : cpu.environment().hasExternalInterrupt(cpu) || cpu.apic().pending());
        put64(top + NativeLayout.EVENTS, waiting ? 1 : 0);
        put64(top + NativeLayout.TSC_BASE, tellsTime ? timeStamp() + left : 0);
    }

    /** The time-stamp counter now. */
    long timeStamp() {
        return cpu.tsc();
    }

    /**
     * Has the interpreter do instruction k.
     *
     * @return where to go on: the same translation at k + 1, or for an indirect branch its target's; null to leave
     */
    final Translation interpret(Translation t, int k, int kind) {
        Insn i = t.block.insns()[k];
        boolean indirect = kind == ExitKind.INDIRECT;
        long rip = t.ripOf(k);
        long before = cpu.retired();
        boolean done = step(i, rip, kind >= ExitKind.MISS_READ ? 1 : left);
        long n = cpu.retired() - before;
        left -= n;
        if (!indirect) {
            counts.interpreted(n, kind >= ExitKind.MISS_READ ? i.def().accessName() : i.def().statisticsName());
        }
        if (!done || cpu.attention() || left <= 0) {
            return null;
        }
        if (indirect) {
            return jump(cpu.rip());
        }
        if (cpu.rip() != rip + i.length() || t.dead || Mode.of(cpu) != t.mode) {
            return null;
        }
        return t;
    }

    /** The translation of the block at RIP, or null when the interpreter ran it or it faulted. */
    final Translation at(long rip) {
        int mode = Mode.of(cpu);
        if (mode == Mode.NONE) {
            long before = cpu.retired();
            runBlock(left);
            counts.interpreted(cpu.retired() - before, "(mode)");
            return null;
        }
        knownMode = mode;
        jumps.enter(mode);
        Block b = blockAt(rip);
        if (b == null) {
            return null;
        }
        Translation t = translations.find(b, rip, mode);
        return t != null ? t : translations.make(b, rip, mode);
    }

    /**
     * Where an instruction that changes more than RIP has led to (a system call that the environment has taken), if that is known; null to
     * have the run loop find out.
     */
    private Translation landing() {
        if (cpu.attention() || left <= 0 || cpu.activity() != Cpu.Activity.RUNNING) {
            return null;
        }
        long rip = cpu.rip();
        Translation t = landings[landingIndex(rip)];
        int mode = Mode.of(cpu);
        if (t == null || t.rip != rip || t.mode != mode || t.dead || t.cooled || Mode.code32(mode)
                || t.block.secondMfn() >= 0 || !cpu.mmu().fetchIs(rip, t.block.machineAddress() >>> 12)) {
            landed = rip;
            return null;
        }
        knownMode = mode;
        jumps.enter(mode);
        return t;
    }

    private static int landingIndex(long rip) {
        return (int) (rip ^ rip >>> 12) & LANDINGS - 1;
    }

    /** Sets RIP and finds what runs there, unless the run loop has to look first. */
    private Translation goOn(long rip) {
        cpu.setRip(rip);
        // with no budget left the next fetch is not due yet: its page walk can be seen
        return cpu.attention() || left <= 0 ? null : at(rip);
    }

    /** Goes on at a direct target on the same page, and lets the jump go there by itself from now on. */
    private Translation chain(Translation from, boolean taken) {
        Insn last = from.block.insns()[from.insnCount - 1];
        long rip = from.ripOf(from.insnCount) + (taken ? last.imm() : 0);
        Translation to = goOn(rip);
        if (to != null) {
            link(from, taken, to);
        }
        return to;
    }

    /** Lets a direct jump go to {@code to} by itself, where that is possible. */
    final void link(Translation from, boolean taken, Translation to) {
        if (to.mode == from.nextMode && to.block.secondMfn() < 0) {
            Translation loop = taken && to == from ? translations.loop(from) : null;
            translations.chain(from, taken, loop != null ? loop : to);
        }
    }

    /** Goes on at an address that the jump cache does not know yet. */
    private Translation jump(long rip) {
        Translation to = goOn(rip);
        if (to != null) {
            know(to);
        }
        return to;
    }

    /** Lets indirect jumps find a translation. */
    final void know(Translation to) {
        jumps.add(to);
    }

    @Override
    public void close() {
        translations.removeJumpCaches(jumps);
    }
}
