package org.xenolith.cpu.mmu;

/**
 * What the TLBs keep of which address space (SDM vol. 3, 4.10.4). The TLBs themselves have no tags, so that a hit needs no compare with a
 * PCID: they hold the global translations and those of the current PCID, and when another becomes current the old one's are parked.
 *
 * <p>The architecture lets a CPU forget any translation at any time, so the store is small: the {@link #SPACES} most recently left address
 * spaces. What it forgets depends on nothing but the guest's own accesses and switches.
 */
final class AddressSpaces {
    static final int SPACES = 8;

    private final Tlb tlb;
    private final FetchTlb fetch;
    /** Made when first needed. */
    private final ParkedSpace[] spaces = new ParkedSpace[SPACES];
    private int made;
    private long switches;
    private long flushes;
    private long programFlushes;
    private long parked;
    private long restored;

    AddressSpaces(Tlb tlb, FetchTlb fetch) {
        this.tlb = tlb;
        this.fetch = fetch;
    }

    /** Drops every translation of every address space. */
    void flushAll() {
        flushes++;
        tlb.flush(true);
        fetch.flush(true);
        clearParked();
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
        ParkedSpace s = find(pcid);
        if (s != null) {
            s.clear();
        }
    }

    /** Drops a page of an address space that is not current. */
    void flushParkedPage(int pcid, long va) {
        ParkedSpace s = find(pcid);
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
        switches++;
        ParkedSpace next = find(to);
        ParkedSpace old = makeRoom(next);
        old.open(from, switches);
        fetch.park(old, from);
        tlb.park(old);
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
            spaces[i].clear();
        }
    }

    private ParkedSpace find(int pcid) {
        for (int i = 0; i < made; i++) {
            if (spaces[i].holds(pcid)) {
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
