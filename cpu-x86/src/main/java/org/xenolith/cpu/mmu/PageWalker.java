package org.xenolith.cpu.mmu;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.virt.NestedPaging;
import org.xenolith.memory.PhysicalMemory;

/**
 * Walks 32-bit, PAE and 4-level page tables with rights, reserved bits and accessed/dirty updates (SDM vol. 3, 4.3 to 4.8).
 *
 * <p>The result of the last walk is read from the accessors until the next walk.
 */
final class PageWalker {
    static final int READ = 0;
    static final int WRITE = 1;
    static final int FETCH = 2;

    private static final long P = 1;
    private static final long RW = 2;
    private static final long US = 4;
    private static final long A = 0x20;
    private static final long D = 0x40;
    private static final long PS = 0x80;
    private static final long G = 0x100;
    private static final long NX = 1L << 63;

    private static final String[] LEVELS = {"PTE", "PDE", "PDPTE", "PML4E"};

    private static final int PF_PRESENT = 1;
    private static final int PF_WRITE = 2;
    private static final int PF_USER = 4;
    private static final int PF_RESERVED = 8;
    private static final int PF_FETCH = 16;
    private static final int PF_KEY = 32;

    private final Cpu cpu;
    private final PhysicalMemory memory;
    private final Stage2 stage2;
    private final long[] pdpte = new long[4];
    private final long[] entryHost = new long[4];
    private final long[] entryValue = new long[4];
    private final long[] entryGpa = new long[4];
    private NestedPaging nested;

    private final long[] traced = new long[4];
    private int tracedLevel;

    private long gpa;
    private boolean device;
    private boolean writable;
    private boolean dirty;
    private boolean global;
    private int pageShift;

    PageWalker(Cpu cpu, PhysicalMemory memory, Stage2 stage2) {
        this.cpu = cpu;
        this.memory = memory;
        this.stage2 = stage2;
    }

    /** Puts a second level under the guest's tables, or (with null) takes it away. */
    void setNested(NestedPaging paging) {
        nested = paging;
    }

    NestedPaging nested() {
        return nested;
    }

    /** The second level knows a device at {@link #gpa} rather than a page. */
    boolean device() {
        return device;
    }

    /** As {@link #device}, and the second level itself serves it. */
    boolean virtualDevice() {
        return device && nested.virtualDevice();
    }

    long pdpte(int n) {
        return pdpte[n];
    }

    void setPdpte(int n, long entry) {
        pdpte[n] = entry;
    }

    /** The 4 KiB page base, as the CPU's host knows it; where a device is, as the guest does. */
    long gpa() {
        return gpa;
    }

    /** Writable with the rights that were asked for. */
    boolean writable() {
        return writable;
    }

    /** The leaf's dirty bit is set (so later writes need not set it). */
    boolean dirty() {
        return dirty;
    }

    boolean global() {
        return global;
    }

    /** Log2 of the bytes that the leaf maps: 12, 21, 22 or 30. */
    int pageShift() {
        return pageShift;
    }

    /**
     * Translates va or raises #PF.
     *
     * @param smap supervisor access to user pages is refused
     */
    void walk(long va, int access, boolean user, boolean smap) {
        walkGuest(va, access, user, smap);
        device = false;
        if (nested != null) {
            long offset = va & 0xfff;
            long p = nested.translate(gpa | offset, access, va, false, user);
            writable &= nested.writable();
            if (p == NestedPaging.DEVICE) {
                device = true;
            } else {
                gpa = p & -4096L;
            }
        }
    }

