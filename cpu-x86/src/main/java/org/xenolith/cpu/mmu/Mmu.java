package org.xenolith.cpu.mmu;

import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;
import static org.xenolith.memory.RawMemory.put8;

import java.util.function.LongPredicate;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.NestedPaging;
import org.xenolith.memory.PhysicalMemory;

/**
 * Access to memory by linear address with the rights of the current mode (SDM vol. 3, chapter 4).
 *
 * <p>The {@code seg} argument only decides between #SS(0) and #GP(0) for a non-canonical address. Accesses that hit the software TLB are
 * a compare and a load; everything else (miss, page crossing, MMIO, pages with decoded code, alignment checks) takes the slow path.
 */
public final class Mmu {
    private final Cpu cpu;
    private final PhysicalMemory memory;
    private final Stage2 stage2;
    private final PageWalker walker;
    private final Tlb tlb;
    private final FetchTlb fetch = new FetchTlb();
    private final AddressSpaces spaces;

    /** Table searched by the fast path. */
    private long view;
    /** Table that the slow path fills. */
    private int rights = Tlb.SUPERVISOR_ANY;
    private boolean alignmentCheck;
    private DataBreakpoints breakpoints;
    private long misses;
    private long fetchMisses;

    /** Told of every data access while data breakpoints are armed. */
    @FunctionalInterface
    public interface DataBreakpoints {
        void accessed(long va, int bytes, boolean write);
    }

    /** @param tlbAddress host address of {@link Tlb#BYTES} bytes for the software TLB */
    public Mmu(Cpu cpu, PhysicalMemory memory, Stage2 stage2, long tlbAddress) {
        this.tlb = new Tlb(tlbAddress);
        this.spaces = new AddressSpaces(tlb, fetch);
        this.cpu = cpu;
        this.memory = memory;
        this.stage2 = stage2;
        this.walker = new PageWalker(cpu, memory, stage2);
        this.view = tlb.table(rights);
    }

    /** Follows a change of CPL, RFLAGS.AC, CR0, CR4 or of the armed breakpoints. */
    public void modeChanged() {
        rights = cpu.guestKernel() ? Tlb.SUPERVISOR_ANY : rightsOf(cpu.cpl());
        alignmentCheck = cpu.cpl() == 3 && cpu.systemFlag(Flags.AC) && (cpu.cr0() & ControlRegisters.CR0_AM) != 0;
        view = watched() ? tlb.emptyTable() : tlb.table(rights);
    }

    /** The table of {@link Tlb} that accesses with the current rights use. */
    public int rights() {
        return rights;
    }

    /** True while every access must be looked at (alignment checks or data breakpoints): code that hits the TLB itself must not run. */
    public boolean watched() {
        return alignmentCheck || breakpoints != null;
    }

    /** Arms (or with null disarms) a listener that sees every data access. */
    public void setDataBreakpoints(DataBreakpoints listener) {
        breakpoints = listener;
        modeChanged();
    }

    /** Sets who hears when translations for instruction fetch stop being present. */
    public void setFetchListener(FetchListener listener) {
        fetch.setListener(listener);
    }

    // ---- data access ----

