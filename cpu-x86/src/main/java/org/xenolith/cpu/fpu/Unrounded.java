package org.xenolith.cpu.fpu;

/**
 * The result of one operation before rounding: (-1)^negative * hi.lo * 2^(exp - 63), hi having its leading one in bit
 * 63, or zero when hi is 0.
 *
 * <p>lo continues hi to the right; its lowest bit also stands for everything below it ("sticky"). That is enough to
 * round to 64 bits or fewer in every mode. Operands are non-zero unless said, given as unbiased exponent and significand
 * with its leading one in bit 63.
 */
final class Unrounded {
    boolean negative;
    int exp;
    long hi;
    long lo;

    void set(boolean sign, int exponent, long significand) {
        negative = sign;
        exp = exponent;
        hi = significand;
        lo = 0;
    }

    void set(Unrounded other) {
        negative = other.negative;
        exp = other.exp;
        hi = other.hi;
        lo = other.lo;
    }

    /** Sets high:low * 2^unit, which may be zero. */
    void setInteger(boolean sign, long high, long low, int unit) {
        negative = sign;
        exp = unit + 127;
        hi = high;
        lo = low;
        normalise();
    }

    /** Adds a value, either of them possibly zero, with an error of one unit in the last of 128 places. */
    void plus(Unrounded b) {
        if (hi == 0) {
            set(b);
        } else if (b.hi != 0) {
            accumulate(b.negative, b.exp, b.hi, b.lo);
        }
    }

    /** Multiplies by a value with an error of a few units in the last of 128 places. */
    void times(Unrounded b) {
        negative ^= b.negative;
        exp += b.exp + 1;
        long high = Math.unsignedMultiplyHigh(hi, b.hi);
        long low = hi * b.hi;
        long sum = low + Math.unsignedMultiplyHigh(hi, b.lo);
        high += Long.compareUnsigned(sum, low) < 0 ? 1 : 0;
        low = sum + Math.unsignedMultiplyHigh(lo, b.hi);
        high += Long.compareUnsigned(low, sum) < 0 ? 1 : 0;
        hi = high;
        lo = low;
        if (high >= 0) {
            hi = high << 1 | low >>> 63;
            lo = low << 1;
            exp--;
        }
    }

    /** hi with bit 0 telling that something follows: enough to round to fewer than 63 bits. */
    long jammed() {
        return lo == 0 ? hi : hi | 1;
    }

    /** Sum of two signed values, either of which may be zero (significand 0); zero results have no sign of their own. */
    void add(boolean signA, int expA, long sigA, boolean signB, int expB, long sigB) {
        if (sigA == 0) {
            set(signB, expB, sigB);
            return;
        }
        set(signA, expA, sigA);
        if (sigB != 0) {
            accumulate(signB, expB, sigB, 0);
        }
    }

    /**
     * Adds a 128-bit value to this one. Exact but for the sticky bit, provided that the low bit of whichever has the
     * smaller exponent is 0 when the exponents differ by 1.
     */
    private void accumulate(boolean signB, int expB, long hiB, long loB) {
        long bigHi = hi;
        long bigLo = lo;
        long smallHi = hiB;
        long smallLo = loB;
        int distance = exp - expB;
        boolean sign = negative;
        if (distance < 0 || distance == 0 && (Long.compareUnsigned(hi, hiB) < 0
                || hi == hiB && Long.compareUnsigned(lo, loB) < 0)) {
            bigHi = hiB;
            bigLo = loB;
            smallHi = hi;
            smallLo = lo;
            distance = -distance;
            exp = expB;
            sign = signB;
        }
        if (distance >= 128) {
            smallHi = 0;
            smallLo = 1;
        } else if (distance >= 64) {
            long lost = smallLo | (distance == 64 ? 0 : smallHi << 128 - distance);
            smallLo = smallHi >>> distance - 64 | (lost != 0 ? 1 : 0);
            smallHi = 0;
        } else if (distance > 0) {
            long lost = smallLo << 64 - distance;
            smallLo = smallHi << 64 - distance | smallLo >>> distance | (lost != 0 ? 1 : 0);
            smallHi >>>= distance;
        }
        boolean subtract = negative != signB;
        negative = sign;
        if (subtract) {
            lo = bigLo - smallLo;
            hi = bigHi - smallHi - (Long.compareUnsigned(bigLo, smallLo) < 0 ? 1 : 0);
            normalise();
            return;
        }
        lo = bigLo + smallLo;
        long carry = Long.compareUnsigned(lo, bigLo) < 0 ? 1 : 0;
        long sum = bigHi + smallHi;
        boolean overflow = Long.compareUnsigned(sum, bigHi) < 0;
        hi = sum + carry;
        overflow |= carry != 0 && hi == 0;
        if (overflow) {
            lo = hi << 63 | lo >>> 1 | lo & 1;
            hi = hi >>> 1 | Long.MIN_VALUE;
            exp++;
        }
    }

