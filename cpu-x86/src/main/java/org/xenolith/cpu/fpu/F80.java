package org.xenolith.cpu.fpu;

/**
 * A mutable 80-bit extended value, so that operations need not allocate: sign and exponent in the low 16 bits of {@link
 * #se}, significand with its explicit integer bit in {@link #sig} (SDM vol. 1, section 4.2.2 and table 8-3).
 */
public final class F80 {
    static final int BIAS = 16383;
    static final int SIGN = 0x8000;
    static final int EXP_MASK = 0x7fff;
    static final int MAX_EXP = 16383;
    static final int MIN_EXP = -16382;
    static final long INTEGER_BIT = Long.MIN_VALUE;
    static final long QUIET_BIT = 1L << 62;

    /** Significand. */
    public long sig;
    /** Sign (bit 15) and biased exponent (bits 14:0). */
    public int se;

    /** Creates +0. */
    public F80() {
    }

    /** Creates a value from its two fields. */
    public F80(int se, long sig) {
        set(se, sig);
    }

    /** Sets both fields. */
    public void set(int signExp, long significand) {
        se = signExp & 0xffff;
        sig = significand;
    }

    /** Copies the bits of another value. */
    public void set(F80 other) {
        se = other.se;
        sig = other.sig;
    }

    /** The quiet NaN that a masked invalid operation returns ("real indefinite"). */
    public void setIndefinite() {
        set(SIGN | EXP_MASK, INTEGER_BIT | QUIET_BIT);
    }

    void setZero(boolean negative) {
        set(negative ? SIGN : 0, 0);
    }

    void setInfinity(boolean negative) {
        set(negative ? SIGN | EXP_MASK : EXP_MASK, INTEGER_BIT);
    }

    boolean isNegative() {
        return (se & SIGN) != 0;
    }

    boolean isZero() {
        return sig == 0 && (se & EXP_MASK) == 0;
    }

    /** Includes pseudo-denormals, whose integer bit is set. */
    boolean isDenormal() {
        return sig != 0 && (se & EXP_MASK) == 0;
    }

    boolean isInfinite() {
        return (se & EXP_MASK) == EXP_MASK && sig == INTEGER_BIT;
    }

    /** Excludes pseudo-NaNs, which are unsupported. */
    boolean isNan() {
        return (se & EXP_MASK) == EXP_MASK && sig < 0 && sig != INTEGER_BIT;
    }

    boolean isSignalling() {
        return isNan() && (sig & QUIET_BIT) == 0;
    }

    /** Unnormals, pseudo-infinities and pseudo-NaNs: operands that every operation refuses. */
    boolean isUnsupported() {
        return sig >= 0 && (se & EXP_MASK) != 0;
    }

    /** Unbiased exponent of a finite non-zero value after normalisation. */
    int exponent() {
        int field = se & EXP_MASK;
        return field != 0 ? field - BIAS : MIN_EXP - Long.numberOfLeadingZeros(sig);
    }

    /** Significand of a finite value with its leading one in bit 63; 0 for a zero. */
    long significand() {
        return sig << Long.numberOfLeadingZeros(sig);
    }

    @Override
    public String toString() {
        return String.format("%04x:%016x", se, sig);
    }
}
