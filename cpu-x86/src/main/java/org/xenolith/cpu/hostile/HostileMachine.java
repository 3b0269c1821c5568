package org.xenolith.cpu.hostile;

import java.util.List;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.cpu.oracle.TierFactory;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;
import org.xenolith.time.Timers;

/** One CPU of one tier with a little RAM, surrounded by devices that answer anything and remember all that they were told. */
final class HostileMachine implements AutoCloseable {
    /** Calls of {@code run} that may do nothing before the tier counts as hung. */
    private static final int IDLE_CALLS = 100;
    /** State that both tiers keep, up to the last MSR, in front of and behind the lazy flags. */
    private static final int AFTER_FLAGS = CpuState.SYSTEM_FLAGS;
    private static final int END = CpuState.NB_CFG + 8;

    private final PhysicalMemory memory = new PhysicalMemory(HostileProgram.RAM);
    private final Timers timers = new Timers();
    private final Cpu cpu;
    private final Interpreter tier;
    private long started;
    private long heard;
    private int interrupt = -1;

    HostileMachine(CpuModel model, InstructionTable table, TierFactory factory) {
        Stage2 stage2 = gfn -> gfn >= 0 && gfn < HostileProgram.FRAMES ? gfn : Stage2.MMIO;
        cpu = new Cpu(0, 0, model, memory, stage2, new Devices(), this::now, timers);
        tier = factory.create(cpu, new CodeCache(memory), table);
    }

    private long now() {
        return tier == null ? 0 : tier.retiredNow() - started;
    }

    private final class Devices implements CpuEnvironment {
        private long hear(long a, long b, long c) {
            heard = (heard ^ a * 31 + b) * 0x9e37_79b9_7f4a_7c15L + c + now();
            return heard >>> 17;
        }

        @Override
        public boolean rdmsr(Cpu c, int msr, long[] value) {
            value[0] = hear(1, msr, 0);
            return (msr & 1) == 0;
        }

        @Override
        public boolean wrmsr(Cpu c, int msr, long value) {
            return (hear(2, msr, value) & 1) == 0;
        }

        @Override
        public boolean hypercall(Cpu c) {
            boolean known = (hear(3, c.reg(CpuState.RAX), c.rip()) & 1) == 0;
            if (known) {
                c.setReg(CpuState.RAX, heard);
            }
            return known;
        }

        @Override
        public long in(Cpu c, int port, int size) {
            return hear(4, port, size) & (1L << 8 * size) - 1;
        }

        @Override
        public void out(Cpu c, int port, int size, long value) {
            hear(5, (long) port << 8 | size, value);
        }

        @Override
        public long mmioRead(Cpu c, long gpa, int size) {
            return hear(6, gpa, size);
        }

        @Override
        public void mmioWrite(Cpu c, long gpa, int size, long value) {
            hear(7, gpa << 8 | size, value);
        }

        @Override
        public int externalInterrupt(Cpu c) {
            int vector = interrupt;
            interrupt = -1;
            return vector;
        }

        @Override
        public boolean hasExternalInterrupt(Cpu c) {
            return interrupt >= 0;
        }

        @Override
        public void ipi(Cpu from, long icr) {
            hear(8, icr, 0);
        }

        @Override
        public void shutdown(Cpu c) {
            hear(9, 0, 0);
        }
    }

    Cpu cpu() {
        return cpu;
    }

    /** Instructions since the program began. */
    long count() {
        return cpu.retired() - started;
    }

    /** Puts a program in place. */
    void start(HostileProgram p) {
        RawMemory.copyIn(p.ram, 0, memory.base(), HostileProgram.RAM);
        for (int frame = 0; frame < HostileProgram.FRAMES; frame++) {
            memory.written(frame);
        }
        started = cpu.retired();
        heard = 0;
        interrupt = p.interrupt;
        p.load(cpu);
    }

    /** Writes code while a program is in place. */
    void write(long machineAddress, int value) {
        RawMemory.put8(memory.base() + machineAddress, value);
        memory.written(machineAddress >>> 12);
    }

    /** True if it could go on. */
    boolean runnable() {
        return tier.runnable();
    }

    /**
     * Runs up to a count of instructions since the program began, or until the CPU stops.
     *
     * @throws IllegalStateException if the tier makes no progress
     */
    void runTo(long count) {
        int idle = 0;
        while (count() < count && runnable()) {
            timers.expire(count());
            long budget = Math.max(1, Math.min(count, timers.next()) - count());
            if (tier.run(budget) != 0) {
                idle = 0;
            } else if (++idle > IDLE_CALLS) {
                throw new IllegalStateException("no progress at " + Long.toHexString(cpu.rip()));
            }
        }
    }

    /** Compares everything that guests could ever see; the differences in words, this side first. */
    void compare(HostileMachine other, List<String> lines) {
        long a = cpu.stateAddress();
        long b = other.cpu.stateAddress();
        words(a, b, 0, CpuState.FLAG_RESULT, lines);
        words(a, b, AFTER_FLAGS, END, lines);
        add(lines, "RFLAGS", cpu.rflags(), other.cpu.rflags());
        add(lines, "count", count(), other.count());
        add(lines, "activity", cpu.activity().ordinal(), other.cpu.activity().ordinal());
        add(lines, "CPL", cpu.cpl(), other.cpu.cpl());
        add(lines, "code size", cpu.codeBits(), other.cpu.codeBits());
        add(lines, "interrupt shadow", cpu.interruptShadow() ? 1 : 0, other.cpu.interruptShadow() ? 1 : 0);
        add(lines, "NMI blocked", cpu.nmiBlocked() ? 1 : 0, other.cpu.nmiBlocked() ? 1 : 0);
        add(lines, "what devices heard", heard, other.heard);
        add(lines, "pending interrupt", interrupt, other.interrupt);
        long at = RawMemory.mismatch(memory.base(), other.memory.base(), HostileProgram.RAM);
        if (at >= 0) {
            add(lines, "memory " + Long.toHexString(at & -8), RawMemory.get64(memory.base() + (at & -8)),
                    RawMemory.get64(other.memory.base() + (at & -8)));
        }
    }

    private static void words(long a, long b, int from, int to, List<String> lines) {
        if (RawMemory.mismatch(a + from, b + from, to - from) < 0) {
            return;
        }
        for (int offset = from; offset < to; offset += 8) {
            add(lines, "state +" + Integer.toHexString(offset), RawMemory.get64(a + offset),
                    RawMemory.get64(b + offset));
        }
    }

    private static void add(List<String> lines, String name, long a, long b) {
        if (a != b) {
            lines.add(name + ": " + Long.toHexString(a) + ", " + Long.toHexString(b));
        }
    }

    @Override
    public void close() {
        cpu.close();
        memory.close();
    }
}
