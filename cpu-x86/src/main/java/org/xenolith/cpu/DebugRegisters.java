package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;

/**
 * Breakpoints and single steps by DR0 to DR7, RFLAGS.TF and the TSS T bit (SDM vol. 3, chapter 18).
 *
 * <p>Traps collect as pending DR6 bits and are delivered by the run loop at the end of the instruction that met them, or one instruction later when
 * that instruction loaded SS. Instruction breakpoints are asked for before an instruction. Of several conditions met at once, DR6 shows all that
 * are enabled.
 */
public final class DebugRegisters implements Mmu.DataBreakpoints {
    /** DR6: breakpoint conditions 0 to 3. */
    private static final int DR6_B = 15;
    private static final int DR6_BD = 1 << 13;
    private static final int DR6_BS = 1 << 14;
    private static final int DR6_BT = 1 << 15;
    private static final int DR7_ENABLES = 0xff;
    private static final int DR7_GD = 1 << 13;

    private static final int EXECUTE = 0;
    private static final int WRITE = 1;
    private static final int IO = 2;

    private final Cpu cpu;
    private int pending;
    /** DR6 before the last #DB, and what that added. */
    private long before;
    private int cause;
    private boolean code;
    private boolean data;
    private boolean io;
    private boolean stepSuppressed;

    DebugRegisters(Cpu cpu) {
        this.cpu = cpu;
    }

    /** To be called after a change of DR0 to DR3, DR7 or CR4.DE. */
    public void armed() {
        int dr7 = (int) cpu.field(CpuState.DR + 7 * 8);
        boolean extensions = (cpu.cr4() & ControlRegisters.CR4_DE) != 0;
        boolean anyCode = false;
        boolean anyData = false;
        boolean anyIo = false;
        for (int n = 0; n < 4 && (dr7 & DR7_ENABLES) != 0; n++) {
            if (enabled(dr7, n)) {
                int kind = kind(dr7, n);
                anyCode |= kind == EXECUTE;
                anyData |= (kind & 1) != 0;
                anyIo |= kind == IO && extensions;
            }
        }
        code = anyCode;
        io = anyIo;
        if (data != anyData) {
            data = anyData;
            cpu.mmu().setDataBreakpoints(anyData ? this : null);
        }
        cpu.requestAttention();
    }

    /** True while breakpoints ask for one instruction at a time. */
    public boolean watching() {
        return code || data || io;
    }

    private static boolean enabled(int dr7, int n) {
        return (dr7 >>> 2 * n & 3) != 0;
    }

    private static int kind(int dr7, int n) {
        return dr7 >>> 16 + 4 * n & 3;
    }

    /** 1, 2, 4 or 8. */
    private static int length(int dr7, int n) {
        return switch (dr7 >>> 18 + 4 * n & 3) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
        };
    }

    private long address(int n) {
        return cpu.field(CpuState.DR + 8 * n);
    }

    /** True when an instruction that starts at a linear address meets an enabled breakpoint; DR6 is set, #DB is the caller's. */
    public boolean codeBreakpoint(long linear) {
        if (!code) {
            return false;
        }
        int dr7 = (int) cpu.field(CpuState.DR + 7 * 8);
        int met = 0;
        for (int n = 0; n < 4; n++) {
            if (enabled(dr7, n) && kind(dr7, n) == EXECUTE && address(n) == linear) {
                met |= 1 << n;
            }
        }
        if (met == 0) {
            return false;
        }
        record(met);
        return true;
    }

    @Override
    public void accessed(long va, int bytes, boolean write) {
        int dr7 = (int) cpu.field(CpuState.DR + 7 * 8);
        for (int n = 0; n < 4; n++) {
            int kind = kind(dr7, n);
            if (enabled(dr7, n) && (kind & 1) != 0 && (write || kind != WRITE)) {
                match(n, va, bytes, length(dr7, n));
            }
        }
    }

    /** IN, OUT, INS or OUTS has accessed ports. */
    public void port(int port, int bytes) {
        if (!io) {
            return;
        }
        int dr7 = (int) cpu.field(CpuState.DR + 7 * 8);
        for (int n = 0; n < 4; n++) {
            if (enabled(dr7, n) && kind(dr7, n) == IO) {
                match(n, port, bytes, length(dr7, n));
            }
        }
    }

    private void match(int n, long at, int bytes, int length) {
        // the breakpoint's low address bits are ignored by its length
        long start = address(n) & -length;
        if (at < start + length && start < at + bytes) {
            pend(1 << n);
        }
    }

    /** Has traps delivered at the next instruction boundary: bits of DR6. */
    public void pend(int bits) {
        pending |= bits;
        if (pending != 0) {
            cpu.requestAttention();
        }
    }

    /** The traps that wait to be delivered, as bits of DR6. */
    public int pendingBits() {
        return pending;
    }

    /** What DR6 shows of the last #DB, which is not delivered after all: DR6 is as before. */
    public int takeCause() {
        cpu.setField(CpuState.DR + 6 * 8, before);
        return cause;
    }

    /** An instruction that began with TF set has ended. */
    public void singleStepDone() {
        if (!stepSuppressed) {
            pend(DR6_BS);
        }
    }

    /** SYSRET has brought TF back: the SYSCALL that it ends is stepped now. */
    public void stepAfterReturn() {
        pend(DR6_BS);
    }

    /** The running instruction is not single-stepped: INT n, and SYSCALL when it clears TF. */
    public void suppressStep() {
        stepSuppressed = true;
    }

    /** Starts an instruction. */
    public void instructionStarts() {
        stepSuppressed = false;
    }

    /** The T bit of the TSS just loaded is set. */
    public void taskSwitched() {
        pend(DR6_BT);
    }

    /** Raises #DB for an access to a debug register while DR7.GD is set; does nothing otherwise. */
    public void checkGeneralDetect() {
        if ((cpu.field(CpuState.DR + 7 * 8) & DR7_GD) != 0) {
            record(DR6_BD);
            throw cpu.fault(Vector.DB);
        }
    }

    /** INT1 delivers its #DB with what a preceding load of SS has left waiting, as one. */
    public void mergePending() {
        if (pending != 0) {
            record(pending);
            pending = 0;
        }
    }

    public boolean pending() {
        return pending != 0;
    }

    /** The instruction faulted: what it had met so far does not count. */
    public void drop() {
        pending = 0;
    }

    /** Delivers #DB for the pending traps. */
    public void deliver() {
        record(pending);
        pending = 0;
        if (cpu.activity() == Cpu.Activity.HALTED) {
            cpu.setActivity(Cpu.Activity.RUNNING);
        }
        Exceptions.deliver(cpu, Vector.DB, Exceptions.Source.TRAP, false, 0);
    }

    /** Bits 0 to 3 of DR6 show the last #DB; the others stay until software clears them. */
    private void record(int bits) {
        long dr6 = cpu.field(CpuState.DR + 6 * 8);
        before = dr6;
        cause = bits;
        cpu.setField(CpuState.DR + 6 * 8, dr6 & ~DR6_B | bits);
    }

    /** RESET# and INIT: nothing is pending. */
    public void reset() {
        pending = 0;
        stepSuppressed = false;
        armed();
    }
}
