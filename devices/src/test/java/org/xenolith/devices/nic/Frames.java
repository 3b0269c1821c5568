package org.xenolith.devices.nic;

import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;

/** Frames for tests. */
final class Frames {
    private Frames() {
    }

    /** A frame of another EtherType whose bytes count up from 14. */
    static byte[] raw(long destination, int length) {
        byte[] f = new byte[length];
        for (int i = 0; i < 6; i++) {
            f[i] = (byte) (destination >>> 40 - 8 * i);
            f[6 + i] = (byte) (0x10 + i);
        }
        f[6] = 2;
        f[12] = (byte) 0x88;
        f[13] = (byte) 0xb5;
        for (int i = 14; i < length; i++) {
            f[i] = (byte) i;
        }
        return f;
    }

    /** IPv4 with TCP and this many bytes of payload, all checksums right. */
    static byte[] tcp(long destination, int payload) {
        byte[] f = raw(destination, 54 + payload);
        Headers.put16(f, 12, Headers.IPV4);
        f[14] = 0x45;
        f[15] = 0;
        Headers.put16(f, 16, 40 + payload);
        Headers.put32(f, 18, 0x0007_4000);
        f[22] = 64;
        f[23] = Headers.TCP;
        Headers.put16(f, 24, 0);
        Headers.put32(f, 26, 0x0a000001);
        Headers.put32(f, 30, 0x0a000002);
        Headers.put16(f, 24, InetChecksum.of(f, 14, 20));
        Headers.put32(f, 34, 0x1234_0050);
        Headers.put32(f, 38, 1000);
        Headers.put32(f, 42, 2000);
        f[46] = 0x50;
        f[47] = 0x18;
        Headers.put16(f, 48, 500);
        Headers.put16(f, 52, 0);
        Headers.of(f, f.length).fillChecksum(f);
        return f;
    }

    /** Both checksums of an IPv4 frame are right. */
    static boolean right(byte[] f, int length) {
        Headers h = Headers.of(f, length);
        return h.checksumAt() > 0 && h.checksumIsRight(f)
                && InetChecksum.fold(InetChecksum.sum(f, h.network(), 20)) == 0xffff;
    }
}
