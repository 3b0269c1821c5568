package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.vmx.Vmx;

/**
 * RDMSR and WRMSR of one CPU: the architectural registers with their checks, then the local APIC's, then the environment's.
 *
 * <p>A register that nobody owns is counted as {@code msr:0x…} and raises #GP(0).
 */
public final class MsrFile {
    private static final long SPEC_CTRL_IBRS_STIBP = 3;
    private static final long SPEC_CTRL_SSBD = 4;
    private static final long SPEC_CTRL_BHI_DIS_S = 1 << 10;
    private static final long MISC_ENABLE_FIXED = 1 << 11 | 1 << 12;
    private static final long MISC_ENABLE_FAST_STRINGS = 1;
    private static final long MISC_ENABLE_MONITOR = 1 << 18;
    private static final long MISC_ENABLE_WRITABLE = MISC_ENABLE_FAST_STRINGS | 1 << 3 | 1 << 7 | 1 << 16;
    private static final long DEBUGCTL_WRITABLE = 0x3;
    /** Eight variable ranges, fixed ranges, write combining. */
    private static final long MTRR_CAP = 0x508;
    private static final long MTRR_DEF_TYPE_WRITABLE = 0xcff;
    private static final long MICROCODE = 1;
    private static final long SYSCFG_WRITABLE = 0x00fc_0000L;
    private static final long HWCR_WRITABLE = 0x0100_0018L;
    /** Extended configuration space through port CF8h. */
    private static final long NB_CFG_EXTENDED_IO = 1L << 46;
    private static final long DE_CFG_LFENCE_SERIALIZES = 2;
    /** Hypervisors set this on Zen 4, and leave the register alone where it is set. */
    private static final long BP_CFG_ERRATUM_1485 = 1 << 5;

    private final Cpu c;
    private final long[] value = new long[1];

    MsrFile(Cpu cpu) {
        c = cpu;
    }

    /** Values after RESET# that are not zero; the state block has been cleared. */
    void reset() {
        c.setField(CpuState.MISC_ENABLE, MISC_ENABLE_FAST_STRINGS
                | (c.model().has(Feature.MONITOR) ? MISC_ENABLE_MONITOR : 0));
        if (c.model().amd()) {
            c.setField(CpuState.DE_CFG, DE_CFG_LFENCE_SERIALIZES);
        }
    }

    /** RDMSR at CPL 0; raises #GP(0). */
    public long read(int msr) {
        CpuModel m = c.model();
        switch (msr) {
            case Msr.TSC:
                return c.tsc();
            case Msr.EFER:
                return c.efer();
            case Msr.STAR:
                return c.field(CpuState.STAR);
            case Msr.LSTAR:
                return c.field(CpuState.LSTAR);
            case Msr.CSTAR:
                return c.field(CpuState.CSTAR);
            case Msr.FMASK:
                return c.field(CpuState.FMASK);
            case Msr.FS_BASE:
                return c.segmentBase(CpuState.FS);
            case Msr.GS_BASE:
                return c.segmentBase(CpuState.GS);
            case Msr.KERNEL_GS_BASE:
                return c.field(CpuState.KERNEL_GS_BASE);
            case Msr.SYSENTER_CS:
                return c.field(CpuState.SYSENTER_CS);
            case Msr.SYSENTER_ESP:
                return c.field(CpuState.SYSENTER_ESP);
            case Msr.SYSENTER_EIP:
                return c.field(CpuState.SYSENTER_EIP);
            case Msr.PAT:
                return c.field(CpuState.PAT);
            case Msr.TSC_AUX:
                if (hasTscAux()) {
                    return c.field(CpuState.TSC_AUX);
                }
                break;
            case Msr.TSC_ADJUST:
                if (m.has(Feature.TSC_ADJUST)) {
                    return c.field(CpuState.TSC_ADJUST);
                }
                break;
            case Msr.SPEC_CTRL:
                if (specCtrlMask() != 0) {
                    return c.field(CpuState.SPEC_CTRL);
                }
                break;
            case Msr.ARCH_CAPABILITIES:
                if (m.has(Feature.ARCH_CAPABILITIES)) {
                    return m.archCapabilities();
                }
                break;
            case Msr.XSS:
                if (m.has(Feature.XSAVES)) {
                    return c.field(CpuState.XSS);
                }
                break;
            case Msr.FEATURE_CONTROL:
                if (m.has(Feature.VMX)) {
                    return c.vmx().featureControl();
                }
                break;
            default:
                break;
        }
        if (Vmx.isCapability(msr) && m.has(Feature.VMX)) {
            return c.vmx().capability(msr);
        }
        if (c.svm().owns(msr)) {
            return c.svm().rdmsr(msr);
        }
        if (isApic(msr)) {
            if (c.apic().rdmsr(msr, value)) {
                return value[0];
            }
            throw c.gp0();
        }
        return readPlatform(msr);
    }

