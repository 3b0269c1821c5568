package org.xenolith.host.nat;

import org.xenolith.devices.net.Headers;

/**
 * A TCP segment from the guest, checked: its header is whole and its checksum right.
 *
 * @param frame the frame that it is in
 * @param payload where its data begins
 * @param length bytes of data
 * @param mss option of a SYN, 536 when absent
 * @param scale window scale option of a SYN, -1 when absent
 */
record TcpSegment(byte[] frame, int header, int payload, int length, int seq, int ack, int flags, int window, int mss,
        int scale) {
    static final int FIN = 1;
    static final int SYN = 2;
    static final int RST = 4;
    static final int PSH = 8;
    static final int ACK = 16;

    private static final int DEFAULT_MSS = 536;
    private static final int MIN_MSS = 88;
    private static final int MAX_SCALE = 14;

    static TcpSegment parse(byte[] f, Headers h) {
        int t = h.transport();
        int header = h.tcpHeaderLength(f);
        int mss = DEFAULT_MSS;
        int scale = -1;
        for (int at = t + 20; at < t + header;) {
            int kind = f[at] & 0xff;
            if (kind == 0) {
                break;
            }
            if (kind == 1) {
                at++;
                continue;
            }
            int size = at + 1 < t + header ? f[at + 1] & 0xff : 0;
            if (size < 2 || at + size > t + header) {
                break;
            }
            if (kind == 2 && size == 4) {
                mss = Math.max(MIN_MSS, Headers.u16(f, at + 2));
            } else if (kind == 3 && size == 3) {
                scale = Math.min(MAX_SCALE, f[at + 2] & 0xff);
            }
            at += size;
        }
        return new TcpSegment(f, t, t + header, h.end() - t - header, Headers.u32(f, t + 4), Headers.u32(f, t + 8),
                f[t + 13] & 0xff, Headers.u16(f, t + 14), mss, scale);
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Sequence numbers that it takes. */
    int sequenceLength() {
        return length + (has(SYN) ? 1 : 0) + (has(FIN) ? 1 : 0);
    }
}
