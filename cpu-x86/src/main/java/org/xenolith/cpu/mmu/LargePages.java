package org.xenolith.cpu.mmu;

import java.util.Arrays;

/**
 * Where pieces of large pages may be cached, so that INVLPG, which must drop all pieces of a page, rarely has to look for them. Never
 * forgets a piece until {@link #clear}; may name too many.
 */
final class LargePages {
    /** Slots of a TLB that pieces of one large (not huge) page can be in: as many, aligned. */
    static final int PIECES = 1024;
    private static final int REGIONS = 1024;
    private static final int HUGE_SHIFT = 30;
    private static final int LARGE_SHIFT = 22;

    private final boolean[] large = new boolean[REGIONS];
    private final boolean[] huge = new boolean[REGIONS];

    /** A piece of a page of {@code 1 << shift} bytes is now cached; 12 is no large page. */
    void filled(long va, int shift) {
        if (shift >= HUGE_SHIFT) {
            huge[region(va, HUGE_SHIFT)] = true;
        } else if (shift > 12) {
            large[region(va, LARGE_SHIFT)] = true;
        }
    }

    /** False when no piece of a page of 2 or 4 MiB that holds va is cached. */
    boolean mayHoldLarge(long va) {
        return large[region(va, LARGE_SHIFT)];
    }

    /** False when no piece of a page of 1 GiB that holds va is cached. */
    boolean mayHoldHuge(long va) {
        return huge[region(va, HUGE_SHIFT)];
    }

    /** Spreads regions that differ in high bits only, as a kernel's areas do. */
    private static int region(long va, int shift) {
        return (int) ((va >>> shift) * 0x9e37_79b9_7f4a_7c15L >>> 54);
    }

    void clear() {
        Arrays.fill(large, false);
        Arrays.fill(huge, false);
    }
}
