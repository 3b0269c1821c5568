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

    /**
     * Keeps a frame of this domain writable for another one; false when it is in use as a page table. The frame is given
     * back with {@link #releaseWritable}.
     */
    boolean holdWritable(long mfn);

    void releaseWritable(long mfn);
}
