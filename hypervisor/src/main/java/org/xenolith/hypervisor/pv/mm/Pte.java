package org.xenolith.hypervisor.pv.mm;

/**
 * Bits of page-table entries as PV guests may use them (SDM vol. 3, 4.5; public/arch-x86/xen-x86_64.h). All levels have
 * 8-byte entries, in 4-level and in PAE tables.
 */
final class Pte {
    static final long P = 1;
    static final long RW = 2;
    static final long US = 4;
    static final long PWT = 8;
    static final long PCD = 0x10;
    static final long A = 0x20;
    static final long D = 0x40;
    /** Page size in levels 2 and 3, PAT in level 1. */
    static final long PSE = 0x80;
    static final long G = 0x100;
    static final long NX = 1L << 63;
    /** Marks a page of the guest kernel, whose user bit is set only because the kernel runs in ring 3. */
    static final long GUEST_KERNEL = 1L << 52;
    static final long FRAME = 0x000f_ffff_ffff_f000L;

    static final int ENTRIES = 512;

    private static final long AVAILABLE = 0xe00 | 0x7ffL << 52;
    /** What a guest may change in a present entry without a new check. */
    static final long UNCHECKED = NX | AVAILABLE | G | D | A | US;

    private static final long NEVER = PWT | PCD | PSE;
    private static final long NEVER_PDPTE = NEVER | G | 0xfffL << 52;

    private Pte() {
    }

    static long mfn(long entry) {
        return (entry & FRAME) >>> 12;
    }

    /** Bits that a present entry of a level (1 to 4) must not have. */
    static long forbidden(int level, boolean wide) {
        if (level == 1) {
            return NEVER;
        }
        return level == 3 && !wide ? NEVER_PDPTE : NEVER | G;
    }

    /** What the hypervisor stores for an entry that it has checked: ring 3 is user and kernel alike in 64-bit guests. */
    static long adjust(int level, long entry, boolean wide) {
        if ((entry & P) == 0) {
            return entry;
        }
        switch (level) {
            case 1 -> {
                if (!wide) {
                    return entry;
                }
                long e = (entry & US) == 0 ? entry | GUEST_KERNEL | US : entry;
                return (e & GUEST_KERNEL) == 0 ? e | G | US : e;
            }
            case 2 -> {
                return wide ? entry | US : entry;
            }
            case 3 -> {
                return wide ? entry | US : entry | US | RW;
            }
            default -> {
                return wide ? entry | US | A : entry | A;
            }
        }
    }

    /** Takes {@link #adjust} back where the guest's own format has other bits reserved: PDPTEs. */
    static long unadjust(int level, long entry, boolean wide) {
        return level == 3 && !wide && (entry & P) != 0 ? entry & ~(US | RW | A) : entry;
    }

    /** Index into a table of a level (1 to 4). */
    static int slot(int level, long va) {
        return (int) (va >>> 3 + 9 * level) & ENTRIES - 1;
    }
}
