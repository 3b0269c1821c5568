package org.xenolith.cpu.interp;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.DebugRegisters;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Block;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * Runs decoded blocks on one CPU: the reference tier, to which every other tier must be equal to the instruction.
 *
 * <p>Counting: an instruction counts one, each iteration of a REP one (a count of zero counts one, a faulting iteration none), each
 * delivered event one.
 */
public class Interpreter {
    /** Longest block in instructions. */
    private static final int MAX_BLOCK = 64;

    private final Cpu cpu;
    private final CodeCache cache;
    private final PhysicalMemory memory;
    private final Decoder decoder;
    private final byte[] bytes = new byte[4096 + Decoder.MAX_LENGTH];
    private final Insn[] scratch = new Insn[MAX_BLOCK];
    private Insn[] running = new Insn[0];

    public Interpreter(Cpu cpu, CodeCache cache, InstructionTable table) {
        this.cpu = cpu;
        this.cache = cache;
        this.memory = cpu.memory();
        this.decoder = new Decoder(table, cpu.model());
        cache.addCpu(cpu);
    }

    /**
     * Executes until the budget is used, attention is asked for, or the CPU is no longer running. Interrupts are taken at the start of the call.
     *
     * @param budget 1 or more instructions
     * @return instructions counted, which may be 0 when the CPU is halted
     */
    public long run(long budget) {
        long start = cpu.retired();
        while (true) {
            long left = budget - (cpu.retired() - start);
            if (left <= 0) {
                break;
            }
            if (cpu.attention()) {
                cpu.clearAttention();
                if (!boundary()) {
                    break;
                }
                if (budget - (cpu.retired() - start) <= 0) {
                    break;
                }
                if (cpu.attention()) {
                    continue;
                }
                left = budget - (cpu.retired() - start);
            }
            if (cpu.interruptShadow() || cpu.systemFlag(Flags.TF | Flags.RF) || cpu.debug().watching()
                    || cpu.stepping()) {
                oneInstruction();
                cpu.requestAttention();
                continue;
            }
            execute(left);
            if (cpu.attention() && cpu.retired() != start) {
                break;
            }
        }
        return cpu.retired() - start;
    }

    /**
     * Executes at RIP while nothing asks for attention: a tier's own part.
     *
     * @param left instructions that may be counted, 1 or more
     */
    protected void execute(long left) {
        runBlock(left);
    }

    /**
     * Looks at activity and pending events between instructions.
     *
     * @return false when the CPU does not run
     */
    private boolean boundary() {
        if (cpu.activity() == Cpu.Activity.HALTED && wakes()) {
            cpu.setActivity(Cpu.Activity.RUNNING);
            cpu.clearAttention();
        }
        if (cpu.activity() != Cpu.Activity.RUNNING) {
            return false;
        }
        if (cpu.root() != null && cpu.guestMode() == null) {
            cpu.root().enter(cpu);
            if (cpu.guestMode() == null || cpu.activity() != Cpu.Activity.RUNNING) {
                return false;
            }
        }
        if (cpu.guestMode() != null && cpu.guestMode().boundary(cpu)) {
            cpu.addRetired(1);
            cpu.requestAttention();
            return cpu.activity() == Cpu.Activity.RUNNING;
        }
        if (cpu.debug().pending() && !cpu.stackShadow()) {
            cpu.debug().deliver();
            cpu.addRetired(1);
        }
        if (cpu.interruptShadow() || !cpu.svm().gif()) {
            return cpu.activity() == Cpu.Activity.RUNNING;
        }
        if (cpu.nmiPending() && !cpu.nmiBlocked()) {
            cpu.setNmiPending(false);
            cpu.setNmiBlocked(true);
            deliver(Vector.NMI);
            if (cpu.systemFlag(Flags.IF)) {
                // through a trap gate: an interrupt may be due at once
                cpu.requestAttention();
            }
        } else if (cpu.systemFlag(Flags.IF) && (cpu.guestMode() == null || cpu.guestMode().takesInterrupts(cpu))) {
            if (cpu.environment().hasExternalInterrupt(cpu)) {
                int vector = cpu.environment().externalInterrupt(cpu);
                if (vector >= 0) {
                    deliver(vector);
                }
            } else if (cpu.apic().pending()) {
                deliver(cpu.apic().acknowledge());
            }
        }
        return cpu.activity() == Cpu.Activity.RUNNING;
    }

