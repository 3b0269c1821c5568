package org.xenolith.devices.vga;

import org.xenolith.devices.RamWindows;
import org.xenolith.memory.RawMemory;

/**
 * The adapter's memory, seen two ways: as bytes in a row (the linear framebuffer), and as four planes, of which the bytes at the same place
 * are neighbours: the byte at place {@code p} of plane {@code n} is byte {@code 4p + n}.
 *
 * <p>Addresses wrap at the end of the memory.
 */
final class VideoMemory {
    private final RamWindows.Block block;
    private final int mask;
    private long generation;

    /** @param bytes a power of two */
    VideoMemory(RamWindows windows, int bytes) {
        block = windows.allocate(bytes);
        mask = bytes - 1;
    }

    RamWindows.Block block() {
        return block;
    }

    int bytes() {
        return mask + 1;
    }

    /** Counts what was written here through the adapter; what a guest writes to the linear framebuffer is not seen. */
    long generation() {
        return generation;
    }

    int get8(int offset) {
        return RawMemory.get8(block.address() + (offset & mask));
    }

    void put8(int offset, int value) {
        int at = offset & mask;
        RawMemory.put8(block.address() + at, value);
        generation++;
        block.written(at);
    }

    /** The bytes at one place of all planes, plane 0 lowest. */
    int planes(int place) {
        return RawMemory.get32(block.address() + (4 * place & mask));
    }

    void putPlanes(int place, int value) {
        int at = 4 * place & mask;
        RawMemory.put32(block.address() + at, value);
        generation++;
        block.written(at);
    }

    /** Fills the first bytes with zeros. */
    void clear(long length) {
        long n = Math.min(length, bytes());
        RawMemory.fill(block.address(), n, 0);
        generation++;
        for (long page = 0; page < n; page += 4096) {
            block.written(page);
        }
    }

    /** A number that changes with the bytes of a range (FNV-1a over words of 8 bytes). */
    long hash(long from, long length) {
        long base = block.address();
        long h = 0xcbf2_9ce4_8422_2325L;
        long end = Math.min(from + length, bytes()) & -8L;
        for (long at = from & -8L; at < end; at += 8) {
            h = (h ^ RawMemory.get64(base + at)) * 0x100_0000_01b3L;
            h ^= h >>> 29;
        }
        return h;
    }
}
