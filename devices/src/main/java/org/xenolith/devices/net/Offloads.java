package org.xenolith.devices.net;

import java.util.Arrays;
import java.util.function.Consumer;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;

/** Does in software what a frame's sender has left undone: segmentation (TSO) and transport checksums. */
public final class Offloads {
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;
    /** Smaller segments than this are not made: a guest could turn one frame into tens of thousands. */
    private static final int MIN_SEGMENT = 64;

    private Offloads() {
    }

    /**
     * Whether the frame can be handed on: where a checksum or segmentation is asked for, the headers that it needs are
     * there.
     */
    public static boolean wellFormed(NetFrame f) {
        if (f.length() < Headers.ETHERNET) {
            return false;
        }
        if (f.segmentSize() == 0 && f.checksum() != Checksum.PARTIAL) {
            return true;
        }
        Headers h = Headers.of(f.data(), f.length());
        return f.segmentSize() == 0
                ? h.checksumAt() >= 0
                : h.protocol() == Headers.TCP && f.segmentSize() >= MIN_SEGMENT;
    }

    /** Hands on the frame with nothing left undone, in as many parts as it takes; a malformed one not at all. */
    public static void complete(NetFrame f, Consumer<NetFrame> to) {
        if (!wellFormed(f)) {
            return;
        }
        if (f.segmentSize() == 0) {
            to.accept(f.checksum() == Checksum.PARTIAL ? filled(f) : f);
            return;
        }
        Headers h = Headers.of(f.data(), f.length());
        int header = h.transport() + h.tcpHeaderLength(f.data());
        int payload = h.end() - header;
        if (payload <= f.segmentSize()) {
            to.accept(filled(f));
            return;
        }
        for (int at = 0, n = 0; at < payload; at += f.segmentSize(), n++) {
            int part = Math.min(f.segmentSize(), payload - at);
            to.accept(segment(f.data(), h, header, at, part, n, at + part == payload));
        }
    }

    private static NetFrame filled(NetFrame f) {
        byte[] copy = Arrays.copyOf(f.data(), f.length());
        Headers.of(copy, copy.length).fillChecksum(copy);
        return new NetFrame(copy, copy.length, Checksum.VALID, 0);
    }

    private static NetFrame segment(byte[] from, Headers h, int header, int at, int part, int number, boolean last) {
        byte[] f = new byte[header + part];
        System.arraycopy(from, 0, f, 0, header);
        System.arraycopy(from, header + at, f, header, part);
        int ip = h.network();
        if (h.etherType() == Headers.IPV4) {
            Headers.put16(f, ip + 2, f.length - ip);
            Headers.put16(f, ip + 4, Headers.u16(from, ip + 4) + number);
            Headers.put16(f, ip + 10, 0);
            Headers.put16(f, ip + 10, InetChecksum.of(f, ip, h.transport() - ip));
        } else {
            Headers.put16(f, ip + 4, f.length - ip - 40);
        }
        int tcp = h.transport();
        Headers.put32(f, tcp + 4, Headers.u32(from, tcp + 4) + at);
        int flags = f[tcp + 13] & 0xff;
        if (!last) {
            flags &= ~FIN_PSH;
        }
        if (number > 0) {
            flags &= ~CWR;
        }
        f[tcp + 13] = (byte) flags;
        new Headers(h.etherType(), ip, Headers.TCP, tcp, f.length).fillChecksum(f);
        return new NetFrame(f, f.length, Checksum.VALID, 0);
    }
}
