package org.xenolith.host.screen;

import java.util.zip.Deflater;

/** Tiles of 64 by 64 pixels with palettes and runs, compressed by zlib in one stream for each client (RFC 6143, 7.7.6). */
final class ZrleEncoding implements Encoding, AutoCloseable {
    static final int NUMBER = 16;

    private static final int SIDE = 64;
    private static final int MAX_PALETTE = 16;
    private static final int PLAIN_RUNS = 128;

    private final Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    private final ByteSink tiles = new ByteSink();
    private final byte[] chunk = new byte[16_384];
    private final int[] palette = new int[MAX_PALETTE];
    private int colors;

    @Override
    public int number() {
        return NUMBER;
    }

    @Override
    public void encode(Frame frame, int x, int y, int width, int height, PixelFormat format, ByteSink to) {
        tiles.clear();
        for (int row = y; row < y + height; row += SIDE) {
            for (int column = x; column < x + width; column += SIDE) {
                tile(frame, column, row, Math.min(SIDE, x + width - column), Math.min(SIDE, y + height - row),
                        format);
            }
        }
        int lengthAt = to.length();
        to.u32(0);
        deflater.setInput(tiles.array(), 0, tiles.length());
        int n;
        do {
            n = deflater.deflate(chunk, 0, chunk.length, Deflater.SYNC_FLUSH);
            to.bytes(chunk, 0, n);
        } while (n == chunk.length);
        to.set32(lengthAt, to.length() - lengthAt - 4);
    }

    private void tile(Frame f, int x, int y, int w, int h, PixelFormat format) {
        int runs = count(f, x, y, w, h);
        if (colors <= MAX_PALETTE) {
            tiles.u8(colors);
            for (int i = 0; i < colors; i++) {
                format.compressed(tiles, palette[i]);
            }
            if (colors > 1) {
                packed(f, x, y, w, h);
            }
        } else if (runs * (format.compressedBytes() + 1) < w * h * format.compressedBytes()) {
            tiles.u8(PLAIN_RUNS);
            plainRuns(f, x, y, w, h, format);
        } else {
            tiles.u8(0);
            for (int i = 0; i < w * h; i++) {
                format.compressed(tiles, pixel(f, x, y, w, i));
            }
        }
    }

    private static int pixel(Frame f, int x, int y, int w, int i) {
        return f.argb()[(y + i / w) * f.width() + x + i % w];
    }

    /** Collects the palette; the number of runs is the result. */
    private int count(Frame f, int x, int y, int w, int h) {
        colors = 0;
        int runs = 0;
        int last = 0;
        for (int i = 0; i < w * h; i++) {
            int p = pixel(f, x, y, w, i);
            if (i > 0 && p == last) {
                continue;
            }
            runs++;
            last = p;
            if (colors <= MAX_PALETTE && index(p) < 0) {
                if (colors < MAX_PALETTE) {
                    palette[colors] = p;
                }
                colors++;
            }
        }
        return runs;
    }

    private int index(int p) {
        for (int i = 0; i < Math.min(colors, MAX_PALETTE); i++) {
            if (palette[i] == p) {
                return i;
            }
        }
        return -1;
    }

    /** Palette indices of 1, 2 or 4 bits, each row from a new byte. */
    private void packed(Frame f, int x, int y, int w, int h) {
        int bits = colors == 2 ? 1 : colors <= 4 ? 2 : 4;
        for (int row = 0; row < h; row++) {
            int value = 0;
            int filled = 0;
            for (int column = 0; column < w; column++) {
                value = value << bits | index(f.argb()[(y + row) * f.width() + x + column]);
                filled += bits;
                if (filled == 8) {
                    tiles.u8(value);
                    value = 0;
                    filled = 0;
                }
            }
            if (filled > 0) {
                tiles.u8(value << 8 - filled);
            }
        }
    }

    private void plainRuns(Frame f, int x, int y, int w, int h, PixelFormat format) {
        for (int i = 0; i < w * h;) {
            int p = pixel(f, x, y, w, i);
            int end = i + 1;
            while (end < w * h && pixel(f, x, y, w, end) == p) {
                end++;
            }
            format.compressed(tiles, p);
            int rest = end - i - 1;
            for (; rest >= 255; rest -= 255) {
                tiles.u8(255);
            }
            tiles.u8(rest);
            i = end;
        }
    }

    @Override
    public void close() {
        deflater.end();
    }
}