    public int read8(long va, int seg) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.READ);
        if (Long.compareUnsigned(offset, 4095) <= 0) {
            return get8(va + get64(e + Tlb.ADDEND));
        }
        return (int) slowRead(va, 1, seg, false);
    }

    public int read16(long va, int seg) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.READ);
        if (Long.compareUnsigned(offset, 4094) <= 0) {
            return get16(va + get64(e + Tlb.ADDEND));
        }
        return (int) slowRead(va, 2, seg, false);
    }

    /** Reads 4 bytes, zero-extended by the caller's choice: the int holds the bits. */
    public int read32(long va, int seg) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.READ);
        if (Long.compareUnsigned(offset, 4092) <= 0) {
            return get32(va + get64(e + Tlb.ADDEND));
        }
        return (int) slowRead(va, 4, seg, false);
    }

    public long read64(long va, int seg) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.READ);
        if (Long.compareUnsigned(offset, 4088) <= 0) {
            return get64(va + get64(e + Tlb.ADDEND));
        }
        return slowRead(va, 8, seg, false);
    }

    public void write8(long va, int seg, int v) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.WRITE);
        if (Long.compareUnsigned(offset, 4095) <= 0) {
            put8(va + get64(e + Tlb.ADDEND), v);
        } else {
            slowWrite(va, 1, seg, v);
        }
    }

    public void write16(long va, int seg, int v) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.WRITE);
        if (Long.compareUnsigned(offset, 4094) <= 0) {
            put16(va + get64(e + Tlb.ADDEND), v);
        } else {
            slowWrite(va, 2, seg, v);
        }
    }

    public void write32(long va, int seg, int v) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.WRITE);
        if (Long.compareUnsigned(offset, 4092) <= 0) {
            put32(va + get64(e + Tlb.ADDEND), v);
        } else {
            slowWrite(va, 4, seg, v);
        }
    }

    public void write64(long va, int seg, long v) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.WRITE);
        if (Long.compareUnsigned(offset, 4088) <= 0) {
            put64(va + get64(e + Tlb.ADDEND), v);
        } else {
            slowWrite(va, 8, seg, v);
        }
    }

    /** Reads 1, 2, 4 or 8 bytes given in bits, zero-extended. */
    public long read(long va, int seg, int bits) {
        return switch (bits) {
            case 8 -> read8(va, seg);
            case 16 -> read16(va, seg);
            case 32 -> read32(va, seg) & 0xffff_ffffL;
            default -> read64(va, seg);
        };
    }

    public void write(long va, int seg, int bits, long v) {
        switch (bits) {
            case 8 -> write8(va, seg, (int) v);
            case 16 -> write16(va, seg, (int) v);
            case 32 -> write32(va, seg, (int) v);
            default -> write64(va, seg, v);
        }
    }

    /**
     * The read half of a read-modify-write: checks write access (and sets the dirty bit) before it reads, so that the write that follows
     * cannot fault.
     */
    public long readForWrite(long va, int seg, int bits) {
        int bytes = bits >>> 3;
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + Tlb.WRITE);
        if (Long.compareUnsigned(offset, 4096 - bytes) <= 0) {
            return load(va + get64(e + Tlb.ADDEND), bytes);
        }
        return slowRead(va, bytes, seg, true);
    }

    /**
     * Checks that all of [va, va + bytes) may be read (or written) and faults otherwise, without touching data. For accesses wider than 8
     * bytes and for instructions that must not change anything before they can no longer fault.
     *
     * @param bytes 1 to 4096
     */
    public void probe(long va, int seg, int bytes, boolean write) {
        if (watched() || Long.compareUnsigned(
                va + get64(view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE + (write ? Tlb.WRITE : Tlb.READ)),
                4096 - bytes) > 0) {
            canonical(va, bytes, seg);
            translate(va, write);
            if ((va & 0xfff) + bytes > 4096) {
                translate(wrap((va | 0xfff) + 1), write);
            }
        }
    }

    /** True while misaligned accesses raise #AC. */
    public boolean checksAlignment() {
        return alignmentCheck;
    }

    /**
     * What a vector access of 8 to 32 bytes must pass when {@link #hostIfHit} gives no address: alignment where it is checked (to the
     * operand, or 16 bytes when that is wider, as on AMD), then {@link #probe}.
     */
    public void probeVector(long va, int seg, int bytes, boolean write) {
        if (alignmentCheck) {
            canonical(va, bytes, seg);
            checkAlignment(va, Math.min(bytes, 16));
        }
        probe(va, seg, bytes, write);
    }

    /**
     * Host address for an access of {@code bytes} at {@code va} when it hits the TLB in one page, else 0: for block moves. Never walks.
     */
    public long hostIfHit(long va, int bytes, boolean write) {
        long e = view + (va >>> 12 & Tlb.ENTRIES - 1) * Tlb.ENTRY_SIZE;
        long offset = va + get64(e + (write ? Tlb.WRITE : Tlb.READ));
        if (Long.compareUnsigned(offset, 4096 - bytes) <= 0) {
            return va + get64(e + Tlb.ADDEND);
        }
        return 0;
    }

    /**
     * Serves a TLB miss of emitted code with the checks and side effects that the interpreter's access would have: walk, accessed and
     * dirty bits, the same fill. Must not be called while {@link #watched}.
     *
     * <p>Only for accesses that the interpreter would make next, in its order. Never throws. When the answer is false the interpreter
     * must execute the instruction (page crossing, MMIO, a write to a page with decoded code, any fault); what was done until then it
     * would do as well, and doing it again changes nothing.
     *
     * @param bytes 1 to 4096
     * @return true when the access now hits in one page, so that emitted code can make it
     */
    public boolean fillForNative(long va, int bytes, boolean write) {
        if ((va & 0xfff) + bytes > 4096 || cpu.longMode() && !isCanonical(va)) {
            return false;
        }
        try {
            translate(va, write);
        } catch (GuestFault f) {
            return false;
        }
        return hostIfHit(va, bytes, write) != 0;
    }

    /** Host address of an access that hits the TLB in one page, else 0; holds also while {@link #watched}. */
    public long peekHit(long va, int bytes, boolean write) {
        long e = tlb.entry(rights, va);
        return Long.compareUnsigned(va + get64(e + (write ? Tlb.WRITE : Tlb.READ)), 4096 - bytes) <= 0
                ? va + get64(e + Tlb.ADDEND)
                : 0;
    }

    /**
     * Host address of an access in one page of RAM as the page tables have it, without rights and side effects; -1 when they have none, 0
     * when it is no plain RAM: a device, or for a write a page that is read-only in the second stage or holds decoded code.
     */
    public long peekRam(long va, boolean write) {
        long gpa = walker.peek(va);
        if (gpa != -1 && walker.nested() != null) {
            gpa = walker.nested().peek(gpa);
        }
        if (gpa == -1) {
            return -1;
        }
        long mfn = frame(gpa >>> 12);
        if (mfn == Stage2.MMIO) {
            return 0;
        }
        boolean readOnly = (mfn & Stage2.READ_ONLY) != 0;
        mfn &= ~Stage2.READ_ONLY;
        return write && (readOnly || memory.hasState(mfn, PhysicalMemory.HAS_CODE))
                ? 0
                : memory.hostPage(mfn) | va & 0xfff;
    }

    /** Drops the data translation of one page for the current rights: its next access walks again. */
    public void forget(long va) {
        tlb.drop(rights, va);
    }

    // ---- access with the rights of another privilege level ----

    /** Writes with the rights of {@code cpl} (0 to 3), for a stack that is about to become current. */
    public void writeAs(int cpl, long va, int bits, long v) {
        int savedRights = rights;
        boolean savedCheck = alignmentCheck;
        rights = rightsOf(cpl);
        alignmentCheck &= cpl == 3;
        try {
            slowWrite(va, bits >>> 3, CpuState.SS, v);
        } finally {
            rights = savedRights;
            alignmentCheck = savedCheck;
        }
    }

    /** Faults unless all of [va, va + bytes) can be written with the rights of {@code cpl}; bytes 1 to 4096. */
    public void probeWriteAs(int cpl, long va, int bytes) {
        canonical(va, bytes, CpuState.SS);
        translateAs(rightsOf(cpl), va, true);
        if ((va & 0xfff) + bytes > 4096) {
            translateAs(rightsOf(cpl), wrap((va | 0xfff) + 1), true);
        }
    }

    private int rightsOf(int cpl) {
        if (cpl == 3) {
            return Tlb.USER;
        }
        return (cpu.cr4() & ControlRegisters.CR4_SMAP) != 0 && !cpu.systemFlag(Flags.AC)
                ? Tlb.SUPERVISOR
                : Tlb.SUPERVISOR_ANY;
    }

    // ---- implicit supervisor access: descriptor tables, TSS, IDT ----

    public long readSystem(long va, int bits) {
        int bytes = bits >>> 3;
        if ((va & 0xfff) + bytes <= 4096) {
            long host = translateAs(Tlb.SUPERVISOR, va, false);
            if (host != 0) {
                return load(host, bytes);
            }
        }
        long v = 0;
        for (int i = 0; i < bytes; i++) {
            long at = wrap(va + i);
            long host = translateAs(Tlb.SUPERVISOR, at, false);
            v |= (host == 0 ? mmio(at, 1) : get8(host)) << 8 * i;
        }
        return v;
    }

    /** Faults unless all of [va, va + bytes) can be read (written) as system data; bytes 1 to 4096. */
    public void probeSystem(long va, int bytes, boolean write) {
        translateAs(Tlb.SUPERVISOR, va, write);
        translateAs(Tlb.SUPERVISOR, wrap(va + bytes - 1), write);
    }

    public void writeSystem(long va, int bits, long v) {
        int bytes = bits >>> 3;
        translateAs(Tlb.SUPERVISOR, va, true);
        translateAs(Tlb.SUPERVISOR, wrap(va + bytes - 1), true);
        for (int i = 0; i < bytes; i++) {
            long at = wrap(va + i);
            long host = translateAs(Tlb.SUPERVISOR, at, true);
            if (host == 0) {
                deviceWrite(walker.gpa() | at & 0xfff, 1, v >>> 8 * i & 0xff);
            } else {
                put8(host, (int) (v >>> 8 * i));
                memory.written(mfnOf(host));
            }
        }
    }

    // ---- code fetch ----

    /**
     * The machine frame of the page that {@code va} is on, for instruction fetch at the current privilege; faults like a fetch.
     *
     * @return the mfn, or {@link Stage2#MMIO}
     */
    public long fetchFrame(long va) {
        boolean user = rights == Tlb.USER;
        long cached = fetch.find(va, user);
        if (cached >= 0) {
            return cached;
        }
        if (cpu.longMode() && !isCanonical(va)) {
            throw cpu.fault(Vector.GP, 0);
        }
        fetchMisses++;
        walker.walk(va, PageWalker.FETCH, user || cpu.deprivileged(), false);
        long mfn = walker.device() ? Stage2.MMIO : stage2.mfn(walker.gpa() >>> 12);
        if (mfn == Stage2.MMIO) {
            return mfn;
        }
        mfn &= ~Stage2.READ_ONLY;
        fetch.fill(va, user, mfn, walker.global(), walker.pageShift());
        return mfn;
    }

    /** True when the fetch translation of va's page is present for that privilege; no side effect. */
    public boolean fetchKnown(long va, boolean user) {
        return fetch.find(va, user) >= 0;
    }

    /** True when the fetch translation of va's page is present for the current privilege and leads to a frame; no side effect. */
    public boolean fetchIs(long va, long mfn) {
        return fetch.find(va, rights == Tlb.USER) == mfn;
    }

    /** True when the fetch translation of va's page is present and global. */
    public boolean fetchGlobal(long va) {
        return fetch.global(va);
    }

    // ---- guests of VT-x and AMD-V ----

    /**
     * Changes to another guest's translations, or to the host's.
     *
     * @param paging its second level, or null
     * @param space whose translations these are: 0 the host's; equal numbers share them
     * @param keep what is known of that space stays valid
     */
    public void switchSpace(NestedPaging paging, long space, boolean keep) {
        switchSpace(paging, space, pcid(), keep, keep);
    }

    /**
     * As {@link #switchSpace(NestedPaging, long, boolean)}, after CR3 and CR4 have been loaded.
     *
     * @param from the PCID that was current
     * @param store keep what is known of the space that is left
     */
    public void switchSpace(NestedPaging paging, long space, int from, boolean store, boolean keep) {
        walker.setNested(paging);
        if (space != spaces.space()) {
            spaces.switchSpace(space, from, pcid(), store, keep);
            cpu.requestAttention();
        } else if (!keep) {
            flushAll();
        } else {
            switchPcid(from, true);
        }
    }

    /** Drops what is known of the guests whose numbers are among these, and that are not current. */
    public void dropSpaces(LongPredicate which) {
        spaces.dropSpaces(which);
    }

    /** As {@link #dropSpaces}, but keeps global translations. */
    public void dropSpacesNonGlobal(LongPredicate which) {
        spaces.dropSpacesNonGlobal(which);
    }

    /** As {@link #dropSpaces}, for one page under every PCID. */
    public void dropSpacesPage(LongPredicate which, long va) {
        spaces.dropSpacesPage(which, va);
    }

    /** Host address of the page of RAM at a physical address of the CPU's host, or 0 when there is none. */
    public long physicalPage(long address) {
        return walker.hostPage(address);
    }

    /** PDPTE n (0 to 3) as PAE paging has loaded it. */
    public long pdpte(int n) {
        return walker.pdpte(n);
    }

    /** Loads PDPTE n (0 to 3), which has been checked. */
    public void setPdpte(int n, long entry) {
        walker.setPdpte(n, entry);
    }

    // ---- flushes ----

    /** Drops everything, for every PCID: CR0, CR4 or paging-mode changes, INVPCID all, a change of the second stage. */
    public void flushAll() {
        spaces.flushAll();
        cpu.requestAttention();
    }

    /** Drops all but global translations of the current PCID: MOV to CR3 without CR4.PCIDE. */
    public void flushNonGlobal() {
        spaces.flushNonGlobal(false);
        cpu.requestAttention();
    }

    /** Drops all but global translations of every PCID: INVPCID type 3. */
    public void flushAllNonGlobal() {
        spaces.flushNonGlobal(true);
        cpu.requestAttention();
    }

    /**
     * Drops the translations of the lower half of the address space, and all for user rights, global ones too: CR3 has other tables, whose
     * upper half is the same.
     */
    public void flushPrograms() {
        spaces.flushPrograms();
        cpu.requestAttention();
    }

    /** INVLPG: the page under the current PCID, and a global one. */
    public void flushPage(long va) {
        spaces.flushPage(va);
        cpu.requestAttention();
    }

    /** Drops all but global translations of a PCID (0 to 4095): INVPCID type 1. */
    public void flushPcid(int pcid) {
        if (pcid == pcid()) {
            flushNonGlobal();
        } else {
            spaces.flushParked(pcid);
        }
    }

    /** Drops the translation of a page under a PCID (0 to 4095): INVPCID type 0. */
    public void flushPcidPage(int pcid, long va) {
        if (pcid == pcid()) {
            flushPage(va);
        } else {
            spaces.flushParkedPage(pcid, va);
        }
    }

    /**
     * MOV to CR3 with CR4.PCIDE, after the register has been loaded.
     *
     * @param from the PCID that was current
     * @param keep bit 63 of the operand: translations of the new PCID stay valid
     */
    public void switchPcid(int from, boolean keep) {
        int to = pcid();
        if (from != to) {
            spaces.switchTo(from, to, keep);
        } else if (!keep) {
            spaces.flushNonGlobal(false);
        }
        cpu.requestAttention();
    }

    /** The PCID that is current; 0 without CR4.PCIDE. */
    public int pcid() {
        return (cpu.cr4() & ControlRegisters.CR4_PCIDE) == 0 ? 0 : (int) cpu.field(CpuState.CR3) & 0xfff;
    }

    /** Code was decoded from a frame: writes to it must be noticed from now on. */
    public void protectFrame(long mfn) {
        spaces.protectPage(memory.hostPage(mfn));
    }

    /** A frame was taken from the guest. */
    public void dropFrame(long mfn) {
        spaces.dropFrame(mfn, memory.hostPage(mfn));
        cpu.requestAttention();
    }

    /** Loads the four PDPTEs of PAE paging (SDM vol. 3, 4.4.1); raises #GP(0) when one has reserved bits. */
    public void loadPdptes(long cr3) {
        walker.loadPdptes(cr3);
    }

    /** What the TLBs did so far. */
    public TlbCounts counts() {
        return new TlbCounts(misses, fetchMisses, spaces.flushes(), spaces.programFlushes(), spaces.switches(),
                spaces.parked(), spaces.restored());
    }

    // ---- debugger's view ----

    /** Translates without side effects (no fault, no accessed bits, no TLB); -1 when there is no translation. */
    public long peekGpa(long va) {
        return walker.peek(va);
    }

    /** The paging-structure entries that translate va now, in words; no side effects. */
    public String describe(long va) {
        return walker.describe(va);
    }

    // ---- slow path ----

    private long slowRead(long va, int bytes, int seg, boolean forWrite) {
        canonical(va, bytes, seg);
        checkAlignment(va, bytes);
        if (breakpoints != null) {
            breakpoints.accessed(va, bytes, forWrite);
        }
        if ((va & 0xfff) + bytes > 4096) {
            translate(va, forWrite);
            translate(wrap((va | 0xfff) + 1), forWrite);
            long v = 0;
            for (int i = 0; i < bytes; i++) {
                long at = wrap(va + i);
                long host = translate(at, forWrite);
                v |= (host == 0 ? mmio(at, 1) : get8(host)) << 8 * i;
            }
            return v;
        }
        long host = translate(va, forWrite);
        return host == 0 ? mmio(va, bytes) : load(host, bytes);
    }

    private void slowWrite(long va, int bytes, int seg, long v) {
        canonical(va, bytes, seg);
        checkAlignment(va, bytes);
        if (breakpoints != null) {
            breakpoints.accessed(va, bytes, true);
        }
        if ((va & 0xfff) + bytes > 4096) {
            translate(va, true);
            translate(wrap((va | 0xfff) + 1), true);
            for (int i = 0; i < bytes; i++) {
                storeAt(wrap(va + i), 1, v >>> 8 * i);
            }
        } else {
            storeAt(va, bytes, v);
        }
    }

    private void storeAt(long va, int bytes, long v) {
        long host = translate(va, true);
        if (host == 0) {
            deviceWrite(walker.gpa() | va & 0xfff, bytes,
                    bytes == 8 ? v : v & (1L << 8 * bytes) - 1);
            cpu.requestAttention();
            return;
        }
        switch (bytes) {
            case 1 -> put8(host, (int) v);
            case 2 -> put16(host, (int) v);
            case 4 -> put32(host, (int) v);
            default -> put64(host, v);
        }
        memory.written(mfnOf(host));
    }

    private static long load(long host, int bytes) {
        return switch (bytes) {
            case 1 -> get8(host);
            case 2 -> get16(host);
            case 4 -> get32(host) & 0xffff_ffffL;
            default -> get64(host);
        };
    }

    private long mmio(long va, int bytes) {
        cpu.requestAttention();
        long v = deviceRead(walker.gpa() | va & 0xfff, bytes);
        return bytes == 8 ? v : v & (1L << 8 * bytes) - 1;
    }

    /** The local APIC's page lies over RAM. */
    private long frame(long gfn) {
        return apicMapped(gfn) ? Stage2.MMIO : stage2.mfn(gfn);
    }

    /** Under a hypervisor of the host the local APIC is the guest's, at an address of the guest's, and access to it is for that hypervisor. */
    private boolean apicMapped(long gfn) {
        return cpu.root() == null && cpu.apic().mapped(gfn);
    }

    private long deviceRead(long gpa, int bytes) {
        if (walker.virtualDevice()) {
            return walker.nested().deviceRead(gpa, bytes);
        }
        return apicMapped(gpa >>> 12)
                ? cpu.apic().mmioRead((int) gpa & 0xfff, bytes)
                : cpu.environment().mmioRead(cpu, gpa, bytes);
    }

    private void deviceWrite(long gpa, int bytes, long v) {
        if (walker.virtualDevice()) {
            walker.nested().deviceWrite(gpa, bytes, v);
        } else if (apicMapped(gpa >>> 12)) {
            cpu.apic().mmioWrite((int) gpa & 0xfff, bytes, v);
        } else {
            cpu.environment().mmioWrite(cpu, gpa, bytes, v);
        }
    }

    private long mfnOf(long host) {
        return host - memory.base() >>> 12;
    }

    private void canonical(long va, int bytes, int seg) {
        if (cpu.longMode() && (!isCanonical(va) || !isCanonical(va + bytes - 1))) {
            throw cpu.fault(seg == CpuState.SS ? Vector.SS : Vector.GP, 0);
        }
    }

    /** 48-bit canonical form. */
    public static boolean isCanonical(long va) {
        return va << 16 >> 16 == va;
    }

    /** Raises #AC if alignment checking is on and va is not a multiple of bytes (a power of two). */
    public void checkAlignment(long va, int bytes) {
        if (alignmentCheck && (va & bytes - 1) != 0) {
            throw cpu.fault(Vector.AC, 0);
        }
    }

    /** Linear addresses wrap at 4 GiB outside long mode. */
    private long wrap(long va) {
        return cpu.longMode() ? va : va & 0xffff_ffffL;
    }

    private long translate(long va, boolean write) {
        return translateAs(rights, va, write);
    }

    /** The host address of va in RAM, or 0 for MMIO (then the walker holds the gpa); fills the TLB. */
    private long translateAs(int as, long va, boolean write) {
        long e = tlb.entry(as, va);
        long offset = va + get64(e + (write ? Tlb.WRITE : Tlb.READ));
        if (Long.compareUnsigned(offset, 4095) <= 0) {
            return va + get64(e + Tlb.ADDEND);
        }
        misses++;
        if (cpu.deprivileged() || cpu.guestRing1()) {
            if (walkDeprivileged(as, va, write)) {
                return 0;
            }
        } else {
            walker.walk(va, write ? PageWalker.WRITE : PageWalker.READ, as == Tlb.USER, as == Tlb.SUPERVISOR);
        }
        long mfn = walker.device() ? Stage2.MMIO : frame(walker.gpa() >>> 12);
        boolean readOnly = false;
        if (mfn != Stage2.MMIO && (mfn & Stage2.READ_ONLY) != 0) {
            mfn &= ~Stage2.READ_ONLY;
            readOnly = true;
        }
        if (mfn == Stage2.MMIO || readOnly && write) {
            return 0;
        }
        long page = memory.hostPage(mfn);
        boolean writable = walker.writable() && walker.dirty() && !readOnly
                && !memory.hasState(mfn, PhysicalMemory.HAS_CODE);
        if (writable) {
            memory.setState(mfn, PhysicalMemory.WRITE_MAPPED);
        }
        tlb.fill(as, va, page, writable, walker.global(), walker.pageShift());
        return page | va & 0xfff;
    }

    /**
     * A walk for a guest of a hypervisor. A kernel that is in ring 3 has the table {@link Tlb#SUPERVISOR_ANY} for its translations, but a
     * user's rights.
     *
     * @return true for a write that the environment makes
     */
    private boolean walkDeprivileged(int as, long va, boolean write) {
        boolean user = cpu.deprivileged() ? as != Tlb.SUPERVISOR : as == Tlb.USER;
        if (!write || as != Tlb.SUPERVISOR_ANY) {
            walker.walk(va, write ? PageWalker.WRITE : PageWalker.READ, user, false);
            return false;
        }
        long cr2 = cpu.field(CpuState.CR2);
        try {
            walker.walk(va, PageWalker.WRITE, user, false);
            return false;
        } catch (GuestFault f) {
            if (!cpu.environment().emulatesWrite(cpu, va)) {
                throw f;
            }
            // it is no fault after all
            cpu.setField(CpuState.CR2, cr2);
            walker.walk(va, PageWalker.READ, user, false);
            return true;
        }
    }
}
