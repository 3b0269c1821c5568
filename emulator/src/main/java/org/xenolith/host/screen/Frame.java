package org.xenolith.host.screen;

import java.util.Arrays;

/**
 * A picture, never changed once it is handed on.
 *
 * @param argb pixels row by row
 */
record Frame(int width, int height, int[] argb) {
    private static final int BLACK = 0xff00_0000;

    /** The same picture, cut or extended by black to another size. */
    Frame resized(int w, int h) {
        if (w == width && h == height) {
            return this;
        }
        int[] to = new int[w * h];
        Arrays.fill(to, BLACK);
        for (int y = 0; y < Math.min(h, height); y++) {
            System.arraycopy(argb, y * width, to, y * w, Math.min(w, width));
        }
        return new Frame(w, h, to);
    }

    /** Whether a rectangle that lies in both pictures is the same. */
    boolean same(Frame other, int x, int y, int w, int h) {
        for (int row = y; row < y + h; row++) {
            int a = row * width + x;
            int b = row * other.width + x;
            if (Arrays.mismatch(argb, a, a + w, other.argb, b, b + w) >= 0) {
                return false;
            }
        }
        return true;
    }
}
