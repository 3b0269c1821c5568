package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.mmu.FetchListener;
import org.xenolith.cpu.mmu.Tlb;

/**
 * The jump caches of one CPU, which emitted code looks into: RIP to host code, one table for each right,
 * and one for 32-bit user code. An entry is there only while the fetch
 * translation of its page is, so that a jump through it needs no other check.
 */
final class JumpCaches implements FetchListener {
    /** The table of 32-bit user code; those of {@link Tlb} come before it. */
    static final int USER_32 = 3;
    private static final int TABLES = 4;
    /** The tables whose entries are put aside with an address space. */
    private static final int[] PARKED = {Tlb.USER, USER_32};
    private static final int SPACES = 8;

    private final Cpu cpu;
    private final long base;
    private final int[][] filled = new int[TABLES][NativeLayout.JUMP_ENTRIES];
    private final int[] filledCount = new int[TABLES];
    /** What the entries of each table depend on beside their rights. */
    private final int[] mode = {Mode.NONE, Mode.NONE, Mode.NONE, Mode.NONE};
    /** The translations in the user's tables, by index. */
    private final Translation[][] user = new Translation[TABLES][];
    private final Parked[][] parked = new Parked[TABLES][];
    /** One bit for each hash of a page that has entries. */
    private final long[] pages = new long[TABLES];
    /** Some entry's page is not global. */
    private final boolean[] nonGlobal = new boolean[TABLES];
    /** Some entry is of user code, or in the lower half. */
    private final boolean[] programs = new boolean[TABLES];

    JumpCaches(Cpu cpu) {
        this.cpu = cpu;
        base = cpu.stateAddress() + CpuState.JUMP_CACHES;
        for (int t : PARKED) {
            user[t] = new Translation[NativeLayout.JUMP_ENTRIES];
            parked[t] = new Parked[SPACES];
        }
        for (int t = 0; t < TABLES; t++) {
            put64(tag(t, 0), empty(0));
        }
    }

    private long tag(int table, int index) {
        return base + (long) table * NativeLayout.JUMP_TABLE + 8L * index;
    }

    /** Drops what was translated for another mode with the same rights; to be called before code of the mode runs. */
    void enter(int newMode) {
        // SYSCALL, SYSRET, STAC and CLAC go from one table to another without coming by here
        for (int t = 0; t < TABLES; t++) {
            if (Mode.reaches(newMode, t)) {
                follow(t, Mode.jumpKey(newMode, t));
            }
        }
    }

    private void follow(int t, int key) {
        if (mode[t] != key) {
            clear(t);
            mode[t] = key;
        }
    }

    /** Enters a translation whose page's fetch translation is present. */
    void add(Translation translation) {
        int t = Mode.jumpTable(translation.mode);
        int k = NativeLayout.jumpIndex(translation.rip);
        long code = translation.address();
        long at = tag(t, k);
        if (get64(at) == empty(k)) {
            if (filledCount[t] == NativeLayout.JUMP_ENTRIES) {
                compact(t);
            }
            filled[t][filledCount[t]++] = k;
        }
        if (user[t] != null) {
            user[t][k] = translation;
        }
        put64(at, -translation.rip);
        put64(at + 8L * NativeLayout.JUMP_ENTRIES, code);
        pages[t] |= pageBit(translation.rip);
        programs[t] |= user[t] != null || translation.rip >= 0;
        nonGlobal[t] |= user[t] != null || !cpu.mmu().fetchGlobal(translation.rip);
        if (translation.block.secondMfn() >= 0) {
            long next = translation.rip + 4096;
            pages[t] |= pageBit(next);
            nonGlobal[t] |= !cpu.mmu().fetchGlobal(next);
        }
    }

    /** Keeps one mention of each slot that is in use. */
    private void compact(int t) {
        int kept = 0;
        for (int k = 0; k < NativeLayout.JUMP_ENTRIES; k++) {
            if (get64(tag(t, k)) != empty(k)) {
                filled[t][kept++] = k;
            }
        }
        filledCount[t] = kept;
    }

    void remove(Translation translation) {
        int t = Mode.jumpTable(translation.mode);
        if (parked[t] != null) {
            for (Parked p : parked[t]) {
                if (p != null) {
                    p.stale = true;
                }
            }
        }
        int k = NativeLayout.jumpIndex(translation.rip);
        if (get64(tag(t, k)) == -translation.rip) {
            put64(tag(t, k), empty(k));
        }
    }

