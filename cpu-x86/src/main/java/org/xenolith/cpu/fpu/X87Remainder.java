package org.xenolith.cpu.fpu;

/** FPREM and FPREM1: partial remainders, exact, at most 63 bits of quotient at a time. */
public final class X87Remainder {
    private X87Remainder() {
    }

    /**
     * FPREM, or FPREM1 when nearest.
     *
     * @param nearest quotient rounded to nearest even instead of toward zero
     * @return condition codes as bits of the status word: C2 when the reduction is not complete, else C0, C3, C1 are
     *         bits 2, 1, 0 of the quotient
     */
    public static int remainder(F80 dst, F80 a, F80 b, boolean nearest, FpuContext c) {
        if (X87Arith.takeNan(dst, a, b, c)) {
            return 0;
        }
        if (a.isInfinite() || b.isZero()) {
            X87Arith.invalid(dst, c);
            return 0;
        }
        c.noteDenormals(a, b);
        if (a.isZero() || b.isInfinite()) {
            return keep(dst, a, c);
        }
        int expB = b.exponent();
        long sigB = b.significand();
        int distance = a.exponent() - expB;
        boolean sign = a.isNegative();
        if (distance < -1 || distance < 0 && !nearest) {
            return keep(dst, a, c);
        }
        Unrounded u = c.scratch;
        if (distance >= 64) {
            // As hardware does: 32 to 63 bits, so that what is left is a multiple of 32 away.
            int bits = distance & 31 | 32;
            long left = reduce(a.significand(), sigB, bits, u);
            store(dst, sign, left, expB + distance - bits, c);
            return FpuContext.C2;
        }
        long left;
        long quotient;
        if (distance < 0) {
            // a is below b by one binary place: more than half of b if its significand is larger.
            left = a.significand();
            quotient = 0;
            if (Long.compareUnsigned(left, sigB) > 0) {
                quotient = 1;
                // 2b - a in units of a's last place.
                u.add(false, 0, sigB, true, -1, left);
                dst.set(sign ? 0 : F80.SIGN, 0);
                store(dst, !sign, u.hi, u.exp + expB, c);
            } else {
                store(dst, sign, left, expB - 1, c);
            }
            return codes(quotient);
        }
        left = reduce(a.significand(), sigB, distance, u);
        quotient = u.lo;
        if (nearest) {
            int order = Long.compareUnsigned(left, sigB - left);
            if (order > 0 || order == 0 && (quotient & 1) != 0) {
                left = sigB - left;
                quotient++;
                sign = !sign;
            }
        }
        if (left == 0) {
            dst.setZero(a.isNegative());
        } else {
            store(dst, sign, left, expB, c);
        }
        return codes(quotient);
    }

    /** Whether FPREM of a and b computes anything: no NaN, no unsupported operand, neither invalid. */
    public static boolean isComputed(F80 a, F80 b) {
        return !(a.isUnsupported() || b.isUnsupported() || a.isNan() || b.isNan() || a.isInfinite() || b.isZero());
    }

    /** a itself is the remainder, which may still be tiny. */
    private static int keep(F80 dst, F80 a, FpuContext c) {
        if (a.isDenormal()) {
            store(dst, a.isNegative(), a.significand(), a.exponent(), c);
        } else {
            dst.set(a);
        }
        return 0;
    }

    private static int codes(long quotient) {
        return ((quotient & 4) != 0 ? FpuContext.C0 : 0) | ((quotient & 2) != 0 ? FpuContext.C3 : 0)
                | ((quotient & 1) != 0 ? FpuContext.C1 : 0);
    }

    /** sigA * 2^bits mod sigB; the low bits of the quotient go to u.lo. */
    private static long reduce(long sigA, long sigB, int bits, Unrounded u) {
        long rest = sigA;
        long quotient = 0;
        if (Long.compareUnsigned(rest, sigB) >= 0) {
            rest -= sigB;
            quotient = 1;
        }
        if (bits > 0) {
            // rest < sigB, so the quotient of rest * 2^bits fits in 64 bits.
            long high = rest >>> 64 - bits;
            long low = rest << bits;
            long q = Unrounded.divide128(high, low, sigB);
            rest = low - q * sigB;
            quotient = (quotient << bits) + q;
        }
        u.lo = quotient;
        return rest;
    }

    private static void store(F80 dst, boolean sign, long sig, int exp, FpuContext c) {
        if (sig == 0) {
            dst.setZero(sign);
            return;
        }
        int shift = Long.numberOfLeadingZeros(sig);
        Unrounded u = c.scratch;
        u.set(sign, exp - shift, sig << shift);
        X87Rounding.pack(dst, u, 64, c);
    }
}
