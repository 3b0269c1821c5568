package org.xenolith.devices.net;

/**
 * Where the headers of a frame are: Ethernet II with up to two VLAN tags, IPv4 or IPv6 with the usual extension headers, TCP or UDP. What is
 * truncated, fragmented or unknown is simply not there; parsing never reads beyond the frame.
 *
 * @param etherType of what is in the frame, after VLAN tags
 * @param network where the network header begins
 * @param protocol IP protocol of the transport header, or -1 when there is none to be found
 * @param transport where the transport header begins
 * @param end where the IP packet ends, at most the frame's length
 */
public record Headers(int etherType, int network, int protocol, int transport, int end) {
    public static final int ETHERNET = 14;
    public static final int IPV4 = 0x0800;
    public static final int ARP = 0x0806;
    public static final int IPV6 = 0x86dd;
    public static final int TCP = 6;
    public static final int UDP = 17;

    private static final int VLAN = 0x8100;
    private static final int SERVICE_VLAN = 0x88a8;
    private static final int NONE = -1;
    private static final int MIN_TCP = 20;
    private static final int MIN_UDP = 8;
    private static final int MAX_EXTENSIONS = 8;

    /** Finds the headers of a frame of at least 14 bytes. */
    public static Headers of(byte[] f, int length) {
        int at = ETHERNET;
        int type = u16(f, 12);
        for (int tags = 0; tags < 2 && (type == VLAN || type == SERVICE_VLAN) && at + 4 <= length; tags++) {
            type = u16(f, at + 2);
            at += 4;
        }
        return switch (type) {
            case IPV4 -> ipv4(f, length, at);
            case IPV6 -> ipv6(f, length, at);
            default -> new Headers(type, at, NONE, at, length);
        };
    }

    private static Headers ipv4(byte[] f, int length, int at) {
        Headers none = new Headers(IPV4, at, NONE, at, length);
        if (at + 20 > length || f[at] >>> 4 != 4) {
            return none;
        }
        int header = (f[at] & 0xf) * 4;
        int end = at + u16(f, at + 2);
        boolean fragment = (u16(f, at + 6) & 0x3fff) != 0;
        if (header < 20 || at + header > end || end > length || fragment) {
            return none;
        }
        return transport(f, IPV4, at, f[at + 9] & 0xff, at + header, end);
    }

    private static Headers ipv6(byte[] f, int length, int at) {
        Headers none = new Headers(IPV6, at, NONE, at, length);
        if (at + 40 > length || (f[at] >>> 4 & 0xf) != 6) {
            return none;
        }
        int end = at + 40 + u16(f, at + 4);
        int next = f[at + 6] & 0xff;
        int t = at + 40;
        if (end > length) {
            return none;
        }
        for (int i = 0; i < MAX_EXTENSIONS && (next == 0 || next == 43 || next == 60); i++) {
            if (t + 8 > end) {
                return none;
            }
            next = f[t] & 0xff;
            t += ((f[t + 1] & 0xff) + 1) * 8;
        }
        return t > end ? none : transport(f, IPV6, at, next, t, end);
    }

    private static Headers transport(byte[] f, int type, int network, int protocol, int at, int end) {
        boolean whole = switch (protocol) {
            case TCP -> at + MIN_TCP <= end && tcpHeader(f, at) >= MIN_TCP && at + tcpHeader(f, at) <= end;
            case UDP -> at + MIN_UDP <= end;
            default -> true;
        };
        return new Headers(type, network, whole ? protocol : NONE, at, end);
    }

    private static int tcpHeader(byte[] f, int at) {
        return (f[at + 12] >>> 4 & 0xf) * 4;
    }

    /** Length of the TCP header; only where {@link #protocol} is TCP. */
    public int tcpHeaderLength(byte[] f) {
        return tcpHeader(f, transport);
    }

    /** Where the transport header's checksum field is, or -1 when it is neither TCP nor UDP. */
    public int checksumAt() {
        return switch (protocol) {
            case TCP -> transport + 16;
            case UDP -> transport + 6;
            default -> NONE;
        };
    }

    /** The unfolded sum of the pseudo header for a transport part of {@code length} bytes. */
    public long pseudoSum(byte[] f, int length) {
        long addresses = etherType == IPV4
                ? InetChecksum.sum(f, network + 12, 8)
                : InetChecksum.sum(f, network + 8, 32);
        return addresses + protocol + length;
    }

    /** Computes the transport checksum and stores it; true when there is one to store. */
    public boolean fillChecksum(byte[] f) {
        int at = checksumAt();
        if (at < 0) {
            return false;
        }
        put16(f, at, 0);
        int sum = ~InetChecksum.fold(pseudoSum(f, end - transport) + InetChecksum.sum(f, transport, end - transport))
                & 0xffff;
        // UDP sends 0 as all ones: 0 means that there is no checksum
        put16(f, at, sum == 0 && protocol == UDP ? 0xffff : sum);
        return true;
    }

    /** Whether the transport checksum is right, or UDP says that there is none. */
    public boolean checksumIsRight(byte[] f) {
        int at = checksumAt();
        if (at < 0 || protocol == UDP && etherType == IPV4 && u16(f, at) == 0) {
            return true;
        }
        return InetChecksum
                .fold(pseudoSum(f, end - transport) + InetChecksum.sum(f, transport, end - transport)) == 0xffff;
    }

    /** Reads a 16-bit number in network order. */
    public static int u16(byte[] f, int at) {
        return (f[at] & 0xff) << 8 | f[at + 1] & 0xff;
    }

    /** Reads a 32-bit number in network order. */
    public static int u32(byte[] f, int at) {
        return u16(f, at) << 16 | u16(f, at + 2);
    }

    /** Writes a 16-bit number in network order. */
    public static void put16(byte[] f, int at, int value) {
        f[at] = (byte) (value >>> 8);
        f[at + 1] = (byte) value;
    }

    /** Writes a 32-bit number in network order. */
    public static void put32(byte[] f, int at, int value) {
        put16(f, at, value >>> 16);
        put16(f, at + 2, value);
    }
}
