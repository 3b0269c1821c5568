package org.xenolith.devices.pc;

import java.util.Arrays;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.devices.RamWindows;
import org.xenolith.memory.GuestMemory;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * The physical address map of a bare PC: RAM from 0, with the hole of the video memory at A0000h and the hole of PCI below 4 GiB, behind
 * which the rest of the RAM goes on; windows of devices over it; and the A20 gate.
 *
 * <p>As on QEMU's pc machine, RAM ends at E000_0000h, or at C000_0000h where there is more.
 */
public final class BareMemory implements Stage2, GuestMemory, RamWindows {
    private static final long FOUR_GIB = 1L << 32;
    private static final long PCI_HOLE = 0xe000_0000L;
    private static final long BIG_PCI_HOLE = 0xc000_0000L;
    private static final int LOW_FRAMES = (int) (FOUR_GIB >>> 12);
    private static final int VIDEO = 0xa0;
    private static final int VIDEO_END = 0xc0;
    private static final int NOTHING = -1;
    private static final int ROM = 1 << 31;
    private static final int FRAME = ~ROM;
    private static final int A20 = 1 << 8;

    private final PhysicalMemory memory;
    private final long ramFrames;
    private final long lowRam;
    /** The mfn of each gfn below 4 GiB, with {@link #ROM}; or {@link #NOTHING}. */
    private final int[] low = new int[LOW_FRAMES];
    private final long blockEnd;
    private long nextBlock;
    private boolean a20 = true;
    private Runnable listener = () -> {};

    /**
     * @param memory machine memory: the PC's RAM, and behind it that of devices
     * @param ramBytes RAM of the PC, a multiple of 4096, at least 1 MiB
     */
    public BareMemory(PhysicalMemory memory, long ramBytes) {
        if (ramBytes < 1 << 20 || (ramBytes & 0xfff) != 0 || ramBytes >>> 12 > memory.frames()) {
            throw new IllegalArgumentException("a PC cannot have " + ramBytes + " bytes of RAM here");
        }
        this.memory = memory;
        ramFrames = ramBytes >>> 12;
        lowRam = (ramBytes <= PCI_HOLE ? Math.min(ramBytes, PCI_HOLE) : BIG_PCI_HOLE) >>> 12;
        nextBlock = ramFrames;
        blockEnd = memory.frames();
        for (int gfn = 0; gfn < LOW_FRAMES; gfn++) {
            low[gfn] = gfn < lowRam ? gfn : NOTHING;
        }
        Arrays.fill(low, VIDEO, VIDEO_END, NOTHING);
    }

    /** Bytes of RAM below the PCI hole. */
    public long lowRam() {
        return lowRam << 12;
    }

    /** First address of the PCI devices' memory: the start of the hole below 4 GiB. */
    public long pciStart() {
        return lowRam() > BIG_PCI_HOLE ? PCI_HOLE : BIG_PCI_HOLE;
    }

    /** Bytes of RAM from 4 GiB up. */
    public long highRam() {
        return ramFrames - lowRam << 12;
    }

    /** Who hears that addresses show something else, so that the TLBs of all CPUs are stale. */
    public void setListener(Runnable onChange) {
        listener = onChange;
    }

    /** The gate of address line 20: while it is closed, odd megabytes show the even ones below them. */
    public void setA20(boolean open) {
        if (open != a20) {
            a20 = open;
            listener.run();
        }
    }

    public boolean a20() {
        return a20;
    }

    // ---- Stage2 ----

    @Override
    public long mfn(long gfn) {
        long g = a20 ? gfn : gfn & ~A20;
        if (g < LOW_FRAMES) {
            int m = low[(int) g];
            return m == NOTHING ? MMIO : (m & ROM) == 0 ? m : m & FRAME | READ_ONLY;
        }
        long m = g - LOW_FRAMES + lowRam;
        return m < ramFrames ? m : MMIO;
    }

    // ---- RamWindows ----

