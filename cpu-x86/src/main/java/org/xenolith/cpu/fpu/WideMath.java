package org.xenolith.cpu.fpu;

/**
 * Elementary functions in 128-bit floating point: relative error below 2^-110, so that rounding to 64 bits is correct
 * but for about one argument in 2^45.
 *
 * <p>Every function is a Taylor series after argument reduction, in integer arithmetic only, hence the same on every
 * host. Tables are computed when the class loads. An instance holds the scratch values of one CPU.
 */
final class WideMath {
    /** Binary places by which {@link #exp2Minus1} shrinks its argument. */
    private static final int HALVINGS = 4;
    private static final int EXP_TERMS = 18;
    private static final int TRIGONOMETRIC_TERMS = 18;
    private static final int LOG_TERMS = 26;
    private static final int ARCTAN_TERMS = 14;
    /** {@link #arctan} works from the nearest multiple of 1/16. */
    private static final int ARCTAN_STEPS = 16;

    /** Significand of sqrt(2): where the logarithm moves on to the next power of two. */
    static final long SQRT_2 = 0xb504_f333_f9de_6484L;

    private static final Unrounded ONE = constant(0, Long.MIN_VALUE, 0);
    private static final Unrounded TWO = constant(1, Long.MIN_VALUE, 0);
    private static final Unrounded LN_2 = constant(-1, 0xb172_17f7_d1cf_79abL, 0xc9e3_b398_03f2_f6afL);
    private static final Unrounded LOG2_E = constant(0, 0xb8aa_3b29_5c17_f0bbL, 0xbe87_fed0_691d_3e88L);
    static final Unrounded PI = constant(1, 0xc90f_daa2_2168_c234L, 0xc4c6_628b_80dc_1cd1L);

    /** 1/n! */
    private static final Unrounded[] FACTORIALS = factorials(2 * TRIGONOMETRIC_TERMS + 2);
    /** 1/(2n+1) */
    private static final Unrounded[] ODDS = odds(LOG_TERMS + 1);
    private static final Unrounded[] ARCTANS = arctans();

    private final Unrounded square = new Unrounded();
    private final Unrounded sum = new Unrounded();
    private final Unrounded left = new Unrounded();
    private final Unrounded right = new Unrounded();
    private final Unrounded divisor = new Unrounded();
    private final Unrounded inverse = new Unrounded();
    private final Unrounded error = new Unrounded();

    private static Unrounded constant(int exp, long hi, long lo) {
        Unrounded u = new Unrounded();
        u.set(false, exp, hi);
        u.lo = lo;
        return u;
    }

    private static Unrounded integer(int n) {
        int shift = Long.numberOfLeadingZeros(n);
        return constant(63 - shift, (long) n << shift, 0);
    }

    private static Unrounded[] factorials(int count) {
        WideMath math = new WideMath();
        Unrounded[] table = new Unrounded[count];
        table[0] = constant(0, Long.MIN_VALUE, 0);
        for (int n = 1; n < count; n++) {
            table[n] = new Unrounded();
            table[n].set(table[n - 1]);
            math.divide(table[n], integer(n));
        }
        return table;
    }

    private static Unrounded[] odds(int count) {
        WideMath math = new WideMath();
        Unrounded[] table = new Unrounded[count];
        for (int n = 0; n < count; n++) {
            table[n] = constant(0, Long.MIN_VALUE, 0);
            math.divide(table[n], integer(2 * n + 1));
        }
        return table;
    }

    /** arctan(k/16), from arctan(k/16) - arctan((k-1)/16) = arctan(16 / (256 + k(k-1))). */
    private static Unrounded[] arctans() {
        WideMath math = new WideMath();
        Unrounded[] table = new Unrounded[ARCTAN_STEPS + 1];
        table[0] = new Unrounded();
        for (int k = 1; k <= ARCTAN_STEPS; k++) {
            table[k] = integer(16);
            math.divide(table[k], integer(256 + k * (k - 1)));
            math.arctanSeries(table[k], LOG_TERMS);
            table[k].plus(table[k - 1]);
        }
        return table;
    }

    /** a /= b. */
    void divide(Unrounded a, Unrounded b) {
        // One step of Newton from a reciprocal of 63 bits: inverse * (1 + (1 - b * inverse)).
        inverse.divide(b.negative, 0, Long.MIN_VALUE, b.exp, b.hi);
        error.set(b);
        error.times(inverse);
        error.negative = !error.negative;
        error.plus(ONE);
        if (error.hi != 0) {
            error.times(inverse);
            inverse.plus(error);
        }
        a.times(inverse);
    }

    /** x becomes 2^x - 1, for 0 < |x| <= 1. */
    void exp2Minus1(Unrounded x) {
        x.times(LN_2);
        x.exp -= HALVINGS;
        sum.set(FACTORIALS[EXP_TERMS + 1]);
        for (int n = EXP_TERMS; n >= 1; n--) {
            sum.times(x);
            sum.plus(FACTORIALS[n]);
        }
        x.times(sum);
        for (int i = 0; i < HALVINGS; i++) {
            // e^2y - 1 = (e^y - 1) * (e^y - 1 + 2)
            sum.set(x);
            sum.plus(TWO);
            x.times(sum);
        }
    }

