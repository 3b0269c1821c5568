package org.xenolith.devices.ide;

import java.util.Arrays;

/** Data that a packet command returns, built at the start of a drive's buffer; numbers are big-endian. */
final class PacketReply {
    /** No reply is longer. */
    static final int MAX = 512;

    private final byte[] to;
    private int length;

    PacketReply(byte[] to) {
        this.to = to;
    }

    PacketReply begin(int bytes) {
        Arrays.fill(to, 0, MAX, (byte) 0);
        length = bytes;
        return this;
    }

    /** Adds zeroed bytes; returns where they begin. */
    int extend(int bytes) {
        int from = length;
        length += bytes;
        return from;
    }

    PacketReply put8(int at, int v) {
        to[at] = (byte) v;
        return this;
    }

    PacketReply put16(int at, int v) {
        return put8(at, v >>> 8).put8(at + 1, v);
    }

    PacketReply put32(int at, long v) {
        return put16(at, (int) (v >>> 16)).put16(at + 2, (int) v);
    }

    /** Minutes, seconds and frames of a block, counted from the pre-gap, in the last three of four bytes. */
    PacketReply putMsf(int at, long lba) {
        long frames = lba + 150;
        return put8(at + 1, (int) (frames / (75 * 60))).put8(at + 2, (int) (frames / 75 % 60))
                .put8(at + 3, (int) (frames % 75));
    }

    /** ASCII, padded with blanks. */
    PacketReply putText(int at, int characters, String s) {
        for (int i = 0; i < characters; i++) {
            put8(at + i, i < s.length() ? s.charAt(i) : ' ');
        }
        return this;
    }

    int length() {
        return length;
    }
}
