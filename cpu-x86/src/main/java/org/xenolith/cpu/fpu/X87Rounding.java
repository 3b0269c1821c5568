package org.xenolith.cpu.fpu;

/** Rounds exact results to 80-bit values with the overflow and underflow rules of x87 (SDM vol. 1, section 8.5). */
final class X87Rounding {
    /** What an unmasked overflow subtracts from the exponent, and an unmasked underflow adds. */
    private static final int WRAP = 24576;

    private X87Rounding() {
    }

    /**
     * Whether to round away from zero.
     *
     * @param rest the part after the last kept bit, as a fraction of it in 64 bits, lowest bit sticky
     */
    static boolean away(int rounding, boolean negative, boolean odd, long rest) {
        return switch (rounding) {
            case 0 -> rest < 0 && (rest != Long.MIN_VALUE || odd);
            case 1 -> negative && rest != 0;
            case 2 -> !negative && rest != 0;
            default -> false;
        };
    }

    /** Stores the non-zero value in u, rounded to the given number of bits (24, 53 or 64). */
    static void pack(F80 dst, Unrounded u, int precision, FpuContext c) {
        int drop = 64 - precision;
        long unit = 1L << drop;
        long kept = u.hi & -unit;
        long rest = rest(u.hi, u.lo, precision);
        int exp = u.exp;
        boolean negative = u.negative;
        int sign = negative ? F80.SIGN : 0;
        boolean up = away(c.rounding(), negative, (kept & unit) != 0, rest);
        if (up) {
            kept += unit;
            if (kept == 0) {
                kept = F80.INTEGER_BIT;
                exp++;
            }
        }
        if (exp > F80.MAX_EXP) {
            if (c.masked(FpuContext.OE)) {
                c.raise(FpuContext.OE | FpuContext.PE);
                boolean infinite = c.rounding() == 0 || c.rounding() == (negative ? 1 : 2);
                c.roundedUp(infinite);
                if (infinite) {
                    dst.setInfinity(negative);
                } else {
                    dst.set(sign | F80.EXP_MASK - 1, -unit);
                }
                return;
            }
            c.raise(FpuContext.OE);
            exp -= WRAP;
            if (exp > F80.MAX_EXP) {
                // Only FSCALE gets here; what it gives then was measured (Zen 4).
                c.raise(FpuContext.PE);
                c.roundedUp(true);
                dst.setInfinity(negative);
                return;
            }
        } else if (exp < F80.MIN_EXP) {
            if (c.masked(FpuContext.UE)) {
                denormalise(dst, u, precision, c);
                return;
            }
            c.raise(FpuContext.UE);
            exp += WRAP;
            if (exp < F80.MIN_EXP) {
                c.raise(FpuContext.PE);
                dst.setZero(negative);
                return;
            }
        }
        if (rest != 0) {
            c.raise(FpuContext.PE);
            c.roundedUp(up);
        }
        dst.set(sign | exp + F80.BIAS, kept);
    }

    private static long rest(long hi, long lo, int precision) {
        return precision == 64 ? lo : hi << precision | (lo != 0 ? 1 : 0);
    }

    private static void denormalise(F80 dst, Unrounded u, int precision, FpuContext c) {
        int shift = F80.MIN_EXP - u.exp;
        long hi = 0;
        long lo = 1;
        if (shift < 64) {
            hi = u.hi >>> shift;
            lo = u.hi << 64 - shift | u.lo >>> shift | (u.lo << 64 - shift != 0 ? 1 : 0);
        } else if (shift == 64) {
            lo = u.hi | (u.lo != 0 ? 1 : 0);
        } else if (shift < 128) {
            lo = u.hi >>> shift - 64 | 1;
        }
        long unit = 1L << 64 - precision;
        long kept = hi & -unit;
        long rest = rest(hi, lo, precision);
        boolean up = away(c.rounding(), u.negative, (kept & unit) != 0, rest);
        if (up) {
            kept += unit;
        }
        if (rest != 0) {
            c.raise(FpuContext.UE | FpuContext.PE);
            c.roundedUp(up);
        }
        // Rounding up may have made the smallest normal number.
        dst.set((u.negative ? F80.SIGN : 0) | (kept < 0 ? 1 : 0), kept);
    }
}
