package org.xenolith.cpu.fpu;

/**
 * RCPSS and RSQRTSS: the manuals fix only an error bound of 1.5 * 2^-12, so hosts differ.
 *
 * <p>Here the result is the exact reciprocal (or root of it) rounded to nearest at 12 bits of fraction: relative error
 * at most 2^-13, and the same bits on every host. Neither reads MXCSR nor raises an exception; denormal operands count
 * as zeros and tiny results become zeros (SDM vol. 2, RCPPS and RSQRTPS).
 */
public final class SseApprox {
    private static final int KEPT_FRACTION = 12;
    private static final int INFINITY = 0x7f80_0000;
    private static final int SIGN = 0x8000_0000;
    private static final int QUIET = 0x0040_0000;

    private SseApprox() {
    }

    /** RCPSS: approximates 1 / a. */
    public static int rcp32(int a) {
        int magnitude = a & ~SIGN;
        int sign = a & SIGN;
        if (magnitude > INFINITY) {
            return a | QUIET;
        }
        if (magnitude < 0x0080_0000) {
            return sign | INFINITY;
        }
        if (magnitude == INFINITY) {
            return sign;
        }
        return sign | shorten(1.0 / Float.intBitsToFloat(magnitude));
    }

    /** RSQRTSS: approximates 1 / sqrt(a). */
    public static int rsqrt32(int a) {
        int magnitude = a & ~SIGN;
        if (magnitude > INFINITY) {
            return a | QUIET;
        }
        if (magnitude < 0x0080_0000) {
            return a & SIGN | INFINITY;
        }
        if (a < 0) {
            return SIGN | INFINITY | QUIET;
        }
        if (magnitude == INFINITY) {
            return 0;
        }
        return shorten(1.0 / Math.sqrt(Float.intBitsToFloat(magnitude)));
    }

    /** The positive value, rounded to 12 bits of fraction; zero when that is below the normal singles. */
    private static int shorten(double value) {
        long bits = Double.doubleToRawLongBits(value);
        int drop = 52 - KEPT_FRACTION;
        bits += (1L << drop - 1) - 1 + (bits >>> drop & 1);
        int exp = (int) (bits >>> 52) - 1023;
        int fraction = (int) (bits >>> drop) & (1 << KEPT_FRACTION) - 1;
        return exp < -126 ? 0 : exp + 127 << 23 | fraction << 23 - KEPT_FRACTION;
    }
}
