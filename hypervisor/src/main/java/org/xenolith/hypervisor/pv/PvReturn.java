package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.InterruptReturn;
import org.xenolith.cpu.Vector;

/** HYPERVISOR_iret: back from a frame on the kernel's stack (public/arch-x86/xen-x86_64.h, struct iret_context). */
final class PvReturn {
    /** VGCF_in_syscall. */
    private static final long IN_SYSCALL = 1 << 8;
    private static final int NOT_THE_GUESTS = Flags.IOPL | Flags.VM;

    private final PvContainer container;
    private final GuestMode mode;
    private final PvRegisters registers;
    private final Bounce bounce;
    private final long[] frame = new long[9];

    PvReturn(PvContainer container, GuestMode mode, PvRegisters registers, Bounce bounce) {
        this.container = container;
        this.mode = mode;
        this.registers = registers;
        this.bounce = bounce;
    }

    private void unmask(Cpu c, long flags) {
        if (container.hasAssist(PvContainer.ARCHITECTURAL_IOPL)) {
            registers.setIopl((int) flags >>> 12 & 3);
        }
        if (container.vcpu().info() != null) {
            container.vcpu().info().setUpcallMask((flags & Flags.IF) != 0 ? 0 : 1);
        }
        if (c.nmiBlocked()) {
            c.setNmiBlocked(false);
        }
    }

    private static long realFlags(long flags) {
        return flags & ~(long) NOT_THE_GUESTS | Flags.IF | Flags.FIXED;
    }

    void iret(Cpu c) {
        long sp = c.reg(CpuState.RSP);
        try {
            for (int i = 0; i < frame.length; i++) {
                frame[i] = c.mmu().read64(sp + 8L * i, CpuState.SS);
            }
        } catch (GuestFault _) {
            container.crash("no frame for HYPERVISOR_iret at 0x" + Long.toHexString(sp));
            return;
        }
        long flags = frame[6];
        int cs = (int) frame[5] & 0xffff | 3;
        if ((frame[5] & 3) == 3 && !mode.leaveKernel()) {
            container.crash("HYPERVISOR_iret to user mode without a page table for it");
            return;
        }
        c.setReg(CpuState.RAX, frame[0]);
        unmask(c, flags);
        if ((frame[3] & IN_SYSCALL) != 0) {
            c.setReg(11, realFlags(flags));
            c.setReg(CpuState.RCX, frame[4]);
            if (cs == GuestMode.CS32) {
                mode.flat32();
            } else {
                mode.flat64();
            }
            c.setReg(CpuState.RSP, frame[7]);
            c.setRip(cs == GuestMode.CS32 ? frame[4] & 0xffff_ffffL : frame[4]);
            c.setRflags(realFlags(flags));
            return;
        }
        c.setReg(11, frame[1]);
        c.setReg(CpuState.RCX, frame[2]);
        int ss = (int) frame[8] & 0xffff | 3;
        if (cs == GuestMode.CS64 && ss == GuestMode.SS64) {
            mode.flat64();
            c.setReg(CpuState.RSP, frame[7]);
            c.setRip(frame[4]);
        } else if (!load(c, cs, frame[4], ss, frame[7])) {
            return;
        }
        c.setRflags(realFlags(flags));
    }

    /** CS, RIP, SS and RSP of a frame; the failsafe callback when they cannot be loaded. */
    private boolean load(Cpu c, int cs, long rip, int ss, long rsp) {
        boolean attention = c.attention();
        try {
            InterruptReturn.loadFrame(c, cs, rip, ss, rsp);
            if (!attention) {
                // nothing changed that the run loop has to look at
                c.clearAttention();
            }
            return true;
        } catch (GuestFault _) {
            c.faults().record(c, c.faultVector(), c.faultError(), false);
            if (c.faultVector() == Vector.PF) {
                container.crash("descriptor tables that are not there");
            } else {
                // the frame that it returns to can be seen in the one that it gets
                c.setRip(rip);
                c.setReg(CpuState.RSP, rsp);
                bounce.callback(c, Callback.FAILSAFE);
            }
            return false;
        }
    }

    /** A 32-bit kernel's: EAX, then EIP, CS, EFLAGS, and for an outer ring ESP and SS. */
    void iret32(Cpu c) {
        long base = c.segmentBase(CpuState.SS);
        long sp = c.reg32(CpuState.RSP) & 0xffff_ffffL;
        try {
            for (int i = 0; i < 4; i++) {
                frame[i] = read32(c, base, sp + 4L * i);
            }
            boolean outer = (frame[2] & 3) > 1;
            for (int i = 4; i < 6 && outer; i++) {
                frame[i] = read32(c, base, sp + 4L * i);
            }
        } catch (GuestFault _) {
            container.crash("no frame for HYPERVISOR_iret at 0x" + Long.toHexString(sp));
            return;
        }
        int cs = (int) frame[2] & 0xffff | 1;
        boolean outer = (cs & 3) > 1;
        c.setReg32(CpuState.RAX, frame[0]);
        unmask(c, frame[3]);
        long newSp = outer ? frame[4] : sp + 16;
        int ss = outer ? (int) frame[5] & 0xffff : c.selector(CpuState.SS);
        if (load(c, cs, frame[1], ss, newSp & 0xffff_ffffL)) {
            c.setRflags(realFlags(frame[3]));
        }
    }

    private static long read32(Cpu c, long base, long sp) {
        return c.mmu().read32(base + sp & 0xffff_ffffL, CpuState.SS) & 0xffff_ffffL;
    }
}
