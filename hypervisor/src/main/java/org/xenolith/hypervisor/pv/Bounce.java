package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.Vector;
import org.xenolith.hypervisor.shared.VcpuInfo;

/**
 * Takes a PV vCPU to one of its kernel's entry points, with a frame as an interrupt gate would have made it. 64-bit frames have RCX and R11
 * on top, which the way into the guest destroys; the saved CS also holds the event mask in bits 32 to 39 (public/arch-x86, cpu_user_regs).
 */
final class Bounce {
    /** Cleared in the handler. */
    private static final int CLEARED = Flags.AC | Flags.VM | Flags.RF | Flags.NT | Flags.TF;
    private static final int NOT_THE_GUESTS = Flags.IF | Flags.IOPL;

    private final PvContainer container;
    private final GuestMode mode;
    private final PvRegisters registers;

    Bounce(PvContainer container, GuestMode mode, PvRegisters registers) {
        this.container = container;
        this.mode = mode;
        this.registers = registers;
    }

    /** An exception or INT n through the trap table. */
    void trap(Cpu c, int vector, boolean hasError, int error) {
        TrapTable t = registers.traps();
        if (!t.handles(vector)) {
            container.crash("no handler for " + Vector.name(vector));
            return;
        }
        enter(c, t.selector(vector), t.address(vector), t.masksEvents(vector), hasError, error, false);
    }

    /** One of the callbacks; those for events always mask them. */
    void callback(Cpu c, Callback which) {
        Callback.Table t = registers.callbacks();
        if (t.address(which) == 0) {
            container.crash("no " + which + " callback");
            return;
        }
        boolean masks = which == Callback.EVENT || which == Callback.NMI || t.masksEvents(which);
        enter(c, t.selector(which), t.address(which), masks, false, 0, which == Callback.FAILSAFE);
    }

    /** SYSCALL of a program: its RIP and RFLAGS are in RCX and R11. */
    void systemCall(Cpu c, Callback which) {
        callback(c, which);
        c.setSystemFlags(c.systemFlags() & ~Flags.DF);
    }

    private void enter(Cpu c, int selector, long address, boolean masks, boolean hasError, int error,
            boolean failsafe) {
        try {
            if (mode.wide()) {
                enter64(c, address, masks, hasError, error, failsafe);
            } else {
                enter32(c, selector, address, masks, hasError, error, failsafe);
            }
        } catch (GuestFault _) {
            container.crash("the kernel's stack cannot take a frame: " + Vector.name(c.faultVector()) + " at 0x"
                    + Long.toHexString(c.field(CpuState.CR2)));
        }
    }

    private int savedMask(boolean masks) {
        VcpuInfo info = container.vcpu().info();
        if (info == null) {
            return 0;
        }
        int mask = info.upcallMask();
        if (masks) {
            info.setUpcallMask(1);
        }
        return mask;
    }

    private long savedFlags(Cpu c, int mask) {
        boolean showsIopl = container.hasAssist(PvContainer.ARCHITECTURAL_IOPL);
        return c.rflags() & ~(long) NOT_THE_GUESTS | (mask == 0 ? Flags.IF : 0)
                | (showsIopl ? (long) registers.iopl() << 12 : 0);
    }

    private void enter64(Cpu c, long address, boolean masks, boolean hasError, int error, boolean failsafe) {
        long cs = c.selector(CpuState.CS);
        long sp = c.reg(CpuState.RSP);
        if (mode.kernel()) {
            cs &= ~3L;
        } else {
            mode.enterKernel();
            sp = registers.kernelSp();
        }
        sp &= ~15L;
        int mask = savedMask(masks);
        long flags = savedFlags(c, mask);
        sp = push(c, sp, c.selector(CpuState.SS));
        sp = push(c, sp, c.reg(CpuState.RSP));
        sp = push(c, sp, flags);
        sp = push(c, sp, cs | (long) mask << 32);
        sp = push(c, sp, c.rip());
        if (hasError) {
            sp = push(c, sp, error & 0xffff_ffffL);
        }
        if (failsafe) {
            sp = push(c, sp, c.selector(CpuState.GS));
            sp = push(c, sp, c.selector(CpuState.FS));
            sp = push(c, sp, c.selector(CpuState.ES));
            sp = push(c, sp, c.selector(CpuState.DS));
        }
        sp = push(c, sp, c.reg(11));
        sp = push(c, sp, c.reg(CpuState.RCX));
        c.setReg(CpuState.RSP, sp);
        c.setSystemFlags(c.systemFlags() & ~CLEARED);
        mode.flat64();
        c.setReg(CpuState.RCX, address);
        c.setReg(11, c.rflags());
        c.setRip(address);
    }

    private static long push(Cpu c, long sp, long v) {
        c.mmu().write64(sp - 8, CpuState.SS, v);
        return sp - 8;
    }

    private void enter32(Cpu c, int selector, long address, boolean masks, boolean hasError, int error,
            boolean failsafe) {
        int mask = savedMask(masks);
        long flags = savedFlags(c, mask);
        boolean kernel = mode.kernel();
        int ss = c.selector(CpuState.SS);
        long sp = c.reg32(CpuState.RSP) & 0xffff_ffffL;
        int cs = c.selector(CpuState.CS);
        long ip = c.rip();
        int gs = c.selector(CpuState.GS);
        int fs = c.selector(CpuState.FS);
        int es = c.selector(CpuState.ES);
        int ds = c.selector(CpuState.DS);
        Segmentation.loadCodeAndStack(c, selector & ~3 | 1, kernel ? ss : registers.kernelSs() & ~3 | 1);
        long at = kernel ? sp : registers.kernelSp() & 0xffff_ffffL;
        if (!kernel) {
            at = push32(c, at, ss);
            at = push32(c, at, sp);
        }
        at = push32(c, at, flags);
        at = push32(c, at, cs | (long) mask << 16);
        at = push32(c, at, ip);
        if (hasError) {
            at = push32(c, at, error);
        }
        if (failsafe) {
            at = push32(c, at, gs);
            at = push32(c, at, fs);
            at = push32(c, at, es);
            at = push32(c, at, ds);
        }
        c.setReg32(CpuState.RSP, at);
        c.setSystemFlags(c.systemFlags() & ~CLEARED);
        c.setRip(address & 0xffff_ffffL);
    }

    private static long push32(Cpu c, long sp, long v) {
        long at = sp - 4 & 0xffff_ffffL;
        c.mmu().write32(c.segmentBase(CpuState.SS) + at & 0xffff_ffffL, CpuState.SS, (int) v);
        return at;
    }
}
