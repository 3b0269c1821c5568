package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/** HYPERVISOR_physdev_op of a PV guest without devices of the machine: I/O privilege; it has no interrupts to route. */
final class PhysdevOp implements Hypercall {
    private final SubOperations operations = new SubOperations("physdev_op")
            .add(6, "set_iopl", PvCpuCalls::setIopl)
            .add(7, "set_iobitmap", PvCpuCalls::setIoBitmap)
            .refuse(5, "irq_status_query", Errno.EINVAL)
            .refuse(8, "apic_read", Errno.EPERM)
            .refuse(9, "apic_write", Errno.EPERM)
            .refuse(12, "eoi", Errno.EINVAL)
            .refuse(15, "manage_pci_add", Errno.EPERM)
            .refuse(25, "pci_device_add", Errno.EPERM);

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0), c.arg(1));
    }
}
