package org.xenolith.guests.compress;

import org.xenolith.guests.LittleEndian;

/** The LZO1X stream (described in Linux's Documentation/staging/lzo.rst, bitstream version 0). */
final class Lzo1x {
    private final byte[] src;
    private final int to;
    private final byte[] dst;
    private final int start;
    private final int end;
    private int s;
    private int d;

    private Lzo1x(byte[] src, int from, int to, byte[] dst, int start, int end) {
        this.src = src;
        this.s = from;
        this.to = to;
        this.dst = dst;
        this.start = start;
        this.d = start;
        this.end = end;
    }

    /**
     * Decodes one stream.
     *
     * @return the index behind the last byte written
     */
    static int decode(byte[] src, int from, int to, byte[] dst, int start, int end) throws CorruptDataException {
        Lzo1x decoder = new Lzo1x(src, from, to, dst, start, end);
        decoder.run();
        return decoder.d;
    }

    private void run() throws CorruptDataException {
        // How many literals the last instruction copied: 0 to 3, or 4 for a long run.
        int state = 0;
        int code = next();
        if (code > 17) {
            state = Math.min(code - 17, 4);
            literals(code - 17);
            code = next();
        }
        while (true) {
            int length;
            int distance;
            int trailing;
            if (code >= 64) {
                length = code >= 128 ? 5 + (code >> 5 & 3) : 3 + (code >> 5 & 1);
                distance = (next() << 3) + (code >> 2 & 7) + 1;
                trailing = code & 3;
            } else if (code >= 32) {
                length = 2 + length(code & 31, 31);
                int low = next16();
                distance = (low >> 2) + 1;
                trailing = low & 3;
            } else if (code >= 16) {
                length = 2 + length(code & 7, 7);
                int low = next16();
                distance = 16384 + ((code & 8) << 11) + (low >> 2);
                trailing = low & 3;
                if (distance == 16384) {
                    return;
                }
            } else if (state == 0) {
                literals(3 + length(code, 15));
                state = 4;
                code = next();
                continue;
            } else {
                length = state == 4 ? 3 : 2;
                distance = (next() << 2) + (code >> 2) + (state == 4 ? 2049 : 1);
                trailing = code & 3;
            }
            match(distance, length);
            literals(trailing);
            state = trailing;
            code = next();
        }
    }

    private int length(int bits, int extra) throws CorruptDataException {
        if (bits != 0) {
            return bits;
        }
        int zeros = 0;
        int last = next();
        while (last == 0) {
            zeros++;
            last = next();
        }
        // Longer than any block: the caller's check refuses it.
        return (int) Math.min(Integer.MAX_VALUE / 2, extra + zeros * 255L + last);
    }

    private void literals(int count) throws CorruptDataException {
        if (count > to - s) {
            throw new CorruptDataException("LZO data is truncated");
        }
        if (count > end - d) {
            throw overrun();
        }
        if (count <= 16) {
            for (int i = 0; i < count; i++) {
                dst[d + i] = src[s + i];
            }
        } else {
            System.arraycopy(src, s, dst, d, count);
        }
        s += count;
        d += count;
    }

    private void match(int distance, int length) throws CorruptDataException {
        if (distance > d - start) {
            throw new CorruptDataException("LZO match reaches back before its block");
        }
        if (length > end - d) {
            throw overrun();
        }
        Matches.copy(dst, d, distance, length, end);
        d += length;
    }

    private static CorruptDataException overrun() {
        return new CorruptDataException("LZO block is larger than announced");
    }

    private int next() throws CorruptDataException {
        if (s >= to) {
            throw new CorruptDataException("LZO data is truncated");
        }
        return src[s++] & 0xff;
    }

    private int next16() throws CorruptDataException {
        if (to - s < 2) {
            throw new CorruptDataException("LZO data is truncated");
        }
        s += 2;
        return LittleEndian.u16(src, s - 2);
    }
}
