package org.xenolith.cpu.fpu;

/**
 * x87 arithmetic on 80-bit values: basic operations under precision control, and FRNDINT, FSCALE, FXTRACT.
 *
 * <p>Each method writes the masked response to dst, which may be one of the operands, and raises its exceptions in the
 * {@link FpuContext}. Source: Intel SDM vol. 1, chapters 4 and 8, and vol. 2 under each instruction.
 */
public final class X87Arith {
    private X87Arith() {
    }

    /** FADD: a + b. */
    public static void add(F80 dst, F80 a, F80 b, FpuContext c) {
        addSigned(dst, a, b, false, c);
    }

    /** FSUB: a - b. */
    public static void sub(F80 dst, F80 a, F80 b, FpuContext c) {
        addSigned(dst, a, b, true, c);
    }

    private static void addSigned(F80 dst, F80 a, F80 b, boolean subtract, FpuContext c) {
        if (takeNan(dst, a, b, c)) {
            return;
        }
        boolean signA = a.isNegative();
        boolean signB = b.isNegative() != subtract;
        if (a.isInfinite() && b.isInfinite() && signA != signB) {
            invalid(dst, c);
            return;
        }
        c.noteDenormals(a, b);
        if (a.isInfinite() || b.isInfinite()) {
            dst.setInfinity(a.isInfinite() ? signA : signB);
            return;
        }
        if (a.isZero() && b.isZero()) {
            dst.setZero(signA == signB ? signA : c.rounding() == 1);
            return;
        }
        Unrounded u = c.scratch;
        u.add(signA, a.exponent(), a.significand(), signB, b.exponent(), b.significand());
        if (u.hi == 0) {
            dst.setZero(c.rounding() == 1);
        } else {
            X87Rounding.pack(dst, u, c.precision(), c);
        }
    }

    /** FMUL: a * b. */
    public static void mul(F80 dst, F80 a, F80 b, FpuContext c) {
        if (takeNan(dst, a, b, c)) {
            return;
        }
        if (a.isInfinite() && b.isZero() || a.isZero() && b.isInfinite()) {
            invalid(dst, c);
            return;
        }
        c.noteDenormals(a, b);
        boolean sign = a.isNegative() != b.isNegative();
        if (a.isInfinite() || b.isInfinite()) {
            dst.setInfinity(sign);
        } else if (a.isZero() || b.isZero()) {
            dst.setZero(sign);
        } else {
            Unrounded u = c.scratch;
            u.multiply(sign, a.exponent(), a.significand(), b.exponent(), b.significand());
            X87Rounding.pack(dst, u, c.precision(), c);
        }
    }

    /** FDIV: a / b. */
    public static void div(F80 dst, F80 a, F80 b, FpuContext c) {
        if (takeNan(dst, a, b, c)) {
            return;
        }
        if (a.isInfinite() && b.isInfinite() || a.isZero() && b.isZero()) {
            invalid(dst, c);
            return;
        }
        boolean sign = a.isNegative() != b.isNegative();
        if (b.isZero() && !a.isInfinite()) {
            c.raise(FpuContext.ZE);
            dst.setInfinity(sign);
            return;
        }
        c.noteDenormals(a, b);
        if (a.isInfinite()) {
            dst.setInfinity(sign);
        } else if (a.isZero() || b.isInfinite()) {
            dst.setZero(sign);
        } else {
            Unrounded u = c.scratch;
            u.divide(sign, a.exponent(), a.significand(), b.exponent(), b.significand());
            X87Rounding.pack(dst, u, c.precision(), c);
        }
    }

    /** FSQRT. */
    public static void sqrt(F80 dst, F80 a, FpuContext c) {
        if (takeNan(dst, a, a, c)) {
            return;
        }
        if (a.isZero()) {
            dst.set(a);
            return;
        }
        if (a.isNegative()) {
            invalid(dst, c);
            return;
        }
        c.noteDenormals(a, a);
        if (a.isInfinite()) {
            dst.set(a);
            return;
        }
        Unrounded u = c.scratch;
        u.squareRoot(a.exponent(), a.significand());
        X87Rounding.pack(dst, u, c.precision(), c);
    }