    private void walkGuest(long va, int access, boolean user, boolean smap) {
        long cr0 = cpu.cr0();
        if ((cr0 & ControlRegisters.CR0_PG) == 0) {
            gpa = va & 0xffff_f000L;
            writable = true;
            dirty = true;
            global = false;
            pageShift = 12;
            return;
        }
        long cr4 = cpu.cr4();
        if ((cr4 & ControlRegisters.CR4_PAE) == 0) {
            walk32(va, access, user, smap, cr0, cr4);
            return;
        }
        boolean nxe = (cpu.efer() & ControlRegisters.EFER_NXE) != 0;
        long reserved = ~(-1L >>> 64 - cpu.model().maxPhysicalAddressBits()) & 0x000f_ffff_ffff_f000L | (nxe ? 0 : NX);
        int level;
        long table;
        long rights = RW | US;
        long noExecute = 0;
        if (cpu.longMode()) {
            level = 3;
            table = cpu.field(CpuState.CR3) & 0x000f_ffff_ffff_f000L;
        } else {
            boolean read = nested != null && nested.readsPdptes();
            long top = read ? readPdpte(va) : pdpte[(int) (va >>> 30) & 3];
            if ((top & P) == 0) {
                throw fault(va, 0, access, user);
            }
            if (read && (top & pdpteReserved()) != 0) {
                throw fault(va, PF_PRESENT | PF_RESERVED, access, user);
            }
            level = 1;
            table = top & 0x000f_ffff_ffff_f000L;
            // without long mode bits 62:52 of an entry are reserved too
            reserved |= 0x7ff0_0000_0000_0000L;
        }
        int depth = 0;
        while (true) {
            long index = (va >>> 12 + 9 * level & 511) << 3;
            long host = tableHost(table, index, va);
            long at = host + index;
            long entry = host == 0 ? -1L : get64(at);
            if ((entry & P) == 0) {
                throw fault(va, 0, access, user);
            }
            boolean leaf = level == 0 || (entry & PS) != 0;
            long bad = reserved;
            if (leaf && level > 0) {
                bad |= level == 3 || level == 2 && !cpu.model().has(Feature.PAGE1GB)
                        ? PS
                        : (1L << 12 + 9 * level) - 1 & ~0x1fffL;
            }
            if ((entry & bad) != 0) {
                throw fault(va, PF_PRESENT | PF_RESERVED, access, user);
            }
            rights &= entry;
            noExecute |= entry & NX;
            entryHost[depth] = at;
            entryGpa[depth] = table + index;
            entryValue[depth] = entry;
            if (leaf) {
                check(va, access, user, smap, rights, noExecute != 0, cr0, cr4, (int) (entry >>> 59) & 15);
                for (int i = 0; i < depth; i++) {
                    setBits64(entryHost[i], entryGpa[i], va, entryValue[i], A);
                }
                setBits64(at, table + index, va, entry, access == WRITE ? A | D : A);
                long offsetMask = (1L << 12 + 9 * level) - 1;
                gpa = (entry & 0x000f_ffff_ffff_f000L & ~offsetMask) | va & offsetMask & -4096L;
                dirty = access == WRITE || (entry & D) != 0;
                global = (entry & G) != 0 && (cr4 & ControlRegisters.CR4_PGE) != 0;
                pageShift = 12 + 9 * level;
                return;
            }
            table = entry & 0x000f_ffff_ffff_f000L;
            level--;
            depth++;
        }
    }

    private void walk32(long va, int access, boolean user, boolean smap, long cr0, long cr4) {
        long directoryGpa = (cpu.field(CpuState.CR3) & 0xffff_f000L) + ((va >>> 22 & 1023) << 2);
        long directory = tableHost(directoryGpa & -4096L, directoryGpa & 0xfff, va);
        long pdeAt = directory + (directoryGpa & 0xfff);
        long pde = directory == 0 ? 0xffff_ffffL : get32(pdeAt) & 0xffff_ffffL;
        if ((pde & P) == 0) {
            throw fault(va, 0, access, user);
        }
        if ((pde & PS) != 0 && (cr4 & ControlRegisters.CR4_PSE) != 0) {
            // PSE-36: bits 20:13 hold address bits 39:32, those above the physical width are reserved
            int high = Math.min(40, cpu.model().maxPhysicalAddressBits()) - 32;
            long reserved = 0x3f_e000L & ~((1L << high) - 1 << 13);
            if ((pde & reserved) != 0) {
                throw fault(va, PF_PRESENT | PF_RESERVED, access, user);
            }
            check(va, access, user, smap, pde & (RW | US), false, cr0, cr4, 0);
            setBits32(pdeAt, directoryGpa, va, pde, access == WRITE ? A | D : A);
            gpa = pde & 0xffc0_0000L | (pde >>> 13 & (1L << high) - 1) << 32 | va & 0x3f_f000L;
            dirty = access == WRITE || (pde & D) != 0;
            global = (pde & G) != 0 && (cr4 & ControlRegisters.CR4_PGE) != 0;
            pageShift = 22;
            return;
        }
        long pteGpa = (pde & 0xffff_f000L) + ((va >>> 12 & 1023) << 2);
        long table = tableHost(pteGpa & -4096L, pteGpa & 0xfff, va);
        long pteAt = table + (pteGpa & 0xfff);
        long pte = table == 0 ? 0xffff_ffffL : get32(pteAt) & 0xffff_ffffL;
        if ((pte & P) == 0) {
            throw fault(va, 0, access, user);
        }
        check(va, access, user, smap, pde & pte & (RW | US), false, cr0, cr4, 0);
        setBits32(pdeAt, directoryGpa, va, pde, A);
        setBits32(pteAt, pteGpa, va, pte, access == WRITE ? A | D : A);
        gpa = pte & 0xffff_f000L;
        dirty = access == WRITE || (pte & D) != 0;
        global = (pte & G) != 0 && (cr4 & ControlRegisters.CR4_PGE) != 0;
        pageShift = 12;
    }

