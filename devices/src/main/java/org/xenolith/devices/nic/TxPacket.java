package org.xenolith.devices.nic;

import java.util.Arrays;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;

/** A frame that a card collects from transmit descriptors, and the finishing that it was asked for. */
final class TxPacket {
    /** More is not sent by any driver: 64 KiB of segments and their headers. */
    static final int MAX_BYTES = 0x10000 + 256;

    private static final int MIN_BYTES = 60;
    private static final int FIRST_ROOM = 2048;

    private byte[] data = new byte[FIRST_ROOM];
    private int length;
    private boolean bad;

    void clear() {
        length = 0;
        bad = false;
    }

    int length() {
        return length;
    }

    /** Makes room for more bytes; where they go in {@link #data}, or -1 when the frame is too long. */
    int room(int bytes) {
        if (length + bytes > MAX_BYTES) {
            bad = true;
            return -1;
        }
        if (length + bytes > data.length) {
            data = Arrays.copyOf(data, Math.min(MAX_BYTES, Math.max(2 * data.length, length + bytes)));
        }
        return length;
    }

    byte[] data() {
        return data;
    }

    void added(int bytes) {
        length += bytes;
    }

    /** The frame is not sent. */
    void spoil() {
        bad = true;
    }

    boolean sendable() {
        return !bad && length >= Headers.ETHERNET;
    }

    /** Inserts a VLAN tag. */
    void tag(int type, int tci) {
        if (sendable() && room(4) >= 0) {
            System.arraycopy(data, 12, data, 16, length - 12);
            Headers.put16(data, 12, type);
            Headers.put16(data, 14, tci);
            length += 4;
        }
    }

    /** Pads to the shortest Ethernet frame. */
    void pad() {
        if (length < MIN_BYTES) {
            Arrays.fill(data, length, MIN_BYTES, (byte) 0);
            length = MIN_BYTES;
        }
    }

    /**
     * Computes an Internet checksum over a range, as the descriptor's offsets say, whatever is there.
     *
     * @param end behind the range; 0 for the end of the frame
     */
    void sum(int start, int at, int end) {
        int to = end == 0 ? length : Math.min(end, length);
        if (at + 2 <= length && start < to) {
            Headers.put16(data, at, InetChecksum.of(data, start, to - start));
        }
    }

    /** True when a transport checksum can be left to whoever gets the frame: the field holds the sum over the pseudo header. */
    boolean partial(int start, int at) {
        Headers h = Headers.of(data, length);
        return h.checksumAt() == at && h.transport() == start
                && Headers.u16(data, at) == InetChecksum.fold(h.pseudoSum(data, h.end() - h.transport()));
    }

    /** Puts the sum over the pseudo header into the field of a transport checksum of this protocol; false where there is none. */
    boolean pseudo(int protocol) {
        Headers h = Headers.of(data, length);
        if (h.checksumAt() < 0 || h.protocol() != protocol) {
            return false;
        }
        Headers.put16(data, h.checksumAt(), InetChecksum.fold(h.pseudoSum(data, h.end() - h.transport())));
        return true;
    }

    /** The frame as it is. */
    NetFrame frame(boolean partial) {
        return new NetFrame(Arrays.copyOf(data, length), length, partial ? Checksum.PARTIAL : Checksum.UNKNOWN, 0);
    }

    /** A TCP frame that is to be cut: lengths and sums of the whole are filled in; null when it has no TCP at {@code transport} or is too long. */
    NetFrame segmented(int network, int transport, int segment) {
        int type = Headers.u16(data, network - 2);
        int bytes = length - network;
        if (type == Headers.IPV4) {
            if (bytes > 0xffff || transport - network < 20) {
                return null;
            }
            Headers.put16(data, network + 2, bytes);
            Headers.put16(data, network + 10, 0);
            Headers.put16(data, network + 10, InetChecksum.of(data, network, transport - network));
        } else if (type == Headers.IPV6) {
            if (bytes - 40 > 0xffff || transport - network < 40) {
                return null;
            }
            Headers.put16(data, network + 4, bytes - 40);
        } else {
            return null;
        }
        Headers h = Headers.of(data, length);
        if (h.protocol() != Headers.TCP || h.transport() != transport || h.network() != network) {
            return null;
        }
        Headers.put16(data, h.checksumAt(), InetChecksum.fold(h.pseudoSum(data, length - transport)));
        boolean one = length - transport - h.tcpHeaderLength(data) <= segment;
        return new NetFrame(Arrays.copyOf(data, length), length, Checksum.PARTIAL, one ? 0 : segment);
    }
}
