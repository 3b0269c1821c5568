package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/** HYPERVISOR_vm_assist: switches that change what the hypervisor does for the guest. */
final class VmAssist implements Hypercall {
    private static final int ENABLE = 0;
    private static final int DISABLE = 1;
    /**
     * VMASST_TYPE_runstate_update_flag: the only one of HVM guests. Updates here are never seen half done, with it or
     * without.
     */
    private static final long VALID_HVM = 1L << 5;

    /** VMASST_TYPE_4gb_segments and its notification, writable_pagetables, pae_extended_cr3, architectural_iopl, runstate_update_flag. */
    private static final long VALID_PV = 0x3f;
    /** VMASST_TYPE_m2p_strict, of 64-bit PV guests. */
    private static final long M2P_STRICT = 1L << 32;

    private static long valid(HypercallContext c) {
        if (c.domain().pv() == null) {
            return VALID_HVM;
        }
        return c.domain().pv().wide() ? VALID_PV | M2P_STRICT : VALID_PV;
    }

    @Override
    public long call(HypercallContext c) {
        int type = c.arg32(1);
        if (type < 0 || type >= 64 || (valid(c) & 1L << type) == 0) {
            return -Errno.EINVAL;
        }
        long bits = c.domain().vmAssist();
        switch (c.arg32(0)) {
            case ENABLE -> c.domain().setVmAssist(bits | 1L << type);
            case DISABLE -> c.domain().setVmAssist(bits & ~(1L << type));
            default -> {
                return -Errno.ENOSYS;
            }
        }
        return 0;
    }
}
