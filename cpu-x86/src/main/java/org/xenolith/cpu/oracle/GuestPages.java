package org.xenolith.cpu.oracle;

import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/** Four-level page tables in guest-physical memory, built page by page from a running frame number. */
final class GuestPages {
    static final long PRESENT = 1;
    static final long WRITE = 2;
    static final long USER = 4;
    static final long NO_EXECUTE = 1L << 63;

    private final PhysicalMemory memory;
    private final long root;
    private long nextFrame;

    GuestPages(PhysicalMemory memory, long firstFrame) {
        this.memory = memory;
        this.nextFrame = firstFrame;
        this.root = frame();
    }

    /** Machine address of the PML4: the value for CR3. */
    long root() {
        return root << 12;
    }

    /** Takes a fresh frame. */
    long frame() {
        return nextFrame++;
    }

    /** Maps one page with the given rights. */
    void map(long gva, long mfn, long rights) {
        long table = root;
        for (int level = 3; level > 0; level--) {
            long entry = memory.hostPage(table) + 8 * (gva >>> 12 + 9 * level & 511);
            if (RawMemory.get64(entry) == 0) {
                RawMemory.put64(entry, frame() << 12 | PRESENT | WRITE | USER);
            }
            table = RawMemory.get64(entry) << 12 >>> 24;
        }
        RawMemory.put64(memory.hostPage(table) + 8 * (gva >>> 12 & 511), mfn << 12 | rights);
    }
}
