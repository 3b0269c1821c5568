package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * The part of a PV domain's address space that the hypervisor fills: the machine-to-physical table, and for each vCPU a
 * window on its descriptor tables. The latter is supervisor only and lies in slot 260 of level 4, which 32-bit guests
 * cannot reach.
 */
final class XenSlots implements AutoCloseable {
    static final int FIRST = 256;
    static final int LAST = 271;
    private static final int MACHINE_TO_PHYS_SLOT = 256;
    private static final int PER_DOMAIN_SLOT = 260;
    static final long PER_DOMAIN = 0xffff_0000_0000_0000L | (long) PER_DOMAIN_SLOT << 39;

    /** Pages of a vCPU's window: the GDT and the LDT. */
    static final int GDT_PAGES = 16;
    static final int WINDOW_PAGES = 32;
    /** The hypervisor's own page of the GDT; the guest's are before it. */
    static final int RESERVED_GDT_PAGE = 14;
    /** Entries of a GDT that are the guest's. */
    static final int GUEST_GDT_ENTRIES = RESERVED_GDT_PAGE * 512;

    private static final long SUPERVISOR = Pte.P | Pte.RW | Pte.A | Pte.D;
    private static final long READ_ONLY = Pte.P | Pte.A;
    private static final int FLAT_FIRST = 3;
    /** Selectors e019h to e033h: kernel (ring 1) code and data, ring 3 code and data (public/arch-x86/xen-x86_32.h). */
    private static final long[] FLAT_32 = {0x00cf_bb00_0000_ffffL, 0x00cf_b300_0000_ffffL, 0x00cf_fb00_0000_ffffL,
        0x00cf_f300_0000_ffffL};
    /** Selectors e023h to e033h: 32-bit code, data, 64-bit code, all ring 3 (public/arch-x86/xen-x86_64.h). */
    private static final long[] FLAT_64 = {0, 0x00cf_fb00_0000_ffffL, 0x00cf_f300_0000_ffffL, 0x00af_fb00_0000_ffffL};

    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final MachineToPhys m2p;
    private final long l3;
    private final long l2;
    private final long[] l1;
    private final long zeroes;
    private final long flat;

    XenSlots(PhysicalMemory memory, FrameTable frames, MachineToPhys m2p, int vcpus, boolean wide) {
        this.memory = memory;
        this.frames = frames;
        this.m2p = m2p;
        l3 = frame();
        l2 = frame();
        l1 = new long[l1Tables(vcpus)];
        zeroes = frame();
        flat = frame();
        put(l3, 0, l2 << 12 | SUPERVISOR);
        for (int i = 0; i < l1.length; i++) {
            l1[i] = frame();
            put(l2, i, l1[i] << 12 | SUPERVISOR);
        }
        long[] descriptors = wide ? FLAT_64 : FLAT_32;
        for (int i = 0; i < descriptors.length; i++) {
            put(flat, FLAT_FIRST + i, descriptors[i]);
        }
        for (int v = 0; v < vcpus; v++) {
            for (int page = 0; page < GDT_PAGES; page++) {
                mapGdt(v, page, -1);
            }
            setWindow(v, RESERVED_GDT_PAGE, flat << 12 | READ_ONLY);
        }
    }

    private static int l1Tables(int vcpus) {
        return (vcpus * WINDOW_PAGES + Pte.ENTRIES - 1) / Pte.ENTRIES;
    }

    static long framesNeeded(int vcpus) {
        return 4L + l1Tables(vcpus);
    }

    private long frame() {
        long mfn = frames.allocate(FrameTable.XEN);
        if (mfn < 0) {
            throw new ErrnoException(Errno.ENOMEM, "no machine memory left for a PV domain's own tables");
        }
        return mfn;
    }

    private void put(long table, int slot, long entry) {
        RawMemory.put64(memory.hostPage(table) + 8L * slot, entry);
    }

    /** Linear address of a vCPU's GDT; its LDT follows after {@link #GDT_PAGES} pages. */
    static long gdtBase(int vcpu) {
        return PER_DOMAIN + ((long) vcpu * WINDOW_PAGES << 12);
    }

    static long ldtBase(int vcpu) {
        return gdtBase(vcpu) + (GDT_PAGES << 12);
    }

    private void setWindow(int vcpu, int page, long entry) {
        int i = vcpu * WINDOW_PAGES + page;
        put(l1[i / Pte.ENTRIES], i % Pte.ENTRIES, entry);
    }

    /** Shows a frame as a page of the GDT, or zeroes for -1. */
    void mapGdt(int vcpu, int page, long mfn) {
        setWindow(vcpu, page, mfn < 0 ? zeroes << 12 | READ_ONLY : mfn << 12 | SUPERVISOR);
    }

    /** Shows a frame as a page of the LDT, or nothing for -1. */
    void mapLdt(int vcpu, int page, long mfn) {
        setWindow(vcpu, GDT_PAGES + page, mfn < 0 ? 0 : mfn << 12 | SUPERVISOR);
    }

    /** Fills the hypervisor's slots of a level 4 table. */
    void fillL4(long table, boolean withM2p) {
        for (int slot = FIRST; slot <= LAST; slot++) {
            put(table, slot, 0);
        }
        put(table, PER_DOMAIN_SLOT, l3 << 12 | SUPERVISOR);
        if (withM2p) {
            showM2p(table);
        }
        memory.written(table);
    }

    void showM2p(long table) {
        put(table, MACHINE_TO_PHYS_SLOT, m2p.l4Entry());
    }

    void hideM2p(long table) {
        put(table, MACHINE_TO_PHYS_SLOT, 0);
    }

    /** True when two level 4 tables have the same entries for the upper half of the address space. */
    boolean sameUpperHalf(long one, long other) {
        long a = memory.hostPage(one);
        long b = memory.hostPage(other);
        for (int at = 8 * FIRST; a != b && at < 4096; at += 8) {
            if (RawMemory.get64(a + at) != RawMemory.get64(b + at)) {
                return false;
            }
        }
        return true;
    }

    /** Fills the hypervisor's slots of the top level 2 table of a PAE guest. */
    void fillL2(long table) {
        for (int slot = MachineToPhys.FIRST_XEN_L2_SLOT; slot < Pte.ENTRIES; slot++) {
            put(table, slot, m2p.compatL2Entry(slot));
        }
        memory.written(table);
    }

    @Override
    public void close() {
        for (long mfn : l1) {
            frames.put(mfn);
        }
        frames.put(l2);
        frames.put(l3);
        frames.put(zeroes);
        frames.put(flat);
    }
}
