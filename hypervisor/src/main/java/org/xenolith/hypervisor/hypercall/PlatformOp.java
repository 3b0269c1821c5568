package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/** HYPERVISOR_platform_op: the hardware domain's. Others learn first whether they speak the right version. */
final class PlatformOp implements Hypercall {
    static final int VERSION = 0x0300_0001;

    private static final int VERSION_OFFSET = 4;

    @Override
    public long call(HypercallContext c) {
        return c.read32(c.arg(0) + VERSION_OFFSET) != VERSION ? -Errno.EACCES : -Errno.EPERM;
    }
}
