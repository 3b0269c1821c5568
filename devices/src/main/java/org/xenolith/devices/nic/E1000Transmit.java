package org.xenolith.devices.nic;

import org.xenolith.devices.NetFrame;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/** Transmit ring of the 82540EM (82540EM Software Developer's Manual, 3.3 to 3.5): legacy, context and data descriptors. */
final class E1000Transmit {
    private static final int DESCRIPTOR = 16;
    /** Descriptors that one write of the tail works off; the rest follows by a timer. */
    private static final int BUDGET = 512;
    private static final long PAUSE_NS = 10_000;

    private static final int CMD_EOP = 1 << 24;
    private static final int CMD_IFCS_TSO_INSERT = 1 << 26;
    private static final int CMD_RS_RPS = 3 << 27;
    private static final int CMD_DEXT = 1 << 29;
    private static final int CMD_VLE = 1 << 30;
    private static final int CMD_IDE = 1 << 31;
    private static final int DTYP_DATA = 1;
    private static final int STATUS_DD = 1;
    private static final int POPTS_IXSM = 1;
    private static final int POPTS_TXSM = 2;
    private static final int TUCMD_TCP = 1;

    /** Where headers and checksums of following frames are. */
    private static final class Context {
        private int ipStart;
        private int ipAt;
        private int ipEnd;
        private int start;
        private int at;
        private int end;
        private int segment;
        private boolean tcp;
    }

    private final E1000 card;
    private final Timers.Timer more;
    private final Mitigation done;
    private final byte[] descriptor = new byte[DESCRIPTOR];
    private final byte[] status = new byte[4];
    private final TxPacket packet = new TxPacket();
    private Context plain = new Context();
    private Context tso = new Context();
    /** Of the frame under way: its first data descriptor decides. */
    private boolean first = true;
    private boolean segmenting;
    private int options;

    E1000Transmit(E1000 card, Timers timers) {
        this.card = card;
        more = timers.timer(this::run);
        done = new Mitigation(card.clock(), timers, () -> card.cause(E1000.ICR_TXDW));
    }

    void reset() {
        more.cancel();
        done.cancel();
        packet.clear();
        plain = new Context();
        tso = new Context();
        first = true;
    }

    /** The tail moved, or transmission was turned on. */
    void run() {
        more.cancel();
        int count = (card.register(E1000.TDLEN) & 0xfff80) / DESCRIPTOR;
        long base = card.base(E1000.TDBAL);
        boolean worked = false;
        for (int i = 0; i < BUDGET; i++) {
            GuestMemory memory = card.memory();
            int head = card.register(E1000.TDH) & 0xffff;
            int tail = card.register(E1000.TDT) & 0xffff;
            if (memory == null || (card.register(E1000.TCTL) & E1000.TCTL_EN) == 0 || head == tail) {
                break;
            }
            if (head >= count || tail >= count) {
                card.unimplemented("transmit ring with a head or tail outside it");
                return;
            }
            long at = base + (long) head * DESCRIPTOR;
            if (!memory.tryRead(at, descriptor, 0, DESCRIPTOR)) {
                card.unimplemented("transmit ring outside RAM");
                return;
            }
            worked = true;
            descriptor(memory, at);
            card.setRegister(E1000.TDH, head + 1 == count ? 0 : head + 1);
        }
        boolean empty = card.register(E1000.TDH) == card.register(E1000.TDT);
        if (worked && empty) {
            card.cause(E1000.ICR_TXQE);
        } else if (worked && (card.register(E1000.TCTL) & E1000.TCTL_EN) != 0) {
            more.arm(card.clock().now() + PAUSE_NS);
        }
    }

    private int word(int at) {
        return descriptor[at] & 0xff | (descriptor[at + 1] & 0xff) << 8;
    }

    private int dword(int at) {
        return word(at) | word(at + 2) << 16;
    }

