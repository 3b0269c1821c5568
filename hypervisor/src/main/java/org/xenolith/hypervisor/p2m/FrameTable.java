package org.xenolith.hypervisor.p2m;

import java.util.Arrays;
import java.util.BitSet;
import org.xenolith.memory.PhysicalMemory;

/**
 * Who owns each frame of machine memory and how often it is referenced, with the free-frame allocator and the
 * machine-to-physical table.
 *
 * <p>A frame is free at reference count 0. Allocation gives one reference; every grant mapping, foreign mapping and
 * registered area
 * takes another, so that a frame which its owner has released stays until the last user is gone (as page_info does in
 * Xen).
 */
public final class FrameTable {
    /** No owner. */
    public static final int NOBODY = -1;
    /** Owner of frames that belong to the hypervisor. */
    public static final int XEN = 0x7ff2;
    /** {@link #gfn} of a frame that is in no physmap. */
    public static final int INVALID_GFN = -1;
    /** Most frames that wait to be scrubbed: 2 MiB. */
    private static final int SCRUB_LIMIT = 512;

    private final PhysicalMemory memory;
    private final short[] owner;
    private final int[] references;
    private final int[] m2p;
    private final BitSet used;
    private int lowestFree;
    private int free;
    /** Free frames that are still to be scrubbed: adjacent, and scrubbed before any frame is taken. */
    private int unscrubbed;
    private int unscrubbedCount;
    private FreeListener freeListener = (mfn, domid) -> {};

    /** Hears of frames that became free. */
    @FunctionalInterface
    public interface FreeListener {
        void freed(long mfn, int owner);
    }

    public FrameTable(PhysicalMemory memory) {
        this.memory = memory;
        int frames = Math.toIntExact(memory.frames());
        owner = new short[frames];
        references = new int[frames];
        m2p = new int[frames];
        used = new BitSet(frames);
        free = frames;
        Arrays.fill(owner, (short) NOBODY);
        Arrays.fill(m2p, INVALID_GFN);
    }

    public void setFreeListener(FreeListener listener) {
        freeListener = listener;
    }

    public int frames() {
        return owner.length;
    }

    public int freeFrames() {
        return free;
    }

    /** Takes the lowest free frame, all zero, with one reference; -1 when there is none. */
    public long allocate(int domid) {
        int mfn = used.nextClearBit(lowestFree);
        if (mfn >= owner.length) {
            return -1;
        }
        take(mfn, domid);
        lowestFree = mfn + 1;
        return mfn;
    }

    /**
     * Takes {@code count} adjacent frames aligned to {@code count}, a power of two; the first one, or -1 when there are
     * none.
     */
    public long allocate(int domid, int count) {
        if (count == 1) {
            return allocate(domid);
        }
        int at = (lowestFree + count - 1) / count * count;
        while (at + count <= owner.length) {
            int next = used.nextSetBit(at);
            if (next < 0 || next >= at + count) {
                for (int i = 0; i < count; i++) {
                    take(at + i, domid);
                }
                return at;
            }
            at = (used.nextClearBit(next) + count - 1) / count * count;
        }
        return -1;
    }

    private void take(int mfn, int domid) {
        scrub();
        used.set(mfn);
        owner[mfn] = (short) domid;
        references[mfn] = 1;
        free--;
    }

    public boolean valid(long mfn) {
        return mfn >= 0 && mfn < owner.length;
    }

    /** Domid of the owner, {@link #XEN} or {@link #NOBODY}. */
    public int owner(long mfn) {
        return owner[(int) mfn];
    }

    /** True for a domid that owns frames. */
    public boolean isOwner(int domid) {
        for (short o : owner) {
            if (o == domid) {
                return true;
            }
        }
        return false;
    }

    /** Gives a frame in use to another domain, with its references. */
    public void setOwner(long mfn, int domid) {
        owner[(int) mfn] = (short) domid;
    }

    public int references(long mfn) {
        return references[(int) mfn];
    }

    /** Takes another reference to a frame in use. */
    public void get(long mfn) {
        if (references[(int) mfn] <= 0) {
            throw new IllegalStateException("mfn 0x" + Long.toHexString(mfn) + " is free");
        }
        references[(int) mfn]++;
    }

    /** Drops a reference; the last one frees and scrubs the frame. Returns true when it did. */
    public boolean put(long mfn) {
        int i = (int) mfn;
        if (references[i] <= 0) {
            throw new IllegalStateException("mfn 0x" + Long.toHexString(mfn) + " is free already");
        }
        if (--references[i] > 0) {
            return false;
        }
        scrubSoon(i);
        int was = owner[i];
        owner[i] = (short) NOBODY;
        m2p[i] = INVALID_GFN;
        used.clear(i);
        lowestFree = Math.min(lowestFree, i);
        free++;
        freeListener.freed(mfn, was);
        return true;
    }

    /** Gives memory back to the operating system in large pieces: a call for each frame takes longer than all else at a domain's end. */
    private void scrubSoon(int mfn) {
        memory.written(mfn);
        if (unscrubbedCount > 0 && mfn == unscrubbed - 1) {
            unscrubbed--;
        } else if (unscrubbedCount > 0 && mfn != unscrubbed + unscrubbedCount) {
            scrub();
        }
        if (unscrubbedCount == 0) {
            unscrubbed = mfn;
        }
        unscrubbedCount++;
        if (unscrubbedCount == SCRUB_LIMIT) {
            scrub();
        }
    }

    private void scrub() {
        if (unscrubbedCount > 0) {
            memory.discard(unscrubbed, unscrubbedCount);
            unscrubbedCount = 0;
        }
    }

    /** The gfn at which the owner sees the frame, or {@link #INVALID_GFN}. */
    public int gfn(long mfn) {
        return m2p[(int) mfn];
    }

    public void setGfn(long mfn, long gfn) {
        m2p[(int) mfn] = (int) gfn;
    }
}
