package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * The machine-to-physical tables that PV guests read: frames of the hypervisor that say for each machine frame where
 * its owner sees it, once in 8-byte entries at {@link #START} for 64-bit guests and once in 4-byte entries at
 * {@link #START_32} for 32-bit ones, each with the page tables that map it.
 */
public final class MachineToPhys {
    /** HYPERVISOR_VIRT_START and MACH2PHYS_VIRT_START (public/arch-x86/xen-x86_64.h). */
    public static final long START = 0xffff_8000_0000_0000L;
    /** MACH2PHYS_VIRT_END. */
    public static final long END = 0xffff_8040_0000_0000L;
    /** The same for 32-bit guests (public/arch-x86/xen-x86_32.h). */
    public static final long START_32 = 0xf580_0000L;
    /** End of the 32-bit table's room, as a 64-bit hypervisor has it. */
    public static final long END_32 = 0xffe0_0000L;
    /** Entry of a frame that is nowhere. */
    public static final long INVALID = -1L;
    /** First entry of the top L2 table of a PAE guest that is the hypervisor's. */
    static final int FIRST_XEN_L2_SLOT = Pte.slot(2, START_32);

    private static final long USER_READ = Pte.P | Pte.US | Pte.A;
    private static final long KERNEL_READ = Pte.P | Pte.A;
    private static final int LARGE_PAGE_SHIFT = 21;

    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final long[] wide;
    private final long[] compat;
    private final long[] wideL1;
    private final long[] compatL1;
    private final long l3;

    /**
     * Builds the tables.
     *
     * @throws ErrnoException ENOMEM when machine memory has no room
     */
    public MachineToPhys(PhysicalMemory memory, FrameTable frames) {
        this.memory = memory;
        this.frames = frames;
        long n = frames.frames();
        wide = allocate(widePages(n));
        compat = allocate(compatPages(n));
        wideL1 = map(wide, USER_READ);
        compatL1 = map(compat, KERNEL_READ);
        long[] l2 = new long[(int) tables(wideL1.length)];
        for (int i = 0; i < l2.length; i++) {
            l2[i] = frame();
            for (int k = 0; k < Pte.ENTRIES && i * Pte.ENTRIES + k < wideL1.length; k++) {
                put(l2[i], k, wideL1[i * Pte.ENTRIES + k] << 12 | USER_READ);
            }
        }
        l3 = frame();
        for (int i = 0; i < l2.length; i++) {
            put(l3, i, l2[i] << 12 | USER_READ);
        }
        for (long mfn = 0; mfn < n; mfn++) {
            int gfn = frames.gfn(mfn);
            set(mfn, gfn == FrameTable.INVALID_GFN ? INVALID : gfn);
        }
    }

    private static long widePages(long frames) {
        return (frames * 8 + 4095) / 4096;
    }

    private static long compatPages(long frames) {
        return (Math.min(frames * 4, END_32 - START_32) + 4095) / 4096;
    }

    private static long tables(long entries) {
        return (entries + Pte.ENTRIES - 1) / Pte.ENTRIES;
    }

    /** Frames that the tables of a machine take. */
    static long framesNeeded(long frames) {
        long l1 = tables(widePages(frames));
        return widePages(frames) + compatPages(frames) + l1 + tables(compatPages(frames)) + tables(l1) + 1;
    }

    private long frame() {
        long mfn = frames.allocate(FrameTable.XEN);
        if (mfn < 0) {
            throw new ErrnoException(Errno.ENOMEM, "no machine memory left for the machine-to-physical table");
        }
        return mfn;
    }

    private long[] allocate(long count) {
        long[] mfns = new long[(int) count];
        for (int i = 0; i < mfns.length; i++) {
            mfns[i] = frame();
        }
        return mfns;
    }

    private long[] map(long[] pages, long rights) {
        long[] l1 = allocate(tables(pages.length));
        for (int i = 0; i < pages.length; i++) {
            put(l1[i / Pte.ENTRIES], i % Pte.ENTRIES, pages[i] << 12 | rights);
        }
        return l1;
    }

    private void put(long table, int slot, long entry) {
        RawMemory.put64(memory.hostPage(table) + 8L * slot, entry);
    }

    /** Stores where a frame's owner sees it; {@link #INVALID} for nowhere. */
    public void set(long mfn, long gfn) {
        long at = mfn * 8;
        RawMemory.put64(memory.hostPage(wide[(int) (at >>> 12)]) + (at & 0xfff), gfn);
        at = mfn * 4;
        if (at >>> 12 < compat.length) {
            RawMemory.put32(memory.hostPage(compat[(int) (at >>> 12)]) + (at & 0xfff), (int) gfn);
        }
    }

    /** What {@link #set} stored. */
    public long get(long mfn) {
        long at = mfn * 8;
        return RawMemory.get64(memory.hostPage(wide[(int) (at >>> 12)]) + (at & 0xfff));
    }

    /** The L4 entry for slot 256 of 64-bit guests. */
    long l4Entry() {
        return l3 << 12 | USER_READ;
    }

    /** The L2 entry of a slot from {@link #FIRST_XEN_L2_SLOT} for PAE guests. */
    long compatL2Entry(int slot) {
        int i = slot - FIRST_XEN_L2_SLOT;
        return i < compatL1.length ? compatL1[i] << 12 | KERNEL_READ : 0;
    }

    /** Frames in which the guests' tables lie, one for each 2 MiB of the tables (XENMEM_machphys_mfn_list). */
    public long[] extents(boolean forCompat) {
        long[] pages = forCompat ? compat : wide;
        int step = 1 << LARGE_PAGE_SHIFT - 12;
        long[] out = new long[(pages.length + step - 1) / step];
        for (int i = 0; i < out.length; i++) {
            out[i] = pages[i * step];
        }
        return out;
    }
}
