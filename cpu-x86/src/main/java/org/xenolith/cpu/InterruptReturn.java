package org.xenolith.cpu;

/** IRET, IRETD and IRETQ in every mode (SDM vol. 2, IRET; vol. 3, 6.14.3 and 21.2). */
public final class InterruptReturn {
    /** What every IRET loads; IF, IOPL, VM, VIF and VIP depend on privilege and size. */
    private static final int ALWAYS = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
    private static final int WIDE = Flags.RF | Flags.AC | Flags.ID;

    private InterruptReturn() {
    }

    /**
     * Returns from an interrupt.
     *
     * @param bits operand size: 16, 32 or 64
     */
    public static void iret(Cpu c, int bits) {
        if (c.nmiBlocked()) {
            // the block ends even when the IRET faults
            c.setNmiBlocked(false);
            c.setNmiUnblocking(true);
        }
        if (!c.protectedMode()) {
            real(c, bits);
        } else if (c.vm86()) {
            virtual8086(c, bits);
        } else if (c.systemFlag(Flags.NT)) {
            if (c.longMode()) {
                throw c.gp0();
            }
            TaskSwitch.ret(c);
        } else {
            protectedMode(c, bits);
        }
        c.setNmiUnblocking(false);
    }

    private static void real(Cpu c, int bits) {
        int bytes = bits >>> 3;
        long offset = StackAccess.peek(c, 0, bits);
        int selector = (int) StackAccess.peek(c, bytes, bits) & 0xffff;
        long flags = StackAccess.peek(c, 2L * bytes, bits);
        if (offset > c.segmentLimit(CpuState.CS)) {
            throw c.gp0();
        }
        StackAccess.adjust(c, 3L * bytes);
        Segmentation.loadReal(c, CpuState.CS, selector);
        c.setRip(offset);
        int mask = ALWAYS | Flags.IF | Flags.IOPL | (bits == 16 ? 0 : WIDE);
        c.setRflags(c.rflags() & ~mask | flags & mask);
    }

    private static void virtual8086(Cpu c, int bits) {
        boolean virtualIf = c.iopl() < 3;
        if (virtualIf && (bits != 16 || (c.cr4() & ControlRegisters.CR4_VME) == 0)) {
            throw c.gp0();
        }
        int bytes = bits >>> 3;
        long offset = StackAccess.peek(c, 0, bits);
        int selector = (int) StackAccess.peek(c, bytes, bits) & 0xffff;
        long flags = StackAccess.peek(c, 2L * bytes, bits);
        int mask = ALWAYS | (bits == 16 ? 0 : WIDE);
        if (virtualIf) {
            if ((flags & Flags.TF) != 0 || (flags & Flags.IF) != 0 && c.systemFlag(Flags.VIP)) {
                throw c.gp0();
            }
            mask |= Flags.VIF;
            flags = (flags & Flags.IF) != 0 ? flags | Flags.VIF : flags & ~Flags.VIF;
        } else {
            mask |= Flags.IF;
        }
        if (offset > c.segmentLimit(CpuState.CS)) {
            throw c.gp0();
        }
        StackAccess.adjust(c, 3L * bytes);
        Segmentation.loadReal(c, CpuState.CS, selector);
        c.setRip(offset);
        c.setRflags(c.rflags() & ~mask | flags & mask);
    }

    private static void protectedMode(Cpu c, int bits) {
        int bytes = bits >>> 3;
        int cpl = c.cpl();
        boolean from64 = c.code64();
        long offset = StackAccess.peek(c, 0, bits);
        int selector = (int) StackAccess.peek(c, bytes, bits) & 0xffff;
        long flags = StackAccess.peek(c, 2L * bytes, bits);
        if (bits == 32 && (flags & Flags.VM) != 0 && cpl == 0 && !c.longMode()) {
            toVirtual8086(c, offset, selector, flags);
            return;
        }
        int mask = ALWAYS | (bits == 16 ? 0 : WIDE) | (cpl <= c.iopl() ? Flags.IF : 0);
        if (cpl == 0) {
            mask |= Flags.IOPL | (bits == 16 ? 0 : Flags.VIF | Flags.VIP);
        }
        long code = FarTransfer.returnCode(c, selector);
        int rpl = selector & 3;
        if (rpl == cpl && !from64) {
            FarTransfer.checkOffset(c, code, offset);
            long accessed = Descriptors.setAccessed(c, selector, code);
            StackAccess.adjust(c, 3L * bytes);
            FarTransfer.enter(c, selector, accessed, rpl, offset);
        } else {
            long sp = StackAccess.peek(c, 3L * bytes, bits);
            int ss = (int) StackAccess.peek(c, 4L * bytes, bits) & 0xffff;
            FarTransfer.outer(c, selector, code, offset, ss, sp, 0);
            if (rpl != cpl) {
                Segmentation.dropInnerSegments(c, rpl);
            }
        }
        c.setRflags(c.rflags() & ~mask | flags & mask);
    }

    private static void toVirtual8086(Cpu c, long offset, int selector, long flags) {
        long sp = StackAccess.peek(c, 12, 32);
        int ss = (int) StackAccess.peek(c, 16, 32);
        int es = (int) StackAccess.peek(c, 20, 32);
        int ds = (int) StackAccess.peek(c, 24, 32);
        int fs = (int) StackAccess.peek(c, 28, 32);
        int gs = (int) StackAccess.peek(c, 32, 32);
        if ((offset & 0xffff_ffffL) > 0xffff) {
            throw c.gp0();
        }
        c.setRflags(flags);
        Segmentation.loadReal(c, CpuState.CS, selector);
        Segmentation.loadReal(c, CpuState.SS, ss & 0xffff);
        Segmentation.loadReal(c, CpuState.ES, es & 0xffff);
        Segmentation.loadReal(c, CpuState.DS, ds & 0xffff);
        Segmentation.loadReal(c, CpuState.FS, fs & 0xffff);
        Segmentation.loadReal(c, CpuState.GS, gs & 0xffff);
        c.setReg32(CpuState.RSP, sp);
        c.setRip(offset);
    }

    /**
     * The part of an IRET that loads CS, RIP, SS and RSP, for a hypervisor that returns to its guest: both selectors are checked for the
     * RPL that they ask for, which is at least the CPL. Raises what IRET raises, and has then changed nothing.
     */
    public static void loadFrame(Cpu c, int cs, long rip, int ss, long rsp) {
        FarTransfer.outer(c, cs, FarTransfer.returnCode(c, cs), rip, ss, rsp, 0);
    }
}