    /** Access rights (SDM vol. 3, 4.6); sets {@link #writable}. */
    private void check(long va, int access, boolean user, boolean smap, long rights, boolean noExecute, long cr0,
            long cr4, int key) {
        boolean userPage = (rights & US) != 0;
        boolean mayWrite = (rights & RW) != 0 || !user && (cr0 & ControlRegisters.CR0_WP) == 0;
        boolean ok;
        if (user) {
            ok = userPage;
        } else if (access == FETCH) {
            ok = !userPage || (cr4 & ControlRegisters.CR4_SMEP) == 0;
        } else {
            ok = !userPage || !smap || (cr4 & ControlRegisters.CR4_SMAP) == 0;
        }
        if (access == WRITE) {
            ok &= mayWrite;
        } else if (access == FETCH) {
            ok &= !noExecute;
        }
        // the key's bit of the error code stands beside other violations (SDM vol. 3, 4.7)
        int denied = 0;
        if (userPage && access != FETCH && (cr4 & ControlRegisters.CR4_PKE) != 0 && cpu.longMode()) {
            int pkru = cpu.field32(CpuState.PKRU) >>> 2 * key;
            boolean writeDisabled = (pkru & 2) != 0 && (user || (cr0 & ControlRegisters.CR0_WP) != 0);
            if ((pkru & 1) != 0 || access == WRITE && writeDisabled) {
                denied = PF_KEY;
            }
            mayWrite &= !writeDisabled;
        }
        if (!ok || denied != 0) {
            throw fault(va, PF_PRESENT | denied, access, user);
        }
        writable = mayWrite;
    }

    private RuntimeException fault(long va, int error, int access, boolean user) {
        int code = error | (access == WRITE ? PF_WRITE : 0) | (user ? PF_USER : 0);
        if (access == FETCH && ((cpu.cr4() & ControlRegisters.CR4_SMEP) != 0
                || (cpu.cr4() & ControlRegisters.CR4_PAE) != 0 && (cpu.efer() & ControlRegisters.EFER_NXE) != 0)) {
            code |= PF_FETCH;
        }
        return cpu.pageFault(va, code);
    }

    private long pdpteReserved() {
        return ~(-1L >>> 64 - cpu.model().maxPhysicalAddressBits()) | 0x1e6;
    }

    private long readPdpte(long va) {
        long cr3 = cpu.field(CpuState.CR3);
        long offset = cr3 & 0xfe0 | (va >>> 30 & 3) << 3;
        long host = tableHost(cr3 & 0xffff_f000L, offset, va);
        return host == 0 ? -1L : get64(host + offset);
    }

    void loadPdptes(long cr3) {
        if (nested != null && nested.readsPdptes()) {
            return;
        }
        long host = tableHost(cr3 & 0xffff_f000L, cr3 & 0xfe0, 0);
        long reserved = pdpteReserved();
        long[] loaded = new long[4];
        for (int i = 0; i < 4; i++) {
            loaded[i] = host == 0 ? -1L : get64(host + (cr3 & 0xfe0) + 8 * i);
            if ((loaded[i] & P) != 0 && (loaded[i] & reserved) != 0) {
                throw cpu.gp0();
            }
        }
        System.arraycopy(loaded, 0, pdpte, 0, 4);
    }

    /** Host address of the page that holds a paging structure, or 0 when it is not in RAM (then it reads as ones). */
    private long tableHost(long table, long offset, long va) {
        if (nested == null) {
            return hostPage(table);
        }
        long p = nested.translate(table + offset, NestedPaging.READ, va, true, false);
        return p == NestedPaging.DEVICE ? 0 : hostPage(p & -4096L);
    }

