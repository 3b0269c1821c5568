package org.xenolith.cpu.fpu;

/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FSINCOS and FPTAN.
 *
 * <p>The manuals promise an error below one unit in the last place and leave the bits to the processor; here results are
 * those of {@link WideMath} rounded in the mode of the control word, which nearly always is the correctly rounded value.
 * Trigonometric arguments are reduced, exactly, by pi truncated to 66 bits, as Intel documents it (SDM vol. 1, section
 * 8.3.8): programs that reduce arguments themselves with that constant then agree. Precision control has no effect.
 * Special operands follow the tables of SDM vol. 2.
 */
public final class X87Transcendental {
    /** The upper 2 bits and lower 64 bits of pi/2 in units of 2^-65, pi having been cut to 66 bits. */
    private static final long HALF_PI_HIGH = 0x3;
    private static final long HALF_PI_LOW = 0x243f_6a88_85a3_08d3L;

    private X87Transcendental() {
    }

    /** F2XM1: 2^a - 1 for -1 to 1; outside of that, which the manuals leave undefined, a itself. */
    public static void exp2Minus1(F80 dst, F80 a, FpuContext c) {
        if (X87Arith.takeNan(dst, a, a, c)) {
            return;
        }
        c.noteDenormals(a, a);
        if (a.isInfinite()) {
            if (a.isNegative()) {
                dst.set(F80.SIGN | F80.BIAS, F80.INTEGER_BIT);
            } else {
                dst.set(a);
            }
            return;
        }
        if (a.isZero()) {
            dst.set(a);
            return;
        }
        int exp = a.exponent();
        if (exp >= 0) {
            // Hardware (Zen 4) tells PE also for 1 and -1, whose results are exact.
            c.raise(FpuContext.PE);
            if (a.isNegative() && exp == 0 && a.sig == F80.INTEGER_BIT) {
                dst.set(F80.SIGN | F80.BIAS - 1, F80.INTEGER_BIT);
            } else {
                dst.set(a);
            }
            return;
        }
        Unrounded u = c.scratch;
        u.set(a.isNegative(), exp, a.significand());
        c.math.exp2Minus1(u);
        finish(dst, u, c);
    }

    /** FYL2X: y * log2 x. */
    public static void yLog2(F80 dst, F80 x, F80 y, FpuContext c) {
        if (X87Arith.takeNan(dst, x, y, c)) {
            return;
        }
        if (x.isNegative() && !x.isZero()) {
            X87Arith.invalid(dst, c);
            return;
        }
        boolean signY = y.isNegative();
        if (x.isZero()) {
            if (y.isZero()) {
                X87Arith.invalid(dst, c);
                return;
            }
            if (y.isInfinite()) {
                dst.setInfinity(!signY);
                return;
            }
            c.raise(FpuContext.ZE);
            dst.setInfinity(!signY);
            return;
        }
        boolean one = (x.se & F80.EXP_MASK) == F80.BIAS && x.sig == F80.INTEGER_BIT;
        if (x.isInfinite() && y.isZero() || one && y.isInfinite()) {
            X87Arith.invalid(dst, c);
            return;
        }
        c.noteDenormals(x, y);
        boolean below = !x.isInfinite() && x.exponent() < 0;
        if (x.isInfinite() || y.isInfinite()) {
            dst.setInfinity(signY != below);
            return;
        }
        if (one || y.isZero()) {
            dst.setZero(signY != below);
            return;
        }
        int exp = x.exponent();
        long sig = x.significand();
        Unrounded u = c.scratch;
        if (sig == F80.INTEGER_BIT) {
            // A power of two: the logarithm is exact.
            int magnitude = Math.abs(exp);
            int shift = Long.numberOfLeadingZeros(magnitude);
            u.multiply(signY != exp < 0, 63 - shift, (long) magnitude << shift, y.exponent(), y.significand());
            finishExact(dst, u, c);
            return;
        }
        int whole = exp;
        u.set(false, 0, sig);
        if (Long.compareUnsigned(sig, WideMath.SQRT_2) > 0) {
            whole++;
            u.exp = -1;
        }
        c.math.log2(u);
        c.math.addInteger(u, whole);
        c.math.multiply(u, y);
        finish(dst, u, c);
    }

    /**
     * FYL2XP1: y * log2(x + 1). The manuals define it for |x| below 1 - sqrt(1/2); beyond that this goes on to compute
     * the function, and returns x where it has no value (as Zen 4 does).
     */
    public static void yLog2Plus1(F80 dst, F80 x, F80 y, FpuContext c) {
        if (X87Arith.takeNan(dst, x, y, c)) {
            return;
        }
        boolean sign = x.isNegative() != y.isNegative();
        if (x.isInfinite() && (x.isNegative() || y.isZero()) || x.isZero() && y.isInfinite()) {
            X87Arith.invalid(dst, c);
            return;
        }
        c.noteDenormals(x, y);
        if (x.isInfinite() || y.isInfinite()) {
            dst.setInfinity(sign);
            return;
        }
        if (x.isZero() || y.isZero()) {
            dst.setZero(sign);
            return;
        }
        if (x.isNegative() && x.exponent() >= 0) {
            c.raise(FpuContext.PE);
            dst.set(x);
            return;
        }
        Unrounded u = c.scratch;
        u.set(x.isNegative(), x.exponent(), x.significand());
        if (x.exponent() < -2) {
            c.math.log2Plus1(u);
        } else {
            int whole = c.math.log2Plus1Split(u);
            boolean exact = u.hi == 0;
            c.math.addInteger(u, whole);
            if (exact) {
                c.math.multiply(u, y);
                finishExact(dst, u, c);
                return;
            }
        }
        c.math.multiply(u, y);
        finish(dst, u, c);
    }

