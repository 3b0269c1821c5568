package org.xenolith.hypervisor;

/**
 * The MSRs of one HVM vCPU that the processor core leaves to its environment, answered as Xen 4.17 does: a known few
 * have state, the
 * performance counters read as zero, and everything else is #GP.
 */
final class HvmMsrs {
    /** Base of Xen's own MSRs: writing a gpa fills that page with hypercalls. */
    static final int HYPERCALL_PAGE = 0x4000_0000;

    private static final int PLATFORM_ID = 0x17;
    private static final int FEATURE_CONTROL = 0x3a;
    private static final int UCODE_REV = 0x8b;
    private static final int PLATFORM_INFO = 0xce;
    private static final int MTRR_CAP = 0xfe;
    private static final int MISC_FEATURES_ENABLES = 0x140;
    private static final int MCG_CAP = 0x179;
    private static final int MCG_STATUS = 0x17a;
    private static final int MISC_ENABLE = 0x1a0;
    private static final int DEBUG_CTL = 0x1d9;
    private static final int MTRR_PHYS_BASE = 0x200;
    private static final int MTRR_FIX_64K = 0x250;
    private static final int MTRR_DEF_TYPE = 0x2ff;
    private static final int MC0_CTL = 0x400;

    private static final int VARIABLE_RANGES = 8;
    private static final long FEATURE_CONTROL_LOCK = 1;
    private static final long CPUID_FAULTING = 1L << 31;
    private static final long BTS_UNAVAILABLE = 1L << 11;
    private static final long PEBS_UNAVAILABLE = 1L << 12;
    private static final long MISC_ENABLE_VALUE = 1 | BTS_UNAVAILABLE | PEBS_UNAVAILABLE;
    /** 8 variable ranges, fixed ranges, write-combining. */
    private static final long MTRR_CAP_VALUE = VARIABLE_RANGES | 1 << 8 | 1 << 10;
    /** MTRRs on, write-back: what the toolstack gives a PVH guest. */
    private static final long MTRR_DEF_TYPE_START = 1 << 11 | 6;
    /** Two banks, TES_P and SER_P, as Xen's virtual MCE on Intel. */
    private static final long MCG_CAP_VALUE = 2 | 1 << 11 | 1 << 24;
    private static final int BANKS = 2;

    private static final int STUB_SIZE = 32;
    private static final int NR_IRET = 23;

    private final Vcpu vcpu;
    private final long[] variable = new long[2 * VARIABLE_RANGES];
    private final long[] fixed = new long[11];
    private final long[] bankCtl = new long[BANKS];
    private long defType = MTRR_DEF_TYPE_START;
    private long mcgStatus;
    private long debugCtl;
    private boolean cpuidFaulting;

