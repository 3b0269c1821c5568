package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.RandomSource;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.virt.Intercept;

/**
 * RDMSR, WRMSR, CPUID, the time-stamp counter, HLT, TLB and cache control, random numbers, protection keys, XCR0, FS and GS bases, and
 * hypercalls (SDM vol. 2).
 */
final class SystemOps {
    private SystemOps() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("RDMSR", "0F 32", "", "priv nouser vm", SystemOps::rdmsr);
        t.add("WRMSR", "0F 30", "", "priv nouser alone vm", SystemOps::wrmsr);
        t.add("CPUID", "0F A2", "", "vm", SystemOps::cpuid);
        t.add("RDTSC", "0F 31", "", "vmoften", SystemOps::rdtsc);
        t.add("RDTSCP", "0F 01 F9", "", "rdtscp vmoften", SystemOps::rdtscp);
        t.add("RDPMC", "0F 33", "", "nouser vm", (c, i) -> {
            // no performance counter is offered
            throw c.gp0();
        });
        t.add("RDPID", "F3 0F C7 /7", "Ry:w", "f64 rdpid", (c, i) -> i.write0(c, c.field(CpuState.TSC_AUX)));

        t.add("HLT", "F4", "", "priv nouser end vm", (c, i) -> c.setActivity(Cpu.Activity.HALTED));
        t.add("PAUSE", "F3 90", "", "norexb vmoften", FlagOps::nop);
        t.add("MONITOR", "0F 01 C8", "", "monitor nouser vm", SystemOps::monitor);
        t.add("MWAIT", "0F 01 C9", "", "monitor nouser end vm", SystemOps::mwait);

        t.add("INVLPG", "0F 01 /7", "M", "priv nouser end vm", SystemOps::invlpg);
        t.add("INVPCID", "66 0F 38 82 /r", "Gy:r,Mdq:r", "f64 priv invpcid nouser end vm", SystemOps::invpcid);
        t.add("INVD", "0F 08", "", "priv nouser vm", FlagOps::nop);
        t.add("WBINVD", "0F 09", "", "priv nouser vm", FlagOps::nop);
        t.add("CLFLUSHOPT", "66 0F AE /7", "Mb:r", "clflushopt", SystemOps::flushLine);
        t.add("CLWB", "66 0F AE /6", "Mb:r", "clwb", SystemOps::flushLine);
        t.add("CLFLUSH", "NP 0F AE /7", "Mb:r", "clfsh", SystemOps::flushLine);
        for (int digit = 0; digit < 8; digit++) {
            String hint = digit == 0 ? "NTA" : "T" + (digit - 1);
            t.add(digit < 4 ? "PREFETCH" + hint : "NOP", "0F 18 /" + digit, "M", "", FlagOps::nop);
            t.add("NOP", "0F 18 /" + digit, "Rv:r", "", FlagOps::nop);
            t.add(digit == 1 ? "PREFETCHW" : digit == 2 ? "PREFETCHWT1" : "PREFETCH", "0F 0D /" + digit, "M", "",
                    FlagOps::nop);
        }
        t.add("NOP", "0F 0D /r", "Rv:r", "", FlagOps::nop);
        for (int rm = 0; rm < 8; rm++) {
            t.add("LFENCE", String.format("NP 0F AE %02X", 0xe8 + rm), "", "sse2", FlagOps::nop);
            t.add("MFENCE", String.format("NP 0F AE %02X", 0xf0 + rm), "", "sse2", FlagOps::nop);
            t.add("SFENCE", String.format("NP 0F AE %02X", 0xf8 + rm), "", "", FlagOps::nop);
        }

