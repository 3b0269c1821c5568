package org.xenolith.host.screen;

import java.util.Optional;

/**
 * How a client wants its pixels (RFC 6143, 7.4).
 *
 * @param bits 8, 16 or 32 bits of a pixel
 * @param map whether the client shows 8 bits through a color map, which we make one of 3, 3 and 2 bits
 */
record PixelFormat(int bits, int depth, boolean bigEndian, boolean map, int redMax, int greenMax, int blueMax,
        int redShift, int greenShift, int blueShift) {
    static final int WIRE_BYTES = 16;
    /** What we offer: 32 bits, little-endian, blue lowest. */
    static final PixelFormat OWN = new PixelFormat(32, 24, false, false, 255, 255, 255, 16, 8, 0);

    /** Reads a description of {@link #WIRE_BYTES} bytes; empty when it makes no sense. */
    static Optional<PixelFormat> read(byte[] b, int at) {
        int bits = b[at] & 0xff;
        int depth = b[at + 1] & 0xff;
        boolean trueColor = b[at + 3] != 0;
        if (bits != 8 && bits != 16 && bits != 32 || depth > bits) {
            return Optional.empty();
        }
        if (!trueColor) {
            return bits == 8 ? Optional.of(new PixelFormat(8, 8, false, true, 7, 7, 3, 5, 2, 0)) : Optional.empty();
        }
        PixelFormat f = new PixelFormat(bits, depth, b[at + 2] != 0, false, u16(b, at + 4), u16(b, at + 6),
                u16(b, at + 8), b[at + 10] & 0xff, b[at + 11] & 0xff, b[at + 12] & 0xff);
        return fits(f.redMax, f.redShift, bits) && fits(f.greenMax, f.greenShift, bits)
                && fits(f.blueMax, f.blueShift, bits) ? Optional.of(f) : Optional.empty();
    }

    private static boolean fits(int max, int shift, int bits) {
        return shift < bits && (long) max << shift < 1L << bits;
    }

    private static int u16(byte[] b, int at) {
        return (b[at] & 0xff) << 8 | b[at + 1] & 0xff;
    }

    void write(ByteSink to) {
        to.u8(bits);
        to.u8(depth);
        to.u8(bigEndian ? 1 : 0);
        to.u8(map ? 0 : 1);
        to.u16(redMax);
        to.u16(greenMax);
        to.u16(blueMax);
        to.u8(redShift);
        to.u8(greenShift);
        to.u8(blueShift);
        to.u8(0);
        to.u16(0);
    }

    /** The client's value for a color. */
    int value(int argb) {
        return scale(argb >> 16 & 0xff, redMax) << redShift | scale(argb >> 8 & 0xff, greenMax) << greenShift
                | scale(argb & 0xff, blueMax) << blueShift;
    }

    private static int scale(int v, int max) {
        return max == 255 ? v : (v * max + 127) / 255;
    }

    /** Adds a pixel. */
    void pixel(ByteSink to, int argb) {
        int v = value(argb);
        put(to, v, 0, bits / 8);
    }

    private void put(ByteSink to, int v, int lowest, int count) {
        for (int i = 0; i < count; i++) {
            to.u8(v >>> 8 * (bigEndian ? lowest + count - 1 - i : lowest + i));
        }
    }

    /** Bytes of a compressed pixel, as ZRLE has them: three of four when the colors need no more. */
    int compressedBytes() {
        return bits == 32 && (inLow() || inHigh()) ? 3 : bits / 8;
    }

    private boolean inLow() {
        return depth <= 24 && allBits() >>> 24 == 0;
    }

    private boolean inHigh() {
        return depth <= 24 && (allBits() & 0xff) == 0;
    }

    private int allBits() {
        return redMax << redShift | greenMax << greenShift | blueMax << blueShift;
    }

    /** Adds a compressed pixel. */
    void compressed(ByteSink to, int argb) {
        put(to, value(argb), compressedBytes() == 3 && !inLow() ? 1 : 0, compressedBytes());
    }
}
