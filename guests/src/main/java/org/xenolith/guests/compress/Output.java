package org.xenolith.guests.compress;

import java.util.Arrays;

/**
 * Where decompressed bytes go: an array that decoders write into and look back at.
 *
 * <p>It starts at what the input can plausibly become and grows by doubling, never beyond the limit: a short input that
 * claims to be large costs little.
 */
final class Output {
    private static final int PLAUSIBLE_RATIO = 16;
    private static final int MIN_CAPACITY = 1 << 16;

    private final int limit;
    private byte[] data;
    private int size;

    /**
     * An empty output.
     *
     * @param limit the most bytes that it may hold
     * @param inputLength the size of the compressed data, for the first allocation
     */
    Output(int limit, int inputLength) {
        this.limit = limit;
        long plausible = Math.max(MIN_CAPACITY, (long) inputLength * PLAUSIBLE_RATIO);
        data = new byte[(int) Math.min(limit, plausible)];
    }

    /** {@return the array; another one after each {@link #reserve}} */
    byte[] data() {
        return data;
    }

    /** {@return the bytes written so far} */
    int size() {
        return size;
    }

    /** Says how far the array is filled; at most what was reserved. */
    void size(int newSize) {
        size = newSize;
    }

    /** {@return how many bytes may still come} */
    int room() {
        return limit - size;
    }

    /** Makes the array large enough for a number of bytes more. */
    void reserve(int count) throws CorruptDataException {
        if (count > limit - size) {
            throw tooLarge();
        }
        int needed = size + count;
        if (needed > data.length) {
            data = Arrays.copyOf(data, (int) Math.min(limit, Math.max(needed, 2L * data.length)));
        }
    }

    /** Appends bytes. */
    void append(byte[] source, int offset, int length) throws CorruptDataException {
        reserve(length);
        System.arraycopy(source, offset, data, size, length);
        size += length;
    }

    /** Appends one byte repeatedly. */
    void fill(byte value, int length) throws CorruptDataException {
        reserve(length);
        Arrays.fill(data, size, size + length, value);
        size += length;
    }

    CorruptDataException tooLarge() {
        return new CorruptDataException("decompresses to more than " + limit + " bytes");
    }

    /** {@return the bytes written, as an array of just that length} */
    byte[] toArray() {
        return size == data.length ? data : Arrays.copyOf(data, size);
    }
}
