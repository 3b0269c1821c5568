package org.xenolith.hypervisor.pv.mm;

import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/** Looks up linear addresses in the tables of a PV guest, for the hypervisor's own accesses. */
final class PvWalker {
    private static final long END_OF_LOW_HALF = 1L << 47;
    /** HYPERVISOR_VIRT_END of 64-bit guests. */
    private static final long END_OF_HOLE = 0xffff_8800_0000_0000L;

    private final PhysicalMemory memory;
    private final boolean wide;

    PvWalker(PhysicalMemory memory, boolean wide) {
        this.memory = memory;
        this.wide = wide;
    }

    /** True for a canonical address outside the hypervisor's hole. */
    static boolean guestAddress(long va, boolean wide) {
        return wide
                ? va >= 0 && va < END_OF_LOW_HALF || va < 0 && va >= END_OF_HOLE
                : va >= 0 && va < MachineToPhys.START_32;
    }

    /**
     * Machine address of the level 1 entry for va.
     *
     * @param top the guest's level 4 table, or the PDPT of a 32-bit guest; 0 for none
     * @return -1 when there is none
     */
    long l1Entry(long top, long va) {
        if (top == 0 || !guestAddress(va, wide)) {
            return -1;
        }
        long table = top;
        for (int level = wide ? 4 : 3; level > 1; level--) {
            long entry = load((table << 12) + 8L * slot(level, va));
            if ((entry & (Pte.P | Pte.PSE)) != Pte.P) {
                return -1;
            }
            table = Pte.mfn(entry);
        }
        return (table << 12) + 8L * slot(1, va);
    }

    private int slot(int level, long va) {
        return level == 3 && !wide ? (int) (va >>> 30) & 3 : Pte.slot(level, va);
    }

    private long load(long at) {
        return RawMemory.get64(memory.hostPage(at >>> 12) | at & 0xfff);
    }

    private void mark(long at, long bits) {
        long entry = load(at);
        if ((entry & bits) != bits) {
            RawMemory.put64(memory.hostPage(at >>> 12) | at & 0xfff, entry | bits);
            memory.written(at >>> 12);
        }
    }

    /**
     * Translates for an access by the hypervisor with the guest kernel's rights, setting accessed and dirty bits as the
     * access itself would.
     *
     * @return the machine address, or -1 where the guest could not make the access
     */
    long access(long top, long va, boolean write) {
        if (top == 0 || !guestAddress(va, wide)) {
            return -1;
        }
        long table = top;
        long rights = Pte.RW | Pte.US;
        int levels = wide ? 4 : 3;
        for (int level = levels; level >= 1; level--) {
            long at = (table << 12) + 8L * slot(level, va);
            long entry = load(at);
            if ((entry & Pte.P) == 0 || level > 1 && (entry & Pte.PSE) != 0) {
                return -1;
            }
            rights &= entry;
            table = Pte.mfn(entry);
        }
        if (write && (rights & Pte.RW) == 0 || wide && (rights & Pte.US) == 0) {
            return -1;
        }
        table = top;
        for (int level = levels; level >= 1; level--) {
            long at = (table << 12) + 8L * slot(level, va);
            mark(at, level == 1 && write ? Pte.A | Pte.D : Pte.A);
            table = Pte.mfn(load(at));
        }
        return table << 12 | va & 0xfff;
    }
}
