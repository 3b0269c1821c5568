package org.xenolith.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * An anonymous, zero-filled host memory mapping with a stable address; untouched pages cost nothing.
 *
 * <p>Sizes are in bytes and are rounded up to host pages (4096).
 */
public final class HostMapping implements AutoCloseable {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int MADV_DONTNEED = 4;

    private static final MethodHandle MMAP = downcall("mmap",
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MUNMAP = downcall("munmap",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MADVISE = downcall("madvise",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT));

    private final long address;
    private final long size;
    private boolean open = true;

    /**
     * Maps {@code size} bytes.
     *
     * @param size 1 or more bytes
     * @throws OutOfMemoryError when the host refuses
     */
    public HostMapping(long size) {
        this.size = (size + 4095) & ~4095L;
        this.address = map(this.size);
    }

    public long address() {
        return address;
    }

    public long size() {
        return size;
    }

    /** Gives the pages of a page-aligned range back to the host; they read as zero afterwards. */
    public void discard(long offset, long length) {
        if (offset < 0 || length < 0 || offset + length > size) {
            throw new IndexOutOfBoundsException("discard outside the mapping");
        }
        try {
            int unused = (int) MADVISE.invokeExact(address + offset, length, MADV_DONTNEED);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            try {
                int unused = (int) MUNMAP.invokeExact(address, size);
            } catch (Throwable t) {
                throw new AssertionError(t);
            }
        }
    }

    private static long map(long bytes) {
        long at;
        try {
            at = (long) MMAP.invokeExact(0L, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0L);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
        if (at == -1) {
            throw new OutOfMemoryError("the host refused to map " + bytes + " bytes");
        }
        return at;
    }

    // SAFETY: libc functions with the exact C prototypes above; Linux x86-64 and aarch64 share these constants.
    @SuppressWarnings("restricted")
    private static MethodHandle downcall(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        MemorySegment symbol = lookup.find(name).orElseThrow(() -> new UnsatisfiedLinkError(name));
        return linker.downcallHandle(symbol.reinterpret(Arena.global(), null), type);
    }
}