    private void normalise() {
        if (hi == 0) {
            hi = lo;
            lo = 0;
            exp -= 64;
        }
        int shift = Long.numberOfLeadingZeros(hi);
        if (shift > 0 && shift < 64) {
            hi = hi << shift | lo >>> 64 - shift;
            lo <<= shift;
            exp -= shift;
        }
    }

    void multiply(boolean sign, int expA, long sigA, int expB, long sigB) {
        negative = sign;
        exp = expA + expB + 1;
        hi = Math.unsignedMultiplyHigh(sigA, sigB);
        lo = sigA * sigB;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            exp--;
        }
    }

    /** a * b + c, where c may be zero; exact for significands of at most 53 bits. */
    void multiplyAdd(boolean signProduct, int expA, long sigA, int expB, long sigB, boolean signC, int expC,
            long sigC) {
        multiply(signProduct, expA, sigA, expB, sigB);
        if (sigC != 0) {
            accumulate(signC, expC, sigC, 0);
        }
    }

    void divide(boolean sign, int expA, long sigA, int expB, long sigB) {
        negative = sign;
        exp = expA - expB;
        long high = sigA >>> 1;
        long low = sigA << 63;
        if (Long.compareUnsigned(sigA, sigB) < 0) {
            high = sigA;
            low = 0;
            exp--;
        }
        hi = divide128(high, low, sigB);
        long remainder = low - hi * sigB;
        lo = 0;
        if (remainder != 0) {
            boolean half = Long.compareUnsigned(remainder, sigB - remainder) >= 0;
            boolean exactHalf = remainder == sigB - remainder;
            lo = (half ? Long.MIN_VALUE : 0) | (exactHalf ? 0 : 1);
        }
    }

    /** Quotient of (high:low) by a divisor with bit 63 set and greater than high, all unsigned. */
    static long divide128(long high, long low, long divisor) {
        // Two digits of base 2^32; with a normalised divisor each estimate is at most 2 too large.
        long d1 = divisor >>> 32;
        long d0 = divisor & 0xffff_ffffL;
        long q1 = digit(high, low >>> 32, d1, d0);
        long rest = (high << 32 | low >>> 32) - q1 * divisor;
        long q0 = digit(rest, low & 0xffff_ffffL, d1, d0);
        return q1 << 32 | q0;
    }

    private static long digit(long high, long next, long d1, long d0) {
        long q = Long.divideUnsigned(high, d1);
        long r = high - q * d1;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * d0, r << 32 | next) > 0) {
            q--;
            r += d1;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    void squareRoot(int expA, long sigA) {
        negative = false;
        // An even exponent makes the root of the significand, in [2^126, 2^128), a number of 64 bits.
        boolean odd = (expA & 1) != 0;
        long high = odd ? sigA : sigA >>> 1;
        long low = odd ? 0 : sigA << 63;
        exp = expA >> 1;
        long root = squareRoot128(high, low);
        long squareHi = Math.unsignedMultiplyHigh(root, root);
        long squareLo = root * root;
        long restLo = low - squareLo;
        long restHi = high - squareHi - (Long.compareUnsigned(low, squareLo) < 0 ? 1 : 0);
        hi = root;
        // The remainder cannot be root + 1/4, so a tie does not exist.
        boolean half = restHi != 0 || Long.compareUnsigned(restLo, root) > 0;
        lo = half ? Long.MIN_VALUE | 1 : (restHi | restLo) != 0 ? 1 : 0;
    }

    /** Floor of the square root of (high:low), which is at least 2^126. */
    private static long squareRoot128(long high, long low) {
        // sqrt is correctly rounded everywhere, so the first guess (good to 50 bits) is the same on every host.
        double value = (high >>> 1) * 0x1p65;
        double guess = Math.sqrt(value);
        long root = guess >= 0x1p64 ? -1L : guess >= 0x1p63 ? (long) (guess - 0x1p63) ^ Long.MIN_VALUE : Long.MIN_VALUE;
        if (Long.compareUnsigned(root, high) <= 0) {
            // Both are near 2^64, where the root is nearly the mean of high and 2^64.
            root = high >>> 1 | Long.MIN_VALUE;
        } else {
            long quotient = divide128(high, low, root);
            root = (root >>> 1) + (quotient >>> 1) + (root & quotient & 1);
        }
        while (squareExceeds(root, high, low)) { root--; }
        while (root != -1L && !squareExceeds(root + 1, high, low)) { root++; }
        return root;
    }

    private static boolean squareExceeds(long root, long high, long low) {
        int order = Long.compareUnsigned(Math.unsignedMultiplyHigh(root, root), high);
        return order > 0 || order == 0 && Long.compareUnsigned(root * root, low) > 0;
    }
}
