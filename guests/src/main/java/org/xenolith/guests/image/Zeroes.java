package org.xenolith.guests.image;

import java.util.Arrays;

/** Zeroes in byte arrays. */
public final class Zeroes {
    private static final byte[] BLOCK = new byte[4096];

    private Zeroes() {
    }

    /** Whether {@code length} bytes from {@code at} on are all zero. */
    public static boolean all(byte[] bytes, int at, int length) {
        int end = at + length;
        for (int i = at; i < end; i += BLOCK.length) {
            int n = Math.min(BLOCK.length, end - i);
            if (!Arrays.equals(bytes, i, i + n, BLOCK, 0, n)) {
                return false;
            }
        }
        return true;
    }
}
