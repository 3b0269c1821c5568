package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * Replaces single entries of page tables that are in use: the new one is checked before the old one is given back.
 *
 * <p>CPUs forget an entry of level 1 at once when it changes, and those of other levels at the end of the list of updates. So what they
 * remember while a guest runs is always what the tables have, and a new base pointer needs to drop only what its table has otherwise.
 */
final class EntryUpdates {
    private final PhysicalMemory memory;
    private final PageTypes types;
    private final TypedPages pages;
    private final PvFailures failures;
    private final PvTlbs tlbs;
    private final boolean wide;

    /** What an update did to entries that CPUs may remember. */
    private boolean tablesChanged;

    EntryUpdates(PhysicalMemory memory, PageTypes types, TypedPages pages, PvFailures failures, PvTlbs tlbs,
            boolean wide) {
        this.memory = memory;
        this.types = types;
        this.pages = pages;
        this.failures = failures;
        this.tlbs = tlbs;
        this.wide = wide;
    }

    /** True once after a present entry of level 2 to 4 was replaced. */
    boolean takeTablesChanged() {
        boolean was = tablesChanged;
        tablesChanged = false;
        return was;
    }

    private long host(long at) {
        return memory.hostPage(at >>> 12) | at & 0xfff;
    }

    long load(long at) {
        return RawMemory.get64(host(at));
    }

    void store(long at, long entry) {
        RawMemory.put64(host(at), entry);
        memory.written(at >>> 12);
    }

    /** Stores an entry of level 1. */
    void storeL1(long at, long old, long entry) {
        store(at, entry);
        if ((old & Pte.P) != 0 && old != entry) {
            tlbs.entryChanged(Pte.mfn(old));
        }
    }

    private static int slotOf(long at) {
        return (int) (at & 0xfff) >>> 3;
    }

    /**
     * Replaces an entry of a frame that is a page table now.
     *
     * @param at machine address of the entry, a multiple of 8
     * @param preserve accessed and dirty bits of the old entry stay
     * @return 0 or a negative error number
     */
    int update(long at, long entry, boolean preserve) {
        int level = types.type(at >>> 12);
        return level == PageTypes.L1 ? updateL1(at, entry, preserve) : updateTable(level, at, entry, preserve);
    }

    private static long merge(long old, long entry, boolean preserve) {
        return preserve ? entry | old & (Pte.A | Pte.D) : entry;
    }

    /** As {@link #update} with DOMID_IO as owner of what is mapped: a domain without devices may map nothing of it. */
    int updateForDevice(long at, long entry, boolean preserve) {
        long old = load(at);
        if (types.type(at >>> 12) != PageTypes.L1) {
            return failures.fail(Kind.FOREIGN_FRAME, Errno.EINVAL, types.type(at >>> 12), slotOf(at), entry,
                    Pte.mfn(entry));
        }
        boolean sameFrame = ((old ^ Pte.adjust(1, entry, wide)) & ~Pte.UNCHECKED) == 0;
        if ((entry & Pte.P) == 0 || sameFrame || Pte.mfn(entry) >= memory.frames()
                || (entry & Pte.forbidden(1, wide)) != 0) {
            return updateL1(at, entry, preserve);
        }
        return failures.fail(Kind.FOREIGN_FRAME, 1, slotOf(at), entry);
    }

    private int updateL1(long at, long entry, boolean preserve) {
        long old = load(at);
        int slot = slotOf(at);
        if ((entry & Pte.P) == 0) {
            storeL1(at, old, merge(old, entry, preserve));
            pages.putL1(old);
            return 0;
        }
        if ((entry & Pte.forbidden(1, wide)) != 0) {
            return failures.fail(Kind.FORBIDDEN_BITS, 1, slot, entry);
        }
        long fresh = Pte.adjust(1, entry, wide);
        if (((old ^ fresh) & ~Pte.UNCHECKED) == 0) {
            storeL1(at, old, merge(old, fresh, preserve));
            return 0;
        }
        int rc = pages.getL1(fresh, slot);
        if (rc == 0) {
            storeL1(at, old, merge(old, fresh, preserve));
            pages.putL1(old);
        }
        return rc;
    }

    private int updateTable(int level, long at, long entry, boolean preserve) {
        long table = at >>> 12;
        int slot = slotOf(at);
        if (!pages.guestSlot(table, level, slot)) {
            return failures.fail(Kind.XEN_SLOT, level == 2 ? Errno.EPERM : Errno.EINVAL, level, slot, entry,
                    table);
        }
        if (level == 3 && !wide && slot >= 3) {
            return failures.fail(Kind.PAE_TOP_SLOT, level, slot, entry);
        }
        long old = load(at);
        long fresh = entry;
        if ((entry & Pte.P) != 0) {
            if ((entry & Pte.forbidden(level, wide)) != 0) {
                return failures.fail(Kind.FORBIDDEN_BITS, level, slot, entry);
            }
            fresh = Pte.adjust(level, entry, wide);
            if (((old ^ fresh) & ~Pte.UNCHECKED) == 0) {
                store(at, merge(old, fresh, preserve));
                tablesChanged = true;
                return 0;
            }
            int rc = pages.getEntry(level, fresh, table, slot);
            if (rc != 0) {
                return rc;
            }
        }
        store(at, merge(old, fresh, preserve));
        tablesChanged |= (old & Pte.P) != 0;
        pages.putEntry(old, table);
        return 0;
    }
}
