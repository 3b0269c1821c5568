package org.xenolith.memory;

/**
 * Machine RAM: one host mapping, addressed by machine address (mfn &lt;&lt; 12), with a byte of page state for each frame.
 *
 * <p>Untouched pages cost nothing. Bounds are checked by every method here; hot paths use {@link #base()} with an mfn that has been
 * checked when the software TLB entry was made.
 */
public final class PhysicalMemory implements AutoCloseable {
    /** Page state: instructions were decoded from this frame, so writes must be reported. */
    public static final int HAS_CODE = 1;
    /** Page state: a software TLB may hold a writable entry for this frame. */
    public static final int WRITE_MAPPED = 2;

    private final HostMapping mapping;
    private final long frames;
    private final byte[] state;
    private CodeListener codeListener = mfn -> {};

    /** Hears of writes to frames that hold decoded code. */
    @FunctionalInterface
    public interface CodeListener {
        /** All code decoded from the frame is stale from now on. */
        void codeWritten(long mfn);
    }

    /**
     * Reserves machine memory.
     *
     * @param bytes a multiple of 4096, at most 2^42
     */
    public PhysicalMemory(long bytes) {
        if (bytes <= 0 || (bytes & 0xfff) != 0 || bytes > 1L << 42) {
            throw new IllegalArgumentException(
                    "machine memory must be a positive multiple of 4096 up to 2^42 bytes, not " + bytes);
        }
        mapping = new HostMapping(bytes);
        frames = bytes >>> 12;
        state = new byte[(int) frames];
    }

    public long frames() {
        return frames;
    }

    /** Host address of machine address 0. */
    public long base() {
        return mapping.address();
    }

    public long hostPage(long mfn) {
        check(mfn);
        return mapping.address() + (mfn << 12);
    }

    public void setCodeListener(CodeListener listener) {
        codeListener = listener;
    }

    public boolean hasState(long mfn, int bit) {
        return (state[(int) mfn] & bit) != 0;
    }

    public void setState(long mfn, int bit) {
        state[(int) mfn] |= (byte) bit;
    }

    public void clearState(long mfn, int bit) {
        state[(int) mfn] &= (byte) ~bit;
    }

    /** To be called after (or before) any write to a frame that did not go through a writable TLB entry. */
    public void written(long mfn) {
        if (hasState(mfn, HAS_CODE)) {
            clearState(mfn, HAS_CODE);
            codeListener.codeWritten(mfn);
        }
    }

    /** Zeroes adjacent frames and returns their host pages. */
    public void discard(long mfn, int count) {
        check(mfn);
        check(mfn + count - 1);
        mapping.discard(mfn << 12, (long) count << 12);
        for (int i = 0; i < count; i++) {
            written(mfn + i);
        }
    }

    private void check(long mfn) {
        if (mfn < 0 || mfn >= frames) {
            throw new IndexOutOfBoundsException("mfn 0x" + Long.toHexString(mfn) + " is outside machine memory");
        }
    }

    @Override
    public void close() {
        mapping.close();
    }
}
