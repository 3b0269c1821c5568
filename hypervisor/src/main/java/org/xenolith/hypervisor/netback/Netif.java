package org.xenolith.hypervisor.netback;

/** Numbers of public/io/netif.h. Offsets are in bytes within a slot. */
final class Netif {
    static final int TX_SLOT = 12;
    static final int TX_GREF = 0;
    static final int TX_OFFSET = 4;
    static final int TX_FLAGS = 6;
    static final int TX_ID = 8;
    static final int TX_SIZE = 10;
    static final int TX_RESPONSE = 4;

    static final int RX_SLOT = 8;
    static final int RX_ID = 0;
    static final int RX_GREF = 4;

    static final int TXF_CSUM_BLANK = 1;
    static final int TXF_DATA_VALIDATED = 2;
    static final int TXF_MORE_DATA = 4;
    static final int TXF_EXTRA_INFO = 8;

    static final int RXF_DATA_VALIDATED = 1;
    static final int RXF_CSUM_BLANK = 2;
    static final int RXF_MORE_DATA = 4;
    static final int RXF_EXTRA_INFO = 8;

    static final int EXTRA_GSO = 1;
    static final int EXTRA_MCAST_ADD = 2;
    static final int EXTRA_MCAST_DEL = 3;
    static final int EXTRA_HASH = 4;
    static final int EXTRA_FLAG_MORE = 1;
    static final int GSO_TCPV4 = 1;
    static final int GSO_TCPV6 = 2;

    static final int RSP_OKAY = 0;
    static final int RSP_ERROR = -1;
    static final int RSP_NULL = 1;

    /** Slots that a packet may have at most; a front end that goes beyond is broken (Linux draws the same line). */
    static final int MAX_SLOTS = 20;

    private Netif() {
    }

    static int u16(byte[] b, int at) {
        return b[at] & 0xff | (b[at + 1] & 0xff) << 8;
    }

    static int u32(byte[] b, int at) {
        return u16(b, at) | u16(b, at + 2) << 16;
    }

    static void put16(byte[] b, int at, int value) {
        b[at] = (byte) value;
        b[at + 1] = (byte) (value >>> 8);
    }
}
