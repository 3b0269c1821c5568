package org.xenolith.cpu;

/**
 * RFLAGS bits (SDM vol. 1, 3.4.3) and the lazy form in which the six arithmetic flags are kept.
 *
 * <p>Two words describe them: {@code result} (sign-extended) and {@code aux}:
 *
 * <pre>
 *   ZF = result == 0                         SF = bit 63 of result ^ bit 0 of aux
 *   PF = even parity of (result ^ aux >> 8) & 0xff
 *   CF = bit 63 of aux      OF = bit 63 ^ bit 62 of aux      AF = bit 3 of aux
 * </pre>
 *
 * An addition just stores its result and its carry-out vector; a logical operation stores aux = 0; any combination can be expressed.
 */
public final class Flags {
    public static final int CF = 1;
    public static final int FIXED = 2;
    public static final int PF = 4;
    public static final int AF = 0x10;
    public static final int ZF = 0x40;
    public static final int SF = 0x80;
    public static final int TF = 0x100;
    public static final int IF = 0x200;
    public static final int DF = 0x400;
    public static final int OF = 0x800;
    public static final int IOPL = 0x3000;
    public static final int NT = 0x4000;
    public static final int RF = 0x10000;
    public static final int VM = 0x20000;
    public static final int AC = 0x40000;
    public static final int VIF = 0x80000;
    public static final int VIP = 0x100000;
    public static final int ID = 0x200000;
    public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

    /** Bits of aux that carry CF and CF^OF. */
    static final long TOP2 = 0xC000_0000_0000_0000L;

    private Flags() {
    }

    /** The arithmetic flags in RFLAGS positions. */
    public static int materialize(long result, long aux) {
        int cf = (int) (aux >>> 63);
        int of = (int) (aux >>> 62) & 1 ^ cf;
        int pf = ~Integer.bitCount((int) (result ^ aux >>> 8) & 0xff) & 1;
        int af = (int) aux >>> 3 & 1;
        int zf = result == 0 ? 1 : 0;
        int sf = (int) (result >>> 63 ^ aux) & 1;
        return cf | pf << 2 | af << 4 | zf << 6 | sf << 7 | of << 11;
    }

    /** A result word that expresses the ZF in {@code flags}. */
    public static long resultFor(int flags) {
        return (flags & ZF) != 0 ? 0 : 1;
    }

    /** The aux word that goes with {@link #resultFor}. */
    public static long auxFor(int flags) {
        long cf = flags & CF;
        int of = flags >>> 11 & 1;
        long result = resultFor(flags);
        // parity of result is 0 set bits (even) or 1 (odd); flip one bit when PF asks for the other
        long parityFlip = (result == 0) == ((flags & PF) != 0) ? 0 : 1;
        return cf << 63 | (cf ^ of) << 62 | (flags & AF) >>> 1 | flags >>> 7 & 1 | parityFlip << 8;
    }
}
