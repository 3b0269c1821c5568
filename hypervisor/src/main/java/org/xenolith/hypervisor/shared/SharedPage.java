package org.xenolith.hypervisor.shared;

import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * One machine frame that hypervisor and guest both write: shared_info, event words, grant entries. Offsets are in bytes
 * and must stay
 * inside the page; a bit {@code n} counts from the start of a bit map, which is the same for maps of 32- and of 64-bit
 * words.
 */
public final class SharedPage {
    private final PhysicalMemory memory;
    private final long mfn;
    private final long host;

    public SharedPage(PhysicalMemory memory, long mfn) {
        this.memory = memory;
        this.mfn = mfn;
        this.host = memory.hostPage(mfn);
    }

    public long mfn() {
        return mfn;
    }

    /** Host address of the page. */
    public long host() {
        return host;
    }

    private static int check(int offset, int size) {
        if (offset < 0 || offset + size > 4096) {
            throw new IndexOutOfBoundsException(offset);
        }
        return offset;
    }

    public int read8(int offset) {
        return RawMemory.get8(host + check(offset, 1));
    }

    public int read16(int offset) {
        return RawMemory.get16(host + check(offset, 2));
    }

    public int read32(int offset) {
        return RawMemory.get32(host + check(offset, 4));
    }

    public long read64(int offset) {
        return RawMemory.get64(host + check(offset, 8));
    }

    public void write8(int offset, int value) {
        RawMemory.put8(host + check(offset, 1), value);
        memory.written(mfn);
    }

    public void write16(int offset, int value) {
        RawMemory.put16(host + check(offset, 2), value);
        memory.written(mfn);
    }

    public void write32(int offset, int value) {
        RawMemory.put32(host + check(offset, 4), value);
        memory.written(mfn);
    }

    public void write64(int offset, long value) {
        RawMemory.put64(host + check(offset, 8), value);
        memory.written(mfn);
    }

    public void read(int offset, byte[] to, int toOffset, int length) {
        RawMemory.copyOut(host + check(offset, length), to, toOffset, length);
    }

    public void write(int offset, byte[] from, int fromOffset, int length) {
        RawMemory.copyIn(from, fromOffset, host + check(offset, length), length);
        memory.written(mfn);
    }

    public void fill(int offset, int length, int value) {
        RawMemory.fill(host + check(offset, length), length, value);
        memory.written(mfn);
    }

    public boolean testBit(int base, int bit) {
        return (read8(base + (bit >> 3)) & 1 << (bit & 7)) != 0;
    }

    /** Sets a bit and returns what it was. */
    public boolean testAndSetBit(int base, int bit) {
        int at = base + (bit >> 3);
        int old = read8(at);
        if ((old & 1 << (bit & 7)) != 0) {
            return true;
        }
        write8(at, old | 1 << (bit & 7));
        return false;
    }

    /** Clears a bit and returns what it was. */
    public boolean testAndClearBit(int base, int bit) {
        int at = base + (bit >> 3);
        int old = read8(at);
        if ((old & 1 << (bit & 7)) == 0) {
            return false;
        }
        write8(at, old & ~(1 << (bit & 7)));
        return true;
    }
}
