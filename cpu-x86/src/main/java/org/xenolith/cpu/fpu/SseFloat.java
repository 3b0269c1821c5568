package org.xenolith.cpu.fpu;

/**
 * Arithmetic of scalar SSE and AVX on raw bits: int for single, long for double precision.
 *
 * <p>Each method returns the masked response and raises its exceptions in the {@link Mxcsr}; after a commit that returns
 * true the result has no meaning. Host arithmetic, which Java fixes to IEEE 754 round-to-nearest, is used where
 * operands and result are ordinary numbers; everything else is done in integers. Source: Intel SDM vol. 1, chapters 4
 * and 11, appendix E.4.
 */
public final class SseFloat {
    private static final int EXP64 = 0x7ff;
    private static final int EXP32 = 0xff;

    private SseFloat() {
    }

    /** ADDSD. */
    public static long add64(long a, long b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            double x = Double.longBitsToDouble(a);
            double y = Double.longBitsToDouble(b);
            double r = x + y;
            long bits = Double.doubleToRawLongBits(r);
            if (sumIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && sumError(x, y, r) != 0) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return addExactly(BinaryFormat.F64, a, b, 0, c);
    }

    /** SUBSD. */
    public static long sub64(long a, long b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            double x = Double.longBitsToDouble(a);
            double y = Double.longBitsToDouble(b);
            double r = x - y;
            long bits = Double.doubleToRawLongBits(r);
            if (sumIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && sumError(x, -y, r) != 0) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return addExactly(BinaryFormat.F64, a, b, BinaryFormat.F64.sign(), c);
    }

