package org.xenolith.memory;

/**
 * Byte access to one guest's physical address space, addressed by gpa, as loaders, hypercalls and backends see it.
 *
 * <p>A range that is not RAM of the guest is refused as a whole: the methods return false (or throw {@link BadGuestAddress} in the typed
 * forms) and touch nothing. Writes drop translated code and mark pages dirty.
 */
public interface GuestMemory {
    /** True when every page of [gpa, gpa + length) is RAM. */
    boolean isRam(long gpa, long length);

    /** Copies out; false (and nothing copied) where a page is not RAM. */
    boolean tryRead(long gpa, byte[] to, int offset, int length);

    /** Copies in; false (and nothing copied) where a page is not RAM or is read-only. */
    boolean tryWrite(long gpa, byte[] from, int offset, int length);

    /** Host address of the 4 KiB page at {@code gfn}, or 0 when it is not RAM; valid until the guest's physmap changes. */
    long hostPage(long gfn);

    /** Tells that the page was written through {@link #hostPage}: drops code translated from it. */
    void written(long gfn);

    /** Thrown by the typed accessors for an address that is not the guest's RAM. Carries no stack trace. */
    final class BadGuestAddress extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public BadGuestAddress(long gpa) {
            super("gpa 0x" + Long.toHexString(gpa) + " is not RAM", null, false, false);
        }
    }

    default void read(long gpa, byte[] to, int offset, int length) {
        if (!tryRead(gpa, to, offset, length)) {
            throw new BadGuestAddress(gpa);
        }
    }

    default void write(long gpa, byte[] from, int offset, int length) {
        if (!tryWrite(gpa, from, offset, length)) {
            throw new BadGuestAddress(gpa);
        }
    }

    default int read8(long gpa) {
        return RawMemory.get8(host(gpa, 1));
    }

    default int read16(long gpa) {
        return RawMemory.get16(host(gpa, 2));
    }

    default int read32(long gpa) {
        return RawMemory.get32(host(gpa, 4));
    }

    default long read64(long gpa) {
        return RawMemory.get64(host(gpa, 8));
    }

    default void write8(long gpa, int value) {
        RawMemory.put8(host(gpa, 1), value);
        written(gpa >>> 12);
    }

    default void write16(long gpa, int value) {
        RawMemory.put16(host(gpa, 2), value);
        written(gpa >>> 12);
    }

    default void write32(long gpa, int value) {
        RawMemory.put32(host(gpa, 4), value);
        written(gpa >>> 12);
    }

    default void write64(long gpa, long value) {
        RawMemory.put64(host(gpa, 8), value);
        written(gpa >>> 12);
    }

    private long host(long gpa, int size) {
        long page = hostPage(gpa >>> 12);
        if (page == 0 || (gpa & 0xfff) + size > 4096) {
            throw new BadGuestAddress(gpa);
        }
        return page + (gpa & 0xfff);
    }
}