    /** Registers of which the environment may have its own, such as a hypervisor's for its guests. */
    private long readPlatform(int msr) {
        value[0] = 0;
        if (c.environment().rdmsr(c, msr, value)) {
            return value[0];
        }
        int mtrr = mtrrField(msr);
        if (mtrr != 0) {
            return c.field(mtrr);
        }
        switch (msr) {
            case Msr.BIOS_SIGN_ID:
                return c.model().amd() ? MICROCODE : MICROCODE << 32;
            case Msr.P5_MC_ADDR, Msr.P5_MC_TYPE, Msr.MCG_CAP:
                return 0;
            case Msr.MCG_STATUS:
                return c.field(CpuState.MCG_STATUS);
            case Msr.DEBUGCTL:
                return c.field(CpuState.DEBUGCTL);
            case Msr.MTRR_CAP:
                return MTRR_CAP;
            case Msr.MTRR_DEF_TYPE:
                return c.field(CpuState.MTRR_DEF_TYPE);
            default:
                break;
        }
        if (c.model().amd()) {
            switch (msr) {
                case Msr.AMD_SYSCFG:
                    return c.field(CpuState.SYSCFG);
                case Msr.AMD_HWCR:
                    return c.field(CpuState.HWCR);
                case Msr.AMD_NB_CFG:
                    return c.field(CpuState.NB_CFG);
                case Msr.AMD_DE_CFG:
                    return c.field(CpuState.DE_CFG);
                case Msr.AMD_BP_CFG:
                    return BP_CFG_ERRATUM_1485;
                default:
                    break;
            }
        } else {
            switch (msr) {
                case Msr.PLATFORM_ID:
                    return 0;
                case Msr.PLATFORM_INFO:
                    // maximum non-turbo and minimum ratio to the 100 MHz bus clock
                    long ratio = Math.min(255, Math.max(1, c.model().tscKhz() / 100_000));
                    return ratio << 8 | ratio << 40;
                case Msr.MISC_ENABLE:
                    return c.field(CpuState.MISC_ENABLE) | MISC_ENABLE_FIXED;
                default:
                    break;
            }
        }
        throw unknown(msr);
    }

