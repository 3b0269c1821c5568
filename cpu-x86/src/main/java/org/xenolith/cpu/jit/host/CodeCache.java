package org.xenolith.cpu.jit.host;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Host memory that machine code is written to and run from. One RWX mapping where the host allows it; where it does not
 * (SELinux execmem, PaX), the same memfd pages mapped twice, once writable and once executable.
 *
 * <p>x86 keeps its instruction fetch coherent with stores of the same thread, so that written code may be entered at
 * once (SDM vol. 3, "Self-Modifying Code"); code for another thread needs the usual publication.
 */
public final class CodeCache implements AutoCloseable {
    private final long base;
    private final long size;
    private final MemorySegment writable;
    private boolean closed;

    private CodeCache(long base, long size, MemorySegment writable) {
        this.base = base;
        this.size = size;
        this.writable = writable;
    }

    /**
     * Maps a cache wherever the host likes.
     *
     * @param size bytes, a multiple of the page size
     * @return the cache, filled with zeros
     * @throws HostException if neither kind of mapping is allowed
     */
    public static CodeCache map(long size) {
        return map(0, size, false);
    }

    /**
     * Maps a cache twice, writable and executable, as {@link #map(long)} does where a host allows no mapping to be both.
     *
     * @param size bytes, a multiple of the page size
     * @return the cache, filled with zeros
     * @throws HostException if that is not allowed
     */
    public static CodeCache mapTwice(long size) {
        return map(0, size, true);
    }

    /**
     * Maps a cache at a fixed address, replacing what is mapped there: the caller must own the range.
     *
     * @param address page-aligned address
     * @param size    bytes, a multiple of the page size
     * @return the cache, filled with zeros
     * @throws HostException if neither kind of mapping is allowed
     */
    static CodeCache mapAt(long address, long size) {
        return map(address, size, false);
    }

    static CodeCache map(long address, long size, boolean forceDual) {
        int fixed = address == 0 ? 0 : HostCalls.MAP_FIXED;
        if (!forceDual) {
            try {
                long at = HostCalls.mmap(address, size,
                        HostCalls.PROT_READ | HostCalls.PROT_WRITE | HostCalls.PROT_EXEC,
                        HostCalls.MAP_PRIVATE | HostCalls.MAP_ANONYMOUS | fixed, -1);
                // SAFETY: exactly the mapping just made; it lives until close(), after which every access is refused.
                return new CodeCache(at, size, HostCalls.view(at, size));
            } catch (HostException e) {
                // RWX refused: fall through to the double mapping, whose failure is the one worth reporting.
            }
        }
        int fd = HostCalls.memfd("xenolith-code", size);
        try {
            long write = HostCalls.mmap(0, size, HostCalls.PROT_READ | HostCalls.PROT_WRITE, HostCalls.MAP_SHARED, fd);
            long run = HostCalls.mmap(address, size, HostCalls.PROT_READ | HostCalls.PROT_EXEC,
                    HostCalls.MAP_SHARED | fixed, fd);
            // SAFETY: exactly the writable mapping just made; it lives until close().
            return new CodeCache(run, size, HostCalls.view(write, size));
        } finally {
            HostCalls.close(fd);
        }
    }

    /**
     * The address at which the code runs.
     *
     * @return host virtual address of the first byte
     */
    public long base() {
        return base;
    }

    /**
     * The extent of the cache.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }

    /**
     * The same bytes as a writable segment (at another address when the cache is mapped twice).
     *
     * @return a segment of {@link #size()} bytes
     */
    public MemorySegment writable() {
        if (closed) {
            throw new IllegalStateException("code cache is closed");
        }
        return writable;
    }

    /**
     * The same bytes where they can be written.
     *
     * @return host virtual address of the first byte
     */
    public long writableAddress() {
        return writable().address();
    }

    /**
     * Writes code.
     *
     * @param offset byte offset in the cache
     * @param code   the bytes
     * @throws IndexOutOfBoundsException if they do not fit
     */
    public void write(long offset, byte[] code) {
        write(offset, code, code.length);
    }

    /**
     * Writes the beginning of a buffer.
     *
     * @param offset byte offset in the cache
     * @param code   the buffer
     * @param length how many of its bytes
     * @throws IndexOutOfBoundsException if they do not fit
     */
    public void write(long offset, byte[] code, int length) {
        MemorySegment.copy(code, 0, writable(), ValueLayout.JAVA_BYTE, offset, length);
    }

    /** Unmaps the cache. The caller makes sure that no thread is in it. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (writable.address() != base) {
            HostCalls.munmap(writable.address(), size);
        }
        HostCalls.munmap(base, size);
    }
}
