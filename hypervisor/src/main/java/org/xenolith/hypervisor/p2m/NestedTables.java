package org.xenolith.hypervisor.p2m;

import org.xenolith.hypervisor.p2m.Physmap.Type;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * A physmap as the processor walks it: extended page tables of VT-x (SDM vol. 3, 29.3) or nested page tables of AMD-V (APM vol. 2, 15.25), in
 * frames of the hypervisor, of four levels with pages of 4 KiB. Tables stay until the domain ends.
 */
public final class NestedTables implements Physmap.Listener, AutoCloseable {
    private static final int LEVELS = 4;
    private static final int BITS = 9;
    private static final int SLOTS = 1 << BITS;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
    /** Read, write, execute; and of a leaf, memory type write-back. */
    private static final long EPT_TABLE = 7;
    private static final long EPT_LEAF = 7 | 6 << 3;
    private static final long EPT_WRITE = 2;
    /** Present, writable, user, accessed; and of a leaf, dirty. */
    private static final long NPT_TABLE = 0x27;
    private static final long NPT_LEAF = 0x67;
    private static final long NPT_WRITE = 2;

    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final long table;
    private final long leaf;
    private final long write;
    private final Runnable full;
    private final long root;
    private long lastBase = -1;
    private long lastTable;

    /**
     * Empty tables.
     *
     * @param amd nested page tables rather than EPT
     * @param full called when machine memory has no room for another table: the entry is then missing
     * @throws IllegalStateException when it has none for the first one
     */
    public NestedTables(PhysicalMemory memory, FrameTable frames, boolean amd, Runnable full) {
        this.memory = memory;
        this.frames = frames;
        this.full = full;
        table = amd ? NPT_TABLE : EPT_TABLE;
        leaf = amd ? NPT_LEAF : EPT_LEAF;
        write = amd ? NPT_WRITE : EPT_WRITE;
        root = frames.allocate(FrameTable.XEN);
        if (root < 0) {
            throw new IllegalStateException("machine memory has no room for nested page tables");
        }
    }

    /** Frame of the root. */
    public long root() {
        return root;
    }

    @Override
    public void changed(long gfn, long mfn, Type type) {
        boolean none = type == Type.NONE || type == Type.ON_DEMAND;
        long at = leafTable(gfn, !none);
        if (at != 0) {
            boolean readOnly = type == Type.RAM_RO || type == Type.GRANT_RO || type == Type.XEN_RO;
            RawMemory.put64(at + 8 * (gfn & SLOTS - 1), none ? 0 : mfn << 12 | (readOnly ? leaf & ~write : leaf));
        }
    }

    /** Host address of the table that a gfn's leaf is in; 0 when there is none. */
    private long leafTable(long gfn, boolean create) {
        if (gfn >>> BITS == lastBase) {
            return lastTable;
        }
        long mfn = root;
        for (int level = LEVELS - 1; level > 0; level--) {
            long at = memory.hostPage(mfn) + 8 * (gfn >>> BITS * level & SLOTS - 1);
            long entry = RawMemory.get64(at);
            if (entry == 0) {
                if (!create) {
                    return 0;
                }
                long next = frames.allocate(FrameTable.XEN);
                if (next < 0) {
                    full.run();
                    return 0;
                }
                entry = next << 12 | table;
                RawMemory.put64(at, entry);
            }
            mfn = (entry & ADDRESS) >>> 12;
        }
        lastBase = gfn >>> BITS;
        lastTable = memory.hostPage(mfn);
        return lastTable;
    }

    /** Gives all tables back. */
    @Override
    public void close() {
        free(root, LEVELS - 1);
        lastBase = -1;
    }

    private void free(long mfn, int level) {
        for (int i = 0; level > 0 && i < SLOTS; i++) {
            long entry = RawMemory.get64(memory.hostPage(mfn) + 8L * i);
            if (entry != 0) {
                free((entry & ADDRESS) >>> 12, level - 1);
            }
        }
        frames.put(mfn);
    }
}
