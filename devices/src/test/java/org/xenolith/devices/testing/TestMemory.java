package org.xenolith.devices.testing;

import org.xenolith.memory.GuestMemory;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * A guest's RAM for tests: pages by gfn, with what devices asked for counted. Accesses elsewhere are refused, as for
 * any guest, and counted.
 */
public final class TestMemory implements GuestMemory {
    /** Guest-physical addresses end at 2^32 here. */
    private static final int FRAMES = 1 << 20;

    private final PhysicalMemory machine;
    private final long firstFrame;
    private final int ramFrames;
    /** Host page by gfn, 0 for none. */
    private final long[] pages = new long[FRAMES];
    private final boolean[] readOnly = new boolean[FRAMES];
    private long calls;
    private long refused;

    TestMemory(PhysicalMemory machine, long firstFrame, int ramFrames) {
        this.machine = machine;
        this.firstFrame = firstFrame;
        this.ramFrames = ramFrames;
        for (int gfn = 0; gfn < ramFrames; gfn++) {
            restore(gfn, true);
        }
    }

    void map(long gfn, long hostPage, boolean writable) {
        if (gfn < 0 || gfn >= FRAMES) {
            return;
        }
        pages[(int) gfn] = hostPage;
        readOnly[(int) gfn] = !writable;
    }

    void restore(long gfn, boolean writable) {
        boolean ram = gfn < ramFrames && (gfn < TestBoard.HOLE >> 12 || gfn >= TestBoard.HOLE_END >> 12);
        map(gfn, ram ? machine.hostPage(firstFrame + gfn) : 0, writable);
    }

    /** Calls that devices made so far. */
    public long calls() {
        return calls;
    }

    /** Calls that were refused: outside RAM, or writes to ROM. */
    public long refused() {
        return refused;
    }

    private boolean accessible(long gpa, long length, boolean write) {
        calls++;
        if (length < 0) {
            throw new AssertionError("a device accesses " + length + " bytes at " + Long.toHexString(gpa));
        }
        if (gpa < 0 || gpa > ((long) FRAMES << 12) - length) {
            refused++;
            return false;
        }
        for (long at = gpa & ~0xfffL; at < gpa + length; at += 4096) {
            int gfn = (int) (at >>> 12);
            if (pages[gfn] == 0 || write && readOnly[gfn]) {
                refused++;
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean isRam(long gpa, long length) {
        return accessible(gpa, length, false);
    }

    @Override
    public boolean tryRead(long gpa, byte[] to, int offset, int length) {
        if (!accessible(gpa, length, false)) {
            return false;
        }
        for (int done = 0, n; done < length; done += n) {
            long at = gpa + done;
            n = Math.min(length - done, 4096 - (int) (at & 0xfff));
            RawMemory.copyOut(pages[(int) (at >>> 12)] + (at & 0xfff), to, offset + done, n);
        }
        return true;
    }

    @Override
    public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
        if (!accessible(gpa, length, true)) {
            return false;
        }
        for (int done = 0, n; done < length; done += n) {
            long at = gpa + done;
            n = Math.min(length - done, 4096 - (int) (at & 0xfff));
            RawMemory.copyIn(from, offset + done, pages[(int) (at >>> 12)] + (at & 0xfff), n);
        }
        return true;
    }

    @Override
    public long hostPage(long gfn) {
        calls++;
        if (gfn < 0 || gfn >= FRAMES || pages[(int) gfn] == 0) {
            refused++;
            return 0;
        }
        return pages[(int) gfn];
    }

    @Override
    public void written(long gfn) {
        if (gfn < 0 || gfn >= FRAMES || pages[(int) gfn] == 0) {
            throw new AssertionError("a device says that it wrote to gfn " + Long.toHexString(gfn));
        }
    }
}
