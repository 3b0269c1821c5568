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
    public static final int ENTRIES = 65536;
    /** Bytes between elements of an array. */
    public static final int ENTRY_SIZE = 8;
    /** Offsets of the arrays in a table. */
    public static final int READ = 0;
    public static final int WRITE = ENTRIES * ENTRY_SIZE;
    public static final int ADDEND = 2 * ENTRIES * ENTRY_SIZE;
    /**
     * {@link #META}: the entry is in the list of filled local entries; in that of global ones; its translation is global; it is in the
     * list of programs' entries; from bit 8 log2 of its page's bytes.
     */
    static final int META = 3 * ENTRIES * ENTRY_SIZE;
    private static final int IN_LOCAL = 1;
    private static final int IN_GLOBAL = 2;
    private static final int GLOBAL = 4;
    private static final int IN_PROGRAMS = 8;
    private static final int LISTS = IN_LOCAL | IN_GLOBAL | IN_PROGRAMS;
    private static final int SHIFT_BIT = 8;

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
    /** Entries are numbered through all tables: view * ENTRIES + slot. */
    private final EntryList local = new EntryList();
    private final EntryList global = new EntryList();
    private final EntryList programs = new EntryList();
    private final FrameChains chains = new FrameChains(TABLES * ENTRIES);
    private final LargePages largePages = new LargePages();

    Tlb(long base) {
        this.base = base;
        for (int view = 0; view <= TABLES; view++) {
            for (int slot : new int[]{0, ENTRIES - 1}) {
                long e = table(view) + (long) slot * ENTRY_SIZE;
                put64(e + READ, invalidTag(slot));
                put64(e + WRITE, invalidTag(slot));
            }
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

    void fill(int view, long va, long hostPage, boolean writable, boolean isGlobal, int pageShift) {
        int slot = slot(va);
        int id = view * ENTRIES + slot;
        long e = address(id);
        long page = va & -4096L;
        if (valid(e, slot)) {
            chains.unlink(id);
        }
        chains.link(id, hostPage >>> 12);
        int lists = (int) get64(e + META) & LISTS;
        if ((lists & (isGlobal ? IN_GLOBAL : IN_LOCAL)) == 0) {
            (isGlobal ? global : local).add(id);
        }
        if (ofPrograms(view, va) && (lists & IN_PROGRAMS) == 0) {
            programs.add(id);
            lists |= IN_PROGRAMS;
        }
        put64(e + READ, -page);
        put64(e + WRITE, writable ? -page : invalidTag(slot));
        put64(e + ADDEND, hostPage - page);
        put64(e + META, lists | (isGlobal ? IN_GLOBAL | GLOBAL : IN_LOCAL) | pageShift << SHIFT_BIT);
        largePages.filled(va, pageShift);
    }

    /** True when no translation would be lost by a fill for va. */
    boolean free(int view, long va) {
        return !valid(entry(view, va), slot(va));
    }

    void flush(boolean globalToo) {
        retireLocal(null);
        if (globalToo) {
            retireGlobal(null);
        }
    }

    private void retireGlobal(ParkedSpace to) {
        for (int i = 0; i < global.size(); i++) {
            int id = global.get(i);
            long e = address(id);
            if (to != null && valid(e, id & ENTRIES - 1)) {
                park(to, id, true);
            }
            invalidate(id);
            put64(e + META, get64(e + META) & IN_PROGRAMS);
        }
        global.clear();
        flushPrograms();
        largePages.clear();
    }

    private void park(ParkedSpace to, int id, boolean isGlobal) {
        long e = address(id);
        to.addData(id / ENTRIES, -get64(e + READ), hostPage(e), get64(e + WRITE) == get64(e + READ), isGlobal,
                (int) get64(e + META) >>> SHIFT_BIT);
    }

    /** What a program sees: the lower half of the address space, and all with its rights. */
    private static boolean ofPrograms(int view, long va) {
        return va >= 0 || view == USER;
    }

    /** Drops the translations of the lower half, and all for user rights. */
    void flushPrograms() {
        for (int i = 0; i < programs.size(); i++) {
            int id = programs.get(i);
            long e = address(id);
            if (ofPrograms(id / ENTRIES, -get64(e + READ))) {
                invalidate(id);
            }
            put64(e + META, get64(e + META) & ~IN_PROGRAMS);
        }
        programs.clear();
    }

    /** Moves all but global translations to a store, or those as well. */
    void park(ParkedSpace to, boolean globalToo) {
        retireLocal(to);
        if (globalToo) {
            retireGlobal(to);
        }
    }

    private void retireLocal(ParkedSpace to) {
        for (int i = 0; i < local.size(); i++) {
            int id = local.get(i);
            long e = address(id);
            long meta = get64(e + META);
            if ((meta & GLOBAL) != 0) {
                put64(e + META, meta & ~IN_LOCAL);
                continue;
            }
            if (to != null && valid(e, id & ENTRIES - 1)) {
                park(to, id, false);
            }
            invalidate(id);
            put64(e + META, meta & (IN_GLOBAL | IN_PROGRAMS));
        }
        local.clear();
    }

    /** Drops the entry of one page for one right. */
    void drop(int view, long va) {
        if (get64(entry(view, va) + READ) == -(va & -4096L)) {
            invalidate(view * ENTRIES + slot(va));
        }
    }

    /** Drops the translation of one page, and all pieces of the large page that it is part of. */
    void flushPage(long va) {
        int slot = slot(va);
        for (int id = slot; id < TABLES * ENTRIES; id += ENTRIES) {
            if (get64(address(id) + READ) == -(va & -4096L)) {
                invalidate(id);
            }
        }
        if (largePages.mayHoldLarge(va)) {
            int first = slot & -LargePages.PIECES;
            for (int view = 0; view < TABLES; view++) {
                for (int i = 0; i < LargePages.PIECES; i++) {
                    dropPiece(view * ENTRIES + first + i, va);
                }
            }
        }
        if (largePages.mayHoldHuge(va)) {
            for (int i = 0; i < local.size(); i++) {
                dropPiece(local.get(i), va);
            }
            for (int i = 0; i < global.size(); i++) {
                dropPiece(global.get(i), va);
            }
        }
    }

    private void dropPiece(int id, long va) {
        long e = address(id);
        int shift = (int) get64(e + META) >>> SHIFT_BIT;
        if (shift > 12 && (-get64(e + READ) ^ va) >>> shift == 0) {
            invalidate(id);
        }
    }

    /** Makes every entry for a host page read-only, because code was decoded from it. */
    void protectPage(long hostPage) {
        for (int id = chains.first(hostPage >>> 12); id != FrameChains.NONE; id = chains.after(id)) {
            long e = address(id);
            if (hostPage(e) == hostPage) {
                put64(e + WRITE, invalidTag(id & ENTRIES - 1));
            }
        }
    }

    /** Drops every entry for a host page, because its frame is taken away or shared read-only. */
    void dropHostPage(long hostPage) {
        for (int id = chains.first(hostPage >>> 12); id != FrameChains.NONE;) {
            int after = chains.after(id);
            if (hostPage(address(id)) == hostPage) {
                invalidate(id);
            }
            id = after;
        }
    }

    private long address(int id) {
        return table(id / ENTRIES) + (long) (id & ENTRIES - 1) * ENTRY_SIZE;
    }

    private static int slot(long va) {
        return (int) (va >>> 12) & ENTRIES - 1;
    }

    /** Host address of the page of a valid entry. */
    private static long hostPage(long e) {
        return get64(e + ADDEND) - get64(e + READ);
    }

    private static boolean valid(long e, int slot) {
        return get64(e + READ) != invalidTag(slot);
    }

    /** Ends a translation, if there is one; the entry stays in its lists. */
    private void invalidate(int id) {
        long e = address(id);
        int slot = id & ENTRIES - 1;
        if (valid(e, slot)) {
            chains.unlink(id);
            put64(e + READ, invalidTag(slot));
            put64(e + WRITE, invalidTag(slot));
            put64(e + META, get64(e + META) & LISTS);
        }
    }

    /**
     * Matches neither the first byte of an access that begins in the slot nor, because emitted code tests that one, the last byte, which
     * may be in the next slot. Zero, so that a table begins as untouched memory, except where page 0 is the slot's own or the next.
     */
    private static long invalidTag(int slot) {
        return slot == 0 || slot == ENTRIES - 1 ? -0x2000 : 0;
    }
}
