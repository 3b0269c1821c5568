package org.xenolith.cpu.fpu;

/** Comparisons of scalar SSE and AVX on raw bits: minimum, maximum, predicates, and the ones that set EFLAGS. */
public final class SseCompare {
    private static final int LESS = 1;
    private static final int EQUAL = 2;
    private static final int GREATER = 4;
    private static final int UNORDERED = 8;
    /** For each of the low four bits of a predicate, the relations that satisfy it (SDM vol. 2, CMPPD, table 3-1). */
    private static final long RELATIONS = 0xf465_0b9a_7ced_8312L;
    /** Predicates 0 to 15 that signal on a quiet NaN; those with bit 4 set are the other way round. */
    private static final int SIGNALLING = 0b0110_0110_0110_0110;

    private SseCompare() {
    }

    /** MINSS: the second operand when one is a NaN or both are zeros. */
    public static int min32(int a, int b, Mxcsr c) {
        return (int) extreme(BinaryFormat.F32, a & 0xffff_ffffL, b & 0xffff_ffffL, LESS, c);
    }

    /** MINSD: as {@link #min32}. */
    public static long min64(long a, long b, Mxcsr c) {
        return extreme(BinaryFormat.F64, a, b, LESS, c);
    }

    /** MAXSS: as {@link #min32}. */
    public static int max32(int a, int b, Mxcsr c) {
        return (int) extreme(BinaryFormat.F32, a & 0xffff_ffffL, b & 0xffff_ffffL, GREATER, c);
    }

    /** MAXSD: as {@link #min32}. */
    public static long max64(long a, long b, Mxcsr c) {
        return extreme(BinaryFormat.F64, a, b, GREATER, c);
    }

    /** CMPSS: all ones when the predicate (0 to 31) holds, else 0. */
    public static int cmp32(int a, int b, int predicate, Mxcsr c) {
        return matches(BinaryFormat.F32, a & 0xffff_ffffL, b & 0xffff_ffffL, predicate, c) ? -1 : 0;
    }

    /** CMPSD: all ones when the predicate (0 to 31) holds, else 0. */
    public static long cmp64(long a, long b, int predicate, Mxcsr c) {
        return matches(BinaryFormat.F64, a, b, predicate, c) ? -1 : 0;
    }

    /**
     * COMISS, or UCOMISS when quiet.
     *
     * @return ZF (0x40), PF (4) and CF (1) as in EFLAGS; the instruction clears OF, SF and AF
     */
    public static int comi32(int a, int b, boolean quiet, Mxcsr c) {
        return flags(relation(BinaryFormat.F32, a & 0xffff_ffffL, b & 0xffff_ffffL, !quiet, c));
    }

    /** COMISD, or UCOMISD when quiet; as {@link #comi32}. */
    public static int comi64(long a, long b, boolean quiet, Mxcsr c) {
        return flags(relation(BinaryFormat.F64, a, b, !quiet, c));
    }

    private static int flags(int relation) {
        return switch (relation) {
            case LESS -> 0x01;
            case EQUAL -> 0x40;
            case GREATER -> 0;
            default -> 0x45;
        };
    }

    private static boolean matches(BinaryFormat f, long a, long b, int predicate, Mxcsr c) {
        boolean signals = (SIGNALLING >> (predicate & 15) & 1) != (predicate >> 4 & 1);
        return (RELATIONS >>> 4 * (predicate & 15) & relation(f, a, b, signals, c)) != 0;
    }

    private static long extreme(BinaryFormat f, long a, long b, int wanted, Mxcsr c) {
        long x = SseFloat.denormalAsZero(f, a, c);
        long y = SseFloat.denormalAsZero(f, b, c);
        return relation(f, x, y, true, c) == wanted ? x : y;
    }

    private static int relation(BinaryFormat f, long rawA, long rawB, boolean signals, Mxcsr c) {
        if (f.isNan(rawA) || f.isNan(rawB)) {
            if (signals || f.isSignalling(rawA) || f.isSignalling(rawB)) {
                c.raise(Mxcsr.IE);
            }
            return UNORDERED;
        }
        long a = SseFloat.denormalAsZero(f, rawA, c);
        long b = SseFloat.denormalAsZero(f, rawB, c);
        if (f.isDenormal(a) || f.isDenormal(b)) {
            c.raise(Mxcsr.DE);
        }
        long x = f.negative(a) ? -f.magnitude(a) : f.magnitude(a);
        long y = f.negative(b) ? -f.magnitude(b) : f.magnitude(b);
        return x < y ? LESS : x == y ? EQUAL : GREATER;
    }
}
