package org.xenolith.hypervisor.pv.mm;

import static org.xenolith.hypervisor.pv.mm.PageTypes.L1;
import static org.xenolith.hypervisor.pv.mm.PageTypes.L2;
import static org.xenolith.hypervisor.pv.mm.PageTypes.L3;
import static org.xenolith.hypervisor.pv.mm.PageTypes.L4;
import static org.xenolith.hypervisor.pv.mm.PageTypes.NONE;
import static org.xenolith.hypervisor.pv.mm.PageTypes.SEGMENT_DESCRIPTORS;
import static org.xenolith.hypervisor.pv.mm.PageTypes.WRITABLE;
import static org.xenolith.hypervisor.pv.mm.PageTypes.XEN_L2;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * References to frames of one PV domain by type: the first use of a frame as a page table or descriptor page checks all
 * that is in it and takes references to what it points to, the last one gives them back.
 *
 * <p>Results are 0 or a negative error number; {@link PvFailures} says why.
 */
final class TypedPages {
    private static final int MAX_REFERENCES = 1 << 30;
    /** Frame number of an entry whose address bits are all set, which guests use for "nothing". */
    private static final long NO_FRAME = Pte.FRAME >>> 12;

    private final PvOwnership owner;
    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final PageTypes types;
    private final PvFailures failures;
    private final PvTlbs tlbs;
    private final XenSlots slots;
    private final boolean wide;
    private long work;

    TypedPages(PvOwnership owner, PhysicalMemory memory, FrameTable frames, PageTypes types, PvFailures failures,
            PvTlbs tlbs, XenSlots slots, boolean wide) {
        this.owner = owner;
        this.memory = memory;
        this.frames = frames;
        this.types = types;
        this.failures = failures;
        this.tlbs = tlbs;
        this.slots = slots;
        this.wide = wide;
    }

    /** Entries checked or released so far. */
    long work() {
        return work;
    }

    // ---- frames ----

    /** Takes a reference to a frame of the domain; false when it is another's. */
    boolean getPage(long mfn) {
        if (!frames.valid(mfn) || !owner.owns(mfn) || frames.references(mfn) >= MAX_REFERENCES) {
            return false;
        }
        frames.get(mfn);
        return true;
    }

    boolean owns(long mfn) {
        return owner.owns(mfn);
    }

    void putPage(long mfn) {
        frames.put(mfn);
    }

    int getPageAndType(long mfn, int fullType) {
        if (!getPage(mfn)) {
            return failures.fail(Kind.BAD_OWNER, mfn);
        }
        int rc = getType(mfn, fullType);
        if (rc != 0) {
            frames.put(mfn);
        }
        return rc;
    }

    void putPageAndType(long mfn) {
        putType(mfn, -1);
        frames.put(mfn);
    }

    // ---- types ----

    /** Takes a type reference to a frame to which the caller has a reference. */
    int getType(long mfn, int fullType) {
        if (types.count(mfn) > 0) {
            if (types.fullType(mfn) != fullType || !types.validated(mfn)) {
                return failures.fail(Kind.TYPE_IN_USE, mfn);
            }
            return types.increment(mfn) ? 0 : failures.fail(Kind.TOO_MANY_REFERENCES, mfn);
        }
        if (types.fullType(mfn) != fullType) {
            types.setType(mfn, fullType);
            if (fullType != WRITABLE) {
                tlbs.dropWritable(mfn);
            }
        }
        types.increment(mfn);
        if (types.validated(mfn)) {
            return 0;
        }
        int rc = switch (fullType) {
            case L1 -> promoteL1(mfn);
            case L2, L3, L2 | XEN_L2 -> promote(mfn, fullType & ~XEN_L2);
            case L4 -> promote(mfn, L4);
            case SEGMENT_DESCRIPTORS -> checkDescriptors(mfn);
            default -> 0;
        };
        if (rc == 0) {
            types.setValidated(mfn, true);
        } else {
            types.decrement(mfn);
            types.setType(mfn, NONE);
        }
        return rc;
    }

