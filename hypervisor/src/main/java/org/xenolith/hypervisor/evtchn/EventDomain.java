package org.xenolith.hypervisor.evtchn;

import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.SharedPage;

/** What event channels need of the domain that they belong to. */
public interface EventDomain {
    int domid();

    /** The domain's shared_info, or null for the control domain, all of whose ports have Java handlers. */
    SharedInfo sharedInfo();

    /** The vCPU of a number, or null when there is none. */
    EventVcpu eventVcpu(int id);

    int vcpuCount();

    /**
     * Takes a writable guest page for the hypervisor's use; null when the gfn is not writable RAM of the domain itself.
     */
    SharedPage borrow(long gfn);

    /** Gives a page of {@link #borrow} back. */
    void release(SharedPage page);

    /** Finds the event channels of a domain by its domid, or null. */
    EventChannels peer(int domid);
}
