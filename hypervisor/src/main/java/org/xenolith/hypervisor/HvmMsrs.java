package org.xenolith.hypervisor;

import java.util.Arrays;

/**
 * The MSRs of one HVM vCPU that the processor core leaves to its environment, answered as Xen 4.17 does: Xen's own, a
 * few that only say
 * "not here", performance counters that read as zero; everything else is #GP.
 */
final class HvmMsrs {
    /** Base of Xen's own MSRs: writing a gpa fills that page with hypercalls. */
    static final int HYPERCALL_PAGE = 0x4000_0000;

    private static final int FEATURE_CONTROL = 0x3a;
    private static final int MISC_FEATURES_ENABLES = 0x140;
    private static final long FEATURE_CONTROL_LOCK = 1;

    private static final int STUB_SIZE = 32;
    private static final int NR_IRET = 23;

    private final Vcpu vcpu;

    HvmMsrs(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    /** IA32_PMCn, IA32_PERFEVTSELn and the fixed and global counter registers of Intel, or the K7 ones of AMD. */
    private boolean isCounter(int msr) {
        if (vcpu.cpu().model().amd()) {
            return msr >= 0xc001_0000 && msr <= 0xc001_0007;
        }
        return msr >= 0xc1 && msr <= 0xc8 || msr >= 0x186 && msr <= 0x18d || msr >= 0x309 && msr <= 0x30b
                || msr >= 0x38d && msr <= 0x390 || msr == 0x345;
    }

    boolean read(int msr, long[] value) {
        value[0] = msr == FEATURE_CONTROL ? FEATURE_CONTROL_LOCK : 0;
        return msr == HYPERCALL_PAGE || isCounter(msr)
                || !vcpu.cpu().model().amd() && (msr == FEATURE_CONTROL || msr == MISC_FEATURES_ENABLES);
    }

    boolean write(int msr, long value) {
        if (msr == HYPERCALL_PAGE) {
            return fillHypercallPage(value);
        }
        return isCounter(msr) || msr == MISC_FEATURES_ENABLES && value == 0 && !vcpu.cpu().model().amd();
    }

    /** One 32-byte stub for each hypercall: mov $number,%eax; vmcall (on AMD vmmcall); ret. */
    private boolean fillHypercallPage(long value) {
        byte[] page = new byte[4096];
        Arrays.fill(page, (byte) 0xcc);
        byte call = (byte) (vcpu.cpu().model().amd() ? 0xd9 : 0xc1);
        for (int nr = 0; nr < 4096 / STUB_SIZE; nr++) {
            // iret is for PV guests only: ud2
            byte[] stub = nr == NR_IRET
                    ? new byte[]{0x0f, 0x0b}
                    : new byte[]{(byte) 0xb8, (byte) nr, 0, 0, 0, 0x0f, 0x01, call, (byte) 0xc3};
            System.arraycopy(stub, 0, page, nr * STUB_SIZE, stub.length);
        }
        return (value & 0xfff) == 0 && vcpu.domain().tryWrite(value & ~0xfffL, page, 0, page.length);
    }
}