    private record DeviceMemory(PhysicalMemory memory, long first, long bytes) implements Block {
        @Override
        public long address() {
            return memory.hostPage(first);
        }

        @Override
        public void written(long offset) {
            memory.written(first + (offset >>> 12));
        }
    }

    @Override
    public Block allocate(long bytes) {
        long frames = bytes >>> 12;
        if (frames <= 0 || (bytes & 0xfff) != 0 || frames > blockEnd - nextBlock) {
            throw new IllegalStateException("no room for " + bytes + " bytes of device memory");
        }
        long first = nextBlock;
        nextBlock += frames;
        return new DeviceMemory(memory, first, bytes);
    }

    @Override
    public void show(long gpa, Block block, long offset, long bytes, boolean writable) {
        if (!(block instanceof DeviceMemory d) || offset < 0 || offset + bytes > d.bytes()) {
            throw new IllegalArgumentException("not a part of a block of this machine");
        }
        for (long i = 0; i < bytes >>> 12; i++) {
            set((gpa >>> 12) + i, (int) (d.first() + (offset >>> 12) + i) | (writable ? 0 : ROM));
        }
        listener.run();
    }

    @Override
    public void hide(long gpa, long bytes) {
        for (long i = 0; i < bytes >>> 12; i++) {
            set((gpa >>> 12) + i, NOTHING);
        }
        listener.run();
    }

    @Override
    public void restore(long gpa, long bytes, boolean writable) {
        for (long i = 0; i < bytes >>> 12; i++) {
            long gfn = (gpa >>> 12) + i;
            boolean ram = gfn < lowRam && (gfn < VIDEO || gfn >= VIDEO_END);
            set(gfn, ram ? (int) gfn | (writable ? 0 : ROM) : NOTHING);
        }
        listener.run();
    }

    private void set(long gfn, int value) {
        if (gfn >= 0 && gfn < LOW_FRAMES) {
            low[(int) gfn] = value;
        }
    }

    // ---- GuestMemory: as devices see it, which A20 does not concern ----

    private long frame(long gfn, boolean write) {
        if (gfn >= 0 && gfn < LOW_FRAMES) {
            int m = low[(int) gfn];
            return m == NOTHING || write && (m & ROM) != 0 ? -1 : m & FRAME;
        }
        long m = gfn - LOW_FRAMES + lowRam;
        return gfn >= LOW_FRAMES && m < ramFrames ? m : -1;
    }

    private boolean all(long gpa, long length, boolean write) {
        if (length < 0 || gpa < 0 || gpa + length < 0) {
            return false;
        }
        for (long gfn = gpa >>> 12; gfn << 12 < gpa + length; gfn++) {
            if (frame(gfn, write) < 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean isRam(long gpa, long length) {
        return all(gpa, length, false);
    }

    @Override
    public boolean tryRead(long gpa, byte[] to, int offset, int length) {
        if (!all(gpa, length, false)) {
            return false;
        }
        for (int done = 0; done < length;) {
            long at = gpa + done;
            int n = (int) Math.min(length - done, 4096 - (at & 0xfff));
            RawMemory.copyOut(memory.hostPage(frame(at >>> 12, false)) + (at & 0xfff), to, offset + done, n);
            done += n;
        }
        return true;
    }

    @Override
    public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
        if (!all(gpa, length, true)) {
            return false;
        }
        for (int done = 0; done < length;) {
            long at = gpa + done;
            int n = (int) Math.min(length - done, 4096 - (at & 0xfff));
            long mfn = frame(at >>> 12, true);
            RawMemory.copyIn(from, offset + done, memory.hostPage(mfn) + (at & 0xfff), n);
            memory.written(mfn);
            done += n;
        }
        return true;
    }

    @Override
    public long hostPage(long gfn) {
        long mfn = frame(gfn, true);
        return mfn < 0 ? 0 : memory.hostPage(mfn);
    }

    @Override
    public void written(long gfn) {
        long mfn = frame(gfn, true);
        if (mfn >= 0) {
            memory.written(mfn);
        }
    }
}
