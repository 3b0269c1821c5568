package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/** HYPERVISOR_physdev_op: a PVH guest without passed-through devices has none of its operations. */
final class PhysdevOp implements Hypercall {
    @Override
    public long call(HypercallContext c) {
        return -Errno.ENOSYS;
    }
}