    /**
     * The tag of an empty slot: that of a RIP which belongs to another slot. No value is safe by being impossible: a guest can jump to any
     * 64-bit number. 0 but for one, so that a table begins as untouched memory.
     */
    private static long empty(int index) {
        return index == 0 ? -1 : 0;
    }

    private static long pageBit(long rip) {
        return 1L << ((rip >>> 12) * 0x9e37_79b9_7f4a_7c15L >>> 58);
    }

    private void clear(int t) {
        for (int i = 0; i < filledCount[t]; i++) {
            put64(tag(t, filled[t][i]), empty(filled[t][i]));
        }
        filledCount[t] = 0;
        pages[t] = 0;
        nonGlobal[t] = false;
        programs[t] = false;
    }

    @Override
    public void allDropped() {
        for (int t = 0; t < TABLES; t++) {
            clear(t);
        }
    }

    @Override
    public void nonGlobalDropped() {
        for (int t = 0; t < TABLES; t++) {
            if (nonGlobal[t]) {
                clear(t);
            }
        }
    }

    @Override
    public void programsDropped() {
        for (int t = 0; t < TABLES; t++) {
            if (programs[t]) {
                clear(t);
            }
        }
    }

    @Override
    public void pageDropped(long va) {
        for (int t = 0; t < TABLES; t++) {
            if ((pages[t] & pageBit(va)) == 0) {
                continue;
            }
            for (int i = 0; i < filledCount[t]; i++) {
                long at = tag(t, filled[t][i]);
                // a block at the end of the page before may reach into this one
                long page = -get64(at) & -4096L;
                if (page == va || page == va - 4096) {
                    put64(at, empty(filled[t][i]));
                }
            }
        }
    }

    /** The user's entries of an address space that is not current. */
    private static final class Parked {
        private int pcid = -1;
        private int mode;
        private long pages;
        private int count;
        private int[] index = {};
        private Translation[] translations = {};
        private long[] code = {};
        /** A translation among them may have died since. */
        private boolean stale;

        private void makeRoom(int entries) {
            if (index.length < entries) {
                index = new int[2 * entries];
                translations = new Translation[2 * entries];
                code = new long[2 * entries];
            }
        }
    }

    @Override
    public void parking(int pcid) {
        for (int t : PARKED) {
            park(t, pcid);
        }
    }

    private void park(int t, int pcid) {
        Parked p = parked[t][pcid % SPACES];
        if (p == null) {
            if (filledCount[t] == 0) {
                return;
            }
            p = new Parked();
            parked[t][pcid % SPACES] = p;
        }
        p.pcid = pcid;
        p.mode = mode[t];
        p.pages = pages[t];
        p.stale = false;
        p.makeRoom(filledCount[t]);
        int n = 0;
        for (int i = 0; i < filledCount[t]; i++) {
            int k = filled[t][i];
            long at = tag(t, k);
            if (get64(at) != empty(k)) {
                p.index[n] = k;
                p.translations[n] = user[t][k];
                p.code[n++] = get64(at + 8L * NativeLayout.JUMP_ENTRIES);
            }
        }
        p.count = n;
    }

    @Override
    public void restored(int pcid, boolean complete) {
        for (int t : PARKED) {
            Parked p = parked[t][pcid % SPACES];
            if (p != null && p.pcid == pcid) {
                p.pcid = -1;
                if (p.mode == mode[t]) {
                    restore(t, p, complete);
                }
            }
        }
    }

    private void restore(int t, Parked p, boolean complete) {
        if (!complete || p.stale || filledCount[t] != 0) {
            restoreChecked(p);
            return;
        }
        for (int i = 0; i < p.count; i++) {
            int k = p.index[i];
            long at = tag(t, k);
            put64(at, -p.translations[i].rip);
            put64(at + 8L * NativeLayout.JUMP_ENTRIES, p.code[i]);
            user[t][k] = p.translations[i];
            filled[t][i] = k;
        }
        filledCount[t] = p.count;
        pages[t] = p.pages;
        nonGlobal[t] = true;
        programs[t] = true;
    }

    private void restoreChecked(Parked p) {
        for (int i = 0; i < p.count; i++) {
            Translation t = p.translations[i];
            if (!t.dead && !t.cooled && cpu.mmu().fetchKnown(t.rip, true)
                    && (t.block.secondMfn() < 0 || cpu.mmu().fetchKnown(t.rip + 4096, true))) {
                add(t);
            }
        }
    }
}