    /** MULSD. */
    public static long mul64(long a, long b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) * Double.longBitsToDouble(b));
            if (productIsOrdinary(bits, a, b)) {
                if (c.speed == Mxcsr.FAST_CHECKED && (bits << 1) != 0 && !productIsExact(a, b, bits)) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return multiplyExactly(BinaryFormat.F64, a, b, c);
    }

    /** DIVSD. */
    public static long div64(long a, long b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b) && (b << 1) != 0) {
            long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) / Double.longBitsToDouble(b));
            if (quotientIsOrdinary(bits, a)) {
                if (c.speed == Mxcsr.FAST_CHECKED && (bits << 1) != 0 && !productIsExact(b, bits, a)) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return divideExactly(BinaryFormat.F64, a, b, c);
    }

    /** SQRTSD. */
    public static long sqrt64(long a, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && a > 0 && ordinary(a)) {
            long bits = Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(a)));
            if (c.speed == Mxcsr.FAST_CHECKED && !productIsExact(bits, bits, a)) {
                c.raise(Mxcsr.PE);
            }
            return bits;
        }
        return rootExactly(BinaryFormat.F64, a, c);
    }

    /** ADDSS. */
    public static int add32(int a, int b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            float x = Float.intBitsToFloat(a);
            float y = Float.intBitsToFloat(b);
            float r = x + y;
            int bits = Float.floatToRawIntBits(r);
            if (sumIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && sumError(x, y, r) != 0) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return (int) addExactly(BinaryFormat.F32, wide(a), wide(b), 0, c);
    }

    /** SUBSS. */
    public static int sub32(int a, int b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            float x = Float.intBitsToFloat(a);
            float y = Float.intBitsToFloat(b);
            float r = x - y;
            int bits = Float.floatToRawIntBits(r);
            if (sumIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && sumError(x, -y, r) != 0) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return (int) addExactly(BinaryFormat.F32, wide(a), wide(b), BinaryFormat.F32.sign(), c);
    }

    /** MULSS. */
    public static int mul32(int a, int b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b)) {
            // 48 bits: exact in double precision.
            double exact = (double) Float.intBitsToFloat(a) * Float.intBitsToFloat(b);
            float r = (float) exact;
            int bits = Float.floatToRawIntBits(r);
            if (exact == 0 || resultIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && r != exact) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return (int) multiplyExactly(BinaryFormat.F32, wide(a), wide(b), c);
    }

    /** DIVSS. */
    public static int div32(int a, int b, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && ordinary(a) && ordinary(b) && (b << 1) != 0) {
            float x = Float.intBitsToFloat(a);
            float y = Float.intBitsToFloat(b);
            float r = x / y;
            int bits = Float.floatToRawIntBits(r);
            if (x == 0 || resultIsOrdinary(bits)) {
                if (c.speed == Mxcsr.FAST_CHECKED && (double) r * y != x) {
                    c.raise(Mxcsr.PE);
                }
                return bits;
            }
        }
        return (int) divideExactly(BinaryFormat.F32, wide(a), wide(b), c);
    }

    /** SQRTSS. */
    public static int sqrt32(int a, Mxcsr c) {
        if (c.speed != Mxcsr.SLOW && a > 0 && ordinary(a)) {
            float x = Float.intBitsToFloat(a);
            // Rounding twice is harmless for a root: 53 >= 2 * 24 + 2.
            float r = (float) Math.sqrt(x);
            if (c.speed == Mxcsr.FAST_CHECKED && (double) r * r != x) {
                c.raise(Mxcsr.PE);
            }
            return Float.floatToRawIntBits(r);
        }
        return (int) rootExactly(BinaryFormat.F32, wide(a), c);
    }

    /**
     * One rounding of a * b + d for the FMA instructions.
     *
     * @param negateProduct FNMADD, FNMSUB
     * @param negateAddend FMSUB, FNMSUB
     */
    public static long fma64(long a, long b, long d, boolean negateProduct, boolean negateAddend, Mxcsr c) {
        if (c.speed == Mxcsr.FAST && ordinary(a) && ordinary(b) && ordinary(d)) {
            double x = Double.longBitsToDouble(a);
            double y = Double.longBitsToDouble(b);
            double z = Double.longBitsToDouble(d);
            long bits = Double.doubleToRawLongBits(Math.fma(negateProduct ? -x : x, y, negateAddend ? -z : z));
            if (resultIsOrdinary(bits)) {
                return bits;
            }
        }
        return fmaExactly(BinaryFormat.F64, a, b, d, negateProduct, negateAddend, c);
    }

    /** As {@link #fma64} in single precision. */
    public static int fma32(int a, int b, int d, boolean negateProduct, boolean negateAddend, Mxcsr c) {
        if (c.speed == Mxcsr.FAST && ordinary(a) && ordinary(b) && ordinary(d)) {
            float x = Float.intBitsToFloat(a);
            float y = Float.intBitsToFloat(b);
            float z = Float.intBitsToFloat(d);
            int bits = Float.floatToRawIntBits(Math.fma(negateProduct ? -x : x, y, negateAddend ? -z : z));
            if (resultIsOrdinary(bits)) {
                return bits;
            }
        }
        return (int) fmaExactly(BinaryFormat.F32, wide(a), wide(b), wide(d), negateProduct, negateAddend, c);
    }

    private static long wide(int bits) {
        return bits & 0xffff_ffffL;
    }

    /** Normal or zero. */
    private static boolean ordinary(long bits) {
        int e = (int) (bits >>> 52) & EXP64;
        return e != 0 && e != EXP64 || (bits << 1) == 0;
    }

    private static boolean ordinary(int bits) {
        int e = bits >>> 23 & EXP32;
        return e != 0 && e != EXP32 || (bits << 1) == 0;
    }

    /** Neither overflown nor tiny, nor the smallest normal, which may have been tiny before rounding. */
    private static boolean resultIsOrdinary(long bits) {
        int e = (int) (bits >>> 52) & EXP64;
        return e > 1 && e < EXP64;
    }

    private static boolean resultIsOrdinary(int bits) {
        int e = bits >>> 23 & EXP32;
        return e > 1 && e < EXP32;
    }

    private static boolean sumIsOrdinary(long bits) {
        return resultIsOrdinary(bits) || (bits << 1) == 0;
    }

    private static boolean sumIsOrdinary(int bits) {
        return resultIsOrdinary(bits) || (bits << 1) == 0;
    }

    private static boolean productIsOrdinary(long bits, long a, long b) {
        return resultIsOrdinary(bits) || (a << 1) == 0 || (b << 1) == 0;
    }

    private static boolean quotientIsOrdinary(long bits, long a) {
        return resultIsOrdinary(bits) || (a << 1) == 0;
    }

    /** What r = x + y lost, exactly (Knuth's TwoSum). */
    private static double sumError(double x, double y, double r) {
        double yPart = r - x;
        double xPart = r - yPart;
        return (x - xPart) + (y - yPart);
    }

    private static float sumError(float x, float y, float r) {
        float yPart = r - x;
        float xPart = r - yPart;
        return (x - xPart) + (y - yPart);
    }

    /** Whether the significands of normal a and b multiply to exactly that of p, the exponents being known to fit. */
    private static boolean productIsExact(long a, long b, long p) {
        long hidden = 1L << 52;
        long x = a & hidden - 1 | hidden;
        long y = b & hidden - 1 | hidden;
        long z = p & hidden - 1 | hidden;
        long low = x * y;
        long high = Math.unsignedMultiplyHigh(x, y);
        return low == z << 52 && high == z >>> 12 || low == z << 53 && high == z >>> 11;
    }

    /** Quiet NaN that an operation on a and b returns if one is a NaN: the first of them. */
    static long propagate(BinaryFormat f, long a, long b, Mxcsr c) {
        if (f.isSignalling(a) || f.isSignalling(b)) {
            c.raise(Mxcsr.IE);
        }
        return (f.isNan(a) ? a : b) | f.quiet();
    }

    static long invalid(BinaryFormat f, Mxcsr c) {
        c.raise(Mxcsr.IE);
        return f.defaultNan();
    }

    static long denormalAsZero(BinaryFormat f, long bits, Mxcsr c) {
        return c.denormalsAreZeros() && f.isDenormal(bits) ? bits & f.sign() : bits;
    }

    private static void noteDenormal(BinaryFormat f, long bits, Mxcsr c) {
        if (f.isDenormal(bits)) {
            c.raise(Mxcsr.DE);
        }
    }

    private static long addExactly(BinaryFormat f, long rawA, long rawB, long flipB, Mxcsr c) {
        long a = denormalAsZero(f, rawA, c);
        long b = denormalAsZero(f, rawB, c);
        if (f.isNan(a) || f.isNan(b)) {
            return propagate(f, a, b, c);
        }
        b ^= flipB;
        if (f.isInfinite(a) && f.isInfinite(b) && a != b) {
            return invalid(f, c);
        }
        noteDenormal(f, a, c);
        noteDenormal(f, b, c);
        if (f.isInfinite(a)) {
            return a;
        }
        if (f.isInfinite(b)) {
            return b;
        }
        if (f.isZero(a) && f.isZero(b)) {
            return a == b ? a : exactZero(f, c);
        }
        Unrounded u = c.scratch;
        u.add(f.negative(a), f.exponent(a), f.significand(a), f.negative(b), f.exponent(b), f.significand(b));
        return u.hi == 0 ? exactZero(f, c) : SseRounding.pack(f, u, c);
    }

    /** Zero from a difference of equals: negative only when rounding down. */
    private static long exactZero(BinaryFormat f, Mxcsr c) {
        return c.rounding() == 1 ? f.sign() : 0;
    }

    private static long multiplyExactly(BinaryFormat f, long rawA, long rawB, Mxcsr c) {
        long a = denormalAsZero(f, rawA, c);
        long b = denormalAsZero(f, rawB, c);
        if (f.isNan(a) || f.isNan(b)) {
            return propagate(f, a, b, c);
        }
        if (f.isInfinite(a) && f.isZero(b) || f.isZero(a) && f.isInfinite(b)) {
            return invalid(f, c);
        }
        noteDenormal(f, a, c);
        noteDenormal(f, b, c);
        long sign = (a ^ b) & f.sign();
        if (f.isInfinite(a) || f.isInfinite(b)) {
            return sign | f.infinity();
        }
        if (f.isZero(a) || f.isZero(b)) {
            return sign;
        }
        Unrounded u = c.scratch;
        u.multiply(sign != 0, f.exponent(a), f.significand(a), f.exponent(b), f.significand(b));
        return SseRounding.pack(f, u, c);
    }

    private static long divideExactly(BinaryFormat f, long rawA, long rawB, Mxcsr c) {
        long a = denormalAsZero(f, rawA, c);
        long b = denormalAsZero(f, rawB, c);
        if (f.isNan(a) || f.isNan(b)) {
            return propagate(f, a, b, c);
        }
        long sign = (a ^ b) & f.sign();
        if (f.isInfinite(a) && f.isInfinite(b) || f.isZero(a) && f.isZero(b)) {
            return invalid(f, c);
        }
        if (f.isZero(b) && !f.isInfinite(a)) {
            c.raise(Mxcsr.ZE);
            return sign | f.infinity();
        }
        noteDenormal(f, a, c);
        noteDenormal(f, b, c);
        if (f.isInfinite(a)) {
            return sign | f.infinity();
        }
        if (f.isZero(a) || f.isInfinite(b)) {
            return sign;
        }
        Unrounded u = c.scratch;
        u.divide(sign != 0, f.exponent(a), f.significand(a), f.exponent(b), f.significand(b));
        return SseRounding.pack(f, u, c);
    }

    private static long rootExactly(BinaryFormat f, long rawA, Mxcsr c) {
        long a = denormalAsZero(f, rawA, c);
        if (f.isNan(a)) {
            return propagate(f, a, a, c);
        }
        if (f.isZero(a)) {
            return a;
        }
        if (f.negative(a)) {
            return invalid(f, c);
        }
        noteDenormal(f, a, c);
        if (f.isInfinite(a)) {
            return a;
        }
        Unrounded u = c.scratch;
        u.squareRoot(f.exponent(a), f.significand(a));
        return SseRounding.pack(f, u, c);
    }

    private static long fmaExactly(BinaryFormat f, long rawA, long rawB, long rawD, boolean negateProduct,
            boolean negateAddend, Mxcsr c) {
        long a = denormalAsZero(f, rawA, c);
        long b = denormalAsZero(f, rawB, c);
        long d = denormalAsZero(f, rawD, c);
        boolean noProduct = f.isInfinite(a) && f.isZero(b) || f.isZero(a) && f.isInfinite(b);
        if (f.isNan(a) || f.isNan(b) || f.isNan(d)) {
            if (f.isSignalling(a) || f.isSignalling(b) || f.isSignalling(d)) {
                c.raise(Mxcsr.IE);
            }
            return (f.isNan(a) ? a : f.isNan(b) ? b : d) | f.quiet();
        }
        boolean sign = f.negative(a ^ b) != negateProduct;
        if (negateAddend) {
            d ^= f.sign();
        }
        boolean infinite = f.isInfinite(a) || f.isInfinite(b);
        if (noProduct || infinite && f.isInfinite(d) && f.negative(d) != sign) {
            return invalid(f, c);
        }
        noteDenormal(f, a, c);
        noteDenormal(f, b, c);
        noteDenormal(f, d, c);
        if (infinite) {
            return (sign ? f.sign() : 0) | f.infinity();
        }
        if (f.isInfinite(d)) {
            return d;
        }
        Unrounded u = c.scratch;
        if (f.isZero(a) || f.isZero(b)) {
            if (f.isZero(d)) {
                return f.negative(d) == sign ? d : exactZero(f, c);
            }
            u.set(f.negative(d), f.exponent(d), f.significand(d));
        } else {
            u.multiplyAdd(sign, f.exponent(a), f.significand(a), f.exponent(b), f.significand(b), f.negative(d),
                    f.exponent(d), f.significand(d));
        }
        return u.hi == 0 ? exactZero(f, c) : SseRounding.pack(f, u, c);
    }
}
