package org.xenolith.guests.pvh;

import org.xenolith.guests.LittleEndian;

/**
 * The frames that the toolstack shares with a PVH guest, just below 4 GiB, where libxc puts them for every HVM guest.
 *
 * <p>Eight pages from gfn 0xfeff8; all are zero at the start but {@link #IDENT_PT}.
 */
public final class SpecialPages {
    /** First special page. */
    public static final long FIRST = 0xfeff8L;

    /** Number of special pages. */
    public static final int COUNT = 8;

    /** Ring for paging events (HVM_PARAM_PAGING_RING_PFN). */
    public static final long PAGING = FIRST;

    /** Ring for monitor events (HVM_PARAM_MONITOR_RING_PFN). */
    public static final long MONITOR = FIRST + 1;

    /** Ring for sharing events (HVM_PARAM_SHARING_RING_PFN). */
    public static final long SHARING = FIRST + 2;

    /** Buffered I/O requests (HVM_PARAM_BUFIOREQ_PFN). */
    public static final long BUFIOREQ = FIRST + 3;

    /** The xenstore ring (HVM_PARAM_STORE_PFN). */
    public static final long XENSTORE = FIRST + 4;

    /** I/O requests (HVM_PARAM_IOREQ_PFN). */
    public static final long IOREQ = FIRST + 5;

    /** A page directory that maps 4 GiB one to one (HVM_PARAM_IDENT_PT holds its address). */
    public static final long IDENT_PT = FIRST + 6;

    /** The console ring (HVM_PARAM_CONSOLE_PFN). */
    public static final long CONSOLE = FIRST + 7;

    private SpecialPages() {}

    /** {@return what {@link #IDENT_PT} holds: 1024 superpages of 4 MiB, present, writable, user, accessed, dirty} */
    public static byte[] identityPageDirectory() {
        byte[] page = new byte[4096];
        for (int i = 0; i < 1024; i++) {
            LittleEndian.put32(page, 4 * i, i << 22 | 0xe7);
        }
        return page;
    }
}
