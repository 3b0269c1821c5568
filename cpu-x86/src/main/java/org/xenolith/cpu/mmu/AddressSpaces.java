package org.xenolith.cpu.mmu;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongPredicate;

/**
 * What the TLBs keep of which address space (SDM vol. 3, 4.10.4). The TLBs themselves have no tags, so that a hit needs no compare with a
 * PCID: they hold the global translations and those of the current PCID, and when another becomes current the old one's are parked.
 *
 * <p>The architecture lets a CPU forget any translation at any time, so the store is small: the {@link #SPACES} most recently left address
 * spaces. What it forgets depends on nothing but the guest's own accesses and switches.
 */
final class AddressSpaces {
    /** Guests whose translations are told apart before the numbers are given anew. */
    private static final int MOST_GUESTS = 4096;
    private static final int INDEX_MASK = 0x7ffff;

    static final int SPACES = 8;

    private final Tlb tlb;
    private final FetchTlb fetch;
    /** Made when first needed. */
    private final ParkedSpace[] spaces = new ParkedSpace[SPACES];
    private int made;
    /** Guest or host whose translations are current: its number, and its index, which stands above the PCID in {@link #id}. */
    private long space;
    private int index;
    private int lastIndex;
    private final Map<Long, Integer> indices = new HashMap<>();
    private long switches;
    private long flushes;
    private long programFlushes;
    private long parked;
    private long restored;

    AddressSpaces(Tlb tlb, FetchTlb fetch) {
        this.tlb = tlb;
        this.fetch = fetch;
        indices.put(0L, 0);
    }

    /** Drops every translation of every address space of the current guest, or of the host. */
    void flushAll() {
        flushes++;
        tlb.flush(true);
        fetch.flush(true);
        clearParked();
    }

    private int id(int pcid) {
        return index << 12 | pcid;
    }

    /** Drops what is parked of the guests (and host: 0) whose numbers are among these. */
    void dropSpaces(LongPredicate which) {
        for (int i = 0; i < made; i++) {
            if (!spaces[i].vacant() && which.test(spaces[i].space())) {
                spaces[i].clear();
            }
        }
    }

    /** Drops a page of such guests under every PCID. */
    void dropSpacesPage(LongPredicate which, long va) {
        for (int i = 0; i < made; i++) {
            if (!spaces[i].vacant() && which.test(spaces[i].space())) {
                spaces[i].dropPage(va);
            }
        }
    }

    /** Drops all but global translations of such guests. */
    void dropSpacesNonGlobal(LongPredicate which) {
        for (int i = 0; i < made; i++) {
            if (!spaces[i].vacant() && which.test(spaces[i].space())) {
                spaces[i].dropNonGlobal();
            }
        }
    }

    long space() {
        return space;
    }

    /**
     * Makes another guest's translations current, or the host's.
     *
     * @param from PCID under which the present ones are
     * @param to PCID of the others
     * @param store keep what is left
     * @param keep bring back what is known of the others
     */
    void switchSpace(long newSpace, int from, int to, boolean store, boolean keep) {
        int old = id(from);
        long oldSpace = space;
        if (!indices.containsKey(newSpace)) {
            if (indices.size() >= MOST_GUESTS) {
                indices.clear();
                indices.put(space, index);
                dropSpaces(any -> true);
            }
            lastIndex = lastIndex + 1 & INDEX_MASK;
            indices.put(newSpace, lastIndex);
        }
        if (!store) {
            flushes++;
            tlb.flush(true);
            fetch.flush(true);
        }
        space = newSpace;
        index = indices.get(newSpace);
        switchIds(old, oldSpace, id(to), keep, true);
    }

    /** Drops all but global translations, of the current address space or of every one. */
    void flushNonGlobal(boolean everySpace) {
        flushes++;
        tlb.flush(false);
        fetch.flush(false);
        if (everySpace) {
            clearParked();
        }
    }

    /** Drops the translations of the current address space's lower half, and all for user rights. */
    void flushPrograms() {
        programFlushes++;
        tlb.flushPrograms();
        fetch.flushPrograms();
    }

    /** Drops a page of the current address space, and a global one. */
    void flushPage(long va) {
        tlb.flushPage(va);
        fetch.flushPage(va);
    }

    /** Drops the translations of an address space that is not current. */
    void flushParked(int pcid) {
        ParkedSpace s = find(id(pcid));
        if (s != null) {
            s.clear();
        }
    }

    /** Drops a page of an address space that is not current. */
    void flushParkedPage(int pcid, long va) {
        ParkedSpace s = find(id(pcid));
        if (s != null) {
            s.dropPage(va);
        }
    }

    /**
     * Makes another PCID current.
     *
     * @param keep bring back what is still known of it; else that is forgotten
     */
    void switchTo(int from, int to, boolean keep) {
        switchIds(id(from), space, id(to), keep, false);
    }

    private void switchIds(int from, long fromSpace, int to, boolean keep, boolean globalToo) {
        switches++;
        ParkedSpace next = find(to);
        ParkedSpace old = makeRoom(next);
        old.open(from, fromSpace, switches);
        fetch.park(old, from, globalToo);
        tlb.park(old, globalToo);
        parked += old.count();
        if (next != null) {
            if (keep) {
                restored += next.restore(tlb, fetch);
                fetch.restored(to, next.complete());
            }
            next.clear();
        }
    }

    void protectPage(long hostPage) {
        tlb.protectPage(hostPage);
        for (int i = 0; i < made; i++) {
            spaces[i].protect(hostPage);
        }
    }

    void dropFrame(long mfn, long hostPage) {
        tlb.dropHostPage(hostPage);
        fetch.dropFrame(mfn);
        for (int i = 0; i < made; i++) {
            spaces[i].dropFrame(mfn, hostPage);
        }
    }

    private void clearParked() {
        for (int i = 0; i < made; i++) {
            if (spaces[i].space() == space) {
                spaces[i].clear();
            }
        }
    }

    private ParkedSpace find(int id) {
        for (int i = 0; i < made; i++) {
            if (spaces[i].holds(id)) {
                return spaces[i];
            }
        }
        return null;
    }

    /** A store to park in: a vacant one, a new one, or the one parked longest ago; but not {@code needed}. */
    private ParkedSpace makeRoom(ParkedSpace needed) {
        ParkedSpace oldest = null;
        for (int i = 0; i < made; i++) {
            ParkedSpace s = spaces[i];
            if (s.vacant()) {
                return s;
            }
            if (s != needed && (oldest == null || s.age() < oldest.age())) {
                oldest = s;
            }
        }
        if (made < SPACES) {
            spaces[made] = new ParkedSpace();
            return spaces[made++];
        }
        return oldest;
    }

    long switches() {
        return switches;
    }

    long flushes() {
        return flushes;
    }

    long programFlushes() {
        return programFlushes;
    }

    long parked() {
        return parked;
    }

    long restored() {
        return restored;
    }
}