    private void descriptor(GuestMemory memory, long at) {
        int lower = dword(8);
        if ((lower & CMD_DEXT) == 0) {
            data(memory, lower, lower & 0xffff, -1);
        } else if ((lower >>> 20 & 0xf) == DTYP_DATA) {
            data(memory, lower, lower & 0xfffff, descriptor[13]);
        } else if ((lower >>> 20 & 0xf) == 0) {
            context(lower);
        } else {
            card.unimplemented("transmit descriptor of type " + (lower >>> 20 & 0xf));
        }
        if ((lower & CMD_RS_RPS) != 0) {
            int upper = dword(12) & ~0xe | STATUS_DD;
            for (int i = 0; i < 4; i++) {
                status[i] = (byte) (upper >>> 8 * i);
            }
            memory.tryWrite(at + 12, status, 0, 4);
            boolean delayed = (lower & CMD_IDE) != 0;
            done.event(delayed ? card.register(E1000.TIDV) & 0xffff : 0, card.register(E1000.TADV) & 0xffff);
        }
    }

    private void context(int lower) {
        Context c = (lower & CMD_IFCS_TSO_INSERT) != 0 ? tso : plain;
        c.ipStart = descriptor[0] & 0xff;
        c.ipAt = descriptor[1] & 0xff;
        c.ipEnd = word(2);
        c.start = descriptor[4] & 0xff;
        c.at = descriptor[5] & 0xff;
        c.end = word(6);
        c.segment = word(14);
        c.tcp = (lower >>> 24 & TUCMD_TCP) != 0;
    }

    /** A descriptor with a buffer; {@code popts} is -1 for a legacy one. */
    private void data(GuestMemory memory, int lower, int bytes, int popts) {
        if (first) {
            first = false;
            packet.clear();
            segmenting = popts >= 0 && (lower & CMD_IFCS_TSO_INSERT) != 0;
            options = Math.max(popts, 0);
        }
        int at = packet.room(bytes);
        long address = dword(0) & 0xffff_ffffL | (long) dword(4) << 32;
        if (at >= 0) {
            if (memory.tryRead(address, packet.data(), at, bytes)) {
                packet.added(bytes);
            } else {
                card.unimplemented("transmit buffer outside RAM");
                packet.spoil();
            }
        }
        if ((lower & CMD_EOP) != 0) {
            first = true;
            if (packet.sendable()) {
                finish(lower, popts < 0);
            }
        }
    }

    private void finish(int lower, boolean legacy) {
        boolean tagged = (lower & CMD_VLE) != 0 && (card.register(E1000.CTRL) & E1000.CTRL_VME) != 0;
        int shift = tagged ? 4 : 0;
        boolean partial = false;
        if (legacy) {
            if ((lower & CMD_IFCS_TSO_INSERT) != 0) {
                packet.sum(descriptor[13] & 0xff, lower >>> 16 & 0xff, 0);
            }
        } else if (!segmenting) {
            if ((options & POPTS_IXSM) != 0) {
                packet.sum(plain.ipStart, plain.ipAt, plain.ipEnd == 0 ? 0 : plain.ipEnd + 1);
            }
            if ((options & POPTS_TXSM) != 0) {
                partial = plain.end == 0 && packet.partial(plain.start, plain.at);
                if (!partial) {
                    packet.sum(plain.start, plain.at, plain.end == 0 ? 0 : plain.end + 1);
                }
            }
        }
        if (tagged) {
            packet.tag(card.register(E1000.VET) & 0xffff, word(14));
        }
        if ((card.register(E1000.TCTL) & E1000.TCTL_PSP) != 0) {
            packet.pad();
        }
        if (!packet.sendable()) {
            return;
        }
        NetFrame f;
        if (segmenting) {
            int network = tso.ipStart + shift;
            f = tso.tcp && tso.segment > 0 && tso.ipStart >= 14 && tso.start + shift + 20 <= packet.length()
                    && network + 40 <= packet.length()
                            ? packet.segmented(network, tso.start + shift, tso.segment)
                            : null;
            if (f == null) {
                card.unimplemented("segmentation of something that is not TCP");
                return;
            }
            card.stats().count(E1000Stats.TSCTC);
        } else {
            f = packet.frame(partial);
        }
        card.transmit(f);
    }
}
