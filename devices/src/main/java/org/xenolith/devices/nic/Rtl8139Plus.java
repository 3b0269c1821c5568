package org.xenolith.devices.nic;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/** Descriptor rings of the 8139C+ (RTL8139C+ data sheet, chapter 9): 16 bytes each, at most 64 a ring. */
final class Rtl8139Plus {
    private static final int DESCRIPTOR = 16;
    private static final int MAX_DESCRIPTORS = 64;
    private static final int OWN = 1 << 31;
    private static final int EOR = 1 << 30;
    private static final int FIRST = 1 << 29;
    private static final int LAST = 1 << 28;
    private static final int LARGE_SEND = 1 << 27;
    private static final int IPCS = 1 << 18;
    private static final int UDPCS = 1 << 17;
    private static final int TCPCS = 1 << 16;
    private static final int TX_TAG = 1 << 17;
    private static final int TX_ERRORS = 0xf << 20;

    private static final int RX_SIZE = 0x1fff;
    private static final int RX_TAG = 1 << 16;
    private static final int RX_MULTICAST = 1 << 26;
    private static final int RX_MATCH = 1 << 25;
    private static final int RX_BROADCAST = 1 << 24;
    private static final int RX_TCP = 1 << 16;
    private static final int RX_UDP = 2 << 16;
    private static final int RX_IP = 3 << 16;
    private static final int RX_IP_FAIL = 1 << 15;
    private static final int RX_UDP_FAIL = 1 << 14;
    private static final int RX_TCP_FAIL = 1 << 13;
    private static final int VLAN = 0x8100;

    private final Rtl8139 card;
    private final Timers.Timer more;
    private final byte[] descriptor = new byte[DESCRIPTOR];
    private final byte[] status = new byte[8];
    private final TxPacket packet = new TxPacket();
    private final RxFrame frame = new RxFrame();
    private int txAt;
    private int rxAt;
    private boolean open;
    private int firstOptions;

    Rtl8139Plus(Rtl8139 card, Timers timers) {
        this.card = card;
        more = timers.timer(this::run);
    }

    void reset() {
        more.cancel();
        restartTransmit();
        rxAt = 0;
    }

    /** The base of the transmit ring was written. */
    void restartTransmit() {
        txAt = 0;
        open = false;
        packet.clear();
    }

    /** The base of the receive ring was written. */
    void restartReceive() {
        rxAt = 0;
    }

    // ---- transmit ----

    /** TPPoll: works off what the guest has queued, at most a ring full at a time. */
    void run() {
        more.cancel();
        boolean sent = false;
        for (int i = 0; i < MAX_DESCRIPTORS; i++) {
            GuestMemory memory = card.memory();
            if (memory == null || !card.transmitting()) {
                return;
            }
            long at = card.txRing() + (long) txAt * DESCRIPTOR;
            if (!memory.tryRead(at, descriptor, 0, DESCRIPTOR)) {
                card.unimplemented("transmit ring outside RAM");
                return;
            }
            int options = dword(0);
            if ((options & OWN) == 0) {
                card.cause(Rtl8139.ISR_TDU | (sent ? Rtl8139.ISR_TOK : 0));
                return;
            }
            sent |= data(memory, options);
            put32(0, options & ~(OWN | TX_ERRORS));
            if (!memory.tryWrite(at, status, 0, 4)) {
                card.unimplemented("transmit ring in ROM");
                return;
            }
            txAt = (options & EOR) != 0 || txAt + 1 == MAX_DESCRIPTORS ? 0 : txAt + 1;
        }
        if (sent) {
            card.cause(Rtl8139.ISR_TOK);
        }
        more.arm(card.now() + Rtl8139.PAUSE_NS);
    }

    /** Takes a buffer; true when a frame is complete with it. */
    private boolean data(GuestMemory memory, int options) {
        if ((options & FIRST) != 0) {
            packet.clear();
            open = true;
            firstOptions = options;
        }
        int bytes = options & 0xffff;
        int at = open ? packet.room(bytes) : -1;
        if (at >= 0) {
            if (memory.tryRead(address(), packet.data(), at, bytes)) {
                packet.added(bytes);
            } else {
                card.unimplemented("transmit buffer outside RAM");
                packet.spoil();
            }
        }
        if ((options & LAST) == 0 || !open) {
            return false;
        }
        open = false;
        if (packet.sendable()) {
            finish(options);
        }
        return true;
    }

