package org.xenolith.cpu.mmu;

import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

/**
 * The software TLB for data: direct-mapped tables of {@link #ENTRIES} entries, one table for each right (user, supervisor, supervisor
 * where SMAP does not apply).
 *
 * <p>A table is a structure of arrays of 8-byte elements: negated page address valid for reads, the same for writes, what to add to a
 * linear address in the page to get the host address, and {@link #META}. An access of n bytes at va hits when
 * {@code va + tag <= 4096 - n} unsigned, which also excludes page crossing; its host address is then {@code va + addend}. An invalid
 * tag names a page of another slot, so that no address of this slot can match it.
 *
 * <p>16384 entries, because kernel text, kernel data and the direct map meet in the same slots of smaller tables: a Debian boot misses
 * 371,000 times with 4096 entries, 116,000 times with 8192 and 64,000 times with 16384.
 *
 * <p>The tables follow the CPU's state block, so that emitted code reaches them with one base register.
 */
public final class Tlb {
    public static final int ENTRIES = 16384;
    /** Bytes between elements of an array. */
    public static final int ENTRY_SIZE = 8;
    /** Offsets of the arrays in a table. */
    public static final int READ = 0;
    public static final int WRITE = ENTRIES * ENTRY_SIZE;
    public static final int ADDEND = 2 * ENTRIES * ENTRY_SIZE;
    /** {@link #META}: the entry is in the list of filled slots; its translation is global; from bit 8 log2 of its page's bytes. */
    static final int META = 3 * ENTRIES * ENTRY_SIZE;
    static final int LISTED = 1;
    static final int GLOBAL = 2;
    static final int SHIFT_BIT = 8;

    /** Whose rights a table holds. */
    public static final int SUPERVISOR = 0;
    public static final int USER = 1;
    /** Supervisor where SMAP does not apply (CR4.SMAP = 0 or RFLAGS.AC = 1). */
    public static final int SUPERVISOR_ANY = 2;
    private static final int TABLES = 3;
    /** Bytes of one table. */
    public static final int TABLE_BYTES = 4 * ENTRIES * ENTRY_SIZE;

    /** Bytes that all tables take. */
    public static final int BYTES = (TABLES + 1) * TABLE_BYTES;

    private final long base;
    private final int[][] filled = new int[TABLES][ENTRIES];
    private final int[] filledCount = new int[TABLES];
    private final LargePages largePages = new LargePages();

    Tlb(long base) {
        this.base = base;
        for (int view = 0; view <= TABLES; view++) {
            invalidate(table(view), 0);
        }
    }

    /** Host address of a table. */
    long table(int view) {
        return base + (long) view * TABLE_BYTES;
    }

    /** Host address of a table in which nothing ever hits: used while every access must be looked at. */
    long emptyTable() {
        return base + (long) TABLES * TABLE_BYTES;
    }

    long entry(int view, long va) {
        return table(view) + (va >>> 12 & ENTRIES - 1) * ENTRY_SIZE;
    }

    void fill(int view, long va, long hostPage, boolean writable, boolean global, int pageShift) {
        int slot = (int) (va >>> 12) & ENTRIES - 1;
        long e = table(view) + (long) slot * ENTRY_SIZE;
        long page = va & -4096L;
        if ((get64(e + META) & LISTED) == 0) {
            filled[view][filledCount[view]++] = slot;
        }
        put64(e + READ, -page);
        put64(e + WRITE, writable ? -page : invalidTag(slot));
        put64(e + ADDEND, hostPage - page);
        put64(e + META, LISTED | (global ? GLOBAL : 0) | pageShift << SHIFT_BIT);
        largePages.filled(va, pageShift);
    }

    /** True when no translation would be lost by a fill for va. */
    boolean free(int view, long va) {
        int slot = (int) (va >>> 12) & ENTRIES - 1;
        return !valid(table(view) + (long) slot * ENTRY_SIZE, slot);
    }

    private static boolean valid(long e, int slot) {
        return get64(e + READ) != invalidTag(slot);
    }

    void flush(boolean globalToo) {
        retire(globalToo, null);
        if (globalToo) {
            largePages.clear();
        }
    }

    /** Moves all but global translations to a store. */
    void park(ParkedSpace to) {
        retire(false, to);
    }

    private void retire(boolean globalToo, ParkedSpace to) {
        for (int view = 0; view < TABLES; view++) {
            int kept = 0;
            int[] list = filled[view];
            int n = filledCount[view];
            for (int i = 0; i < n; i++) {
                int slot = list[i];
                long e = table(view) + (long) slot * ENTRY_SIZE;
                long meta = get64(e + META);
                if (!globalToo && (meta & GLOBAL) != 0) {
                    list[kept++] = slot;
                    continue;
                }
                if (to != null && valid(e, slot)) {
                    to.addData(view, -get64(e + READ), hostPage(e), get64(e + WRITE) == get64(e + READ),
                            (int) meta >>> SHIFT_BIT);
                }
                invalidate(e, slot);
            }
            filledCount[view] = kept;
        }
    }

    /** Drops the translation of one page, and all pieces of the large page that it is part of. */
    void flushPage(long va) {
        boolean pieces = largePages.mayHold(va);
        for (int view = 0; view < TABLES; view++) {
            long e = entry(view, va);
            if (get64(e + READ) == -(va & -4096L)) {
                drop(e, (int) (va >>> 12) & ENTRIES - 1);
            }
            if (pieces) {
                for (int i = 0; i < filledCount[view]; i++) {
                    int slot = filled[view][i];
                    long f = table(view) + (long) slot * ENTRY_SIZE;
                    int shift = (int) get64(f + META) >>> SHIFT_BIT;
                    if (shift > 12 && (-get64(f + READ) ^ va) >>> shift == 0) {
                        drop(f, slot);
                    }
                }
            }
        }
    }

    /** Makes every entry for a host page read-only, because code was decoded from it. */
    void protectPage(long hostPage) {
        for (int view = 0; view < TABLES; view++) {
            for (int i = 0; i < filledCount[view]; i++) {
                int slot = filled[view][i];
                long e = table(view) + (long) slot * ENTRY_SIZE;
                if (hostPage(e) == hostPage) {
                    put64(e + WRITE, invalidTag(slot));
                }
            }
        }
    }

    /** Drops every entry for a host page, because its frame is taken away or shared read-only. */
    void dropHostPage(long hostPage) {
        for (int view = 0; view < TABLES; view++) {
            for (int i = 0; i < filledCount[view]; i++) {
                int slot = filled[view][i];
                long e = table(view) + (long) slot * ENTRY_SIZE;
                if (hostPage(e) == hostPage) {
                    drop(e, slot);
                }
            }
        }
    }

    /** Host address of the page of a valid entry. */
    private static long hostPage(long e) {
        return get64(e + ADDEND) - get64(e + READ);
    }

    /** Invalidates but leaves the slot in the list. */
    private static void drop(long e, int slot) {
        put64(e + READ, invalidTag(slot));
        put64(e + WRITE, invalidTag(slot));
        put64(e + ADDEND, 0);
        put64(e + META, LISTED);
    }

    private static void invalidate(long e, int slot) {
        put64(e + READ, invalidTag(slot));
        put64(e + WRITE, invalidTag(slot));
        put64(e + ADDEND, 0);
        put64(e + META, 0);
    }

    /** Matches no address of its slot; zero, except in the slot of page 0, so that a table begins as untouched memory. */
    private static long invalidTag(int slot) {
        return slot == 0 ? -4096 : 0;
    }
}