    /** WRMSR at CPL 0; raises #GP(0). */
    public void write(int msr, long v) {
        CpuModel m = c.model();
        switch (msr) {
            case Msr.TSC -> writeTsc(v);
            case Msr.EFER -> ControlWrites.setEfer(c, v);
            case Msr.STAR -> c.setField(CpuState.STAR, v);
            case Msr.LSTAR -> setCanonical(CpuState.LSTAR, v);
            case Msr.CSTAR -> setCanonical(CpuState.CSTAR, v);
            case Msr.FMASK -> {
                // AMD reads the upper half as zero and ignores writes to it
                check(m.amd() || v >>> 32 == 0);
                c.setField(CpuState.FMASK, v & 0xffff_ffffL);
            }
            case Msr.FS_BASE -> setBase(CpuState.FS, v);
            case Msr.GS_BASE -> setBase(CpuState.GS, v);
            case Msr.KERNEL_GS_BASE -> setCanonical(CpuState.KERNEL_GS_BASE, v);
            case Msr.SYSENTER_CS -> c.setField(CpuState.SYSENTER_CS, v & 0xffff_ffffL);
            case Msr.SYSENTER_ESP -> setCanonical(CpuState.SYSENTER_ESP, v);
            case Msr.SYSENTER_EIP -> setCanonical(CpuState.SYSENTER_EIP, v);
            case Msr.PAT -> writePat(v);
            case Msr.TSC_AUX -> {
                check(hasTscAux() && v >>> 32 == 0);
                c.setField(CpuState.TSC_AUX, v);
            }
            case Msr.TSC_ADJUST -> {
                check(m.has(Feature.TSC_ADJUST));
                moveTsc(v - c.field(CpuState.TSC_ADJUST));
            }
            case Msr.SPEC_CTRL -> {
                check(specCtrlMask() != 0 && (v & ~specCtrlMask()) == 0);
                c.setField(CpuState.SPEC_CTRL, v);
            }
            case Msr.PRED_CMD ->
                check((m.has(Feature.SPEC_CTRL) || m.has(Feature.AMD_IBPB)) && (v & ~1L) == 0);
            case Msr.FLUSH_CMD -> check(m.has(Feature.FLUSH_L1D) && (v & ~1L) == 0);
            case Msr.XSS -> {
                // no supervisor state component is built
                check(m.has(Feature.XSAVES) && v == 0);
                c.setField(CpuState.XSS, v);
            }
            case Msr.ARCH_CAPABILITIES -> throw c.gp0();
            case Msr.FEATURE_CONTROL -> check(m.has(Feature.VMX) && c.vmx().setFeatureControl(v));
            default -> {
                if (c.svm().owns(msr)) {
                    check(c.svm().wrmsr(msr, v));
                } else if (isApic(msr)) {
                    check(c.apic().wrmsr(msr, v));
                } else if (!c.environment().wrmsr(c, msr, v)) {
                    writePlatform(msr, v);
                }
            }
        }
    }

    private void writePlatform(int msr, long v) {
        int mtrr = mtrrField(msr);
        if (mtrr != 0) {
            writeMtrr(msr, mtrr, v);
            return;
        }
        switch (msr) {
            case Msr.BIOS_SIGN_ID, Msr.P5_MC_ADDR, Msr.P5_MC_TYPE -> {
                // software writes 0, executes CPUID and reads the revision
            }
            case Msr.MCG_STATUS -> {
                check((v & ~7L) == 0);
                c.setField(CpuState.MCG_STATUS, v);
            }
            case Msr.DEBUGCTL -> {
                check((v & ~DEBUGCTL_WRITABLE) == 0);
                c.setField(CpuState.DEBUGCTL, v);
            }
            case Msr.MTRR_DEF_TYPE -> {
                check((v & ~MTRR_DEF_TYPE_WRITABLE) == 0 && isMtrrType(v & 0xff));
                c.setField(CpuState.MTRR_DEF_TYPE, v);
            }
            case Msr.MTRR_CAP, Msr.MCG_CAP -> throw c.gp0();
            default -> {
                if (!(c.model().amd() ? writeAmd(msr, v) : writeIntel(msr, v))) {
                    throw unknown(msr);
                }
            }
        }
    }

