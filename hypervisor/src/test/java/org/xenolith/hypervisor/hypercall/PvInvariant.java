package org.xenolith.hypervisor.hypercall;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.xenolith.cpu.Cpu;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.PageTypes;
import org.xenolith.hypervisor.pv.mm.PvMemory;
import org.xenolith.memory.RawMemory;

/**
 * Reads all page tables of a machine as a CPU would and says what is wrong, from nothing but the tables, the owners of
 * frames and the counts to compare with.
 */
final class PvInvariant {
    private static final long FRAME = 0x000f_ffff_ffff_f000L;
    private static final long P = 1;
    private static final long RW = 2;
    private static final long US = 4;

    private final TestHost t;
    private final PageTypes types;
    private final FrameTable frames;
    private final List<String> wrong = new ArrayList<>();
    /** Frames that a guest's CPU would read as page tables, and frames that a guest could write to. */
    private final BitSet tables = new BitSet();
    private final BitSet writable = new BitSet();
    private final Map<Long, Integer> tableUses = new HashMap<>();
    private final Map<Long, Integer> writableUses = new HashMap<>();
    private final Map<Long, Integer> references = new HashMap<>();

    private PvInvariant(TestHost t) {
        this.t = t;
        this.types = t.host.pageTypes();
        this.frames = t.host.frames();
    }

    /** What is wrong on the machine now; empty when nothing is. */
    static List<String> violations(TestHost t) {
        PvInvariant i = new PvInvariant(t);
        i.countUses();
        for (Domain d : t.host.domains()) {
            if (d.pv() != null) {
                i.walk(d);
                i.tlbs(d);
            }
        }
        i.compare();
        return i.wrong;
    }

    private void fail(String text, long mfn) {
        wrong.add(text + ": mfn " + Long.toHexString(mfn) + " (owner " + frames.owner(mfn) + ", "
                + frames.references(mfn) + " references, " + types.describe(mfn) + ")");
    }

    private long entry(long mfn, int slot) {
        return RawMemory.get64(t.memory.hostPage(mfn) + 8L * slot);
    }

    private static long mfn(long entry) {
        return (entry & FRAME) >>> 12;
    }

    private static boolean isTable(int type) {
        return type >= PageTypes.L1 && type <= PageTypes.L4;
    }

    /** Which slots hold entries of the guest. */
    private boolean guestSlot(Domain d, long table, int level, int slot) {
        if (level == 4) {
            return slot < 256 || slot > 271;
        }
        boolean xenL2 = level == 2 && !d.pv().wide() && types.describe(table).contains("hypervisor entries");
        return !xenL2 || slot < 428;
    }

    private void countUses() {
        for (long table = 0; table < frames.frames(); table++) {
            int level = types.type(table);
            Domain d = t.host.domain(frames.owner(table));
            if (types.count(table) == 0 || !isTable(level)) {
                continue;
            }
            if (d == null || d.pv() == null) {
                fail("page table of no PV domain", table);
                continue;
            }
            if (!types.validated(table)) {
                fail("page table that was not checked", table);
            }
            for (int slot = 0; slot < 512; slot++) {
                long e = entry(table, slot);
                if ((e & P) != 0 && guestSlot(d, table, level, slot) && (level == 1 || mfn(e) != table)) {
                    count(level, e);
                }
            }
            if (types.pinned(table)) {
                tableUses.merge(table, 1, Integer::sum);
                references.merge(table, 1, Integer::sum);
            }
        }
        for (Domain d : t.host.domains()) {
            for (Vcpu v : d.pv() == null ? List.<Vcpu> of() : d.vcpus()) {
                for (long top : new long[]{d.pv().kernelTable(v), d.pv().userTable(v)}) {
                    if (top != 0) {
                        tableUses.merge(top, 1, Integer::sum);
                        references.merge(top, 1, Integer::sum);
                    }
                }
            }
        }
    }

    private void count(int level, long e) {
        if (!frames.valid(mfn(e))) {
            wrong.add("entry " + Long.toHexString(e) + " outside machine memory");
            return;
        }
        references.merge(mfn(e), 1, Integer::sum);
        if (level > 1) {
            tableUses.merge(mfn(e), 1, Integer::sum);
        } else if ((e & RW) != 0) {
            writableUses.merge(mfn(e), 1, Integer::sum);
        }
    }