    private boolean wakes() {
        if (cpu.guestMode() != null) {
            return cpu.guestMode().wakes(cpu);
        }
        if (cpu.root() != null) {
            return cpu.root().wakes(cpu);
        }
        return cpu.svm().gif() && (cpu.nmiPending() && !cpu.nmiBlocked()
                || cpu.systemFlag(Flags.IF) && (cpu.environment().hasExternalInterrupt(cpu) || cpu.apic().pending()));
    }

    /** True when the CPU would make progress if it were run now. */
    public boolean runnable() {
        return cpu.activity() == Cpu.Activity.RUNNING || cpu.activity() == Cpu.Activity.HALTED && wakes();
    }

    private void deliver(int vector) {
        Exceptions.deliver(cpu, vector, Exceptions.Source.EXTERNAL, false, 0);
        cpu.addRetired(1);
    }

    public Cpu cpu() {
        return cpu;
    }

    /** Instructions retired, exact even in the middle of a block or of a REP. */
    public long retiredNow() {
        return cpu.retired() + inBlock() + cpu.repExtra();
    }

    /** Virtual time in mid-block: instructions of the running block that are behind the current RIP. */
    public long inBlock() {
        if (running.length == 0) {
            return 0;
        }
        long offset = cpu.rip() - cpu.blockRip();
        for (Insn i : running) {
            if (i.endOffset() == offset) {
                return i.index();
            }
        }
        // only a block's last instruction changes RIP before it is done: a task switch that faults in the new task
        return running[running.length - 1].index();
    }

    /** An instruction that must be looked at before and after: in a shadow, single-stepped, with RF set or with breakpoints armed. */
    private void oneInstruction() {
        DebugRegisters debug = cpu.debug();
        boolean stackShadow = cpu.stackShadow();
        boolean step = cpu.systemFlag(Flags.TF);
        boolean resume = cpu.systemFlag(Flags.RF);
        long rip = cpu.rip();
        cpu.setStartedShadow(stackShadow ? 2 : cpu.interruptShadow() ? 1 : 0);
        cpu.setInterruptShadow(false);
        cpu.clearAttention();
        if (!resume && !stackShadow && debug.codeBreakpoint(linear(rip, cpu.codeBits()))) {
            Exceptions.deliver(cpu, Vector.DB, Exceptions.Source.TRAP, false, 0);
            cpu.addRetired(1);
            cpu.setStartedShadow(0);
            return;
        }
        if (resume) {
            cpu.setSystemFlags(cpu.systemFlags() & ~Flags.RF);
            cpu.clearAttention();
        }
        debug.instructionStarts();
        Insn last = runBlock(1);
        cpu.setStartedShadow(0);
        if (last == null) {
            debug.drop();
            return;
        }
        if (last.rep() != 0 && last.def().rep() && cpu.rip() == rip) {
            // between iterations RF is set, so that the breakpoint on the instruction is not met again
            cpu.setSystemFlags(cpu.systemFlags() | Flags.RF);
        }
        if (!cpu.stackShadow()) {
            if (step) {
                debug.singleStepDone();
            }
            if (debug.pending()) {
                debug.deliver();
                cpu.addRetired(1);
            }
        }
    }

    /**
     * Runs (the beginning of) the block at RIP.
     *
     * @return its last executed instruction, or null when one faulted; the fault has been delivered
     */
    protected final Insn runBlock(long left) {
        int k = 0;
        Insn[] insns = null;
        long rip = cpu.rip();
        try {
            Block b = lookup(rip);
            insns = b.insns();
            int n = (int) Math.min(insns.length, left);
            cpu.setBlockRip(rip);
            running = insns;
            cpu.setRepBudget(left);
            int denied = cpu.denied();
            do {
                Insn i = insns[k];
                cpu.setRip(rip + i.endOffset());
                if ((i.needs() & denied) == 0 || cpu.checkDenied(i)) {
                    i.exec().exec(cpu, i);
                }
                k++;
            } while (k < n && !cpu.attention());
            running = NOTHING;
            cpu.addRetired(k + cpu.takeRepExtra());
            return insns[k - 1];
        } catch (GuestFault f) {
            running = NOTHING;
            cpu.addRetired(k + cpu.takeRepExtra());
            cpu.setRip(insns == null || k == 0 ? rip : rip + insns[k].endOffset() - insns[k].length());
            raise();
            return null;
        }
    }

    /**
     * Executes one instruction of a block that another tier runs; RIP follows, a fault is delivered.
     *
     * @param rip RIP of the instruction
     * @param left instructions that may be counted, this one included
     * @return false when it faulted
     */
    protected final boolean step(Insn i, long rip, long left) {
        if (attempt(i, rip, left)) {
            return true;
        }
        cpu.setRip(rip);
        raise();
        return false;
    }

