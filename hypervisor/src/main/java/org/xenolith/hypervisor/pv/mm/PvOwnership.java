package org.xenolith.hypervisor.pv.mm;

/** What the page-type rules ask about a PV domain, and tell it. */
interface PvOwnership {
    /** True for frames that the domain may use: its own, and those of the hypervisor that are shared with it. */
    boolean owns(long mfn);

    /** True when tables for user mode must not show the machine-to-physical table (VMASST_TYPE_m2p_strict). */
    boolean strictM2p();

    /** A level 1 entry for a descriptor page went, which may have shown a part of an LDT. */
    void descriptorsUnmapped();
}
