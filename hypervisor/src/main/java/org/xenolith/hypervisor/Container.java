package org.xenolith.hypervisor;

import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * How one vCPU's instructions, events and hypercalls meet the hypervisor. PVH in software is the first kind; PV, and
 * HVM on VT-x or
 * AMD-V, stand behind the same interface.
 */
public interface Container extends CpuEnvironment {
    /** The kinds of guest, by the columns of Xen's hypercall table. */
    enum Kind {
        PV, HVM
    }

    Kind kind();

    /** The ABI of a hypercall made now. */
    GuestAbi callAbi();

    /** Bytes of the instruction that makes a hypercall. */
    int callLength();

    /** The vCPU is about to wait for an event (SCHEDOP_block). */
    default void beforeBlock() {
    }

    /** The vCPU's event upcall flag was raised: arranges that the guest takes its upcall. */
    void upcall();

    /** Gives back what the container has of machine memory, at the end of the domain. */
    default void release() {
    }
}