    /**
     * As {@link #step}, but a fault is not delivered: RIP and CR2 are then undefined, and what remains of a REP is to be done again.
     */
    protected final boolean attempt(Insn i, long rip, long left) {
        try {
            cpu.setRip(rip + i.length());
            cpu.setBlockRip(rip);
            cpu.setRepBudget(left);
            if ((i.needs() & cpu.denied()) == 0 || cpu.checkDenied(i)) {
                i.exec().exec(cpu, i);
            }
            cpu.addRetired(1 + cpu.takeRepExtra());
            return true;
        } catch (GuestFault f) {
            cpu.addRetired(cpu.takeRepExtra());
            return false;
        }
    }

    /** The block at RIP, or null when its fetch faulted; the fault has been delivered. */
    protected final Block blockAt(long rip) {
        try {
            return lookup(rip);
        } catch (GuestFault f) {
            cpu.setRip(rip);
            raise();
            return null;
        }
    }

    private static final Insn[] NOTHING = {};

    private void raise() {
        if (cpu.faultVector() == Vector.VM_EXIT) {
            cpu.guestMode().exit(cpu, cpu.takeVectoring());
        } else {
            Exceptions.deliver(cpu, cpu.faultVector(), Exceptions.Source.EXCEPTION, cpu.faultHasError(),
                    cpu.faultError());
        }
        cpu.addRetired(1);
    }

    private long linear(long rip, int codeBits) {
        return codeBits == 64 ? rip : rip + cpu.segmentBase(CpuState.CS) & 0xffff_ffffL;
    }

    private Block lookup(long rip) {
        int codeBits = cpu.codeBits();
        long linear = linear(rip, codeBits);
        if (codeBits != 64 && rip > cpu.segmentLimit(CpuState.CS)) {
            throw cpu.fault(Vector.GP, 0);
        }
        long mfn = cpu.mmu().fetchFrame(linear);
        if (mfn == Stage2.MMIO) {
            cpu.environment().unimplemented(cpu, "fetch:mmio");
            throw cpu.fault(Vector.GP, 0);
        }
        long at = mfn << 12 | linear & 0xfff;
        Block b = cache.find(at, codeBits);
        if (b != null && b.secondMfn() >= 0 && cpu.mmu().fetchFrame(nextPage(linear, codeBits)) != b.secondMfn()) {
            b.invalidate();
            b = null;
        }
        if (b != null && codeBits != 64 && rip + b.bytes() - 1 > cpu.segmentLimit(CpuState.CS)) {
            b = null;
        }
        return b != null ? b : decode(linear, rip, at, codeBits);
    }

    private Block decode(long linear, long rip, long at, int codeBits) {
        int room = 4096 - (int) (at & 0xfff);
        RawMemory.copyOut(memory.base() + at, bytes, 0, room);
        int have = room;
        int offset = 0;
        int count = 0;
        long secondMfn = -1;
        while (count < MAX_BLOCK && offset < room) {
            Insn i = decoder.decode(bytes, offset, have, codeBits, cpu);
            if (i == null) {
                if (count > 0) {
                    break;
                }
                // only the first instruction of a block may reach into the next page
                secondMfn = cpu.mmu().fetchFrame(nextPage(linear, codeBits));
                if (secondMfn == Stage2.MMIO) {
                    cpu.environment().unimplemented(cpu, "fetch:mmio");
                    throw cpu.fault(Vector.GP, 0);
                }
                RawMemory.copyOut(memory.base() + (secondMfn << 12), bytes, room, Decoder.MAX_LENGTH);
                have = room + Decoder.MAX_LENGTH;
                continue;
            }
            if (i.def().alone() && count > 0) {
                break;
            }
            offset += i.length();
            i.place(offset, count);
            scratch[count++] = i;
            // the code segment's limit ends the block early; a fetch past it is #GP(0)
            if (codeBits != 64 && rip + offset - 1 > cpu.segmentLimit(CpuState.CS)) {
                if (count == 1) {
                    throw cpu.fault(Vector.GP, 0);
                }
                count--;
                break;
            }
            if (i.def().end() || offset >= room) {
                break;
            }
        }
        Insn[] insns = java.util.Arrays.copyOf(scratch, count);
        Block b = new Block(at, codeBits, insns, insns[count - 1].endOffset(), secondMfn);
        cache.add(b);
        return b;
    }

    private static long nextPage(long linear, int codeBits) {
        long next = (linear | 0xfff) + 1;
        return codeBits == 64 ? next : next & 0xffff_ffffL;
    }

}
