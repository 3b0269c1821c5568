package org.xenolith.guests.compress;

import org.xenolith.guests.LittleEndian;

/** The XXH64 hash with seed 0 (xxHash specification), which Zstandard uses as checksum. */
final class Xxh64 {
    private static final long P1 = 0x9e37_79b1_85eb_ca87L;
    private static final long P2 = 0xc2b2_ae3d_27d4_eb4fL;
    private static final long P3 = 0x1656_67b1_9e37_79f9L;
    private static final long P4 = 0x85eb_ca77_c2b2_ae63L;
    private static final long P5 = 0x27d4_eb2f_1656_67c5L;

    private static final long P1_PLUS_P2 = 0x60ea_27ee_adc0_b5d6L;

    private Xxh64() {}

    static long hash(byte[] bytes, int from, int length) {
        int at = from;
        int to = from + length;
        long hash;
        if (length >= 32) {
            long v1 = P1_PLUS_P2;
            long v2 = P2;
            long v3 = 0;
            long v4 = -P1;
            while (to - at >= 32) {
                v1 = round(v1, LittleEndian.i64(bytes, at));
                v2 = round(v2, LittleEndian.i64(bytes, at + 8));
                v3 = round(v3, LittleEndian.i64(bytes, at + 16));
                v4 = round(v4, LittleEndian.i64(bytes, at + 24));
                at += 32;
            }
            hash = Long.rotateLeft(v1, 1) + Long.rotateLeft(v2, 7) + Long.rotateLeft(v3, 12) + Long.rotateLeft(v4, 18);
            hash = merge(merge(merge(merge(hash, v1), v2), v3), v4);
        } else {
            hash = P5;
        }
        hash += length;
        for (; to - at >= 8; at += 8) {
            hash = Long.rotateLeft(hash ^ round(0, LittleEndian.i64(bytes, at)), 27) * P1 + P4;
        }
        if (to - at >= 4) {
            hash = Long.rotateLeft(hash ^ LittleEndian.u32(bytes, at) * P1, 23) * P2 + P3;
            at += 4;
        }
        for (; at < to; at++) {
            hash = Long.rotateLeft(hash ^ LittleEndian.u8(bytes, at) * P5, 11) * P1;
        }
        hash = (hash ^ hash >>> 33) * P2;
        hash = (hash ^ hash >>> 29) * P3;
        return hash ^ hash >>> 32;
    }

    private static long round(long value, long input) {
        return Long.rotateLeft(value + input * P2, 31) * P1;
    }

    private static long merge(long hash, long value) {
        return (hash ^ round(0, value)) * P1 + P4;
    }
}
