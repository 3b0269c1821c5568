package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.gnttab.GrantMappings;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;

/**
 * Granted frames in the page tables of a PV domain. The hypervisor writes such an entry itself, because the guest may
 * not map what it does not own; the entry holds references like any other.
 */
final class PvGrants {
    /** GNTMAP_guest_avail0: where the guest's three available bits are in the flags. */
    private static final int AVAILABLE_SHIFT = 16;
    private static final int PTE_AVAILABLE_SHIFT = 9;

    private final FrameTable frames;
    private final PageTypes types;
    private final TypedPages pages;
    private final EntryUpdates updates;
    private final PvFailures failures;
    private final PvTlbs tlbs;
    private final boolean wide;

    PvGrants(FrameTable frames, PageTypes types, TypedPages pages, EntryUpdates updates, PvFailures failures,
            PvTlbs tlbs, boolean wide) {
        this.frames = frames;
        this.types = types;
        this.pages = pages;
        this.updates = updates;
        this.failures = failures;
        this.tlbs = tlbs;
        this.wide = wide;
    }

    private long entry(long mfn, int flags) {
        long e = mfn << 12 | Pte.P | Pte.A | Pte.D | Pte.NX;
        if ((flags & GrantMappings.APPLICATION_MAP) != 0) {
            e |= Pte.US;
        }
        if ((flags & GrantMappings.READONLY) == 0) {
            e |= Pte.RW;
        }
        return Pte.adjust(1, e | (long) (flags >>> AVAILABLE_SHIFT & 7) << PTE_AVAILABLE_SHIFT, wide);
    }

    /** True for the address of an entry in a level 1 table of the domain that is in use. */
    boolean isL1Entry(long at) {
        return at >= 0 && (at & 7) == 0 && frames.valid(at >>> 12) && pages.owns(at >>> 12)
                && types.type(at >>> 12) == PageTypes.L1 && types.count(at >>> 12) > 0;
    }

    /**
     * Puts a frame that the caller holds into the entry at a machine address.
     *
     * @param at address of a level 1 entry, or -1 when none was found
     */
    boolean map(long at, long mfn, int flags) {
        if (!isL1Entry(at)) {
            failures.fail(Kind.NO_TABLE, at >>> 12);
            return false;
        }
        long fresh = entry(mfn, flags);
        frames.get(mfn);
        if ((fresh & Pte.RW) != 0 && pages.getType(mfn, PageTypes.WRITABLE) != 0) {
            frames.put(mfn);
            return false;
        }
        long old = updates.load(at);
        updates.storeL1(at, old, fresh);
        pages.putL1(old);
        return true;
    }

    /**
     * Takes a granted frame out of an entry, where it must still be with the same rights.
     *
     * @param from entry whose content replaces it and which becomes empty, or 0 for none
     */
    boolean unmap(long at, long mfn, int flags, long from) {
        if (!isL1Entry(at) || from != 0 && !isL1Entry(from)) {
            failures.fail(Kind.NO_TABLE, at >>> 12);
            return false;
        }
        long old = updates.load(at);
        if (Pte.mfn(old) != mfn || ((old ^ entry(mfn, flags)) & (Pte.P | Pte.RW)) != 0) {
            failures.fail(Kind.GRANT_ENTRY, 1, (int) (at & 0xfff) >>> 3, old);
            return false;
        }
        long replacement = 0;
        if (from != 0) {
            replacement = updates.load(from);
            updates.store(from, 0);
            if (from == at) {
                replacement = 0;
            }
        }
        updates.store(at, replacement);
        tlbs.dropFrame(mfn);
        if (from != 0 && (replacement & Pte.P) != 0) {
            tlbs.dropFrame(Pte.mfn(replacement));
        }
        pages.putL1(old);
        return true;
    }
}
