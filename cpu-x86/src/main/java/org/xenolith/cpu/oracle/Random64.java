package org.xenolith.cpu.oracle;

/**
 * A small seeded generator (splitmix64), so that the same seed gives the same cases on every host and JDK, and the
 * values that instructions find interesting.
 */
public final class Random64 {
    private static final long GAMMA = 0x9e37_79b9_7f4a_7c15L;
    private long state;

    public Random64(long seed) {
        this.state = seed;
    }

    /** A seed for case {@code index} of a run: neighbours have nothing in common. */
    public static long caseSeed(long seed, long index) {
        return mix(mix(seed + GAMMA) ^ index * GAMMA);
    }

    private static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
        return z ^ z >>> 31;
    }

    public void reseed(long seed) {
        state = seed;
    }

    public long next() {
        state += GAMMA;
        return mix(state);
    }

    /** Uniform in 0 to {@code bound} - 1; bound is at least 1. */
    public int below(int bound) {
        return (int) ((next() >>> 33) % bound);
    }

    /** Uniform in -{@code reach} to {@code reach} - 1. */
    public long around(int reach) {
        return (long) below(2 * reach) - reach;
    }

    /** True once in {@code n} on average. */
    public boolean oneIn(int n) {
        return below(n) == 0;
    }

    /** An integer as instructions like it: edges of every size, powers of two, short runs, or anything. */
    public long integer() {
        return switch (below(16)) {
            case 0 -> 0;
            case 1 -> -1L;
            case 2 -> 1;
            case 3 -> edge();
            case 4, 5 -> 1L << below(64);
            case 6 -> (1L << below(64)) - 1;
            case 7 -> -(1L << below(64));
            case 8 -> below(256);
            case 9 -> -below(256);
            case 10 -> next() >> below(64);
            case 11 -> next() >>> below(64);
            case 12 -> {
                long sparse = next();
                yield sparse & next();
            }
            default -> next();
        };
    }

    private long edge() {
        long[] edges = {0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffffL, 0x8000_0000L, 0xffff_ffffL,
            0xffff_ffff_8000_0000L, Long.MAX_VALUE, Long.MIN_VALUE, 0x0080_0080_0080_0080L, 0x8080_8080_8080_8080L,
            0x7f7f_7f7f_7f7f_7f7fL, 0x8000_8000_8000_8000L, 0x7fff_7fff_7fff_7fffL, 0xffff_0000_ffff_0000L};
        return edges[below(edges.length)];
    }

    /** 32 bits of a binary32 number: zeros, denormals, infinities, NaNs, integers, near ones, anything. */
    int float32() {
        int sign = below(2) << 31;
        return sign | switch (below(16)) {
            case 0 -> 0;
            case 1 -> 0x7f80_0000;
            case 2 -> 0x7fc0_0000 | below(0x40_0000);
            case 3 -> 0x7f80_0001 + below(0x3f_ffff);
            case 4 -> 1 + below(0x7f_ffff);
            case 5 -> 0x0080_0000 + below(4);
            case 6 -> 0x7f7f_ffff - below(4);
            case 7, 8 -> Float.floatToRawIntBits((float) (next() >>> 32 + below(31)));
            case 9, 10 -> 0x3f80_0000 + (below(9) - 4 << 20) + below(1 << 20);
            case 11 -> Float.floatToRawIntBits(below(1000) / 2f);
            case 12 -> 0x4b00_0000 + (below(40) << 22) + below(16);
            default -> (int) next() & 0x7fff_ffff;
        };
    }

    /** 64 bits of a binary64 number, as {@link #float32}. */
    public long float64() {
        long sign = (long) below(2) << 63;
        return sign | switch (below(16)) {
            case 0 -> 0;
            case 1 -> 0x7ff0_0000_0000_0000L;
            case 2 -> 0x7ff8_0000_0000_0000L | next() >>> 13;
            case 3 -> 0x7ff0_0000_0000_0001L | next() >>> 14;
            case 4 -> 1 + (next() >>> 12);
            case 5 -> 0x0010_0000_0000_0000L + below(4);
            case 6 -> 0x7fef_ffff_ffff_ffffL - below(4);
            case 7, 8 -> Double.doubleToRawLongBits((double) (next() >>> 1 + below(62)));
            case 9, 10 -> 0x3ff0_0000_0000_0000L + ((long) (below(9) - 4) << 49) + (next() >>> 15);
            case 11 -> Double.doubleToRawLongBits(below(1000) / 2d);
            case 12 -> Double.doubleToRawLongBits(Float.intBitsToFloat(float32())) & Long.MAX_VALUE;
            default -> next() & Long.MAX_VALUE;
        };
    }

    /** 64 bits for a vector register: integers, doubles or pairs of floats. */
    public long lane() {
        return switch (below(4)) {
            case 0 -> integer();
            case 1 -> (long) float32() << 32 | float32() & 0xffff_ffffL;
            case 2 -> float64();
            default -> (integer() & 0xffff_ffffL) << 32 | integer() & 0xffff_ffffL;
        };
    }

    /** A significand for an 80-bit register whose exponent is {@link #exponent80}. */
    public long significand80() {
        return switch (below(8)) {
            case 0 -> 0x8000_0000_0000_0000L;
            case 1 -> 0xc000_0000_0000_0000L;
            case 2 -> -1L;
            case 3 -> Long.MIN_VALUE | next() << below(64);
            case 4 -> oneIn(8) ? next() : Long.MIN_VALUE | (long) below(16) << 60 | below(4);
            case 5 -> Long.MIN_VALUE | next() << 40;
            default -> Long.MIN_VALUE | next();
        };
    }

    /** Sign and exponent of an 80-bit number, mostly near 1. */
    public int exponent80() {
        int sign = below(2) << 15;
        return sign | switch (below(16)) {
            case 0 -> 0;
            case 1 -> 0x7fff;
            case 2 -> 1 + below(3);
            case 3 -> 0x7ffe - below(3);
            case 4 -> 0x3fff - 1023 + below(5) - 60;
            case 5 -> 0x3fff + 1023 - below(3);
            case 6 -> 0x3fff - 127 + below(5) - 24;
            case 7 -> 0x3fff + below(70);
            case 8, 9, 10, 11 -> 0x3fff + below(9) - 4;
            default -> below(0x8000);
        };
    }
}