    /** x becomes log2 x, for x between sqrt(1/2) and sqrt(2) but not 1. */
    void log2(Unrounded x) {
        right.set(x);
        right.plus(ONE);
        left.set(ONE);
        left.negative = true;
        x.plus(left);
        log2OfRatio(x, right);
    }

    /** x becomes log2(1 + x), for 1 + x between sqrt(1/2) and sqrt(2), x not 0. */
    void log2Plus1(Unrounded x) {
        right.set(x);
        right.plus(TWO);
        log2OfRatio(x, right);
    }

    /** u becomes log2(1 + u) without its whole part, which is returned; 1 + u > 0 and |u| >= 1/4. */
    int log2Plus1Split(Unrounded u) {
        u.plus(ONE);
        int whole = u.exp;
        u.exp = 0;
        if (Long.compareUnsigned(u.hi, SQRT_2) > 0) {
            whole++;
            u.exp = -1;
        }
        if (u.hi == Long.MIN_VALUE && u.lo == 0) {
            u.hi = 0;
        } else {
            log2(u);
        }
        return whole;
    }

    /** u += n. */
    void addInteger(Unrounded u, int n) {
        if (n != 0) {
            int magnitude = Math.abs(n);
            int shift = Long.numberOfLeadingZeros(magnitude);
            right.set(n < 0, 63 - shift, (long) magnitude << shift);
            u.plus(right);
        }
    }

    /** u *= y, for a finite y that is not zero. */
    void multiply(Unrounded u, F80 y) {
        right.set(y.isNegative(), y.exponent(), y.significand());
        u.times(right);
    }

    /** log2((1 + s) / (1 - s)) = 2 artanh(s) / ln 2, with s = numerator / denominator. */
    private void log2OfRatio(Unrounded numerator, Unrounded denominator) {
        divide(numerator, denominator);
        square.set(numerator);
        square.times(numerator);
        sumOdds(LOG_TERMS);
        numerator.times(sum);
        numerator.times(LOG2_E);
        numerator.exp++;
    }

    /** sum = 1 + square/3 + square^2/5 + ... */
    private void sumOdds(int terms) {
        sum.set(ODDS[terms]);
        for (int n = terms - 1; n >= 0; n--) {
            sum.times(square);
            sum.plus(ODDS[n]);
        }
    }

    /** t becomes arctan t, for 0 < t <= 1. */
    void arctan(Unrounded t) {
        int step = t.exp < -5 ? 0 : (int) ((t.hi >>> 58 - t.exp) + 1 >>> 1);
        if (step > 0) {
            // arctan t = arctan c + arctan((t - c) / (1 + t c))
            int shift = Integer.numberOfLeadingZeros(step);
            right.set(false, 31 - shift - 4, (long) step << shift + 32);
            left.set(right);
            left.times(t);
            left.plus(ONE);
            right.negative = true;
            t.plus(right);
            if (t.hi != 0) {
                divide(t, left);
            }
        }
        if (t.hi != 0) {
            arctanSeries(t, ARCTAN_TERMS);
        }
        t.plus(ARCTANS[step]);
    }

    /** u becomes the angle in (0, pi) between the positive x axis and the point (x, |y|), both finite and not zero. */
    void angle(Unrounded u, F80 y, F80 x) {
        u.set(false, y.exponent(), y.significand());
        divisor.set(false, x.exponent(), x.significand());
        boolean steep = u.exp > divisor.exp
                || u.exp == divisor.exp && Long.compareUnsigned(u.hi, divisor.hi) > 0;
        if (steep) {
            divide(divisor, u);
            u.set(divisor);
        } else {
            divide(u, divisor);
        }
        arctan(u);
        if (steep) {
            subtractFromPi(u, 1);
        }
        if (x.isNegative()) {
            subtractFromPi(u, 0);
        }
    }

    /** u = pi / 2^halvings - u. */
    void subtractFromPi(Unrounded u, int halvings) {
        right.set(PI);
        right.exp -= halvings;
        u.negative = !u.negative;
        u.plus(right);
    }

    private void arctanSeries(Unrounded t, int terms) {
        square.set(t);
        square.times(t);
        square.negative = true;
        sumOdds(terms);
        t.times(sum);
    }

    /** r becomes sin r, for 0 < |r| <= pi/4. */
    void sine(Unrounded r) {
        trigonometric(r, 1);
        r.times(sum);
    }

    /** r becomes cos r, for 0 < |r| <= pi/4. */
    void cosine(Unrounded r) {
        trigonometric(r, 0);
        r.set(sum);
    }

    /** r becomes tan r, or -1 / tan r for an odd quadrant; 0 < |r| <= pi/4. */
    void tangent(Unrounded r, boolean oddQuadrant) {
        left.set(r);
        sine(r);
        cosine(left);
        if (oddQuadrant) {
            divide(left, r);
            r.set(left);
            r.negative = !r.negative;
        } else {
            divide(r, left);
        }
    }

    private void trigonometric(Unrounded r, int odd) {
        square.set(r);
        square.times(r);
        square.negative = true;
        sum.set(FACTORIALS[2 * TRIGONOMETRIC_TERMS + odd]);
        for (int n = TRIGONOMETRIC_TERMS - 1; n >= 0; n--) {
            sum.times(square);
            sum.plus(FACTORIALS[2 * n + odd]);
        }
    }
}
