package org.xenolith.hypervisor;

/**
 * CPUID as a guest of the hypervisor sees it: the Xen leaves (public/arch-x86/cpuid.h) and what is changed in the CPU
 * model's own.
 */
public final class XenCpuid {
    static final int FIRST = 0x4000_0000;
    private static final int LAST = FIRST + 5;
    /** Leaves from here on in the range reserved for hypervisors read as zero. */
    private static final int RANGE_END = 0x4001_0000;
    private static final int FEATURES_HVM = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6;
    /** MMU_PT_UPDATE_PRESERVE_AD is there. */
    private static final int PRESERVES_AD = 1;
    private static final int TSC_RDTSCP = 1 << 2;

    private static final int ECX1_DTES64 = 1 << 2;
    private static final int ECX1_MONITOR = 1 << 3;
    private static final int ECX1_DS_CPL = 1 << 4;
    private static final int ECX1_VMX = 1 << 5;
    private static final int ECX1_SMX = 1 << 6;
    private static final int ECX1_EIST = 1 << 7;
    private static final int ECX1_TM2 = 1 << 8;
    private static final int ECX1_XTPR = 1 << 14;
    private static final int ECX1_PDCM = 1 << 15;
    private static final int ECX1_HYPERVISOR = 1 << 31;
    private static final int EDX1_DS = 1 << 21;
    private static final int EDX1_ACPI = 1 << 22;
    private static final int EDX1_TM = 1 << 29;
    private static final int EDX1_PBE = 1 << 31;
    private static final int ECX_EXT1_SVM = 1 << 2;

    private XenCpuid() {
    }

    /** Edits the model's eax, ebx, ecx, edx for an HVM guest. */
    static void hvm(Vcpu v, int leaf, int subleaf, int[] regs) {
        if (isXenLeaf(leaf)) {
            java.util.Arrays.fill(regs, 0);
            if (leaf <= LAST) {
                xenLeaf(v, leaf - FIRST, subleaf, regs);
            }
        } else {
            hide(leaf, regs);
        }
    }

    private static boolean isXenLeaf(int leaf) {
        return Integer.compareUnsigned(leaf, FIRST) >= 0 && Integer.compareUnsigned(leaf, RANGE_END) < 0;
    }

    /** Edits them for a PV guest, and tells whether the leaf is the hypervisor's own. */
    public static boolean pv(Vcpu v, int leaf, int subleaf, int[] regs) {
        if (!isXenLeaf(leaf)) {
            hide(leaf, regs);
            return false;
        }
        java.util.Arrays.fill(regs, 0);
        if (leaf == FIRST + 2) {
            regs[0] = 1;
            regs[1] = FIRST;
            regs[2] = PRESERVES_AD;
        } else if (leaf == FIRST + 5 && subleaf == 0) {
            regs[1] = 64 - Long.numberOfLeadingZeros((v.domain().frames().frames() << 12) - 1);
        } else if (leaf <= FIRST + 3) {
            xenLeaf(v, leaf - FIRST, subleaf, regs);
        }
        return true;
    }

    private static void hide(int leaf, int[] regs) {
        switch (leaf) {
            case 1 -> {
                regs[2] &= ~(ECX1_DTES64 | ECX1_MONITOR | ECX1_DS_CPL | ECX1_VMX | ECX1_SMX | ECX1_EIST | ECX1_TM2
                        | ECX1_XTPR | ECX1_PDCM);
                regs[2] |= ECX1_HYPERVISOR;
                regs[3] &= ~(EDX1_DS | EDX1_ACPI | EDX1_TM | EDX1_PBE);
            }
            // MONITOR/MWAIT, power management and performance counters are not virtualised
            case 5, 6, 0xa -> java.util.Arrays.fill(regs, 0);
            case 0x8000_0001 -> regs[2] &= ~ECX_EXT1_SVM;
            default -> {}
        }
    }

    private static void xenLeaf(Vcpu v, int index, int subleaf, int[] r) {
        Host host = v.domain().host();
        switch (index) {
            case 0 -> {
                r[0] = LAST;
                r[1] = 0x566e_6558;
                r[2] = 0x6558_4d4d;
                r[3] = 0x4d4d_566e;
            }
            case 1 -> r[0] = host.config().major() << 16 | host.config().minor();
            case 2 -> {
                r[0] = 1;
                r[1] = HvmMsrs.HYPERCALL_PAGE;
            }
            case 3 -> time(v, subleaf, r);
            case 4 -> {
                if (subleaf == 0) {
                    r[0] = FEATURES_HVM;
                    r[1] = v.id();
                    r[2] = v.domain().domid();
                }
            }
            default -> {}
        }
    }

    private static void time(Vcpu v, int subleaf, int[] r) {
        Host host = v.domain().host();
        int khz = host.model().tscKhz();
        switch (subleaf) {
            case 0 -> {
                r[0] = TSC_RDTSCP;
                r[1] = v.domain().config().tscMode();
                r[2] = khz;
                r[3] = 1;
            }
            case 1 -> {
                r[0] = (int) v.domain().createdAt();
                r[1] = (int) (v.domain().createdAt() >>> 32);
                r[2] = host.tscScale().multiplier();
                r[3] = host.tscScale().shift();
            }
            case 2 -> r[0] = khz;
            default -> {}
        }
    }
}
