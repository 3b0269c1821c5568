package org.xenolith.guests.compress;

import org.xenolith.guests.LittleEndian;

/**
 * LZ4 in the legacy frame that {@code lz4 -l} writes (lz4_Frame_format, "Legacy frame"): a magic number, then blocks of
 * up to 8 MiB, each preceded by its compressed size and independent of the others.
 *
 * <p>Most kernels come this way and every boot waits for it, so the block decoder copies words instead of bytes.
 */
final class Lz4Legacy {
    static final int MAGIC = 0x184c_2102;

    private static final int MAX_BLOCK = 8 << 20;

    private Lz4Legacy() {}

    static void decompress(byte[] src, int from, int to, Output out) throws CorruptDataException {
        int s = from;
        while (s < to) {
            if (to - s < 4) {
                throw new CorruptDataException("LZ4 data ends within a block's size");
            }
            int length = LittleEndian.i32(src, s);
            s += 4;
            // Frames may follow one another; a size of this value could not be, as it exceeds any block's.
            if (length == MAGIC) {
                continue;
            }
            if (length <= 0 || length > to - s) {
                throw new CorruptDataException("LZ4 block of " + Integer.toUnsignedString(length) + " bytes where only "
                        + (to - s) + " are left");
            }
            out.reserve(Math.min(MAX_BLOCK, out.room()));
            byte[] dst = out.data();
            int start = out.size();
            int end = (int) Math.min(dst.length, (long) start + MAX_BLOCK);
            out.size(decodeBlock(src, s, s + length, dst, start, end));
            s += length;
        }
    }

    /**
     * Decodes one block (lz4_Block_format).
     *
     * @return the index behind the last byte written
     */
    private static int decodeBlock(byte[] src, int from, int to, byte[] dst, int start, int end)
            throws CorruptDataException {
        int s = from;
        int d = start;
        while (s < to) {
            int token = src[s++] & 0xff;
            int literals = token >>> 4;
            if (literals == 15) {
                int more;
                do {
                    if (s >= to) {
                        throw truncated();
                    }
                    more = src[s++] & 0xff;
                    literals += more;
                } while (more == 255 && literals >= 0);
            }
            if (literals < 0 || literals > to - s) {
                throw truncated();
            }
            if (literals > end - d) {
                throw full();
            }
            if (literals <= 16 && to - s >= 16 && end - d >= 16) {
                Matches.copy16(src, s, dst, d);
            } else {
                System.arraycopy(src, s, dst, d, literals);
            }
            s += literals;
            d += literals;
            if (s == to) {
                return d;
            }
            if (to - s < 2) {
                throw truncated();
            }
            int distance = LittleEndian.u16(src, s);
            s += 2;
            if (distance == 0 || distance > d - start) {
                throw new CorruptDataException("LZ4 match reaches back before its block");
            }
            int length = token & 15;
            if (length == 15) {
                int more;
                do {
                    if (s >= to) {
                        throw truncated();
                    }
                    more = src[s++] & 0xff;
                    length += more;
                } while (more == 255 && length >= 0);
            }
            length += 4;
            if (length < 0 || length > end - d) {
                throw full();
            }
            Matches.copy(dst, d, distance, length, end);
            d += length;
        }
        // A block must end with literals.
        throw truncated();
    }

    private static CorruptDataException truncated() {
        return new CorruptDataException("LZ4 block is truncated");
    }

    private static CorruptDataException full() {
        return new CorruptDataException("LZ4 block is larger than announced or than 8 MiB");
    }
}
