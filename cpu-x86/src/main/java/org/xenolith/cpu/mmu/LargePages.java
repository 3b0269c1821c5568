package org.xenolith.cpu.mmu;

import java.util.Arrays;

/**
 * Where pieces of large pages may be cached, so that INVLPG, which must drop all pieces of a page, rarely has to look for them. Never forgets
 * a piece until {@link #clear}; may name too many.
 */
final class LargePages {
    private static final int REGIONS = 1024;
    private static final int HUGE_SHIFT = 30;
    private static final int LARGE_SHIFT = 22;

    private final boolean[] large = new boolean[REGIONS];
    private final boolean[] huge = new boolean[REGIONS];

    /** A piece of a page of {@code 1 << shift} bytes is now cached; 12 is no large page. */
    void filled(long va, int shift) {
        if (shift >= HUGE_SHIFT) {
            huge[(int) (va >>> HUGE_SHIFT) & REGIONS - 1] = true;
        } else if (shift > 12) {
            large[(int) (va >>> LARGE_SHIFT) & REGIONS - 1] = true;
        }
    }

    /** False when no piece of a large page that holds va is cached. */
    boolean mayHold(long va) {
        return large[(int) (va >>> LARGE_SHIFT) & REGIONS - 1] || huge[(int) (va >>> HUGE_SHIFT) & REGIONS - 1];
    }

    void clear() {
        Arrays.fill(large, false);
        Arrays.fill(huge, false);
    }
}
