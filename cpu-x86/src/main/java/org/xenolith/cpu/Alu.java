package org.xenolith.cpu;

/**
 * Integer micro-operations: the result is returned, the flags go to the CPU's lazy flag words. Sizes are in bits: 8, 16, 32 or 64; inputs
 * may have garbage above the size, results are zero-extended to 64 bits.
 *
 * <p>A flag that the manual leaves undefined is 0: one rule for all instructions.
 */
public final class Alu {
    private Alu() {
    }

    /** Sign-extends the low {@code bits}. */
    public static long sx(long v, int bits) {
        int k = 64 - bits;
        return v << k >> k;
    }

    /** Zero-extends the low {@code bits}. */
    public static long zx(long v, int bits) {
        int k = 64 - bits;
        return v << k >>> k;
    }

    private static void carries(Cpu c, long result, long carry, int bits) {
        c.setLazy(sx(result, bits), carry << 64 - bits & Flags.TOP2 | carry & 8);
    }

    public static long add(Cpu c, long a, long b, int bits) {
        long r = a + b;
        carries(c, r, a & b | (a | b) & ~r, bits);
        return zx(r, bits);
    }

    public static long adc(Cpu c, long a, long b, int bits) {
        long r = a + b + (c.cf() ? 1 : 0);
        carries(c, r, a & b | (a | b) & ~r, bits);
        return zx(r, bits);
    }

    public static long sub(Cpu c, long a, long b, int bits) {
        long r = a - b;
        carries(c, r, ~a & b | (~a | b) & r, bits);
        return zx(r, bits);
    }

    public static long sbb(Cpu c, long a, long b, int bits) {
        long r = a - b - (c.cf() ? 1 : 0);
        carries(c, r, ~a & b | (~a | b) & r, bits);
        return zx(r, bits);
    }

    public static long and(Cpu c, long a, long b, int bits) {
        return logic(c, a & b, bits);
    }

    public static long or(Cpu c, long a, long b, int bits) {
        return logic(c, a | b, bits);
    }

    public static long xor(Cpu c, long a, long b, int bits) {
        return logic(c, a ^ b, bits);
    }

    public static long logic(Cpu c, long r, int bits) {
        c.setLazy(sx(r, bits), 0);
        return zx(r, bits);
    }

    public static long inc(Cpu c, long a, int bits) {
        long cf = c.cf() ? 1 : 0;
        long r = a + 1;
        keepCarry(c, r, a & ~r, cf, bits);
        return zx(r, bits);
    }

    public static long dec(Cpu c, long a, int bits) {
        long cf = c.cf() ? 1 : 0;
        long r = a - 1;
        keepCarry(c, r, ~a & r, cf, bits);
        return zx(r, bits);
    }

    private static void keepCarry(Cpu c, long r, long carry, long cf, int bits) {
        long of = (carry >>> bits - 1 ^ carry >>> bits - 2) & 1;
        c.setLazy(sx(r, bits), cf << 63 | (cf ^ of) << 62 | carry & 8);
    }

    public static long neg(Cpu c, long a, int bits) {
        return sub(c, 0, a, bits);
    }

    /** Sets only the flags given in RFLAGS positions and clears the others: for instructions that leave most undefined. */
    public static void only(Cpu c, int flags) {
        c.setArithmeticFlags(flags);
    }

    /** Sets SF, ZF, PF from {@code r}, CF and OF as given, AF = 0. */
    public static long withCarryOverflow(Cpu c, long r, long cf, long of, int bits) {
        c.setLazy(sx(r, bits), (cf & 1) << 63 | ((cf ^ of) & 1) << 62);
        return zx(r, bits);
    }
}