    /** Host address of the page at a physical address of the host's, or 0 when it is not RAM. */
    long hostPage(long gpa) {
        long mfn = stage2.mfn(gpa >>> 12);
        return mfn == Stage2.MMIO ? 0 : memory.hostPage(mfn & ~Stage2.READ_ONLY);
    }

    private void setBits64(long host, long entryAt, long va, long value, long bits) {
        if ((value & bits) != bits) {
            mayWrite(entryAt, va);
            put64(host, value | bits);
            memory.written(host - memory.base() >>> 12);
        }
    }

    private void setBits32(long host, long entryAt, long va, long value, long bits) {
        if ((value & bits) != bits) {
            mayWrite(entryAt, va);
            put32(host, (int) (value | bits));
            memory.written(host - memory.base() >>> 12);
        }
    }

    private void mayWrite(long entryAt, long va) {
        if (nested != null) {
            nested.translate(entryAt, NestedPaging.WRITE, va, true, false);
        }
    }

    /**
     * Reads the entries that translate va into {@link #traced}, without rights and side effects, down to the leaf or to one that is not
     * present. A structure that is not in RAM reads as not present.
     *
     * @return how many; the last one's level (0 for a PTE) is in {@link #tracedLevel}
     */
    private int trace(long va) {
        int n = 0;
        boolean wide = (cpu.cr4() & ControlRegisters.CR4_PAE) != 0;
        int level = !wide ? 1 : cpu.longMode() ? 3 : 1;
        long entry = cpu.field(CpuState.CR3) | P;
        if (wide && !cpu.longMode()) {
            entry = nested != null && nested.readsPdptes() ? peekPdpte(va) : pdpte[(int) (va >>> 30) & 3];
            traced[n++] = entry;
            tracedLevel = 2;
        }
        boolean largePages = wide || (cpu.cr4() & ControlRegisters.CR4_PSE) != 0;
        while ((entry & P) != 0) {
            long host = peekTable(entry & (wide ? 0x000f_ffff_ffff_f000L : 0xffff_f000L));
            if (host == 0) {
                entry = 0;
            } else if (wide) {
                entry = get64(host + ((va >>> 12 + 9 * level & 511) << 3));
            } else {
                entry = get32(host + ((va >>> 12 + 10 * level & 1023) << 2)) & 0xffff_ffffL;
            }
            traced[n++] = entry;
            tracedLevel = level;
            if (level == 0 || largePages && (entry & PS) != 0) {
                break;
            }
            level--;
        }
        return n;
    }

    private long peekPdpte(long va) {
        long cr3 = cpu.field(CpuState.CR3);
        long host = peekTable(cr3 & 0xffff_f000L);
        return host == 0 ? 0 : get64(host + (cr3 & 0xfe0) + ((va >>> 30 & 3) << 3));
    }

    private long peekTable(long table) {
        long p = nested == null ? table : nested.peek(table);
        return p == -1 ? 0 : hostPage(p);
    }

    /** The paging-structure entries that translate va, in words; no side effects. */
    String describe(long va) {
        if ((cpu.cr0() & ControlRegisters.CR0_PG) == 0) {
            return "paging is off";
        }
        int n = trace(va);
        StringBuilder text = new StringBuilder();
        for (int k = 0; k < n; k++) {
            text.append(k == 0 ? "" : ", ").append(LEVELS[tracedLevel + n - 1 - k]).append(' ')
                    .append(Long.toHexString(traced[k])).append((traced[k] & P) == 0 ? " (not present)" : "");
        }
        return text.toString();
    }

    /** Translation for a debugger: no rights, no side effects; -1 when not mapped. */
    long peek(long va) {
        if ((cpu.cr0() & ControlRegisters.CR0_PG) == 0) {
            return va & 0xffff_ffffL;
        }
        long leaf = traced[trace(va) - 1];
        if ((leaf & P) == 0) {
            return -1;
        }
        boolean wide = (cpu.cr4() & ControlRegisters.CR4_PAE) != 0;
        long offset = (1L << 12 + (wide ? 9 : 10) * tracedLevel) - 1;
        return leaf & (wide ? 0x000f_ffff_ffff_f000L : 0xffff_f000L) & ~offset | va & offset;
    }
}
