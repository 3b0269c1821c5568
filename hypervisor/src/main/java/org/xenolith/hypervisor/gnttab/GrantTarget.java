package org.xenolith.hypervisor.gnttab;

/** Where granted frames are mapped: at gfns of a guest with a physmap, in page-table entries of a PV guest. */
public interface GrantTarget {
    /**
     * Maps a granted frame.
     *
     * @param hostAddr as in struct gnttab_map_grant_ref
     * @param flags {@link GrantMappings}' GNTMAP_* bits
     * @return false when it cannot be mapped there
     */
    boolean map(long hostAddr, int flags, long mfn);

    /**
     * Takes a granted frame away again.
     *
     * @param flags those of the mapping
     * @param newAddr a linear address whose mapping takes its place (GNTTABOP_unmap_and_replace), or 0
     * @return false when it is not there
     */
    boolean unmap(long hostAddr, int flags, long mfn, long newAddr);

    /** Takes it away because the domain ends. */
    void drop(long hostAddr, long mfn);
}
