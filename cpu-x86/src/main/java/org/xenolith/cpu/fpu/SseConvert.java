package org.xenolith.cpu.fpu;

/** Conversions and rounding of scalar SSE, AVX and F16C on raw bits. */
public final class SseConvert {
    private static final int TRUNCATE = 3;

    private SseConvert() {
    }

    /** CVTSS2SD. */
    public static long f32ToF64(int a, Mxcsr c) {
        int e = a >>> 23 & 0xff;
        if (e != 0 && e != 0xff) {
            return Double.doubleToRawLongBits(Float.intBitsToFloat(a));
        }
        return convert(BinaryFormat.F32, BinaryFormat.F64, a & 0xffff_ffffL, c);
    }

    /** CVTSD2SS. */
    public static int f64ToF32(long a, Mxcsr c) {
        int e = (int) (a >>> 52) & 0x7ff;
        if (c.speed != Mxcsr.SLOW && e > 1023 - 126 && e < 1023 + 127) {
            double value = Double.longBitsToDouble(a);
            float result = (float) value;
            if (c.speed == Mxcsr.FAST_CHECKED && result != value) {
                c.raise(Mxcsr.PE);
            }
            return Float.floatToRawIntBits(result);
        }
        return (int) convert(BinaryFormat.F64, BinaryFormat.F32, a, c);
    }

    /** CVTSI2SS from a 32-bit integer (or a packed one). */
    public static int i32ToF32(int a, Mxcsr c) {
        return i64ToF32(a, c);
    }

    /** CVTSI2SS from a 64-bit integer. */
    public static int i64ToF32(long a, Mxcsr c) {
        if (a << 39 >> 39 == a) {
            return Float.floatToRawIntBits((float) a);
        }
        return (int) fromInteger(BinaryFormat.F32, a, c);
    }

    /** CVTSI2SD from a 32-bit integer: always exact. */
    public static long i32ToF64(int a) {
        return Double.doubleToRawLongBits(a);
    }

    /** CVTSI2SD from a 64-bit integer. */
    public static long i64ToF64(long a, Mxcsr c) {
        if (a << 10 >> 10 == a) {
            return Double.doubleToRawLongBits((double) a);
        }
        return fromInteger(BinaryFormat.F64, a, c);
    }

    /** CVTSS2SI, or CVTTSS2SI when truncating; 0x80000000 when it does not fit. */
    public static int f32ToI32(int a, boolean truncate, Mxcsr c) {
        double value = Float.intBitsToFloat(a);
        if (isOrdinary(Double.doubleToRawLongBits(value), truncate, 31, c)) {
            return (int) toInteger(value, truncate, c);
        }
        return (int) toInteger(BinaryFormat.F32, a & 0xffff_ffffL, 31, truncate, c);
    }

    /** As {@link #f32ToI32} to 64 bits; 2^63 when it does not fit. */
    public static long f32ToI64(int a, boolean truncate, Mxcsr c) {
        double value = Float.intBitsToFloat(a);
        if (isOrdinary(Double.doubleToRawLongBits(value), truncate, 63, c)) {
            return toInteger(value, truncate, c);
        }
        return toInteger(BinaryFormat.F32, a & 0xffff_ffffL, 63, truncate, c);
    }

    /** CVTSD2SI, or CVTTSD2SI when truncating; 0x80000000 when it does not fit. */
    public static int f64ToI32(long a, boolean truncate, Mxcsr c) {
        if (isOrdinary(a, truncate, 31, c)) {
            return (int) toInteger(Double.longBitsToDouble(a), truncate, c);
        }
        return (int) toInteger(BinaryFormat.F64, a, 31, truncate, c);
    }

    /** As {@link #f64ToI32} to 64 bits; 2^63 when it does not fit. */
    public static long f64ToI64(long a, boolean truncate, Mxcsr c) {
        if (isOrdinary(a, truncate, 63, c)) {
            return toInteger(Double.longBitsToDouble(a), truncate, c);
        }
        return toInteger(BinaryFormat.F64, a, 63, truncate, c);
    }

    /**
     * ROUNDSS.
     *
     * @param imm bits 1:0 rounding control, bit 2 take it from MXCSR instead, bit 3 do not raise PE
     */
    public static int round32(int a, int imm, Mxcsr c) {
        return (int) round(BinaryFormat.F32, a & 0xffff_ffffL, imm, c);
    }

    /** ROUNDSD; as {@link #round32}. */
    public static long round64(long a, int imm, Mxcsr c) {
        return round(BinaryFormat.F64, a, imm, c);
    }

    /** VCVTPH2PS: DAZ and denormals are no matter, only a signalling NaN raises IE. */
    public static int f16ToF32(int a, Mxcsr c) {
        long bits = a & 0xffffL;
        BinaryFormat from = BinaryFormat.F16;
        if (from.isDenormal(bits)) {
            long sign = from.negative(bits) ? BinaryFormat.F32.sign() : 0;
            long fraction = from.significand(bits) << 1 >>> 64 - 23;
            return (int) (sign | (long) (from.exponent(bits) + 127) << 23 | fraction);
        }
        return (int) convert(from, BinaryFormat.F32, bits, c);
    }

