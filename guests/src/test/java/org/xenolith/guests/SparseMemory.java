package org.xenolith.guests;

import java.util.TreeMap;
import org.xenolith.memory.GuestMemory;

/** Guest memory for tests: pages come into being when they are written. */
public final class SparseMemory implements GuestMemory {
    private static final int PAGE = 4096;

    private final TreeMap<Long, byte[]> pages = new TreeMap<>();

    @Override
    public boolean isRam(long gpa, long length) {
        return true;
    }

    @Override
    public boolean tryRead(long gpa, byte[] dst, int off, int len) {
        for (int i = 0; i < len; i++) {
            byte[] page = pages.get((gpa + i) / PAGE);
            dst[off + i] = page == null ? 0 : page[(int) ((gpa + i) % PAGE)];
        }
        return true;
    }

    @Override
    public boolean tryWrite(long gpa, byte[] src, int off, int len) {
        int done = 0;
        while (done < len) {
            int at = (int) ((gpa + done) % PAGE);
            int step = Math.min(PAGE - at, len - done);
            byte[] page = pages.computeIfAbsent((gpa + done) / PAGE, p -> new byte[PAGE]);
            System.arraycopy(src, off + done, page, at, step);
            done += step;
        }
        return true;
    }

    @Override
    public long hostPage(long gfn) {
        return 0;
    }

    @Override
    public void written(long gfn) {
        throw new UnsupportedOperationException("there is no host memory behind it");
    }

    public byte[] bytes(long gpa, int length) {
        byte[] out = new byte[length];
        read(gpa, out, 0, length);
        return out;
    }

    public int u32(long gpa) {
        return LittleEndian.i32(bytes(gpa, 4), 0);
    }

    public long u64(long gpa) {
        return LittleEndian.i64(bytes(gpa, 8), 0);
    }

    public String text(long gpa) {
        StringBuilder out = new StringBuilder();
        for (long at = gpa; bytes(at, 1)[0] != 0; at++) {
            out.append((char) bytes(at, 1)[0]);
        }
        return out.toString();
    }

    public int writtenPages() {
        return pages.size();
    }
}
