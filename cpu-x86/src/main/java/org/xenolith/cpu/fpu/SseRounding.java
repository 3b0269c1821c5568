package org.xenolith.cpu.fpu;

/** Rounds exact results to an interchange format with the overflow and underflow rules of SSE (SDM vol. 1, 11.5.2). */
final class SseRounding {
    private static final int NEAREST = 0;
    private static final int DOWN = 1;
    private static final int UP = 2;

    private SseRounding() {
    }

    /** What to add below the last kept bit so that cutting there rounds. */
    private static long increment(int rounding, boolean negative, long dropMask) {
        return switch (rounding) {
            case NEAREST -> (dropMask >>> 1) + 1;
            case DOWN -> negative ? dropMask : 0;
            case UP -> negative ? 0 : dropMask;
            default -> 0;
        };
    }

    /** Rounds (-1)^negative * sig * 2^(exp-63), whose lowest bit is sticky, under the modes of MXCSR. */
    static long pack(BinaryFormat f, boolean negative, int exp, long sig, Mxcsr c) {
        return pack(f, negative, exp, sig, c, c.rounding(), c.flushesToZero());
    }

    static long pack(BinaryFormat f, Unrounded u, Mxcsr c) {
        return pack(f, u.negative, u.exp, u.jammed(), c);
    }

    static long pack(BinaryFormat f, boolean negative, int exp, long sig, Mxcsr c, int rounding, boolean flush) {
        int frac = f.frac();
        int drop = 63 - frac;
        long dropMask = (1L << drop) - 1;
        long half = 1L << drop - 1;
        long sign = negative ? f.sign() : 0;
        long increment = increment(rounding, negative, dropMask);
        boolean nearest = rounding == NEAREST;
        long sum = sig + increment;
        boolean inexact = (sig & dropMask) != 0;
        int e = exp;
        long kept = sum >>> drop;
        if (Long.compareUnsigned(sum, sig) < 0) {
            e++;
            kept = 1L << frac;
        } else if (nearest && (sig & dropMask) == half) {
            kept &= ~1L;
        }
        if (e > f.bias()) {
            // With OE unmasked the result is lost anyway, but PE tells whether rounding alone lost something.
            c.raise(Mxcsr.OE | (inexact || c.masked(Mxcsr.OE) ? Mxcsr.PE : 0));
            boolean toInfinity = nearest || rounding == (negative ? DOWN : UP);
            return sign | (toInfinity ? f.infinity() : f.largest());
        }
        int smallest = 1 - f.bias();
        if (e < smallest) {
            if (flush) {
                c.raise(Mxcsr.UE | Mxcsr.PE);
                return sign;
            }
            if (!c.masked(Mxcsr.UE)) {
                // No denormal result is made; PE tells whether rounding to full precision lost something.
                c.raise(inexact ? Mxcsr.UE | Mxcsr.PE : Mxcsr.UE);
                return sign;
            }
            int shift = smallest - exp;
            long shifted = shift >= 64 ? 1 : sig >>> shift | (sig << 64 - shift != 0 ? 1 : 0);
            kept = shifted + increment >>> drop;
            if (nearest && (shifted & dropMask) == half) {
                kept &= ~1L;
            }
            if ((shifted & dropMask) != 0) {
                c.raise(Mxcsr.UE | Mxcsr.PE);
            }
            return sign | kept;
        }
        if (inexact) {
            c.raise(Mxcsr.PE);
        }
        return sign | ((long) (e + f.bias() - 1) << frac) + kept;
    }

    /**
     * Rounds the magnitude sig * 2^(exp-63) to an integer.
     *
     * @param exp at most 63
     * @return the integer, unsigned; 2^64 wraps to 0
     */
    static long toInteger(boolean negative, int exp, long sig, int rounding) {
        if (exp == 63) {
            return sig;
        }
        if (exp < -1) {
            return sig != 0 && rounding == (negative ? DOWN : UP) ? 1 : 0;
        }
        int drop = 63 - exp;
        long whole = drop == 64 ? 0 : sig >>> drop;
        long rest = drop == 64 ? sig : sig << 64 - drop;
        boolean up = switch (rounding) {
            case NEAREST -> rest < 0 && (rest != Long.MIN_VALUE || (whole & 1) != 0);
            case DOWN -> negative && rest != 0;
            case UP -> !negative && rest != 0;
            default -> false;
        };
        return up ? whole + 1 : whole;
    }

    /** Whether sig * 2^(exp-63) has a fraction; exp at most 63. */
    static boolean hasFraction(int exp, long sig) {
        return exp < 0 ? sig != 0 : exp < 63 && sig << exp + 1 != 0;
    }
}