    private void finish(int options) {
        boolean large = (options & LARGE_SEND) != 0;
        boolean partial = false;
        if (!large) {
            Headers h = Headers.of(packet.data(), packet.length());
            if ((options & IPCS) != 0 && h.etherType() == Headers.IPV4) {
                int ip = h.network();
                if (ip + 20 <= packet.length()) {
                    Headers.put16(packet.data(), ip + 10, 0);
                    packet.sum(ip, ip + 10, ip + (packet.data()[ip] & 0xf) * 4);
                }
            }
            partial = (options & TCPCS) != 0 && packet.pseudo(Headers.TCP)
                    || (options & UDPCS) != 0 && packet.pseudo(Headers.UDP);
        }
        int tag = dword(4);
        if ((tag & TX_TAG) != 0) {
            packet.tag(VLAN, Integer.reverseBytes(tag) >>> 16);
        }
        NetFrame f = large ? segmented(options) : packet.frame(partial);
        if (f == null) {
            card.unimplemented("segmentation of something that is not TCP");
        } else {
            card.transmit(f);
        }
    }

    private NetFrame segmented(int options) {
        int segment = firstOptions >>> 16 & 0x7ff;
        if (segment == 0) {
            segment = options >>> 16 & 0x7ff;
        }
        byte[] d = packet.data();
        int network = Headers.u16(d, 12) == VLAN ? 18 : 14;
        int type = packet.length() < network + 40 ? 0 : Headers.u16(d, network - 2);
        int transport = network + (type == Headers.IPV4 ? (d[network] & 0xf) * 4 : 40);
        return segment == 0 || type == 0 || transport + 20 > packet.length()
                ? null
                : packet.segmented(network, transport, segment);
    }

    // ---- receive ----

    /** Stores a frame that passed the filters; false when the guest has no buffer for it. */
    boolean store(NetFrame f, int match) {
        GuestMemory memory = card.memory();
        long at = card.rxRing() + (long) rxAt * DESCRIPTOR;
        if (memory == null || !memory.tryRead(at, descriptor, 0, DESCRIPTOR) || (dword(0) & OWN) == 0) {
            card.missed(Rtl8139.ISR_RXOVW);
            return false;
        }
        int options = dword(0);
        boolean strip = card.stripsTags() && Headers.u16(f.data(), 12) == VLAN
                && f.length() >= Headers.ETHERNET + RxFrame.VLAN_TAG;
        int length = frame.take(f, strip, true);
        if (length > (options & RX_SIZE)) {
            card.missed(Rtl8139.ISR_RXOVW);
            return false;
        }
        if (!memory.tryWrite(address(), frame.data(), 0, length)) {
            card.unimplemented("receive buffer outside RAM");
        }
        put32(0, options & EOR | FIRST | LAST | length | match(match) | checks(f));
        put32(4, strip ? RX_TAG | Integer.reverseBytes(Headers.u16(f.data(), 14)) >>> 16 : 0);
        memory.tryWrite(at, status, 0, 8);
        rxAt = (options & EOR) != 0 || rxAt + 1 == MAX_DESCRIPTORS ? 0 : rxAt + 1;
        return true;
    }

    private static int match(int rcrBit) {
        return switch (rcrBit) {
            case Rtl8139.RCR_AM -> RX_MULTICAST;
            case Rtl8139.RCR_AB -> RX_BROADCAST;
            case Rtl8139.RCR_APM -> RX_MATCH;
            default -> 0;
        };
    }

    private int checks(NetFrame f) {
        if (!card.checksSums()) {
            return 0;
        }
        byte[] d = f.data();
        Headers h = Headers.of(d, f.length());
        if (h.etherType() != Headers.IPV4 || h.network() + 20 > f.length()) {
            return 0;
        }
        int bytes = (d[h.network()] & 0xf) * 4;
        boolean right = bytes >= 20 && h.network() + bytes <= f.length()
                && InetChecksum.fold(InetChecksum.sum(d, h.network(), bytes)) == 0xffff;
        int ip = right ? 0 : RX_IP_FAIL;
        boolean good = f.checksum() == Checksum.VALID || h.checksumAt() < 0 || h.checksumIsRight(d);
        return ip | switch (h.protocol()) {
            case Headers.TCP -> RX_TCP | (good ? 0 : RX_TCP_FAIL);
            case Headers.UDP -> RX_UDP | (good ? 0 : RX_UDP_FAIL);
            default -> RX_IP;
        };
    }

    private int dword(int at) {
        return descriptor[at] & 0xff | (descriptor[at + 1] & 0xff) << 8 | (descriptor[at + 2] & 0xff) << 16
                | (descriptor[at + 3] & 0xff) << 24;
    }

    private long address() {
        return dword(8) & 0xffff_ffffL | (long) dword(12) << 32;
    }

    private void put32(int at, int value) {
        for (int i = 0; i < 4; i++) {
            status[at + i] = (byte) (value >>> 8 * i);
        }
    }
}
