package org.xenolith.cpu.insn;

/**
 * Packed integer operations on 64 bits: eight bytes, four words, two doublewords or one quadword. MMX uses one such
 * lane, SSE two, AVX2 four. Of the operands, {@code a} is the destination of the two-operand form.
 */
final class Lanes {
    /** Highest bit of each byte, word and doubleword. */
    static final long B = 0x8080_8080_8080_8080L;
    static final long W = 0x8000_8000_8000_8000L;
    static final long D = 0x8000_0000_8000_0000L;

    private Lanes() {
    }

    /** Adds elements whose highest bits are {@code h}, without carry from one to the next. */
    private static long add(long a, long b, long h) {
        return (a & ~h) + (b & ~h) ^ (a ^ b) & h;
    }

    private static long sub(long a, long b, long h) {
        return (a | h) - (b & ~h) ^ (a ^ ~b) & h;
    }

    /** Turns the highest bit of each element of {@code bits} bits into a mask. */
    private static long mask(long m, long h, int bits) {
        long top = m & h;
        return (top << 1) - (top >>> bits - 1);
    }

    private static long lessUnsigned(long a, long b, long h, int bits) {
        return mask(~a & b | (~a | b) & sub(a, b, h), h, bits);
    }

    private static long greater(long a, long b, long h, int bits) {
        return lessUnsigned(b ^ h, a ^ h, h, bits);
    }

    private static long equal(long a, long b, long h, int bits) {
        long x = a ^ b;
        return mask(~((x & ~h) + ~h | x), h, bits);
    }

    private static long select(long mask, long a, long b) {
        return a & mask | b & ~mask;
    }

    // ---- add, subtract ----

    static long paddb(long a, long b) {
        return add(a, b, B);
    }

    static long paddw(long a, long b) {
        return add(a, b, W);
    }

    static long paddd(long a, long b) {
        return add(a, b, D);
    }

    static long psubb(long a, long b) {
        return sub(a, b, B);
    }

    static long psubw(long a, long b) {
        return sub(a, b, W);
    }

    static long psubd(long a, long b) {
        return sub(a, b, D);
    }

    private static long addUnsignedSaturated(long a, long b, long h, int bits) {
        long s = add(a, b, h);
        return s | mask(a & b | (a | b) & ~s, h, bits);
    }

    private static long subUnsignedSaturated(long a, long b, long h, int bits) {
        return sub(a, b, h) & ~lessUnsigned(a, b, h, bits);
    }

    /** Largest or smallest value, by the sign of {@code a}, where {@code overflow} has the element's highest bit. */
    private static long saturate(long r, long a, long overflow, long h, int bits) {
        return select(mask(overflow, h, bits), mask(a, h, bits) ^ ~h, r);
    }

    private static long addSaturated(long a, long b, long h, int bits) {
        long s = add(a, b, h);
        return saturate(s, a, ~(a ^ b) & (a ^ s), h, bits);
    }

    private static long subSaturated(long a, long b, long h, int bits) {
        long s = sub(a, b, h);
        return saturate(s, a, (a ^ b) & (a ^ s), h, bits);
    }

    static long paddusb(long a, long b) {
        return addUnsignedSaturated(a, b, B, 8);
    }

    static long paddusw(long a, long b) {
        return addUnsignedSaturated(a, b, W, 16);
    }

    static long psubusb(long a, long b) {
        return subUnsignedSaturated(a, b, B, 8);
    }

    static long psubusw(long a, long b) {
        return subUnsignedSaturated(a, b, W, 16);
    }

    static long paddsb(long a, long b) {
        return addSaturated(a, b, B, 8);
    }

    static long paddsw(long a, long b) {
        return addSaturated(a, b, W, 16);
    }

    static long psubsb(long a, long b) {
        return subSaturated(a, b, B, 8);
    }

    static long psubsw(long a, long b) {
        return subSaturated(a, b, W, 16);
    }