    /**
     * Gives a type reference back.
     *
     * @param table the page table whose entry held it, or -1
     */
    void putType(long mfn, long table) {
        int type = types.type(mfn);
        boolean linear = table >= 0 && types.type(table) == type;
        if (types.count(mfn) == 1 && type >= L1 && type <= SEGMENT_DESCRIPTORS) {
            types.setValidated(mfn, false);
            if (type == L1) {
                demoteL1(mfn);
            } else if (type <= L4) {
                demote(mfn, type);
            }
            types.clearXenL2(mfn);
        }
        types.decrement(mfn);
        if (linear) {
            types.dropLinearUse(mfn);
            types.dropLinearEntry(table);
        }
    }

    private long host(long mfn) {
        return memory.hostPage(mfn);
    }

    private void store(long mfn, int slot, long old, long entry) {
        if (old != entry) {
            RawMemory.put64(host(mfn) + 8L * slot, entry);
            memory.written(mfn);
        }
    }

    private long load(long mfn, int slot) {
        return RawMemory.get64(host(mfn) + 8L * slot);
    }

    // ---- level 1 ----

    private int promoteL1(long mfn) {
        work += Pte.ENTRIES;
        for (int slot = 0; slot < Pte.ENTRIES; slot++) {
            long entry = load(mfn, slot);
            if ((entry & Pte.P) == 0) {
                continue;
            }
            int rc = getL1(entry, slot);
            if (rc != 0) {
                while (--slot >= 0) {
                    putL1(load(mfn, slot));
                }
                return rc;
            }
            store(mfn, slot, entry, Pte.adjust(1, entry, wide));
        }
        return 0;
    }

    private void demoteL1(long mfn) {
        work += Pte.ENTRIES;
        for (int slot = 0; slot < Pte.ENTRIES; slot++) {
            putL1(load(mfn, slot));
        }
    }

    /** Takes what a present level 1 entry of this domain's tables needs: a frame of its own. */
    int getL1(long entry, int slot) {
        if ((entry & Pte.forbidden(1, wide)) != 0) {
            return failures.fail(Kind.FORBIDDEN_BITS, 1, slot, entry);
        }
        long mfn = Pte.mfn(entry);
        if (!frames.valid(mfn)) {
            return failures.fail(Kind.NOT_RAM, mfn == NO_FRAME ? Errno.EINVAL : Errno.EPERM, 1, slot, entry, mfn);
        }
        if (!getPage(mfn)) {
            return failures.fail(Kind.FOREIGN_FRAME, 1, slot, entry);
        }
        if ((entry & Pte.RW) != 0 && getType(mfn, WRITABLE) != 0) {
            frames.put(mfn);
            return failures.fail(Kind.WRITABLE_REFUSED, 1, slot, entry);
        }
        return 0;
    }

    /** Gives back what a level 1 entry holds, which may be present or not. */
    void putL1(long entry) {
        if ((entry & Pte.P) != 0) {
            long mfn = Pte.mfn(entry);
            if ((entry & Pte.RW) != 0) {
                putType(mfn, -1);
            } else if (types.type(mfn) == SEGMENT_DESCRIPTORS && types.count(mfn) > 0 && owner.owns(mfn)) {
                owner.descriptorsUnmapped();
            }
            frames.put(mfn);
        }
    }

    // ---- levels 2 to 4 ----

    /** True for a slot that a guest may fill. */
    boolean guestSlot(long table, int level, int slot) {
        return switch (level) {
            case 2 -> (types.fullType(table) & XEN_L2) == 0 || slot < MachineToPhys.FIRST_XEN_L2_SLOT;
            case 4 -> slot < XenSlots.FIRST || slot > XenSlots.LAST;
            default -> true;
        };
    }

