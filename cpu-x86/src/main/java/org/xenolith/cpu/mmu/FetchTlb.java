package org.xenolith.cpu.mmu;

/**
 * The TLB for instruction fetch: direct-mapped, a page has one entry, either a user's or a supervisor's.
 *
 * <p>It is as visible to a guest as the one for data (accessed bits, stale translations), so every tier fetches through it.
 */
final class FetchTlb {
    static final int ENTRIES = 16384;
    private static final int VALID = 1;
    private static final int USER = 2;
    /** Bits of {@link #meta}. */
    private static final int LISTED = 1;
    private static final int GLOBAL = 2;

    /** Page address with {@link #VALID} and {@link #USER}, or 0. */
    private final long[] tag = new long[ENTRIES];
    private final long[] frame = new long[ENTRIES];
    private final byte[] meta = new byte[ENTRIES];
    private final byte[] pageShift = new byte[ENTRIES];
    private final int[] filled = new int[ENTRIES];
    private int filledCount;
    private final LargePages largePages = new LargePages();
    private FetchListener listener = new FetchListener() {
        @Override
        public void allDropped() {
            // nobody listens
        }

        @Override
        public void nonGlobalDropped() {
            // nobody listens
        }

        @Override
        public void pageDropped(long va) {
            // nobody listens
        }
    };

    void setListener(FetchListener listener) {
        this.listener = listener;
    }

    /** The mfn of the page that va is on, or -1. */
    long find(long va, boolean user) {
        int slot = slot(va);
        return tag[slot] == tag(va, user) ? frame[slot] : -1;
    }

    void fill(long va, boolean user, long mfn, boolean global, int shift) {
        int slot = slot(va);
        if (tag[slot] != 0) {
            drop(slot);
        }
        if ((meta[slot] & LISTED) == 0) {
            filled[filledCount++] = slot;
        }
        tag[slot] = tag(va, user);
        frame[slot] = mfn;
        meta[slot] = (byte) (LISTED | (global ? GLOBAL : 0));
        pageShift[slot] = (byte) shift;
        largePages.filled(va, shift);
    }

    /** True when no translation would be lost by a fill for va. */
    boolean free(long va) {
        return tag[slot(va)] == 0;
    }

    void flush(boolean globalToo) {
        boolean dropped = retire(globalToo, null);
        if (globalToo) {
            largePages.clear();
        }
        if (dropped && globalToo) {
            listener.allDropped();
        } else if (dropped) {
            listener.nonGlobalDropped();
        }
    }

    /** Moves all but global translations to a store. */
    void park(ParkedSpace to) {
        if (retire(false, to)) {
            listener.nonGlobalDropped();
        }
    }

    /** Returns whether there was anything. */
    private boolean retire(boolean globalToo, ParkedSpace to) {
        int kept = 0;
        boolean dropped = false;
        for (int i = 0; i < filledCount; i++) {
            int slot = filled[i];
            if (!globalToo && (meta[slot] & GLOBAL) != 0) {
                filled[kept++] = slot;
                continue;
            }
            long t = tag[slot];
            if (t != 0) {
                dropped = true;
                if (to != null) {
                    to.addFetch(t & -4096L, (t & USER) != 0, frame[slot], pageShift[slot]);
                }
            }
            tag[slot] = 0;
            meta[slot] = 0;
        }
        filledCount = kept;
        return dropped;
    }

    /** Drops the translation of one page, and all pieces of the large page that it is part of. */
    void flushPage(long va) {
        int at = slot(va);
        if (tag[at] != 0 && tag[at] >>> 12 == va >>> 12) {
            drop(at);
        }
        if (largePages.mayHold(va)) {
            for (int i = 0; i < filledCount; i++) {
                int slot = filled[i];
                if (tag[slot] != 0 && pageShift[slot] > 12 && (tag[slot] ^ va) >>> pageShift[slot] == 0) {
                    drop(slot);
                }
            }
        }
    }

    /** Drops every entry for a frame. */
    void dropFrame(long mfn) {
        for (int i = 0; i < filledCount; i++) {
            int slot = filled[i];
            if (tag[slot] != 0 && frame[slot] == mfn) {
                drop(slot);
            }
        }
    }

    /** Invalidates but leaves the slot in the list. */
    private void drop(int slot) {
        long page = tag[slot] & -4096L;
        tag[slot] = 0;
        meta[slot] = LISTED;
        listener.pageDropped(page);
    }

    private static int slot(long va) {
        return (int) (va >>> 12) & ENTRIES - 1;
    }

    private static long tag(long va, boolean user) {
        return va & -4096L | (user ? USER | VALID : VALID);
    }
}
