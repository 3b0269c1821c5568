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
    /** Bits of {@link #meta}: in the list of filled local entries; in that of global ones; the translation is global; in the list of programs'. */
    private static final int IN_LOCAL = 1;
    private static final int IN_GLOBAL = 2;
    private static final int GLOBAL = 4;
    private static final int IN_PROGRAMS = 8;
    private static final int LISTS = IN_LOCAL | IN_GLOBAL | IN_PROGRAMS;

    /** Page address with {@link #VALID} and {@link #USER}, or 0. */
    private final long[] tag = new long[ENTRIES];
    private final long[] frame = new long[ENTRIES];
    private final byte[] meta = new byte[ENTRIES];
    private final byte[] pageShift = new byte[ENTRIES];
    private final EntryList local = new EntryList();
    private final EntryList global = new EntryList();
    private final EntryList programs = new EntryList();
    private final FrameChains chains = new FrameChains(ENTRIES);
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
        public void programsDropped() {
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

    void fill(long va, boolean user, long mfn, boolean isGlobal, int shift) {
        int slot = slot(va);
        drop(slot);
        chains.link(slot, mfn);
        int lists = meta[slot] & LISTS;
        if ((lists & (isGlobal ? IN_GLOBAL : IN_LOCAL)) == 0) {
            (isGlobal ? global : local).add(slot);
        }
        if ((va >= 0 || user) && (lists & IN_PROGRAMS) == 0) {
            programs.add(slot);
            lists |= IN_PROGRAMS;
        }
        tag[slot] = tag(va, user);
        frame[slot] = mfn;
        meta[slot] = (byte) (lists | (isGlobal ? IN_GLOBAL | GLOBAL : IN_LOCAL));
        pageShift[slot] = (byte) shift;
        largePages.filled(va, shift);
    }

    /** True when the translation of va's page is present and global. */
    boolean global(long va) {
        int slot = slot(va);
        return tag[slot] != 0 && tag[slot] >>> 12 == va >>> 12 && (meta[slot] & GLOBAL) != 0;
    }

    /** Tells that the parked translations of an address space are back. */
    void restored(int pcid, boolean complete) {
        listener.restored(pcid, complete);
    }

    /** True when no translation would be lost by a fill for va. */
    boolean free(long va) {
        return tag[slot(va)] == 0;
    }

    void flush(boolean globalToo) {
        boolean dropped = retireLocal(null);
        if (globalToo) {
            dropped |= retireGlobal(null);
            largePages.clear();
        }
        if (dropped && globalToo) {
            listener.allDropped();
        } else if (dropped) {
            listener.nonGlobalDropped();
        }
    }

    /** Drops the translations of the lower half, and all for user rights. */
    void flushPrograms() {
        if (retirePrograms()) {
            listener.programsDropped();
        }
    }

    /** Returns whether there was anything. */
    private boolean retirePrograms() {
        boolean dropped = false;
        for (int i = 0; i < programs.size(); i++) {
            int slot = programs.get(i);
            if (tag[slot] >= 0 || (tag[slot] & USER) != 0) {
                dropped |= invalidate(slot);
            }
            meta[slot] &= ~IN_PROGRAMS;
        }
        programs.clear();
        return dropped;
    }

    /** Moves all but global translations to a store, or those as well. */
    void park(ParkedSpace to, int pcid, boolean globalToo) {
        listener.parking(pcid);
        boolean dropped = retireLocal(to);
        if (globalToo) {
            dropped |= retireGlobal(to);
            largePages.clear();
            if (dropped) {
                listener.allDropped();
            }
        } else if (dropped) {
            listener.nonGlobalDropped();
        }
    }

    /** Returns whether there was anything. */
    private boolean retireGlobal(ParkedSpace to) {
        boolean dropped = false;
        for (int i = 0; i < global.size(); i++) {
            int slot = global.get(i);
            meta[slot] &= ~IN_GLOBAL;
            long t = tag[slot];
            if (to != null && t != 0) {
                to.addFetch(t & -4096L, (t & USER) != 0, frame[slot], true, pageShift[slot]);
            }
            dropped |= invalidate(slot);
        }
        global.clear();
        dropped |= retirePrograms();
        return dropped;
    }

    /** Returns whether there was anything. */
    private boolean retireLocal(ParkedSpace to) {
        boolean dropped = false;
        for (int i = 0; i < local.size(); i++) {
            int slot = local.get(i);
            meta[slot] &= ~IN_LOCAL;
            if ((meta[slot] & GLOBAL) != 0) {
                continue;
            }
            long t = tag[slot];
            if (to != null && t != 0) {
                to.addFetch(t & -4096L, (t & USER) != 0, frame[slot], false, pageShift[slot]);
            }
            dropped |= invalidate(slot);
        }
        local.clear();
        return dropped;
    }

    /** Drops the translation of one page, and all pieces of the large page that it is part of. */
    void flushPage(long va) {
        int slot = slot(va);
        if (tag[slot] >>> 12 == va >>> 12) {
            drop(slot);
        }
        if (largePages.mayHoldLarge(va)) {
            int first = slot & -LargePages.PIECES;
            for (int i = 0; i < LargePages.PIECES; i++) {
                dropPiece(first + i, va);
            }
        }
        if (largePages.mayHoldHuge(va)) {
            for (int i = 0; i < ENTRIES; i++) {
                dropPiece(i, va);
            }
        }
    }

    private void dropPiece(int slot, long va) {
        if (pageShift[slot] > 12 && (tag[slot] ^ va) >>> pageShift[slot] == 0) {
            drop(slot);
        }
    }

    /** Drops every entry for a frame. */
    void dropFrame(long mfn) {
        for (int slot = chains.first(mfn); slot != FrameChains.NONE;) {
            int after = chains.after(slot);
            if (frame[slot] == mfn) {
                drop(slot);
            }
            slot = after;
        }
    }

    private void drop(int slot) {
        long page = tag[slot] & -4096L;
        if (invalidate(slot)) {
            listener.pageDropped(page);
        }
    }

    /** Ends a translation; the entry stays in its lists. Returns whether there was one. */
    private boolean invalidate(int slot) {
        if (tag[slot] == 0) {
            return false;
        }
        chains.unlink(slot);
        tag[slot] = 0;
        meta[slot] &= LISTS;
        pageShift[slot] = 0;
        return true;
    }

    private static int slot(long va) {
        return (int) (va >>> 12) & ENTRIES - 1;
    }

    private static long tag(long va, boolean user) {
        return va & -4096L | (user ? USER | VALID : VALID);
    }
}
