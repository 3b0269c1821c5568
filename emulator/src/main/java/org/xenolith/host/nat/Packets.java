package org.xenolith.host.nat;

import java.util.function.Consumer;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.MacAddress;

/** Makes the frames that the router sends. Offsets: {@value #IP} for the IPv4 header, {@value #PAYLOAD} for what it carries. */
final class Packets {
    static final int IP = Headers.ETHERNET;
    static final int PAYLOAD = IP + 20;
    static final int ICMP = 1;

    private static final int TTL = 64;
    private static final int DONT_FRAGMENT = 0x4000;
    private static final int MORE_FRAGMENTS = 0x2000;

    private final Consumer<NetFrame> out;
    private int identification;

    Packets(Consumer<NetFrame> out) {
        this.out = out;
    }

    /** An empty frame with room for an IPv4 packet that carries {@code length} bytes. */
    static byte[] frame(int length) {
        return new byte[PAYLOAD + length];
    }

    private void headers(byte[] f, int length, MacAddress to, int protocol, int from, int dest, int fragment, int id) {
        to.put(f, 0);
        NatLayout.ROUTER_MAC.put(f, MacAddress.LENGTH);
        Headers.put16(f, 12, Headers.IPV4);
        f[IP] = 0x45;
        Headers.put16(f, IP + 2, length - IP);
        Headers.put16(f, IP + 4, id);
        Headers.put16(f, IP + 6, fragment);
        f[IP + 8] = TTL;
        f[IP + 9] = (byte) protocol;
        Headers.put32(f, IP + 12, from);
        Headers.put32(f, IP + 16, dest);
        Headers.put16(f, IP + 10, 0);
        Headers.put16(f, IP + 10, InetChecksum.of(f, IP, 20));
    }

    /** Sends a TCP segment that {@code f} holds from {@link #PAYLOAD}; segmented by the receiver when {@code mss} is not 0. */
    void tcp(byte[] f, MacAddress to, int from, int dest, int mss) {
        headers(f, f.length, to, Headers.TCP, from, dest, DONT_FRAGMENT, identification);
        int segments = mss == 0 ? 1 : (f.length + mss - 1) / mss;
        identification = identification + segments & 0xffff;
        Headers h = new Headers(Headers.IPV4, IP, Headers.TCP, PAYLOAD, f.length);
        Headers.put16(f, PAYLOAD + 16, InetChecksum.fold(h.pseudoSum(f, f.length - PAYLOAD)));
        out.accept(new NetFrame(f, f.length, Checksum.PARTIAL, mss));
    }

    /** Sends a UDP datagram, in fragments where it is too long for one frame. */
    void udp(MacAddress to, int from, int fromPort, int dest, int destPort, byte[] data, int length) {
        byte[] f = frame(8 + length);
        Headers.put16(f, PAYLOAD, fromPort);
        Headers.put16(f, PAYLOAD + 2, destPort);
        Headers.put16(f, PAYLOAD + 4, 8 + length);
        System.arraycopy(data, 0, f, PAYLOAD + 8, length);
        int id = identification;
        identification = identification + 1 & 0xffff;
        headers(f, f.length, to, Headers.UDP, from, dest, 0, id);
        new Headers(Headers.IPV4, IP, Headers.UDP, PAYLOAD, f.length).fillChecksum(f);
        fragments(f, to, Headers.UDP, from, dest, id);
    }

    private void fragments(byte[] f, MacAddress to, int protocol, int from, int dest, int id) {
        if (f.length - IP <= NatLayout.MTU) {
            out.accept(new NetFrame(f, f.length, Checksum.VALID, 0));
            return;
        }
        int room = NatLayout.MTU - 20 & ~7;
        for (int at = 0; at < f.length - PAYLOAD; at += room) {
            int part = Math.min(room, f.length - PAYLOAD - at);
            byte[] g = frame(part);
            System.arraycopy(f, PAYLOAD + at, g, PAYLOAD, part);
            int more = at + part < f.length - PAYLOAD ? MORE_FRAGMENTS : 0;
            headers(g, g.length, to, protocol, from, dest, more | at / 8, id);
            out.accept(NetFrame.plain(g));
        }
    }

    /** Sends an ICMP message of {@code length} bytes in {@code message}, whose checksum is filled in. */
    void icmp(MacAddress to, int from, int dest, byte[] message, int length) {
        byte[] f = frame(length);
        System.arraycopy(message, 0, f, PAYLOAD, length);
        Headers.put16(f, PAYLOAD + 2, 0);
        Headers.put16(f, PAYLOAD + 2, InetChecksum.of(f, PAYLOAD, length));
        int id = identification;
        identification = identification + 1 & 0xffff;
        headers(f, f.length, to, ICMP, from, dest, 0, id);
        fragments(f, to, ICMP, from, dest, id);
    }

    /** Tells the sender of a packet, of which {@code f} holds a frame, that it cannot be delivered. */
    void unreachable(MacAddress to, byte[] f, int length, int code) {
        int quoted = Math.min(length - IP, 20 + 8);
        byte[] m = new byte[8 + quoted];
        m[0] = 3;
        m[1] = (byte) code;
        System.arraycopy(f, IP, m, 8, quoted);
        icmp(to, NatLayout.GATEWAY, Headers.u32(f, IP + 12), m, m.length);
    }
}
