package org.xenolith.hypervisor;

/**
 * The memory of a domain that is populated on demand.
 *
 * @param poolPages pages that the domain owns and that are at no gfn yet
 * @param unbackedGfns gfns of its memory map that have no page yet
 * @param populated how many gfns got a page when they were used
 * @param reclaimed how many pages were taken back because they held only zeroes
 */
public record OnDemandUse(long poolPages, long unbackedGfns, long populated, long reclaimed) {
    /** A domain that has all of its memory. */
    public static final OnDemandUse NONE = new OnDemandUse(0, 0, 0, 0);
}
