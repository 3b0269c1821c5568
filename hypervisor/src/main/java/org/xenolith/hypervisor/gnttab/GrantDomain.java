package org.xenolith.hypervisor.gnttab;

import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.memory.PhysicalMemory;

/** What grant tables need of a domain. */
public interface GrantDomain {
    int domid();

    /** The domain's address space; null for the control domain, which only maps what others grant. */
    Physmap physmap();

    FrameTable frames();

    PhysicalMemory machineMemory();

    /** The grant table of a domain by its domid, or null. */
    GrantTable grantTable(int domid);

    /** Puts a granted frame at a gfn of this domain, in place of what is there; false when it cannot. */
    boolean mapGranted(long gfn, long mfn, boolean readOnly);

    /** Takes a granted frame away again; false when it is not there. */
    boolean unmapGranted(long gfn, long mfn);
}
