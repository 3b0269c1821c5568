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

    @Override
    public long call(HypercallContext c) {
        int type = c.arg32(1);
        if (type < 0 || type >= 64 || (VALID_HVM & 1L << type) == 0) {
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
