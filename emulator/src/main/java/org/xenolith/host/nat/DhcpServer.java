package org.xenolith.host.nat;

import java.util.Arrays;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.MacAddress;

/** Gives the guest its address (RFC 2131), always the same one. */
final class DhcpServer {
    static final int SERVER_PORT = 67;
    static final int CLIENT_PORT = 68;

    private static final int FIXED = 236;
    private static final int MAGIC = 0x6382_5363;
    private static final int DISCOVER = 1;
    private static final int OFFER = 2;
    private static final int REQUEST = 3;
    private static final int ACK = 5;
    private static final int NAK = 6;
    private static final int INFORM = 8;

    private final NatNetwork net;

    DhcpServer(NatNetwork net) {
        this.net = net;
    }

    /** A message of {@code length} bytes at {@code at}; what makes no sense gets no answer. */
    void message(byte[] f, int at, int length) {
        if (length < FIXED + 4 || f[at] != 1 || f[at + 1] != 1 || f[at + 2] != MacAddress.LENGTH
                || Headers.u32(f, at + FIXED) != MAGIC) {
            net.count("dhcp: not a request");
            return;
        }
        int type = option(f, at, length, 53, 1, 0);
        int wanted = option(f, at, length, 50, 4, Headers.u32(f, at + 12));
        int server = option(f, at, length, 54, 4, NatLayout.GATEWAY);
        switch (type) {
            case DISCOVER -> answer(f, at, OFFER, NatLayout.GUEST);
            case REQUEST -> {
                if (server == NatLayout.GATEWAY) {
                    answer(f, at, wanted == NatLayout.GUEST ? ACK : NAK, NatLayout.GUEST);
                }
            }
            case INFORM -> answer(f, at, ACK, 0);
            default -> {
                // release and decline: there is nobody else to give the address to
            }
        }
    }

    /** The number in an option of {@code size} bytes, or {@code absent}. */
    private static int option(byte[] f, int at, int length, int code, int size, int absent) {
        int end = at + length;
        for (int i = at + FIXED + 4; i < end;) {
            int c = f[i] & 0xff;
            if (c == 0) {
                i++;
                continue;
            }
            if (c == 255 || i + 2 > end || i + 2 + (f[i + 1] & 0xff) > end) {
                return absent;
            }
            if (c == code && (f[i + 1] & 0xff) == size) {
                return size == 1 ? f[i + 2] & 0xff : Headers.u32(f, i + 2);
            }
            i += 2 + (f[i + 1] & 0xff);
        }
        return absent;
    }

    private void answer(byte[] request, int at, int type, int address) {
        byte[] m = new byte[FIXED + 64];
        m[0] = 2;
        m[1] = 1;
        m[2] = MacAddress.LENGTH;
        System.arraycopy(request, at + 4, m, 4, 4); // xid
        System.arraycopy(request, at + 10, m, 10, 6); // flags, ciaddr
        System.arraycopy(request, at + 28, m, 28, 16); // chaddr
        int given = type == NAK ? 0 : address;
        Headers.put32(m, 16, given);
        Headers.put32(m, FIXED, MAGIC);
        int o = FIXED + 4;
        m[o++] = 53;
        m[o++] = 1;
        m[o++] = (byte) type;
        o = put(m, o, 54, NatLayout.GATEWAY);
        if (type != NAK) {
            o = put(m, o, 1, NatLayout.MASK);
            o = put(m, o, 3, NatLayout.GATEWAY);
            o = put(m, o, 6, NatLayout.DNS);
            if (given != 0) {
                o = put(m, o, 51, NatLayout.LEASE_SECONDS);
            }
        }
        m[o++] = (byte) 255;
        boolean broadcast = (request[at + 10] & 0x80) != 0 || given == 0;
        MacAddress client = MacAddress.of(request, at + 28);
        net.packets().udp(broadcast || client.isGroup() ? MacAddress.BROADCAST : client, NatLayout.GATEWAY, SERVER_PORT,
                broadcast ? -1 : given, CLIENT_PORT, Arrays.copyOf(m, Math.max(o, 300)), Math.max(o, 300));
    }

    private static int put(byte[] m, int at, int code, int value) {
        m[at] = (byte) code;
        m[at + 1] = 4;
        Headers.put32(m, at + 2, value);
        return at + 6;
    }
}