        t.add("CLAC", "NP 0F 01 CA", "", "smap", (c, i) -> setAc(c, 0));
        t.add("STAC", "NP 0F 01 CB", "", "smap", (c, i) -> setAc(c, Flags.AC));
        t.add("RDFSBASE", "F3 0F AE /0", "Ry:w", "o64 fsgsbase", (c, i) -> readBase(c, i, CpuState.FS));
        t.add("RDGSBASE", "F3 0F AE /1", "Ry:w", "o64 fsgsbase", (c, i) -> readBase(c, i, CpuState.GS));
        t.add("WRFSBASE", "F3 0F AE /2", "Ry:r", "o64 fsgsbase", (c, i) -> writeBase(c, i, CpuState.FS));
        t.add("WRGSBASE", "F3 0F AE /3", "Ry:r", "o64 fsgsbase", (c, i) -> writeBase(c, i, CpuState.GS));
        t.add("RDPKRU", "NP 0F 01 EE", "", "pku nouser", SystemOps::rdpkru);
        t.add("WRPKRU", "NP 0F 01 EF", "", "pku nouser end", SystemOps::wrpkru);
        t.add("XGETBV", "NP 0F 01 D0", "", "xsave", SystemOps::xgetbv);
        t.add("XSETBV", "NP 0F 01 D1", "", "xsave nouser alone vm", SystemOps::xsetbv);

        t.add("RDRAND", "0F C7 /6", "Rv:w", "norep rdrand w:OSZAPC vmoften", SystemOps::random);
        t.add("RDSEED", "0F C7 /7", "Rv:w", "norep rdseed w:OSZAPC vmoften", SystemOps::random);

