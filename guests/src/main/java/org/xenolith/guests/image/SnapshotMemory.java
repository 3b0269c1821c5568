package org.xenolith.guests.image;

/** What all snapshot disks of a machine may keep in memory together: a guest that writes more gets errors, and the others go on. */
public final class SnapshotMemory {
    private static final int SHARE_OF_HEAP = 2;

    private final long limit;
    private long taken;

    /**
     * Memory of which nothing is taken.
     *
     * @param limit how much there is, in bytes
     */
    public SnapshotMemory(long limit) {
        this.limit = limit;
    }

    /** Half of Java's heap. */
    public static SnapshotMemory ofHeap() {
        return new SnapshotMemory(Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP);
    }

    /** {@return how much there is, in bytes} */
    public long limit() {
        return limit;
    }

    /** Takes bytes; false when there are not so many. */
    boolean take(long bytes) {
        if (bytes > limit - taken) {
            return false;
        }
        taken += bytes;
        return true;
    }

    void giveBack(long bytes) {
        taken -= bytes;
    }
}