    /** FRNDINT: to an integer in the mode of the control word. */
    public static void rint(F80 dst, F80 a, FpuContext c) {
        if (takeNan(dst, a, a, c)) {
            return;
        }
        c.noteDenormals(a, a);
        if (a.isZero() || a.isInfinite() || a.exponent() >= 63) {
            dst.set(a);
            return;
        }
        int exp = a.exponent();
        long sig = a.significand();
        boolean negative = a.isNegative();
        long magnitude = SseRounding.toInteger(negative, exp, sig, c.rounding());
        if (SseRounding.hasFraction(exp, sig)) {
            c.raise(FpuContext.PE);
            c.roundedUp(magnitude != (exp < 0 ? 0 : sig >>> 63 - exp));
        }
        setInteger(dst, negative, magnitude);
    }

    /** FSCALE: a * 2^trunc(b), rounded to 64 bits whatever the precision control. */
    public static void scale(F80 dst, F80 a, F80 b, FpuContext c) {
        if (takeNan(dst, a, b, c)) {
            return;
        }
        boolean sign = a.isNegative();
        if (b.isInfinite() && (b.isNegative() ? a.isInfinite() : a.isZero())) {
            invalid(dst, c);
            return;
        }
        c.noteDenormals(a, b);
        if (b.isInfinite()) {
            if (b.isNegative()) {
                dst.setZero(sign);
            } else {
                dst.setInfinity(sign);
            }
            return;
        }
        if (a.isZero() || a.isInfinite()) {
            dst.set(a);
            return;
        }
        // 2^16 moves every finite value out of range, also after the wrap of an unmasked exception.
        int n = 0;
        if (!b.isZero() && b.exponent() >= 0) {
            n = b.exponent() >= 16 ? 1 << 16 : (int) (b.significand() >>> 63 - b.exponent());
            n = b.isNegative() ? -n : n;
        }
        Unrounded u = c.scratch;
        u.set(sign, a.exponent() + n, a.significand());
        X87Rounding.pack(dst, u, 64, c);
    }

    /**
     * FXTRACT: splits a into its unbiased exponent, which replaces it, and its significand, which is pushed.
     *
     * @param exponent receives the exponent as a value; must not be a
     * @param fraction receives the significand with exponent 0; may be a
     */
    public static void extract(F80 exponent, F80 fraction, F80 a, FpuContext c) {
        if (takeNan(fraction, a, a, c)) {
            exponent.set(fraction);
            return;
        }
        boolean sign = a.isNegative();
        if (a.isZero()) {
            c.raise(FpuContext.ZE);
            exponent.setInfinity(true);
            fraction.set(a);
            return;
        }
        c.noteDenormals(a, a);
        if (a.isInfinite()) {
            exponent.setInfinity(false);
            fraction.set(a);
            return;
        }
        int e = a.exponent();
        fraction.set((sign ? F80.SIGN : 0) | F80.BIAS, a.significand());
        setInteger(exponent, e < 0, Math.abs(e));
    }

    /** Stores an integer; magnitude is unsigned. */
    static void setInteger(F80 dst, boolean negative, long magnitude) {
        if (magnitude == 0) {
            dst.setZero(negative);
            return;
        }
        int shift = Long.numberOfLeadingZeros(magnitude);
        dst.set((negative ? F80.SIGN : 0) | F80.BIAS + 63 - shift, magnitude << shift);
    }

    static void invalid(F80 dst, FpuContext c) {
        c.raise(FpuContext.IE);
        dst.setIndefinite();
    }

    /**
     * Deals with operands that are NaNs or unsupported (SDM vol. 1, table 4-7: of two NaNs of a kind the one with the
     * larger significand, and a quiet one before a signalling one).
     *
     * @return true if dst holds the result
     */
    static boolean takeNan(F80 dst, F80 a, F80 b, FpuContext c) {
        if (a.isUnsupported() || b.isUnsupported()) {
            invalid(dst, c);
            return true;
        }
        boolean nanA = a.isNan();
        boolean nanB = b.isNan();
        if (!nanA && !nanB) {
            return false;
        }
        boolean signallingA = a.isSignalling();
        boolean signallingB = b.isSignalling();
        if (signallingA || signallingB) {
            c.raise(FpuContext.IE);
        }
        F80 chosen;
        if (nanA && nanB && signallingA == signallingB) {
            int order = Long.compareUnsigned(a.sig, b.sig);
            chosen = order > 0 || order == 0 && a.se <= b.se ? a : b;
        } else if (nanA && nanB) {
            chosen = signallingA ? b : a;
        } else {
            chosen = nanA ? a : b;
        }
        dst.set(chosen.se, chosen.sig | F80.QUIET_BIT);
        return true;
    }
}
