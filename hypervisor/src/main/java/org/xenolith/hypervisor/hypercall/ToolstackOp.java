package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/**
 * HYPERVISOR_sysctl and HYPERVISOR_domctl: the control domain's. Others learn first whether they speak the right
 * version.
 */
final class ToolstackOp implements Hypercall {
    /** Interface versions of Xen 4.17. */
    static final int SYSCTL_VERSION = 0x15;
    static final int DOMCTL_VERSION = 0x15;

    private static final int VERSION_OFFSET = 4;

    private final int version;

    ToolstackOp(int version) {
        this.version = version;
    }

    @Override
    public long call(HypercallContext c) {
        return c.read32(c.arg(0) + VERSION_OFFSET) != version ? -Errno.EACCES : -Errno.EPERM;
    }
}