    /** Reads a domain's tables as its CPUs do, from every table that may be put into CR3. */
    private void walk(Domain d) {
        PvMemory m = d.pv();
        int top = m.topLevel();
        for (long mfn = 0; mfn < frames.frames(); mfn++) {
            if (frames.owner(mfn) == d.domid() && types.count(mfn) > 0 && types.type(mfn) == top) {
                walk(d, mfn, top, true, true, new BitSet());
            }
        }
        for (Vcpu v : d.vcpus()) {
            if (m.kernelTable(v) != 0 && types.type(m.kernelTable(v)) != top) {
                fail("CR3 of a vCPU", m.kernelTable(v));
            }
        }
    }

    private void walk(Domain d, long table, int level, boolean mayWrite, boolean mayUse, BitSet seen) {
        boolean wide = d.pv().wide();
        tables.set((int) table);
        if (level > 1 && mayWrite && mayUse) {
            if (seen.get((int) table * 8 + level)) {
                return;
            }
            seen.set((int) table * 8 + level);
        }
        int slots = level == 3 && !wide ? 4 : 512;
        for (int slot = 0; slot < slots; slot++) {
            long e = entry(table, slot);
            // linear tables are read one level too deep, where the hole's slots are seen again
            if ((e & P) == 0 || frames.owner(table) != FrameTable.XEN && types.type(table) == 4
                    && !guestSlot(d, table, 4, slot)) {
                continue;
            }
            boolean w = mayWrite && (e & RW) != 0;
            boolean u = mayUse && (!wide || (e & US) != 0);
            if (!frames.valid(mfn(e))) {
                wrong.add("L" + level + " entry " + Long.toHexString(e) + " outside machine memory");
            } else if (level > 1) {
                if ((e & 0x80) != 0) {
                    fail("large page at level " + level, mfn(e));
                }
                if (frames.owner(table) != FrameTable.XEN && frames.owner(mfn(e)) != FrameTable.XEN) {
                    walk(d, mfn(e), level - 1, w, u, seen);
                }
            } else {
                if (w && u) {
                    writable.set((int) mfn(e));
                }
                leaf(d, e, w);
            }
        }
    }

    private void leaf(Domain d, long e, boolean w) {
        int owner = frames.owner(mfn(e));
        if (owner == FrameTable.NOBODY) {
            fail("mapping of a free frame", mfn(e));
        } else if (owner == FrameTable.XEN && w && !d.pv().owns(mfn(e))) {
            fail("writable mapping of the hypervisor's frame", mfn(e));
        }
    }

    /** No CPU may remember a right to write to a table, or a frame that is free. */
    private void tlbs(Domain d) {
        for (Vcpu v : d.vcpus()) {
            Cpu cpu = v.cpu();
            long start = d.pv().wide() ? 0xffff_8800_0000_0000L : 0xc000_0000L;
            for (long va = start; va < start + (512L << 12); va += 4096) {
                long host = cpu.mmu().peekHit(va, 1, true);
                if (host != 0 && types.guarded(host - t.memory.base() >>> 12)) {
                    fail("TLB of vCPU " + v.id() + " lets write", host - t.memory.base() >>> 12);
                }
                host = cpu.mmu().peekHit(va, 1, false);
                if (host != 0 && frames.owner(host - t.memory.base() >>> 12) == FrameTable.NOBODY) {
                    fail("TLB of vCPU " + v.id() + " shows a free frame", host - t.memory.base() >>> 12);
                }
            }
        }
    }

    private void compare() {
        for (int i = 0; i < frames.frames(); i++) {
            long mfn = i;
            if (tables.get(i) && writable.get(i)) {
                fail("writable and a page table at once", mfn);
            }
            if (writable.get(i) && types.guarded(mfn)) {
                fail("writable and " + PageTypes.name(types.type(mfn)), mfn);
            }
            int type = types.count(mfn) > 0 ? types.type(mfn) : PageTypes.NONE;
            int expected = tableUses.getOrDefault(mfn, 0);
            if (isTable(type) ? types.count(mfn) != expected : expected != 0) {
                fail("used " + expected + " times as a table", mfn);
            }
            int writers = writableUses.getOrDefault(mfn, 0);
            if (writers > 0 && (type != PageTypes.WRITABLE || types.count(mfn) < writers)) {
                fail("mapped writable " + writers + " times", mfn);
            }
            if (frames.references(mfn) < references.getOrDefault(mfn, 0)) {
                fail("referenced " + references.get(mfn) + " times by entries", mfn);
            }
        }
    }
}
