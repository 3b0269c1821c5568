package org.xenolith.hypervisor.pv;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.XenCpuid;

/** CPUID of a PV guest: what the model offers less what a deprivileged kernel cannot use, and the hypervisor's leaves. */
final class PvCpuid {
    private static final int EDX1_VME = 1 << 1;
    private static final int EDX1_PSE = 1 << 3;
    private static final int EDX1_SEP = 1 << 11;
    private static final int EDX1_MTRR = 1 << 12;
    private static final int EDX1_PGE = 1 << 13;
    private static final int EDX1_PSE36 = 1 << 17;
    private static final int ECX1_PCID = 1 << 17;
    private static final int ECX1_X2APIC = 1 << 21;
    private static final int ECX1_TSC_DEADLINE = 1 << 24;
    private static final int ECX1_OSXSAVE = 1 << 27;
    private static final int EBX7_TSC_ADJUST = 1 << 1;
    private static final int EBX7_SMEP = 1 << 7;
    private static final int EBX7_INVPCID = 1 << 10;
    private static final int EBX7_SMAP = 1 << 20;
    private static final int ECX7_UMIP = 1 << 2;
    private static final int ECX7_PKU = 1 << 3;
    private static final int ECX7_OSPKE = 1 << 4;
    private static final int EDX_EXT1_PAGE1GB = 1 << 26;

    private PvCpuid() {
    }

    static void edit(Vcpu v, PvRegisters registers, int leaf, int subleaf, int[] r) {
        if (XenCpuid.pv(v, leaf, subleaf, r)) {
            return;
        }
        switch (leaf) {
            case 1 -> {
                // no local APIC, so no id
                r[1] &= 0xff_ffff;
                r[2] &= ~(ECX1_PCID | ECX1_X2APIC | ECX1_TSC_DEADLINE | ECX1_OSXSAVE);
                r[2] |= (registers.cr4() & ControlRegisters.CR4_OSXSAVE) != 0 ? ECX1_OSXSAVE : 0;
                r[3] &= ~(EDX1_VME | EDX1_PSE | EDX1_SEP | EDX1_MTRR | EDX1_PGE | EDX1_PSE36);
            }
            case 7 -> {
                if (subleaf == 0) {
                    r[1] &= ~(EBX7_TSC_ADJUST | EBX7_SMEP | EBX7_INVPCID | EBX7_SMAP);
                    r[2] &= ~(ECX7_UMIP | ECX7_PKU | ECX7_OSPKE);
                }
            }
            // x2APIC ids
            case 0xb -> java.util.Arrays.fill(r, 0);
            case 0x8000_0001 -> {
                boolean amd = v.cpu().model().amd();
                r[3] &= ~(EDX_EXT1_PAGE1GB | (amd ? EDX1_VME | EDX1_PSE | EDX1_MTRR | EDX1_PGE | EDX1_PSE36 : 0));
            }
            default -> {}
        }
    }
}
