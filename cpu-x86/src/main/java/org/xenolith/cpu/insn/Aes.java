package org.xenolith.cpu.insn;

/** The steps of an AES round on a state whose byte 4c+r is row r of column c (FIPS 197). */
final class Aes {
    private static final byte[] SBOX = new byte[256];
    private static final byte[] INVERSE = new byte[256];

    static {
        int p = 1;
        int q = 1;
        do {
            // p runs through all powers of 3, q through their inverses
            p = (p ^ p << 1 ^ ((p & 0x80) != 0 ? 0x11b : 0)) & 0xff;
            q ^= q << 1;
            q ^= q << 2;
            q ^= q << 4;
            q &= 0xff;
            q ^= (q & 0x80) != 0 ? 9 : 0;
            int r = q | q << 8;
            int x = (r ^ r >> 7 ^ r >> 6 ^ r >> 5 ^ r >> 4) & 0xff ^ 0x63;
            SBOX[p] = (byte) x;
            INVERSE[x] = (byte) p;
        } while (p != 1);
        SBOX[0] = 0x63;
        INVERSE[0x63] = 0;
    }

    private Aes() {
    }

    private static int at(long low, long high, int k) {
        return (int) ((k < 8 ? low : high) >>> 8 * (k & 7)) & 0xff;
    }

    /** SubBytes and ShiftRows: bytes {@code from} to from + 7 of the new state. */
    static long subShift(long low, long high, int from) {
        long r = 0;
        for (int k = from; k < from + 8; k++) {
            r |= (SBOX[at(low, high, k + 4 * (k & 3) & 15)] & 0xffL) << 8 * (k & 7);
        }
        return r;
    }

    static long inverseSubShift(long low, long high, int from) {
        long r = 0;
        for (int k = from; k < from + 8; k++) {
            r |= (INVERSE[at(low, high, k - 4 * (k & 3) & 15)] & 0xffL) << 8 * (k & 7);
        }
        return r;
    }

    /** SubBytes on one column. */
    static int subWord(int x) {
        return SBOX[x & 0xff] & 0xff | (SBOX[x >>> 8 & 0xff] & 0xff) << 8 | (SBOX[x >>> 16 & 0xff] & 0xff) << 16
                | SBOX[x >>> 24] << 24;
    }

    /** Doubles each byte in GF(2^8). */
    static long twice(long v) {
        long top = v & Lanes.B;
        return (v & ~Lanes.B) << 1 ^ (top >>> 7) * 0x1b;
    }

    /** Moves each row of both columns down by {@code rows}. */
    private static long rotate(long v, int rows) {
        return Integer.rotateRight((int) v, 8 * rows) & 0xffff_ffffL
                | (long) Integer.rotateRight((int) (v >>> 32), 8 * rows) << 32;
    }

    /** MixColumns on two columns. */
    static long mixColumns(long v) {
        long v2 = twice(v);
        return v2 ^ rotate(v ^ v2, 1) ^ rotate(v, 2) ^ rotate(v, 3);
    }

    static long inverseMixColumns(long v) {
        long v2 = twice(v);
        long v4 = twice(v2);
        long v8 = twice(v4);
        return v2 ^ v4 ^ v8 ^ rotate(v ^ v2 ^ v8, 1) ^ rotate(v ^ v4 ^ v8, 2) ^ rotate(v ^ v8, 3);
    }
}
