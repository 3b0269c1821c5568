package org.xenolith.hypervisor;

import java.util.Arrays;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * Finds pages of RAM that hold only zeroes, as a guest that clears its memory leaves them, and that nobody else
 * refers to. Such a page can be taken
 * away and come back when it is used (Xen: the emergency sweep of populate on demand).
 */
final class ZeroPages {
    private static final int PAGE_BYTES = 4096;

    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final int domid;
    private long[] gfns = new long[1024];
    private int found;

    ZeroPages(PhysicalMemory memory, FrameTable frames, int domid) {
        this.memory = memory;
        this.frames = frames;
        this.domid = domid;
    }

    /** The gfns of at most so many zero pages, highest first: low ones are used first again. */
    long[] of(Physmap physmap, long most) {
        found = 0;
        physmap.forEach(this::visit);
        int n = (int) Math.min(most, found);
        long[] highest = new long[n];
        for (int i = 0; i < n; i++) {
            highest[i] = gfns[found - 1 - i];
        }
        return highest;
    }

    private void visit(long gfn, long mfn, Physmap.Type type) {
        if (type == Physmap.Type.RAM_RW && frames.owner(mfn) == domid && frames.references(mfn) == 1
                && isZero(memory.hostPage(mfn))) {
            if (found == gfns.length) {
                gfns = Arrays.copyOf(gfns, 2 * found);
            }
            gfns[found++] = gfn;
        }
    }

    private static boolean isZero(long page) {
        for (int i = 0; i < PAGE_BYTES; i += 8) {
            if (RawMemory.get64(page + i) != 0) {
                return false;
            }
        }
        return true;
    }
}
