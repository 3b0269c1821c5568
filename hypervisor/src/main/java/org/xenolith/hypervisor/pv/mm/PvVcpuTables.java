package org.xenolith.hypervisor.pv.mm;

/** The tables that one PV vCPU uses now. Frame 0 stands for none. */
final class PvVcpuTables {
    /** Level 4 table of the guest kernel, or the PDPT of a 32-bit guest. */
    long kernel;
    /** Level 4 table for user mode, of 64-bit guests. */
    long user;
    /** The hypervisor's level 4 table above a 32-bit guest's PDPT. */
    long monitor;

    final long[] gdtFrames = new long[XenSlots.RESERVED_GDT_PAGE];
    int gdtPages;
    int gdtEntries;

    long ldtBase;
    int ldtEntries;
    /** Frames of the LDT's pages that are mapped, 0 for those that are not. */
    final long[] ldtFrames = new long[XenSlots.GDT_PAGES];
}
