package org.xenolith.cpu.fpu;

/** Conversions between 80-bit values and what x87 instructions read from and write to memory; FLDPI and its kin. */
public final class X87Convert {
    private static final int TRUNCATE = 3;
    private static final long BCD_LIMIT = 1_000_000_000_000_000_000L;

    private X87Convert() {
    }

    /** FLD m32fp: a signalling NaN raises IE, a denormal DE. */
    public static void loadF32(F80 dst, int bits, FpuContext c) {
        load(dst, BinaryFormat.F32, bits & 0xffff_ffffL, c);
    }

    /** FLD m64fp: as {@link #loadF32}. */
    public static void loadF64(F80 dst, long bits, FpuContext c) {
        load(dst, BinaryFormat.F64, bits, c);
    }

    /** The m32fp operand of an arithmetic instruction; its NaN or denormal counts in the operation that follows. */
    public static void operandF32(F80 dst, int bits, FpuContext c) {
        if (widen(dst, BinaryFormat.F32, bits & 0xffff_ffffL)) {
            c.memoryDenormal();
        }
    }

    /** The m64fp operand of an arithmetic instruction; as {@link #operandF32}. */
    public static void operandF64(F80 dst, long bits, FpuContext c) {
        if (widen(dst, BinaryFormat.F64, bits)) {
            c.memoryDenormal();
        }
    }

    /** FILD, and the operand of FIADD and the like: always exact. */
    public static void fromInteger(F80 dst, long value) {
        X87Arith.setInteger(dst, value < 0, Math.abs(value));
    }

    /** FST m32fp. */
    public static int toF32(F80 a, FpuContext c) {
        return (int) narrow(BinaryFormat.F32, a, c);
    }

    /** FST m64fp. */
    public static long toF64(F80 a, FpuContext c) {
        return narrow(BinaryFormat.F64, a, c);
    }

    /**
     * FIST, FISTP, FISTTP.
     *
     * @param bits 16, 32 or 64
     * @param truncate FISTTP: toward zero whatever the control word says
     * @return the integer, or -2^(bits-1) with IE when it does not fit
     */
    public static long toInteger(F80 a, int bits, boolean truncate, FpuContext c) {
        long indefinite = -1L << bits - 1;
        if (a.isZero()) {
            return 0;
        }
        boolean negative = a.isNegative();
        int exp = a.exponent();
        if (a.isUnsupported() || exp >= bits) {
            c.raise(FpuContext.IE);
            return indefinite;
        }
        long sig = a.significand();
        long magnitude = SseRounding.toInteger(negative, exp, sig, truncate ? TRUNCATE : c.rounding());
        long limit = 1L << bits - 1;
        if (Long.compareUnsigned(magnitude, negative ? limit : limit - 1) > 0) {
            c.raise(FpuContext.IE);
            return indefinite;
        }
        noteFraction(exp, sig, magnitude, c);
        return negative ? -magnitude : magnitude;
    }

    private static void noteFraction(int exp, long sig, long rounded, FpuContext c) {
        if (SseRounding.hasFraction(exp, sig)) {
            c.raise(FpuContext.PE);
            c.roundedUp(rounded != (exp < 0 ? 0 : sig >>> 63 - exp));
        }
    }

    /**
     * FBLD. A nibble above 9 counts with its binary value.
     *
     * @param low bytes 0 to 7, two digits each
     * @param high byte 8 in bits 7:0, byte 9 with the sign in bit 7 in bits 15:8
     */
    public static void fromBcd(F80 dst, long low, int high) {
        long value = (high >> 4 & 15) * 10L + (high & 15);
        for (int shift = 60; shift >= 0; shift -= 4) {
            value = value * 10 + (low >>> shift & 15);
        }
        X87Arith.setInteger(dst, (high & 0x8000) != 0, value);
    }

    /** FBSTP: dst.sig receives bytes 0 to 7 and dst.se bytes 8 and 9, as {@link #fromBcd} takes them. */
    public static void toBcd(F80 dst, F80 a, FpuContext c) {
        boolean negative = a.isNegative();
        long magnitude = 0;
        if (!a.isZero()) {
            int exp = a.exponent();
            if (a.isUnsupported() || exp >= 63) {
                bcdIndefinite(dst, c);
                return;
            }
            long sig = a.significand();
            magnitude = SseRounding.toInteger(negative, exp, sig, c.rounding());
            if (Long.compareUnsigned(magnitude, BCD_LIMIT) >= 0) {
                bcdIndefinite(dst, c);
                return;
            }
            noteFraction(exp, sig, magnitude, c);
        }
        long low = 0;
        for (int shift = 0; shift < 64; shift += 4) {
            low |= magnitude % 10 << shift;
            magnitude /= 10;
        }
        int high = (int) (magnitude % 10 | magnitude / 10 << 4);
        dst.set((negative ? 0x8000 : 0) | high, low);
    }