    /**
     * VCVTPS2PH; FTZ has no effect.
     *
     * @param imm bits 1:0 rounding control, bit 2 take it from MXCSR instead
     * @return 16 bits
     */
    public static int f32ToF16(int a, int imm, Mxcsr c) {
        int rounding = (imm & 4) != 0 ? c.rounding() : imm & 3;
        return (int) convert(BinaryFormat.F32, BinaryFormat.F16, a & 0xffff_ffffL, c, rounding, false);
    }

    private static long convert(BinaryFormat from, BinaryFormat to, long a, Mxcsr c) {
        return convert(from, to, a, c, c.rounding(), c.flushesToZero());
    }

    private static long convert(BinaryFormat from, BinaryFormat to, long raw, Mxcsr c, int rounding, boolean flush) {
        long a = SseFloat.denormalAsZero(from, raw, c);
        long sign = from.negative(a) ? to.sign() : 0;
        if (from.isNan(a)) {
            if (from.isSignalling(a)) {
                c.raise(Mxcsr.IE);
            }
            int narrower = from.frac() - to.frac();
            long payload = a & (1L << from.frac()) - 1;
            payload = narrower > 0 ? payload >>> narrower : payload << -narrower;
            return sign | to.infinity() | to.quiet() | payload;
        }
        if (from.isInfinite(a)) {
            return sign | to.infinity();
        }
        if (from.isZero(a)) {
            return sign;
        }
        if (from.isDenormal(a)) {
            c.raise(Mxcsr.DE);
        }
        return SseRounding.pack(to, sign != 0, from.exponent(a), from.significand(a), c, rounding, flush);
    }

    private static long fromInteger(BinaryFormat f, long a, Mxcsr c) {
        if (a == 0) {
            return 0;
        }
        long magnitude = Math.abs(a);
        int shift = Long.numberOfLeadingZeros(magnitude);
        return SseRounding.pack(f, a < 0, 63 - shift, magnitude << shift, c);
    }

    private static long toInteger(BinaryFormat f, long raw, int bits, boolean truncate, Mxcsr c) {
        long a = SseFloat.denormalAsZero(f, raw, c);
        if (f.isZero(a)) {
            return 0;
        }
        long indefinite = 1L << bits;
        int exp = f.exponent(a);
        if (exp > bits) {
            // Infinities and NaNs have an exponent field above every integer's.
            c.raise(Mxcsr.IE);
            return indefinite;
        }
        boolean negative = f.negative(a);
        long sig = f.significand(a);
        long magnitude = SseRounding.toInteger(negative, exp, sig, truncate ? TRUNCATE : c.rounding());
        if (Long.compareUnsigned(magnitude, negative ? indefinite : indefinite - 1) > 0) {
            c.raise(Mxcsr.IE);
            return indefinite;
        }
        if (SseRounding.hasFraction(exp, sig)) {
            c.raise(Mxcsr.PE);
        }
        return negative ? -magnitude : magnitude;
    }

    /** Whether host arithmetic converts: magnitude 1 to 2^(bits - 1), and truncation or rounding to nearest. */
    private static boolean isOrdinary(long a, boolean truncate, int bits, Mxcsr c) {
        int exp = ((int) (a >>> 52) & 0x7ff) - 1023;
        return exp >= 0 && exp < bits - 1 && (truncate || c.speed != Mxcsr.SLOW);
    }

    private static long toInteger(double value, boolean truncate, Mxcsr c) {
        long result = (long) (truncate ? value : Math.rint(value));
        if (result != value) {
            c.raise(Mxcsr.PE);
        }
        return result;
    }

    private static long round(BinaryFormat f, long raw, int imm, Mxcsr c) {
        long a = SseFloat.denormalAsZero(f, raw, c);
        if (f.isNan(a)) {
            return SseFloat.propagate(f, a, a, c);
        }
        if (f.isZero(a) || f.isInfinite(a) || f.exponent(a) >= f.frac()) {
            return a;
        }
        boolean negative = f.negative(a);
        int exp = f.exponent(a);
        long sig = f.significand(a);
        int rounding = (imm & 4) != 0 ? c.rounding() : imm & 3;
        long magnitude = SseRounding.toInteger(negative, exp, sig, rounding);
        if ((imm & 8) == 0 && SseRounding.hasFraction(exp, sig)) {
            c.raise(Mxcsr.PE);
        }
        long sign = a & f.sign();
        if (magnitude == 0) {
            return sign;
        }
        int shift = Long.numberOfLeadingZeros(magnitude);
        long fraction = magnitude << shift << 1 >>> 64 - f.frac();
        return sign | (long) (63 - shift + f.bias()) << f.frac() | fraction;
    }
}