    /** FPATAN: the angle of the point (x, y). */
    public static void arctan(F80 dst, F80 y, F80 x, FpuContext c) {
        if (X87Arith.takeNan(dst, x, y, c)) {
            return;
        }
        c.noteDenormals(x, y);
        boolean signY = y.isNegative();
        boolean left = x.isNegative();
        Unrounded u = c.scratch;
        if (y.isZero() || x.isInfinite() && !y.isInfinite()) {
            if (!left) {
                dst.setZero(signY);
                return;
            }
            u.set(WideMath.PI);
        } else if (x.isZero() || y.isInfinite()) {
            u.set(WideMath.PI);
            u.exp--;
            if (x.isInfinite()) {
                u.exp--;
                if (left) {
                    c.math.subtractFromPi(u, 0);
                }
            }
        } else {
            c.math.angle(u, y, x);
        }
        u.negative = signY;
        finish(dst, u, c);
    }

    /**
     * FSIN.
     *
     * @return C2 if a is not below 2^63 in magnitude, so that dst stays as it was; else 0
     */
    public static int sin(F80 dst, F80 a, FpuContext c) {
        return trigonometric(dst, a, 0, c);
    }

    /** FCOS; as {@link #sin}. */
    public static int cos(F80 dst, F80 a, FpuContext c) {
        return trigonometric(dst, a, 1, c);
    }

    /**
     * FSINCOS.
     *
     * @param sine replaces a in its register; must not be a
     * @param cosine is pushed; must not be a
     * @return as {@link #sin}
     */
    public static int sinCos(F80 sine, F80 cosine, F80 a, FpuContext c) {
        // The sine last: C1 is about it (Zen 4).
        trigonometric(cosine, a, 1, c);
        return trigonometric(sine, a, 0, c);
    }

    /**
     * FPTAN; the instruction then pushes 1.
     *
     * @return as {@link #sin}
     */
    public static int tan(F80 dst, F80 a, FpuContext c) {
        return trigonometric(dst, a, 2, c);
    }

    /** function: 0 sine, 1 cosine, 2 tangent. */
    private static int trigonometric(F80 dst, F80 a, int function, FpuContext c) {
        if (X87Arith.takeNan(dst, a, a, c)) {
            return 0;
        }
        if (a.isInfinite()) {
            X87Arith.invalid(dst, c);
            return 0;
        }
        if (a.isZero()) {
            if (function == 1) {
                X87Convert.one(dst);
            } else {
                dst.set(a);
            }
            return 0;
        }
        if (a.exponent() >= 63) {
            return FpuContext.C2;
        }
        c.noteDenormals(a, a);
        Unrounded u = c.scratch;
        int quadrant = reduce(u, a);
        if (function == 2) {
            c.math.tangent(u, (quadrant & 1) != 0);
        } else {
            quadrant += function;
            if ((quadrant & 1) == 0) {
                c.math.sine(u);
            } else {
                c.math.cosine(u);
            }
            u.negative ^= (quadrant & 2) != 0;
        }
        finish(dst, u, c);
        return 0;
    }

    /** u = a - n * pi/2 with |u| at most pi/4; returns n modulo 4. */
    private static int reduce(Unrounded u, F80 a) {
        int exp = a.exponent();
        long sig = a.significand();
        boolean negative = a.isNegative();
        u.set(negative, exp, sig);
        if (exp < -1 || exp == -1 && Long.compareUnsigned(sig, 0xc90f_daa2_2168_c234L) <= 0) {
            return 0;
        }
        // The remainder of sig * 2^(exp + 2), in units of 2^-65, bit by bit; it stays below 2^67.
        long high = 0;
        long low = sig;
        int quotient = 0;
        for (int i = exp + 2; i > 0; i--) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            quotient <<= 1;
            if (high > HALF_PI_HIGH || high == HALF_PI_HIGH && Long.compareUnsigned(low, HALF_PI_LOW) >= 0) {
                high -= HALF_PI_HIGH + (Long.compareUnsigned(low, HALF_PI_LOW) < 0 ? 1 : 0);
                low -= HALF_PI_LOW;
                quotient |= 1;
            }
        }
        // Beyond pi/4 count from the next multiple.
        long halfHigh = HALF_PI_HIGH >>> 1;
        long halfLow = HALF_PI_LOW >>> 1 | HALF_PI_HIGH << 63;
        if (high > halfHigh || high == halfHigh && Long.compareUnsigned(low, halfLow) > 0) {
            high = HALF_PI_HIGH - high - (Long.compareUnsigned(HALF_PI_LOW, low) < 0 ? 1 : 0);
            low = HALF_PI_LOW - low;
            quotient++;
            negative = !negative;
        }
        u.setInteger(negative, high, low, -65);
        return a.isNegative() ? -quotient & 3 : quotient & 3;
    }

    /** Rounds a result that may be exact; hardware (Zen 4) tells PE all the same. */
    private static void finishExact(F80 dst, Unrounded u, FpuContext c) {
        X87Rounding.pack(dst, u, 64, c);
        c.raise(dst.isDenormal() ? FpuContext.UE | FpuContext.PE : FpuContext.PE);
    }

    /** Rounds a result that is never exact. */
    private static void finish(F80 dst, Unrounded u, FpuContext c) {
        u.lo |= 1;
        X87Rounding.pack(dst, u, 64, c);
    }
}
