package org.xenolith.cpu.mmu;

/** Which entries of a TLB show which page frame: chains of entry numbers, by the low bits of the frame's number. */
final class FrameChains {
    private static final int BUCKETS = 4096;
    static final int NONE = -1;

    /** First entry + 1, so that a new array is empty. */
    private final int[] head = new int[BUCKETS];
    private final int[] next;
    /** The entry before, or {@code ~bucket} for the first. */
    private final int[] previous;

    FrameChains(int entries) {
        next = new int[entries];
        previous = new int[entries];
    }

    void link(int entry, long frame) {
        int bucket = (int) frame & BUCKETS - 1;
        int first = head[bucket] - 1;
        next[entry] = first;
        previous[entry] = ~bucket;
        if (first != NONE) {
            previous[first] = entry;
        }
        head[bucket] = entry + 1;
    }

    void unlink(int entry) {
        int after = next[entry];
        int before = previous[entry];
        if (after != NONE) {
            previous[after] = before;
        }
        if (before >= 0) {
            next[before] = after;
        } else {
            head[~before] = after + 1;
        }
    }

    /** First entry of the chain that holds all entries for a frame (and some for others), or {@link #NONE}. */
    int first(long frame) {
        return head[(int) frame & BUCKETS - 1] - 1;
    }

    /** The entry after another, or {@link #NONE}. */
    int after(int entry) {
        return next[entry];
    }
}