    private boolean writeAmd(int msr, long v) {
        switch (msr) {
            case Msr.AMD_SYSCFG -> c.setField(CpuState.SYSCFG, v & SYSCFG_WRITABLE);
            case Msr.AMD_HWCR -> c.setField(CpuState.HWCR, v & HWCR_WRITABLE);
            case Msr.AMD_NB_CFG -> c.setField(CpuState.NB_CFG, v & NB_CFG_EXTENDED_IO);
            case Msr.AMD_DE_CFG -> c.setField(CpuState.DE_CFG, v | DE_CFG_LFENCE_SERIALIZES);
            case Msr.AMD_BP_CFG -> {
                if (v != BP_CFG_ERRATUM_1485) {
                    c.environment().unimplemented(c, "msr:branch-predictor-configuration");
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean writeIntel(int msr, long v) {
        switch (msr) {
            case Msr.MISC_ENABLE -> {
                long monitor = c.model().has(Feature.MONITOR) ? MISC_ENABLE_MONITOR : 0;
                c.setField(CpuState.MISC_ENABLE, v & (MISC_ENABLE_WRITABLE | monitor));
            }
            case Msr.BIOS_UPDT_TRIG -> {
                // a microcode update: taken, without effect
            }
            case Msr.PLATFORM_ID, Msr.PLATFORM_INFO -> throw c.gp0();
            default -> {
                return false;
            }
        }
        return true;
    }

    private GuestFault unknown(int msr) {
        c.environment().unimplemented(c, "msr:0x" + Integer.toHexString(msr));
        return c.gp0();
    }

    private void check(boolean ok) {
        if (!ok) {
            throw c.gp0();
        }
    }

    private static boolean isApic(int msr) {
        return msr == Msr.APIC_BASE || msr == Msr.TSC_DEADLINE || msr >= Msr.X2APIC && msr <= Msr.X2APIC_LAST;
    }

    private boolean hasTscAux() {
        return c.model().has(Feature.RDTSCP) || c.model().has(Feature.RDPID);
    }

    private long specCtrlMask() {
        CpuModel m = c.model();
        return (m.has(Feature.SPEC_CTRL) || m.has(Feature.AMD_IBRS) || m.has(Feature.STIBP) ? SPEC_CTRL_IBRS_STIBP : 0)
                | (m.has(Feature.SSBD) || m.has(Feature.AMD_SSBD) ? SPEC_CTRL_SSBD : 0)
                | (m.has(Feature.BHI_CTRL) ? SPEC_CTRL_BHI_DIS_S : 0);
    }

    private void setCanonical(int field, long v) {
        check(Mmu.isCanonical(v));
        c.setField(field, v);
    }

    private void setBase(int seg, long v) {
        check(Mmu.isCanonical(v));
        c.setSegmentBase(seg, v);
    }

    private void writeTsc(long v) {
        long ahead = c.guestMode() == null ? 0 : c.guestMode().tscOffset(c);
        moveTsc(v - (c.tsc() - ahead));
    }

    private void moveTsc(long delta) {
        c.setField(CpuState.TSC_OFFSET, c.field(CpuState.TSC_OFFSET) + delta);
        c.setField(CpuState.TSC_ADJUST, c.field(CpuState.TSC_ADJUST) + delta);
        c.apic().tscChanged();
    }

    private void writePat(long v) {
        for (int i = 0; i < 8; i++) {
            long type = v >>> 8 * i & 0xff;
            check(type <= 7 && type != 2 && type != 3);
        }
        c.setField(CpuState.PAT, v);
    }

    /** Uncacheable, write-combining, write-through, write-protected, write-back. */
    private static boolean isMtrrType(long type) {
        return type <= 6 && type != 2 && type != 3;
    }

    /** The state field of a variable or fixed MTRR, or 0. */
    private static int mtrrField(int msr) {
        if (msr >= Msr.MTRR_PHYS_BASE0 && msr <= Msr.MTRR_PHYS_MASK7) {
            return CpuState.MTRR_VARIABLE + 8 * (msr - Msr.MTRR_PHYS_BASE0);
        }
        int n = -1;
        if (msr == Msr.MTRR_FIX64K) {
            n = 0;
        } else if (msr == Msr.MTRR_FIX16K || msr == Msr.MTRR_FIX16K + 1) {
            n = 1 + msr - Msr.MTRR_FIX16K;
        } else if (msr >= Msr.MTRR_FIX4K && msr <= Msr.MTRR_FIX4K + 7) {
            n = 3 + msr - Msr.MTRR_FIX4K;
        }
        return n < 0 ? 0 : CpuState.MTRR_FIXED + 8 * n;
    }

    private void writeMtrr(int msr, int field, long v) {
        if (msr <= Msr.MTRR_PHYS_MASK7) {
            long address = (1L << c.model().maxPhysicalAddressBits()) - 1 & ~0xfffL;
            if ((msr & 1) == 0) {
                check((v & ~(address | 0xff)) == 0 && isMtrrType(v & 0xff));
            } else {
                check((v & ~(address | 0x800)) == 0);
            }
        } else {
            for (int i = 0; i < 8; i++) {
                check(isMtrrType(v >>> 8 * i & 0xff));
            }
        }
        c.setField(field, v);
    }
}
