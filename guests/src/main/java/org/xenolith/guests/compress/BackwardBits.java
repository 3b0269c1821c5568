package org.xenolith.guests.compress;

import org.xenolith.guests.LittleEndian;

/**
 * A bit stream that is read from its end to its start (RFC 8878, 4.1); the highest set bit of its last byte marks the
 * end. Bits before the start read as zero, and {@link #left()} tells how many were.
 */
final class BackwardBits {
    private final byte[] src;
    private final int from;
    private long left;

    BackwardBits(byte[] src, int from, int to) throws CorruptDataException {
        if (to <= from || src[to - 1] == 0) {
            throw new CorruptDataException("Zstandard bit stream has no end mark");
        }
        this.src = src;
        this.from = from;
        int last = src[to - 1] & 0xff;
        left = (to - from) * 8L - 8 + (31 - Integer.numberOfLeadingZeros(last));
    }

    /** {@return the bits that are left; negative once more have been read than there are} */
    long left() {
        return left;
    }

    /** Takes 0 to 56 bits. */
    long read(int count) {
        long value = peek(count);
        left -= count;
        return value;
    }

    void skip(int count) {
        left -= count;
    }

    /** Looks at the next 0 to 56 bits. */
    long peek(int count) {
        long low = left - count;
        if (low < 0) {
            return low <= -64 || left <= 0 ? 0 : bits(0, (int) left) << -low;
        }
        return bits(low, count);
    }

    private long bits(long low, int count) {
        int at = from + (int) (low >>> 3);
        long word;
        if (at + 8 <= src.length) {
            word = LittleEndian.i64(src, at);
        } else {
            word = 0;
            for (int i = src.length - 1; i >= at; i--) {
                word = word << 8 | src[i] & 0xff;
            }
        }
        return word >>> (low & 7) & (1L << count) - 1;
    }
}
