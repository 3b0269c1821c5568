package org.xenolith.host.screen;

/** Tiles of 16 by 16 pixels: a background and rectangles on it (RFC 6143, 7.7.4). */
final class HextileEncoding implements Encoding {
    static final int NUMBER = 5;

    private static final int SIDE = 16;
    private static final int RAW = 1;
    private static final int BACKGROUND = 2;
    private static final int FOREGROUND = 4;
    private static final int SUBRECTANGLES = 8;
    private static final int COLORED = 16;

    private final RawEncoding raw = new RawEncoding();
    /** Colors of the tile before, where {@link #known}. */
    private int background;
    private boolean known;

    @Override
    public int number() {
        return NUMBER;
    }

    @Override
    public void encode(Frame frame, int x, int y, int width, int height, PixelFormat format, ByteSink to) {
        known = false;
        for (int row = y; row < y + height; row += SIDE) {
            for (int column = x; column < x + width; column += SIDE) {
                tile(frame, column, row, Math.min(SIDE, x + width - column), Math.min(SIDE, y + height - row), format,
                        to);
            }
        }
    }

    private void tile(Frame f, int x, int y, int w, int h, PixelFormat format, ByteSink to) {
        int first = f.argb()[y * f.width() + x];
        int second = first;
        boolean more = false;
        int firsts = 0;
        int seconds = 0;
        for (int row = y; row < y + h; row++) {
            for (int column = x; column < x + w; column++) {
                int p = f.argb()[row * f.width() + column];
                if (p == first) {
                    firsts++;
                } else if (seconds == 0 || p == second) {
                    second = p;
                    seconds++;
                } else {
                    more = true;
                }
            }
        }
        int ground = seconds > firsts ? second : first;
        int ink = seconds > firsts ? first : second;
        int start = to.length();
        boolean same = known && background == ground;
        to.u8((same ? 0 : BACKGROUND) | (seconds == 0 ? 0 : SUBRECTANGLES | (more ? COLORED : FOREGROUND)));
        if (!same) {
            format.pixel(to, ground);
        }
        if (seconds > 0) {
            if (!more) {
                format.pixel(to, ink);
            }
            int limit = start + 1 + w * h * format.bits() / 8;
            if (!runs(f, x, y, w, h, ground, more, limit, format, to)) {
                to.truncate(start);
                to.u8(RAW);
                raw.encode(f, x, y, w, h, format, to);
                known = false;
                return;
            }
        }
        background = ground;
        known = true;
    }

    /** Adds the runs of other colors than the background; false when pixels as they are would be shorter. */
    private static boolean runs(Frame f, int x, int y, int w, int h, int ground, boolean colored, int limit,
            PixelFormat format, ByteSink to) {
        int countAt = to.length();
        int count = 0;
        to.u8(0);
        for (int row = 0; row < h; row++) {
            int at = (y + row) * f.width() + x;
            for (int column = 0; column < w;) {
                int p = f.argb()[at + column];
                int end = column + 1;
                while (end < w && f.argb()[at + end] == p) {
                    end++;
                }
                if (p != ground) {
                    if (colored) {
                        format.pixel(to, p);
                    }
                    to.u8(column << 4 | row);
                    to.u8(end - column - 1 << 4);
                    if (++count > 255 || to.length() > limit) {
                        return false;
                    }
                }
                column = end;
            }
        }
        to.set(countAt, count);
        return true;
    }
}
