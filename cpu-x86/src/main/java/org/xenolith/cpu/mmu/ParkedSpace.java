package org.xenolith.cpu.mmu;

/**
 * The translations of one address space that is not current: what was in the TLBs under its PCID when it ceased to be, at most
 * {@link #ENTRIES}, with global ones only when a whole guest (or the host) has been left.
 */
final class ParkedSpace {
    static final int ENTRIES = 1024;
    private static final int NOBODY = -1;

    /** Kinds of entries beyond the tables of {@link Tlb}. */
    private static final int FETCH_USER = 3;
    private static final int FETCH_SUPERVISOR = 4;
    private static final int KIND = 7;
    private static final int WRITABLE = 8;
    private static final int SHIFT_BIT = 4;
    private static final int SHIFT_MASK = 31;
    private static final int GLOBAL = 1 << 9;

    /** Page address, its kind, {@link #WRITABLE} and log2 of its page's bytes. */
    private final long[] key = new long[ENTRIES];
    /** Host address of the page for data, mfn for fetch. */
    private final long[] target = new long[ENTRIES];
    private int count;
    private int fetches;
    private boolean complete;
    /** PCID, with the guest's index above it. */
    private int id = NOBODY;
    private long space;
    private long age;

    boolean holds(int wanted) {
        return id == wanted;
    }

    boolean vacant() {
        return id == NOBODY;
    }

    /** Number of the guest whose translations these are; 0 the host's. */
    long space() {
        return space;
    }

    /** When it was parked. */
    long age() {
        return age;
    }

    int count() {
        return count;
    }

    void open(int newId, long newSpace, long now) {
        id = newId;
        space = newSpace;
        age = now;
        count = 0;
        fetches = 0;
    }

    /** True when the last {@link #restore} brought back every translation for fetch that had been parked. */
    boolean complete() {
        return complete;
    }

    void clear() {
        id = NOBODY;
        count = 0;
    }

    /** Adds a translation for data; one that finds no room is lost. */
    void addData(int view, long page, long hostPage, boolean writable, boolean global, int pageShift) {
        add(page | view | (writable ? WRITABLE : 0) | (global ? GLOBAL : 0) | (long) pageShift << SHIFT_BIT, hostPage);
    }

    /** Adds a translation for fetch; one that finds no room is lost. */
    void addFetch(long page, boolean user, long mfn, boolean global, int pageShift) {
        fetches++;
        add(page | (user ? FETCH_USER : FETCH_SUPERVISOR) | (global ? GLOBAL : 0) | (long) pageShift << SHIFT_BIT, mfn);
    }

    private void add(long newKey, long newTarget) {
        if (count < ENTRIES) {
            key[count] = newKey;
            target[count++] = newTarget;
        }
    }

    /** Puts the translations back where nothing else has taken the place; returns how many. */
    int restore(Tlb tlb, FetchTlb fetch) {
        int restored = 0;
        int restoredFetches = 0;
        for (int i = 0; i < count; i++) {
            long k = key[i];
            int kind = (int) k & KIND;
            int shift = (int) k >>> SHIFT_BIT & SHIFT_MASK;
            if (kind >= FETCH_USER) {
                if (fetch.free(k)) {
                    fetch.fill(k, kind == FETCH_USER, target[i], (k & GLOBAL) != 0, shift);
                    restored++;
                    restoredFetches++;
                }
            } else if (tlb.free(kind, k)) {
                tlb.fill(kind, k, target[i], (k & WRITABLE) != 0, (k & GLOBAL) != 0, shift);
                restored++;
            }
        }
        complete = restoredFetches == fetches;
        return restored;
    }

    /** Drops the translations of one page, and all pieces of the large page that it is part of. */
    void dropPage(long va) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            int shift = (int) key[i] >>> SHIFT_BIT & SHIFT_MASK;
            if ((key[i] ^ va) >>> shift != 0) {
                key[kept] = key[i];
                target[kept++] = target[i];
            }
        }
        count = kept;
    }

    /** Drops all but global translations. */
    void dropNonGlobal() {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if ((key[i] & GLOBAL) != 0) {
                key[kept] = key[i];
                target[kept++] = target[i];
            }
        }
        count = kept;
    }

    /** Makes translations to a host page read-only. */
    void protect(long hostPage) {
        for (int i = 0; i < count; i++) {
            if (target[i] == hostPage) {
                key[i] &= ~WRITABLE;
            }
        }
    }

    /** Drops the translations to a frame. */
    void dropFrame(long mfn, long hostPage) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (target[i] != ((key[i] & KIND) >= FETCH_USER ? mfn : hostPage)) {
                key[kept] = key[i];
                target[kept++] = target[i];
            }
        }
        count = kept;
    }
}
