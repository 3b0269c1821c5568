package org.xenolith.host.nat;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.xenolith.devices.net.Headers;

/** A guest's end of one TCP connection, as plain as can be: go-back-N, a fixed timeout, a window that it chooses. */
final class GuestTcp {
    private static final int MSS = 1000;
    private static final int TIMEOUT_MS = 300;

    private final NatGuest guest;
    private final int port;
    private final int peer;
    private final int peerPort;
    private final byte[] data;
    final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private final int base;
    private int una;
    private int next;
    private int peerWindow = MSS;
    private int rcvNxt;
    private int waited;
    /** Bytes that it takes; 0 closes the window. */
    int window = 30_000;
    boolean established;
    boolean peerEnded;
    boolean reset;
    /** After its data it ends its side. */
    boolean closes = true;

    GuestTcp(NatGuest guest, int port, int peer, int peerPort, byte[] data) {
        this.guest = guest;
        this.port = port;
        this.peer = peer;
        this.peerPort = peerPort;
        this.data = data;
        base = 0xffff_f000 + port;
        una = base;
        next = base;
        guest.connections.add(this);
    }

    void connect() {
        segment(base, TcpSegment.SYN, 0, 0);
        next = base + 1;
    }

    /** Data that the router has acknowledged. */
    int acked() {
        return Math.max(0, Math.min(data.length, una - base - 1));
    }

    boolean finished() {
        return peerEnded && una - base == data.length + 2;
    }

    private void segment(int seq, int flags, int offset, int count) {
        byte[] f = NatGuest.ipv4(Headers.TCP, peer, 20 + count);
        Headers.put16(f, 34, port);
        Headers.put16(f, 36, peerPort);
        Headers.put32(f, 38, seq);
        Headers.put32(f, 42, (flags & TcpSegment.ACK) != 0 ? rcvNxt : 0);
        f[46] = 0x50;
        f[47] = (byte) flags;
        Headers.put16(f, 48, window);
        System.arraycopy(data, offset, f, 54, count);
        Headers.of(f, f.length).fillChecksum(f);
        guest.send(f);
    }

    void acknowledge() {
        segment(next, TcpSegment.ACK, 0, 0);
    }

    void sendReset() {
        segment(next, TcpSegment.RST | TcpSegment.ACK, 0, 0);
    }

    /** Takes a segment if it is of this connection. */
    boolean take(byte[] f, Headers h) {
        if (Headers.u16(f, 36) != port || Headers.u16(f, 34) != peerPort || Headers.u32(f, 26) != peer) {
            return false;
        }
        int flags = f[47] & 0xff;
        int seq = Headers.u32(f, 38);
        if ((flags & TcpSegment.RST) != 0) {
            reset = true;
            return true;
        }
        if ((flags & TcpSegment.SYN) != 0) {
            rcvNxt = seq + 1;
            if ((flags & TcpSegment.ACK) == 0) {
                segment(base, TcpSegment.SYN | TcpSegment.ACK, 0, 0); // a forward
                next = base + 1;
                return true;
            }
            established = true;
        }
        int ack = Headers.u32(f, 42);
        if (ack - una > 0) {
            una = ack;
            next = next - una < 0 ? una : next;
            waited = 0;
        }
        established |= una - base > 0;
        peerWindow = Headers.u16(f, 48);
        data(f, h, flags, seq);
        if ((flags & TcpSegment.SYN) != 0) {
            acknowledge();
        }
        push();
        return true;
    }

    private void data(byte[] f, Headers h, int flags, int seq) {
        int header = h.tcpHeaderLength(f);
        int count = h.end() - 34 - header;
        boolean fin = (flags & TcpSegment.FIN) != 0;
        if (count == 0 && !fin) {
            return;
        }
        int skip = rcvNxt - seq;
        if (skip >= 0 && skip <= count && window > 0 && !peerEnded) {
            received.write(f, 34 + header + skip, count - skip);
            rcvNxt += count - skip;
            if (fin) {
                peerEnded = true;
                rcvNxt++;
            }
        }
        acknowledge();
    }

    private void push() {
        if (!established) {
            return;
        }
        int end = base + 1 + data.length;
        while (next - end < 0 && next - una < Math.min(peerWindow, 20 * MSS)) {
            int offset = next - base - 1;
            int count = Math.min(MSS, data.length - offset);
            segment(next, TcpSegment.ACK | TcpSegment.PSH, offset, count);
            next += count;
        }
        if (closes && next == end) {
            segment(next, TcpSegment.ACK | TcpSegment.FIN, 0, 0);
            next++;
        }
    }

    /** A millisecond has passed. */
    void tick() {
        if (reset || una == next) {
            push();
            return;
        }
        if (++waited >= TIMEOUT_MS) {
            waited = 0;
            next = una;
            if (una == base) {
                connect();
            } else if (una - base - 1 > data.length) {
                acknowledge();
            } else {
                push();
            }
        }
    }

    byte[] bytes() {
        return received.toByteArray();
    }

    @Override
    public String toString() {
        return "established " + established + ", acked " + acked() + " of " + data.length + ", received "
                + received.size() + ", ended " + peerEnded + ", reset " + reset + ", "
                + Arrays.toString(guest.counted.keySet().toArray());
    }
}
