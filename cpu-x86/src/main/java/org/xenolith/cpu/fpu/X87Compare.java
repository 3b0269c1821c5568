package org.xenolith.cpu.fpu;

/** x87 comparisons and classification; results are condition codes as bits of the status word. */
public final class X87Compare {
    private static final int UNORDERED = FpuContext.C3 | FpuContext.C2 | FpuContext.C0;

    private X87Compare() {
    }

    /**
     * FCOM, or FUCOM when quiet.
     *
     * @return C3, C2, C0: 000 for a &gt; b, 001 for a &lt; b, 100 for equal, 111 unordered
     */
    public static int compare(F80 a, F80 b, boolean quiet, FpuContext c) {
        if (a.isUnsupported() || b.isUnsupported() || a.isSignalling() || b.isSignalling()) {
            c.raise(FpuContext.IE);
            return UNORDERED;
        }
        if (a.isNan() || b.isNan()) {
            if (!quiet) {
                c.raise(FpuContext.IE);
            }
            return UNORDERED;
        }
        c.noteDenormals(a, b);
        int order = order(a, b);
        return order == 0 ? FpuContext.C3 : order < 0 ? FpuContext.C0 : 0;
    }

    /** EFLAGS bits ZF (0x40), PF (4), CF (1) that FCOMI makes of the result of {@link #compare}. */
    public static int eflags(int codes) {
        return codes >> 8 & 0x45;
    }

    /** FXAM of a register that is not empty: C3, C2, C0 for the class, C1 for the sign. */
    public static int exam(F80 a) {
        int sign = a.isNegative() ? FpuContext.C1 : 0;
        if (a.isUnsupported()) {
            return sign;
        }
        if (a.isZero()) {
            return sign | FpuContext.C3;
        }
        if (a.isDenormal()) {
            return sign | FpuContext.C3 | FpuContext.C2;
        }
        if (a.isNan()) {
            return sign | FpuContext.C0;
        }
        return sign | FpuContext.C2 | (a.isInfinite() ? FpuContext.C0 : 0);
    }

    private static int order(F80 a, F80 b) {
        if (a.isZero() && b.isZero()) {
            return 0;
        }
        if (a.isZero()) {
            return b.isNegative() ? 1 : -1;
        }
        boolean negative = a.isNegative();
        if (b.isZero() || negative != b.isNegative()) {
            return negative ? -1 : 1;
        }
        int magnitude = Integer.compare(a.exponent(), b.exponent());
        if (magnitude == 0) {
            magnitude = Long.compareUnsigned(a.significand(), b.significand());
        }
        return negative ? -magnitude : magnitude;
    }
}