    HvmMsrs(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    /** True while CPUID outside ring 0 raises #GP(0) (MISC_FEATURES_ENABLES). */
    boolean cpuidFaulting() {
        return cpuidFaulting;
    }

    private static int fixedIndex(int msr) {
        if (msr == MTRR_FIX_64K) {
            return 0;
        }
        if (msr == 0x258 || msr == 0x259) {
            return 1 + msr - 0x258;
        }
        return msr >= 0x268 && msr <= 0x26f ? 3 + msr - 0x268 : -1;
    }

    private static boolean isCounter(int msr) {
        return msr >= 0xc1 && msr <= 0xc8 || msr >= 0x186 && msr <= 0x18d || msr >= 0x309 && msr <= 0x30b
                || msr >= 0x38d && msr <= 0x390
                || msr == 0x345;
    }

    boolean read(int msr, long[] value) {
        Long known = readKnown(msr);
        if (known != null) {
            value[0] = known;
            return true;
        }
        return false;
    }

    private Long readKnown(int msr) {
        if (msr >= MTRR_PHYS_BASE && msr < MTRR_PHYS_BASE + variable.length) {
            return variable[msr - MTRR_PHYS_BASE];
        }
        int fix = fixedIndex(msr);
        if (fix >= 0) {
            return fixed[fix];
        }
        if (msr >= MC0_CTL && msr < MC0_CTL + 4 * BANKS) {
            return (msr & 3) == 0 ? bankCtl[msr - MC0_CTL >> 2] : 0L;
        }
        if (isCounter(msr)) {
            return 0L;
        }
        return switch (msr) {
            case HYPERCALL_PAGE, PLATFORM_ID, UCODE_REV -> 0L;
            case FEATURE_CONTROL -> FEATURE_CONTROL_LOCK;
            case PLATFORM_INFO -> CPUID_FAULTING;
            case MISC_FEATURES_ENABLES -> cpuidFaulting ? 1L : 0L;
            case MTRR_CAP -> MTRR_CAP_VALUE;
            case MTRR_DEF_TYPE -> defType;
            case MISC_ENABLE -> MISC_ENABLE_VALUE;
            case DEBUG_CTL -> debugCtl;
            case MCG_CAP -> MCG_CAP_VALUE;
            case MCG_STATUS -> mcgStatus;
            default -> null;
        };
    }

    boolean write(int msr, long value) {
        if (msr >= MTRR_PHYS_BASE && msr < MTRR_PHYS_BASE + variable.length) {
            return writeVariable(msr - MTRR_PHYS_BASE, value);
        }
        int fix = fixedIndex(msr);
        if (fix >= 0) {
            for (int i = 0; i < 8; i++) {
                if (!validType((int) (value >>> 8 * i) & 0xff)) {
                    return false;
                }
            }
            fixed[fix] = value;
            return true;
        }
        if (msr >= MC0_CTL && msr < MC0_CTL + 4 * BANKS) {
            return writeBank(msr - MC0_CTL, value);
        }
        if (isCounter(msr)) {
            return true;
        }
        switch (msr) {
            case HYPERCALL_PAGE -> {
                return fillHypercallPage(value);
            }
            // a microcode update is offered and ignored, as Xen ignores it
            case UCODE_REV -> {
                return true;
            }
            case MISC_ENABLE -> {
                return value == MISC_ENABLE_VALUE;
            }
            case MISC_FEATURES_ENABLES -> {
                cpuidFaulting = (value & 1) != 0;
                return (value & ~1L) == 0;
            }
            case MTRR_DEF_TYPE -> {
                if ((value & ~0xcffL) != 0 || !validType((int) value & 0xff)) {
                    return false;
                }
                defType = value;
                return true;
            }
            case DEBUG_CTL -> {
                if ((value & ~3L) != 0) {
                    return false;
                }
                debugCtl = value;
                return true;
            }
            case MCG_STATUS -> {
                mcgStatus = value;
                return true;
            }
            default -> {
                return false;
            }
        }
    }

    private static boolean validType(int type) {
        return type == 0 || type == 1 || type >= 4 && type <= 6;
    }

    private boolean writeVariable(int index, long value) {
        long reserved = ~((1L << vcpu.cpu().model().maxPhysicalAddressBits()) - 1);
        boolean mask = (index & 1) != 0;
        reserved |= mask ? 0x7ff : 0xf00;
        if ((value & reserved) != 0 || !mask && !validType((int) value & 0xff)) {
            return false;
        }
        variable[index] = value;
        return true;
    }

    private boolean writeBank(int offset, long value) {
        if ((offset & 3) == 0) {
            bankCtl[offset >> 2] = value;
            return true;
        }
        // status, address and misc of an empty bank: only clearing makes sense
        return value == 0;
    }

    /** One 32-byte stub for each hypercall: mov $number,%eax; vmcall; ret. */
    private boolean fillHypercallPage(long value) {
        long gfn = value >>> 12;
        Domain d = vcpu.domain();
        byte[] page = new byte[4096];
        java.util.Arrays.fill(page, (byte) 0xcc);
        for (int nr = 0; nr < 4096 / STUB_SIZE; nr++) {
            int at = nr * STUB_SIZE;
            if (nr == NR_IRET) {
                // only PV guests have it: ud2
                page[at] = 0x0f;
                page[at + 1] = 0x0b;
                continue;
            }
            page[at] = (byte) 0xb8;
            page[at + 1] = (byte) nr;
            page[at + 5] = 0x0f;
            page[at + 6] = 0x01;
            page[at + 7] = (byte) 0xc1;
            page[at + 8] = (byte) 0xc3;
            page[at + 2] = 0;
            page[at + 3] = 0;
            page[at + 4] = 0;
        }
        return (value & 0xfff) == 0 && d.tryWrite(gfn << 12, page, 0, page.length);
    }
}
