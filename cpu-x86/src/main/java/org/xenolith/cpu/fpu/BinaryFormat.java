package org.xenolith.cpu.fpu;

/**
 * One IEEE 754 interchange format, its bits held in the low end of a long.
 *
 * @param frac bits of fraction
 * @param bias exponent bias
 * @param sign the sign bit
 * @param infinity positive infinity, which is also the mask of the exponent field
 */
record BinaryFormat(int frac, int bias, long sign, long infinity) {
    static final BinaryFormat F16 = of(10, 5);
    static final BinaryFormat F32 = of(23, 8);
    static final BinaryFormat F64 = of(52, 11);

    private static BinaryFormat of(int frac, int expBits) {
        return new BinaryFormat(frac, (1 << expBits - 1) - 1, 1L << frac + expBits, (1L << expBits) - 1 << frac);
    }

    long magnitude(long bits) {
        return bits & sign - 1;
    }

    boolean negative(long bits) {
        return (bits & sign) != 0;
    }

    boolean isNan(long bits) {
        return magnitude(bits) > infinity;
    }

    boolean isSignalling(long bits) {
        return isNan(bits) && (bits & quiet()) == 0;
    }

    boolean isInfinite(long bits) {
        return magnitude(bits) == infinity;
    }

    boolean isZero(long bits) {
        return magnitude(bits) == 0;
    }

    boolean isDenormal(long bits) {
        return (bits & infinity) == 0 && magnitude(bits) != 0;
    }

    /** The bit that tells a quiet NaN. */
    long quiet() {
        return 1L << frac - 1;
    }

    /** The NaN that an invalid operation returns: x86 makes it negative. */
    long defaultNan() {
        return sign | infinity | quiet();
    }

    long largest() {
        return infinity - 1;
    }

    /** Unbiased exponent of a non-zero finite value after normalisation. */
    int exponent(long bits) {
        int field = (int) ((bits & infinity) >>> frac);
        if (field != 0) {
            return field - bias;
        }
        return 1 - bias - (Long.numberOfLeadingZeros(magnitude(bits)) - (63 - frac));
    }

    /** Significand of a finite value with its leading one in bit 63; 0 for a zero. */
    long significand(long bits) {
        long fraction = bits & (1L << frac) - 1;
        if ((bits & infinity) != 0) {
            return (fraction | 1L << frac) << 63 - frac;
        }
        return fraction << Long.numberOfLeadingZeros(fraction);
    }
}