    static long pavgb(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & ~B);
    }

    static long pavgw(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & ~W);
    }

    // ---- compare ----

    static long pcmpeqb(long a, long b) {
        return equal(a, b, B, 8);
    }

    static long pcmpeqw(long a, long b) {
        return equal(a, b, W, 16);
    }

    static long pcmpeqd(long a, long b) {
        return equal(a, b, D, 32);
    }

    static long pcmpeqq(long a, long b) {
        return a == b ? -1 : 0;
    }

    static long pcmpgtb(long a, long b) {
        return greater(a, b, B, 8);
    }

    static long pcmpgtw(long a, long b) {
        return greater(a, b, W, 16);
    }

    static long pcmpgtd(long a, long b) {
        return greater(a, b, D, 32);
    }

    static long pcmpgtq(long a, long b) {
        return a > b ? -1 : 0;
    }

    static long pminub(long a, long b) {
        return select(lessUnsigned(a, b, B, 8), a, b);
    }

    static long pminuw(long a, long b) {
        return select(lessUnsigned(a, b, W, 16), a, b);
    }

    static long pminud(long a, long b) {
        return select(lessUnsigned(a, b, D, 32), a, b);
    }

    static long pmaxub(long a, long b) {
        return select(lessUnsigned(a, b, B, 8), b, a);
    }

    static long pmaxuw(long a, long b) {
        return select(lessUnsigned(a, b, W, 16), b, a);
    }

    static long pmaxud(long a, long b) {
        return select(lessUnsigned(a, b, D, 32), b, a);
    }

    static long pminsb(long a, long b) {
        return select(greater(a, b, B, 8), b, a);
    }

    static long pminsw(long a, long b) {
        return select(greater(a, b, W, 16), b, a);
    }

    static long pminsd(long a, long b) {
        return select(greater(a, b, D, 32), b, a);
    }

    static long pmaxsb(long a, long b) {
        return select(greater(a, b, B, 8), a, b);
    }

    static long pmaxsw(long a, long b) {
        return select(greater(a, b, W, 16), a, b);
    }

    static long pmaxsd(long a, long b) {
        return select(greater(a, b, D, 32), a, b);
    }

    // ---- sign ----

    static long pabsb(long a) {
        long m = mask(a, B, 8);
        return sub(a ^ m, m, B);
    }

    static long pabsw(long a) {
        long m = mask(a, W, 16);
        return sub(a ^ m, m, W);
    }

    static long pabsd(long a) {
        long m = mask(a, D, 32);
        return sub(a ^ m, m, D);
    }

    private static long sign(long a, long b, long h, int bits) {
        long m = mask(b, h, bits);
        return sub(a ^ m, m, h) & ~equal(b, 0, h, bits);
    }

    static long psignb(long a, long b) {
        return sign(a, b, B, 8);
    }

    static long psignw(long a, long b) {
        return sign(a, b, W, 16);
    }

    static long psignd(long a, long b) {
        return sign(a, b, D, 32);
    }

    // ---- multiply ----

    private static long word(long v, int k) {
        return (short) (v >>> 16 * k);
    }

    private static long unsignedWord(long v, int k) {
        return v >>> 16 * k & 0xffff;
    }

    static long pmullw(long a, long b) {
        return word(a, 0) * word(b, 0) & 0xffff | (word(a, 1) * word(b, 1) & 0xffff) << 16
                | (word(a, 2) * word(b, 2) & 0xffff) << 32 | word(a, 3) * word(b, 3) << 48;
    }

    static long pmulhw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (word(a, k) * word(b, k) >>> 16 & 0xffff) << 16 * k;
        }
        return r;
    }

    static long pmulhuw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= unsignedWord(a, k) * unsignedWord(b, k) >>> 16 << 16 * k;
        }
        return r;
    }

    static long pmulhrsw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= ((word(a, k) * word(b, k) >> 14) + 1 >> 1 & 0xffff) << 16 * k;
        }
        return r;
    }

    static long pmaddwd(long a, long b) {
        long low = word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1);
        long high = word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3);
        return low & 0xffff_ffffL | high << 32;
    }

    /** Unsigned bytes of a times signed bytes of b, neighbours added with saturation. */
    static long pmaddubsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            long sum = (a >>> s & 0xff) * (byte) (b >>> s) + (a >>> s + 8 & 0xff) * (byte) (b >>> s + 8);
            r |= (saturateToWord(sum) & 0xffff) << s;
        }
        return r;
    }

    static long pmuludq(long a, long b) {
        return (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
    }

    static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    static long pmulld(long a, long b) {
        return (int) a * (int) b & 0xffff_ffffL | (a >>> 32) * (b >>> 32) << 32;
    }

    /** Sum of absolute differences of eight bytes. */
    static long psadbw(long a, long b) {
        long d = psubusb(a, b) | psubusb(b, a);
        long pairs = (d & 0x00ff_00ff_00ff_00ffL) + (d >>> 8 & 0x00ff_00ff_00ff_00ffL);
        return pairs * 0x0001_0001_0001_0001L >>> 48;
    }

    // ---- shifts: the count is unsigned and applies to all elements ----

    private static long repeatWord(long v) {
        return (v & 0xffff) * 0x0001_0001_0001_0001L;
    }

    private static long repeatDword(long v) {
        return (v & 0xffff_ffffL) * 0x0000_0001_0000_0001L;
    }

    private static boolean beyond(long count, int bits) {
        return Long.compareUnsigned(count, bits) >= 0;
    }

    static long psllw(long a, long n) {
        return beyond(n, 16) ? 0 : a << n & repeatWord(0xffffL << n);
    }

    static long pslld(long a, long n) {
        return beyond(n, 32) ? 0 : a << n & repeatDword(0xffff_ffffL << n);
    }

    static long psllq(long a, long n) {
        return beyond(n, 64) ? 0 : a << n;
    }

    static long psrlw(long a, long n) {
        return beyond(n, 16) ? 0 : a >>> n & repeatWord(0xffff >>> n);
    }

    static long psrld(long a, long n) {
        return beyond(n, 32) ? 0 : a >>> n & repeatDword(0xffff_ffffL >>> n);
    }

    static long psrlq(long a, long n) {
        return beyond(n, 64) ? 0 : a >>> n;
    }

    static long psraw(long a, long n) {
        int by = beyond(n, 16) ? 15 : (int) n;
        return a >>> by & repeatWord(0xffff >>> by) | mask(a, W, 16) & ~repeatWord(0xffff >>> by);
    }

    static long psrad(long a, long n) {
        int by = beyond(n, 32) ? 31 : (int) n;
        return (int) a >> by & 0xffff_ffffL | a >> 32 >> by << 32;
    }

    // ---- shifts: each element of b is the count of the same element of a ----

    static long psllvd(long a, long b) {
        return psllq(a & 0xffff_ffffL, b & 0xffff_ffffL) & 0xffff_ffffL
                | (beyond(b >>> 32, 32) ? 0 : a >>> 32 << (b >>> 32) << 32);
    }

    static long psrlvd(long a, long b) {
        return psrlq(a & 0xffff_ffffL, b & 0xffff_ffffL) | psrlq(a >>> 32, b >>> 32) << 32;
    }

    static long psravd(long a, long b) {
        return (int) a >> Math.min(b & 0xffff_ffffL, 31) & 0xffff_ffffL | a >> 32 >> Math.min(b >>> 32, 31) << 32;
    }

    // ---- 64 to 32 bits: half of a pack or of a horizontal operation ----

    private static long saturateToWord(long v) {
        return Math.clamp(v, Short.MIN_VALUE, Short.MAX_VALUE);
    }

    static long packsswb(long a) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (Math.clamp(word(a, k), Byte.MIN_VALUE, Byte.MAX_VALUE) & 0xffL) << 8 * k;
        }
        return r;
    }

    static long packuswb(long a) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (long) Math.clamp(word(a, k), 0, 0xff) << 8 * k;
        }
        return r;
    }

    static long packssdw(long a) {
        return saturateToWord((int) a) & 0xffff | (saturateToWord(a >> 32) & 0xffff) << 16;
    }

    static long packusdw(long a) {
        return (long) Math.clamp((long) (int) a, 0, 0xffff) | (long) Math.clamp(a >> 32, 0, 0xffff) << 16;
    }

    static long phaddw(long a) {
        return word(a, 0) + word(a, 1) & 0xffff | (word(a, 2) + word(a, 3) & 0xffff) << 16;
    }

    static long phaddsw(long a) {
        return saturateToWord(word(a, 0) + word(a, 1)) & 0xffff
                | (saturateToWord(word(a, 2) + word(a, 3)) & 0xffff) << 16;
    }

    static long phaddd(long a) {
        return (int) a + (a >> 32) & 0xffff_ffffL;
    }

    static long phsubw(long a) {
        return word(a, 0) - word(a, 1) & 0xffff | (word(a, 2) - word(a, 3) & 0xffff) << 16;
    }

    static long phsubsw(long a) {
        return saturateToWord(word(a, 0) - word(a, 1)) & 0xffff
                | (saturateToWord(word(a, 2) - word(a, 3)) & 0xffff) << 16;
    }

    static long phsubd(long a) {
        return (int) a - (a >> 32) & 0xffff_ffffL;
    }

    // ---- interleaving of the low 32 bits of a and b ----

    /** Puts a zero byte above each of the four low bytes. */
    static long spreadBytes(long v) {
        long x = v & 0xffff_ffffL;
        x = (x | x << 16) & 0x0000_ffff_0000_ffffL;
        return (x | x << 8) & 0x00ff_00ff_00ff_00ffL;
    }

    /** Puts a zero word above each of the two low words. */
    static long spreadWords(long v) {
        return v & 0xffff | (v & 0xffff_0000L) << 16;
    }

    static long punpckbw(long a, long b) {
        return spreadBytes(a) | spreadBytes(b) << 8;
    }

    static long punpckwd(long a, long b) {
        return spreadWords(a) | spreadWords(b) << 16;
    }

    static long punpckdq(long a, long b) {
        return a & 0xffff_ffffL | b << 32;
    }

    // ---- masks to general registers ----

    /** The highest bit of each byte, in bits 0 to 7. */
    static int pmovmskb(long a) {
        return (int) (((a & B) >>> 7) * 0x0102_0408_1020_4080L >>> 56);
    }

    // ---- permutations within 64 bits ----

    /** Four words chosen by the four pairs of bits of {@code order}. */
    static long pshufw(long a, int order) {
        return a >>> 16 * (order & 3) & 0xffff | (a >>> 16 * (order >> 2 & 3) & 0xffff) << 16
                | (a >>> 16 * (order >> 4 & 3) & 0xffff) << 32 | a >>> 16 * (order >> 6 & 3) << 48;
    }

    /** Bytes of a where the byte of the mask has its highest bit set, else of b. */
    static long blendBytes(long mask, long a, long b) {
        return select(mask(mask, B, 8), a, b);
    }

    static long blendDwords(long mask, long a, long b) {
        return select(mask(mask, D, 32), a, b);
    }

    static long blendQwords(long mask, long a, long b) {
        return mask < 0 ? a : b;
    }
}
