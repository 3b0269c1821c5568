package org.xenolith.devices.nic;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.net.Headers;
import org.xenolith.memory.GuestMemory;

/** The older interface of the 8139: four transmit buffers, and one receive buffer in which frames follow each other. */
final class Rtl8139Buffers {
    static final int TSD_OWN = 1 << 13;
    static final int TSD_TOK = 1 << 15;

    private static final int HEADER = 4;
    private static final int HEADER_OK = 1;
    private static final int HEADER_BROADCAST = 1 << 13;
    private static final int HEADER_MATCH = 1 << 14;
    private static final int HEADER_MULTICAST = 1 << 15;

    private final Rtl8139 card;
    private final TxPacket packet = new TxPacket();
    private final RxFrame frame = new RxFrame();
    private final byte[] header = new byte[HEADER];
    /** Where the next frame goes, from the start of the receive buffer. */
    private int writeAt;

    Rtl8139Buffers(Rtl8139 card) {
        this.card = card;
    }

    void reset() {
        writeAt = 0;
    }

    int writeAt() {
        return writeAt;
    }

    /** True when the guest has read all that came. */
    boolean empty() {
        return writeAt == readAt();
    }

    private int readAt() {
        // CAPR runs 16 bytes behind
        return (int) card.register(Rtl8139.CAPR, 2) + 16 & card.bufferBytes() - 1;
    }

    /** Sends a buffer; the status that its descriptor then has. */
    int transmit(int status, long address) {
        GuestMemory memory = card.memory();
        int bytes = status & 0x1fff;
        packet.clear();
        if (memory == null || packet.room(bytes) < 0 || !memory.tryRead(address, packet.data(), 0, bytes)) {
            card.unimplemented("transmit buffer outside RAM");
            return status;
        }
        packet.added(bytes);
        if (packet.length() >= Headers.ETHERNET) {
            card.transmit(packet.frame(false));
        }
        card.cause(Rtl8139.ISR_TOK);
        return status | TSD_OWN | TSD_TOK;
    }

    /** Stores a frame that passed the filters; false when it does not fit. */
    boolean store(NetFrame f, int match) {
        GuestMemory memory = card.memory();
        int size = card.bufferBytes();
        // the guest may have made the buffer smaller
        writeAt &= size - 1;
        int length = frame.take(f, false, true);
        int total = HEADER + length + 3 & ~3;
        int free = readAt() - writeAt + size & size - 1;
        if (memory == null || free != 0 && total >= free) {
            card.missed(Rtl8139.ISR_RXOVW);
            return false;
        }
        int status = HEADER_OK | switch (match) {
            case Rtl8139.RCR_AM -> HEADER_MULTICAST;
            case Rtl8139.RCR_AB -> HEADER_BROADCAST;
            case Rtl8139.RCR_APM -> HEADER_MATCH;
            default -> 0;
        };
        header[0] = (byte) status;
        header[1] = (byte) (status >>> 8);
        header[2] = (byte) length;
        header[3] = (byte) (length >>> 8);
        put(memory, writeAt, header, HEADER);
        put(memory, writeAt + HEADER, frame.data(), length);
        writeAt = writeAt + total & size - 1;
        return true;
    }

    private void put(GuestMemory memory, int at, byte[] data, int length) {
        int size = card.bufferBytes();
        long base = card.register(Rtl8139.RBSTART, 4);
        int from = card.wraps() || at < size ? at : at - size;
        int straight = card.wraps() || from + length <= size ? length : size - from;
        boolean ok = memory.tryWrite(base + from, data, 0, straight)
                && (straight == length || memory.tryWrite(base, data, straight, length - straight));
        if (!ok) {
            card.unimplemented("receive buffer outside RAM");
        }
    }
}