    private int promote(long mfn, int level) {
        boolean pdpt = level == 3 && !wide;
        if (pdpt) {
            RawMemory.fill(host(mfn) + 32, 4096 - 32, 0);
            memory.written(mfn);
        }
        work += Pte.ENTRIES;
        for (int slot = 0; slot < Pte.ENTRIES; slot++) {
            long entry = load(mfn, slot);
            int rc = 0;
            if (pdpt && slot == 3) {
                rc = getTopPdpte(entry);
            } else if (!guestSlot(mfn, level, slot) || (entry & Pte.P) == 0) {
                continue;
            } else {
                rc = getEntry(level, entry, mfn, slot);
            }
            if (rc != 0) {
                release(mfn, level, slot - 1);
                return rc;
            }
            store(mfn, slot, entry, Pte.adjust(level, entry, wide));
        }
        if (level == 4) {
            slots.fillL4(mfn, owner.strictM2p());
        } else if ((types.fullType(mfn) & XEN_L2) != 0) {
            slots.fillL2(mfn);
        }
        return 0;
    }

    private void demote(long mfn, int level) {
        work += Pte.ENTRIES;
        release(mfn, level, Pte.ENTRIES - 1);
    }

    private void release(long mfn, int level, int lastSlot) {
        for (int slot = lastSlot; slot >= 0; slot--) {
            if (guestSlot(mfn, level, slot)) {
                long entry = load(mfn, slot);
                if ((entry & Pte.P) != 0) {
                    putEntry(entry, mfn);
                    store(mfn, slot, entry, Pte.unadjust(level, entry, wide));
                }
            }
        }
    }

    /** The PDPTE for the last GiB, whose table holds the hypervisor's entries too and belongs to one PDPT only. */
    private int getTopPdpte(long entry) {
        if ((entry & Pte.P) == 0 || (entry & Pte.forbidden(3, false)) != 0) {
            return failures.fail(Kind.PAE_TOP_SLOT, 3, 3, entry);
        }
        long target = Pte.mfn(entry);
        int rc = getPageAndType(target, L2 | XEN_L2);
        if (rc == 0 && types.count(target) != 1) {
            putPageAndType(target);
            return failures.fail(Kind.PAE_TOP_SLOT, 3, 3, entry);
        }
        return rc;
    }

    /** Takes what a present entry of a table of level 2 to 4 needs: a table of the level below. */
    int getEntry(int level, long entry, long table, int slot) {
        if ((entry & Pte.forbidden(level, wide)) != 0) {
            return failures.fail(Kind.FORBIDDEN_BITS, level, slot, entry);
        }
        long target = Pte.mfn(entry);
        if (target == table || frames.valid(target) && types.count(target) > 0 && types.type(target) == level) {
            return level == 3 && !wide
                    ? failures.fail(Kind.TYPE_IN_USE, level, slot, entry)
                    : getLinear(level, entry, table, slot);
        }
        return getPageAndType(target, level - 1);
    }

    /** An entry for a table of the same level, through which a guest sees its own tables. */
    private int getLinear(int level, long entry, long table, int slot) {
        if ((entry & Pte.RW) != 0) {
            return failures.fail(Kind.LINEAR_WRITABLE, level, slot, entry);
        }
        long target = Pte.mfn(entry);
        if (target == table) {
            return 0;
        }
        if (!types.validated(target) || !getPage(target)) {
            return failures.fail(Kind.BAD_OWNER, level, slot, entry);
        }
        if (types.addLinearEntry(table)) {
            if (types.addLinearUse(target)) {
                if (types.increment(target)) {
                    return 0;
                }
                types.dropLinearUse(target);
            }
            types.dropLinearEntry(table);
        }
        frames.put(target);
        return failures.fail(Kind.LINEAR_NESTED, level, slot, entry);
    }

    /** Gives back what a present entry of a table of level 2 to 4 holds. */
    void putEntry(long entry, long table) {
        long target = Pte.mfn(entry);
        if ((entry & Pte.P) != 0 && target != table) {
            putType(target, table);
            frames.put(target);
        }
    }

    // ---- descriptors ----

    private int checkDescriptors(long mfn) {
        work += Pte.ENTRIES;
        for (int i = 0; i < Pte.ENTRIES; i++) {
            long raw = load(mfn, i);
            if (!Descriptors.allowed(raw, wide)) {
                return failures.fail(Kind.DESCRIPTOR, Kind.DESCRIPTOR.errno(), 0, i, raw, mfn);
            }
            store(mfn, i, raw, Descriptors.fix(raw, wide));
        }
        return 0;
    }
}
