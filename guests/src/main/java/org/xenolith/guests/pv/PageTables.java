package org.xenolith.guests.pv;

import static org.xenolith.guests.LittleEndian.put64;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongUnaryOperator;
import org.xenolith.memory.GuestMemory;

/**
 * The initial page tables of a PV guest: which tables there are, in which pseudo-physical frames, and what they map.
 * Entries have 8 bytes; a 64-bit guest has levels 4 to 1, a 32-bit one levels 3 to 1.
 */
final class PageTables {
    private static final int PAGE = 4096;
    private static final int PAGE_SHIFT = 12;
    private static final int BITS = 9;
    private static final int ENTRIES = 1 << BITS;
    private static final long VA_MASK = 0xffff_ffff_ffffL;

    private static final long PRESENT = 1;
    private static final long READ_ONLY = PRESENT | 0x20;
    private static final long WRITABLE = READ_ONLY | 2;
    private static final long TABLE = WRITABLE | 4 | 0x40;
    /** The level 2 table for the last GiB, which is partly the hypervisor's and has to be there in every PAE guest. */
    private static final long PAE_LAST_GIB = 3;

    /** Adjacent pages that map adjacent frames. */
    private record Area(long va, long pages, long pfn) {}

    private final boolean wide;
    private final int levels;
    /** For each level the frame of each table, by the part of virtual addresses that selects the table. */
    private final List<TreeMap<Long, Long>> tables = new ArrayList<>();
    private final List<Area> areas = new ArrayList<>();
    private long firstFrame = -1;
    private long frames;

    PageTables(boolean wide) {
        this.wide = wide;
        this.levels = wide ? 4 : 3;
        for (int level = 1; level <= levels; level++) {
            tables.add(new TreeMap<>());
        }
    }

    /** How many tables an area needs that is the first one. */
    static long count(boolean wide, long firstVa, long lastVa) {
        int levels = wide ? 4 : 3;
        long n = 0;
        for (int level = 1; level <= levels; level++) {
            n += key(level, levels, lastVa) - key(level, levels, firstVa) + 1;
        }
        return wide || key(2, levels, lastVa) == PAE_LAST_GIB ? n : n + 1;
    }

    private static long key(int level, int levels, long va) {
        return level == levels ? 0 : (va & VA_MASK) >>> PAGE_SHIFT + BITS * level;
    }

    /**
     * Maps an area, whose tables that are not there yet get frames one after the other from the top level down.
     *
     * @param tableFrame the first of these frames
     * @return how many of them it took
     */
    long add(long va, long pages, long pfn, long tableFrame) {
        long lastVa = va + (pages << PAGE_SHIFT) - 1;
        long next = tableFrame;
        for (int level = levels; level >= 1; level--) {
            TreeMap<Long, Long> known = tables.get(level - 1);
            long last = key(level, levels, lastVa);
            for (long k = key(level, levels, va); k <= last; k++) {
                if (known.putIfAbsent(k, next) == null) {
                    next++;
                }
            }
            if (!wide && level == 2 && known.putIfAbsent(PAE_LAST_GIB, next) == null) {
                next++;
            }
        }
        areas.add(new Area(va, pages, pfn));
        if (firstFrame < 0) {
            firstFrame = tableFrame;
            frames = next - tableFrame;
        }
        return next - tableFrame;
    }

    /** The frame of the top table. */
    long top() {
        return firstFrame;
    }

    /** Frames of the first area's tables, which are adjacent. */
    long frames() {
        return frames;
    }

    private boolean isTable(long pfn) {
        return pfn >= firstFrame && pfn < firstFrame + frames;
    }

    /**
     * Writes all tables.
     *
     * @param memory the guest's memory by pseudo-physical address
     * @param mfn gives the machine frame of a pseudo-physical frame
     */
    void write(GuestMemory memory, LongUnaryOperator mfn) {
        byte[] page = new byte[PAGE];
        for (int level = levels; level >= 2; level--) {
            int childLevel = level - 1;
            for (Map.Entry<Long, Long> table : tables.get(level - 1).entrySet()) {
                Arrays.fill(page, (byte) 0);
                long from = level == levels ? 0 : table.getKey() << BITS;
                long to = level == levels ? Long.MAX_VALUE : from + ENTRIES;
                tables.get(childLevel - 1).subMap(from, to).forEach((k, child) -> put64(
                        page, 8 * (int) (k & ENTRIES - 1),
                        mfn.applyAsLong(child) << PAGE_SHIFT | (!wide && childLevel == 2 ? PRESENT : TABLE)));
                memory.write(table.getValue() << PAGE_SHIFT, page, 0, PAGE);
            }
        }
        for (Map.Entry<Long, Long> table : tables.get(0).entrySet()) {
            Arrays.fill(page, (byte) 0);
            for (Area area : areas) {
                fill(page, table.getKey(), area, mfn);
            }
            memory.write(table.getValue() << PAGE_SHIFT, page, 0, PAGE);
        }
    }

    /** Puts those entries of a level 1 table that belong to an area. */
    private void fill(byte[] page, long table, Area area, LongUnaryOperator mfn) {
        long firstPage = (area.va() & VA_MASK) >>> PAGE_SHIFT;
        long from = Math.max(table << BITS, firstPage);
        long to = Math.min(table + 1 << BITS, firstPage + area.pages());
        for (long n = from; n < to; n++) {
            long pfn = area.pfn() + n - firstPage;
            put64(page, 8 * (int) (n & ENTRIES - 1),
                    mfn.applyAsLong(pfn) << PAGE_SHIFT | (isTable(pfn) ? READ_ONLY : WRITABLE));
        }
    }
}
