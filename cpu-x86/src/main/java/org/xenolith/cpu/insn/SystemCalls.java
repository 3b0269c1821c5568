package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.FlatSegments;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.mmu.Mmu;

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT and SWAPGS (SDM vol. 2; vol. 3, 5.8.7 and 5.8.8). */
final class SystemCalls {
    private SystemCalls() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("SYSCALL",  "0F 05",       "", "end nouser syscall", SystemCalls::syscall);
        t.add("SYSRET",   "0F 07",       "", "end nouser syscall", SystemCalls::sysret);
        t.add("SYSENTER", "0F 34",       "", "end nouser sep",         SystemCalls::sysenter);
        t.add("SYSEXIT",  "0F 35",       "", "end nouser sep",         SystemCalls::sysexit);
        t.add("SWAPGS",   "0F 01 F8",    "", "o64 priv",               SystemCalls::swapgs);
        // @formatter:on
    }

    /** SYSCALL and SYSRET exist outside 64-bit mode on AMD only (APM vol. 3). */
    private static void checkEnabled(Cpu c) {
        boolean here = c.code64() || c.model().amd() && c.protectedMode() && !c.vm86();
        if (!here || (c.efer() & ControlRegisters.EFER_SCE) == 0) {
            throw c.ud();
        }
    }

    static void syscall(Cpu c, Insn i) {
        if (c.environment().syscall(c)) {
            return;
        }
        checkEnabled(c);
        long flags = c.rflags() & ~Flags.RF;
        int selector = (int) (c.field(CpuState.STAR) >>> 32) & 0xfffc;
        boolean wide = c.longMode();
        long target = wide
                ? c.field(c.code64() ? CpuState.LSTAR : CpuState.CSTAR)
                : c.field(CpuState.STAR) & FlatSegments.LIMIT;
        c.setReg(CpuState.RCX, c.rip());
        if (wide) {
            c.setReg(11, flags);
        }
        c.setSegment(CpuState.CS, selector, 0, FlatSegments.LIMIT, wide ? FlatSegments.CODE64 : FlatSegments.CODE32);
        c.setSegment(CpuState.SS, selector + 8, 0, FlatSegments.LIMIT, FlatSegments.DATA);
        c.setRflags(flags & ~(wide ? c.field(CpuState.FMASK) : Flags.IF | Flags.VM));
        c.updateMode();
        c.setRip(target);
        // a SYSCALL whose mask clears TF is not stepped; the trap comes when SYSRET has brought TF back
        if (!c.systemFlag(Flags.TF)) {
            c.debug().suppressStep();
        }
    }

    static void sysret(Cpu c, Insn i) {
        checkEnabled(c);
        boolean to64 = i.rexW();
        long rip = c.reg(CpuState.RCX);
        // AMD lets the fetch in ring 3 find out that the address is not canonical
        if (c.cpl() != 0 || to64 && !c.model().amd() && !Mmu.isCanonical(rip)) {
            throw c.gp0();
        }
        int star = (int) (c.field(CpuState.STAR) >>> 48);
        c.setSegment(CpuState.CS, star + (to64 ? 16 : 0) & 0xffff | 3, 0, FlatSegments.LIMIT,
                (to64 ? FlatSegments.CODE64 : FlatSegments.CODE32) | FlatSegments.RING3);
        c.setSegment(CpuState.SS, star + 8 & 0xffff | 3, 0, FlatSegments.LIMIT, FlatSegments.DATA | FlatSegments.RING3);
        c.setRflags(c.longMode() ? c.reg(11) & FlatSegments.SYSRET_FLAGS : c.rflags() | Flags.IF);
        c.updateMode();
        c.setRip(to64 ? rip : rip & FlatSegments.LIMIT);
        if (c.systemFlag(Flags.TF)) {
            c.debug().suppressStep();
            c.debug().stepAfterReturn();
        }
    }

    static void sysenter(Cpu c, Insn i) {
        int selector = (int) c.field(CpuState.SYSENTER_CS) & 0xfffc;
        if (!c.protectedMode() || selector == 0) {
            throw c.gp0();
        }
        c.setSystemFlags(c.systemFlags() & ~(Flags.VM | Flags.IF | Flags.RF));
        boolean wide = c.longMode();
        c.setSegment(CpuState.CS, selector, 0, FlatSegments.LIMIT, wide ? FlatSegments.CODE64 : FlatSegments.CODE32);
        c.setSegment(CpuState.SS, selector + 8, 0, FlatSegments.LIMIT, FlatSegments.DATA);
        c.updateMode();
        c.setReg(CpuState.RSP, c.field(CpuState.SYSENTER_ESP), wide ? 64 : 32);
        long rip = c.field(CpuState.SYSENTER_EIP);
        c.setRip(wide ? rip : rip & FlatSegments.LIMIT);
    }

    static void sysexit(Cpu c, Insn i) {
        int selector = (int) c.field(CpuState.SYSENTER_CS) & 0xfffc;
        boolean wide = i.rexW();
        long rip = c.reg(CpuState.RDX);
        long sp = c.reg(CpuState.RCX);
        if (!c.protectedMode() || c.cpl() != 0 || selector == 0
                || wide && !(Mmu.isCanonical(rip) && Mmu.isCanonical(sp))) {
            throw c.gp0();
        }
        c.setSegment(CpuState.CS, selector + (wide ? 32 : 16) & 0xffff | 3, 0, FlatSegments.LIMIT,
                (wide ? FlatSegments.CODE64 : FlatSegments.CODE32) | FlatSegments.RING3);
        c.setSegment(CpuState.SS, selector + (wide ? 40 : 24) & 0xffff | 3, 0, FlatSegments.LIMIT,
                FlatSegments.DATA | FlatSegments.RING3);
        c.updateMode();
        c.setReg(CpuState.RSP, sp, wide ? 64 : 32);
        c.setRip(wide ? rip : rip & FlatSegments.LIMIT);
    }

    static void swapgs(Cpu c, Insn i) {
        long base = c.segmentBase(CpuState.GS);
        c.setSegmentBase(CpuState.GS, c.field(CpuState.KERNEL_GS_BASE));
        c.setField(CpuState.KERNEL_GS_BASE, base);
    }
}
