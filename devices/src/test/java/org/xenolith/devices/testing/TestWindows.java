package org.xenolith.devices.testing;

import java.util.function.LongConsumer;
import org.xenolith.devices.RamWindows;
import org.xenolith.memory.PhysicalMemory;

/** Device memory for tests, with a guard frame behind each block. */
final class TestWindows implements RamWindows {
    private final PhysicalMemory machine;
    private final TestMemory memory;
    private final LongConsumer guard;
    private long next;

    TestWindows(PhysicalMemory machine, TestMemory memory, long first, LongConsumer guard) {
        this.machine = machine;
        this.memory = memory;
        this.next = first;
        this.guard = guard;
    }

    private record Frames(long address, long bytes) implements Block {
        @Override
        public void written(long offset) {
            if (offset < 0 || offset >= bytes) {
                throw new AssertionError("a device says that it wrote to " + offset + " of a block of " + bytes);
            }
        }
    }

    @Override
    public Block allocate(long bytes) {
        aligned(bytes);
        long frames = bytes >>> 12;
        if (next + frames + 1 > machine.frames()) {
            throw new IllegalStateException("no room for " + bytes + " bytes of device memory");
        }
        Block b = new Frames(machine.hostPage(next), bytes);
        guard.accept(next + frames);
        next += frames + 1;
        return b;
    }

    @Override
    public void show(long gpa, Block block, long offset, long bytes, boolean writable) {
        aligned(gpa | offset | bytes);
        if (offset < 0 || bytes < 0 || offset + bytes > block.bytes()) {
            throw new AssertionError("shows " + offset + " + " + bytes + " of a block of " + block.bytes());
        }
        for (long i = 0; i < bytes; i += 4096) {
            memory.map(gpa + i >>> 12, block.address() + offset + i, writable);
        }
    }

    @Override
    public void hide(long gpa, long bytes) {
        aligned(gpa | bytes);
        for (long i = 0; i < bytes; i += 4096) {
            memory.map(gpa + i >>> 12, 0, false);
        }
    }

    @Override
    public void restore(long gpa, long bytes, boolean writable) {
        aligned(gpa | bytes);
        for (long i = 0; i < bytes; i += 4096) {
            memory.restore(gpa + i >>> 12, writable);
        }
    }

    private static void aligned(long v) {
        if ((v & 0xfff) != 0) {
            throw new AssertionError(Long.toHexString(v) + " is not a multiple of a page");
        }
    }
}