        t.add("VMCALL", "0F 01 C1", "", "nouser end vm", SystemOps::hypercall);
        t.add("VMMCALL", "0F 01 D9", "", "nouser end vm", SystemOps::hypercall);
        // @formatter:on
    }

    private static void setEdxEax(Cpu c, long v) {
        c.setReg(CpuState.RAX, v & 0xffff_ffffL);
        c.setReg(CpuState.RDX, v >>> 32);
    }

    private static long edxEax(Cpu c) {
        return c.reg(CpuState.RAX) & 0xffff_ffffL | c.reg(CpuState.RDX) << 32;
    }

    private static void rdmsr(Cpu c, Insn i) {
        setEdxEax(c, c.msrs().read(c.reg32(CpuState.RCX)));
    }

    private static void wrmsr(Cpu c, Insn i) {
        c.msrs().write(c.reg32(CpuState.RCX), edxEax(c));
        c.requestAttention();
    }

    private static void cpuid(Cpu c, Insn i) {
        int[] r = c.cpuid(c.reg32(CpuState.RAX), c.reg32(CpuState.RCX));
        c.setReg32(CpuState.RAX, r[0]);
        c.setReg32(CpuState.RBX, r[1]);
        c.setReg32(CpuState.RCX, r[2]);
        c.setReg32(CpuState.RDX, r[3]);
    }

    private static void checkTsd(Cpu c) {
        if (c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_TSD) != 0) {
            throw c.gp0();
        }
    }

    private static void rdtsc(Cpu c, Insn i) {
        checkTsd(c);
        setEdxEax(c, c.tsc());
    }

    private static void rdtscp(Cpu c, Insn i) {
        checkTsd(c);
        setEdxEax(c, c.tsc());
        c.setReg(CpuState.RCX, c.field(CpuState.TSC_AUX));
    }

    /** Arms nothing: MWAIT may wake for any reason, and here it always does. */
    private static void monitor(Cpu c, Insn i) {
        if (c.cpl() != 0) {
            throw c.ud();
        }
        if (c.reg32(CpuState.RCX) != 0) {
            throw c.gp0();
        }
        long offset = Rep.offset(c, i, CpuState.RAX);
        c.mmu().read8(Segmentation.linear(c, i.seg(), offset, 1, false), i.seg());
    }

    private static void mwait(Cpu c, Insn i) {
        if (c.cpl() != 0) {
            throw c.ud();
        }
        if (c.reg32(CpuState.RCX) != 0) {
            throw c.gp0();
        }
        c.requestAttention();
    }

    /** In 64-bit mode a non-canonical address does nothing. */
    private static void invlpg(Cpu c, Insn i) {
        long va = i.ea(c);
        if (i.codeBits() != 64) {
            va = va + c.segmentBase(i.seg()) & 0xffff_ffffL;
        } else if (i.seg() >= CpuState.FS) {
            va += c.segmentBase(i.seg());
        }
        if (!c.longMode() || Mmu.isCanonical(va)) {
            c.mmu().flushPage(va);
        }
    }

    private static void invpcid(Cpu c, Insn i) {
        long type = i.read0(c);
        long va = i.address(c, 16, false);
        c.mmu().probe(va, i.seg(), 16, false);
        long pcid = c.mmu().read64(va, i.seg());
        long address = c.mmu().read64(i.address(c, 8, 8, false), i.seg());
        if (Long.compareUnsigned(type, 3) > 0 || pcid >>> 12 != 0) {
            throw c.gp0();
        }
        boolean pcide = (c.cr4() & ControlRegisters.CR4_PCIDE) != 0;
        if (type <= 1 && !pcide && pcid != 0 || type == 0 && !Mmu.isCanonical(address)) {
            throw c.gp0();
        }
        switch ((int) type) {
            case 0 -> c.mmu().flushPcidPage((int) pcid, address);
            case 1 -> c.mmu().flushPcid((int) pcid);
            case 2 -> c.mmu().flushAll();
            default -> c.mmu().flushAllNonGlobal();
        }
    }

    /** CLFLUSH and its kin are loads to the access checks. */
    private static void flushLine(Cpu c, Insn i) {
        c.mmu().probe(i.address(c, 1, false), i.seg(), 1, false);
    }

    private static void setAc(Cpu c, int ac) {
        if (c.cpl() != 0 || c.vm86()) {
            throw c.ud();
        }
        c.setSystemFlags(c.systemFlags() & ~Flags.AC | ac);
    }

    private static void checkFsgsbase(Cpu c) {
        if ((c.cr4() & ControlRegisters.CR4_FSGSBASE) == 0) {
            throw c.ud();
        }
    }

    private static void readBase(Cpu c, Insn i, int seg) {
        checkFsgsbase(c);
        i.write0(c, c.segmentBase(seg));
    }

    private static void writeBase(Cpu c, Insn i, int seg) {
        checkFsgsbase(c);
        long base = i.read0(c);
        if (!Mmu.isCanonical(base)) {
            throw c.gp0();
        }
        c.setSegmentBase(seg, base);
    }

    private static void checkPku(Cpu c) {
        if ((c.cr4() & ControlRegisters.CR4_PKE) == 0) {
            throw c.ud();
        }
        if (c.reg32(CpuState.RCX) != 0) {
            throw c.gp0();
        }
    }

    private static void rdpkru(Cpu c, Insn i) {
        checkPku(c);
        setEdxEax(c, c.field32(CpuState.PKRU) & 0xffff_ffffL);
    }

    private static void wrpkru(Cpu c, Insn i) {
        checkPku(c);
        if (c.reg32(CpuState.RDX) != 0) {
            throw c.gp0();
        }
        c.setField(CpuState.PKRU, c.reg32(CpuState.RAX) & 0xffff_ffffL);
        // the TLB holds rights with the keys applied
        c.mmu().flushAll();
    }

    private static void checkOsxsave(Cpu c) {
        if ((c.cr4() & ControlRegisters.CR4_OSXSAVE) == 0) {
            throw c.ud();
        }
    }

    private static void xgetbv(Cpu c, Insn i) {
        checkOsxsave(c);
        int n = c.reg32(CpuState.RCX);
        if (n == 0) {
            setEdxEax(c, c.field(CpuState.XCR0));
        } else if (n == 1 && c.model().has(Feature.XGETBV1)) {
            setEdxEax(c, c.field(CpuState.XCR0) & XsaveArea.inUse(c));
        } else {
            throw c.gp0();
        }
    }

    private static void xsetbv(Cpu c, Insn i) {
        checkOsxsave(c);
        if (c.cpl() != 0 || c.reg32(CpuState.RCX) != 0) {
            throw c.gp0();
        }
        ControlWrites.setXcr0(c, edxEax(c));
    }

    /** A number is always there, so CF is set. */
    private static void random(Cpu c, Insn i) {
        i.write0(c, RandomSource.next(c));
        c.setArithmeticFlags(Flags.CF);
    }

    private static void hypercall(Cpu c, Insn i) {
        c.requestAttention();
        if (c.vmx().root() && i.def().intercept() == Intercept.VMCALL) {
            c.vmx().requireMode();
            c.vmx().require();
            c.vmx().vmcall();
        } else if (!c.environment().hypercall(c)) {
            throw c.ud();
        }
    }
}