    private static void bcdIndefinite(F80 dst, FpuContext c) {
        c.raise(FpuContext.IE);
        dst.set(0xffff, 0xc000_0000_0000_0000L);
    }

    /** FLD1. */
    public static void one(F80 dst) {
        dst.set(F80.BIAS, F80.INTEGER_BIT);
    }

    /** FLDPI. */
    public static void pi(F80 dst, FpuContext c) {
        constant(dst, 1, 0xc90f_daa2_2168_c234L, true, c);
    }

    /** FLDL2T: log2 10. */
    public static void log2Of10(F80 dst, FpuContext c) {
        constant(dst, 1, 0xd49a_784b_cd1b_8afeL, false, c);
    }

    /** FLDL2E: log2 e. */
    public static void log2OfE(F80 dst, FpuContext c) {
        constant(dst, 0, 0xb8aa_3b29_5c17_f0bbL, true, c);
    }

    /** FLDLG2: log10 2. */
    public static void log10Of2(F80 dst, FpuContext c) {
        constant(dst, -2, 0x9a20_9a84_fbcf_f798L, true, c);
    }

    /** FLDLN2: ln 2. */
    public static void lnOf2(F80 dst, FpuContext c) {
        constant(dst, -1, 0xb172_17f7_d1cf_79abL, true, c);
    }

    /** A positive irrational constant: truncated significand, and whether nearest rounds it up. It raises nothing. */
    private static void constant(F80 dst, int exp, long truncated, boolean nearestIsUp, FpuContext c) {
        boolean up = switch (c.rounding()) {
            case 0 -> nearestIsUp;
            case 2 -> true;
            default -> false;
        };
        dst.set(exp + F80.BIAS, up ? truncated + 1 : truncated);
    }

    private static void load(F80 dst, BinaryFormat f, long bits, FpuContext c) {
        if (widen(dst, f, bits)) {
            c.raise(FpuContext.DE);
        }
        if (dst.isSignalling()) {
            c.raise(FpuContext.IE);
            dst.sig |= F80.QUIET_BIT;
        }
    }

    /** Converts exactly, a NaN with its payload; true if the source was denormal. */
    private static boolean widen(F80 dst, BinaryFormat f, long bits) {
        int sign = f.negative(bits) ? F80.SIGN : 0;
        if (f.isZero(bits)) {
            dst.set(sign, 0);
            return false;
        }
        if (f.isNan(bits) || f.isInfinite(bits)) {
            dst.set(sign | F80.EXP_MASK, f.significand(bits));
            return false;
        }
        dst.set(sign | f.exponent(bits) + F80.BIAS, f.significand(bits));
        return f.isDenormal(bits);
    }

    private static long narrow(BinaryFormat f, F80 a, FpuContext c) {
        if (a.isUnsupported()) {
            c.raise(FpuContext.IE);
            return f.defaultNan();
        }
        boolean negative = a.isNegative();
        long sign = negative ? f.sign() : 0;
        if (a.isNan()) {
            if (a.isSignalling()) {
                c.raise(FpuContext.IE);
            }
            return sign | f.infinity() | f.quiet() | a.sig << 1 >>> 64 - f.frac();
        }
        if (a.isInfinite()) {
            return sign | f.infinity();
        }
        if (a.isZero()) {
            return sign;
        }
        int exp = a.exponent();
        long sig = a.significand();
        int precision = f.frac() + 1;
        int rounding = c.rounding();
        long kept = sig >>> 64 - precision;
        long rest = sig << precision;
        boolean up = X87Rounding.away(rounding, negative, (kept & 1) != 0, rest);
        int rounded = up && kept == (1L << precision) - 1 ? exp + 1 : exp;
        if (rounded > f.bias()) {
            boolean infinite = rounding == 0 || rounding == (negative ? 1 : 2);
            if (c.masked(FpuContext.OE)) {
                c.raise(FpuContext.OE | FpuContext.PE);
                c.roundedUp(infinite);
            } else {
                // Nothing is stored, and nothing is said about precision.
                c.raise(FpuContext.OE);
            }
            return sign | (infinite ? f.infinity() : f.largest());
        }
        boolean tiny = rounded < 1 - f.bias();
        if (tiny && c.masked(FpuContext.UE)) {
            int shift = 1 - f.bias() - exp;
            sig = shift >= 64 ? 1 : sig >>> shift | (sig << 64 - shift != 0 ? 1 : 0);
            kept = sig >>> 64 - precision;
            rest = sig << precision;
            up = X87Rounding.away(rounding, negative, (kept & 1) != 0, rest);
            if (rest != 0) {
                c.raise(FpuContext.UE);
            }
        } else if (tiny) {
            c.raise(FpuContext.UE);
            return sign;
        }
        if (rest != 0) {
            c.raise(FpuContext.PE);
            c.roundedUp(up);
        }
        long field = tiny ? 0 : (long) (exp + f.bias() - 1) << f.frac();
        return sign | field + kept + (up ? 1 : 0);
    }
}
