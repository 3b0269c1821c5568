package org.xenolith.hypervisor.netback;

import java.util.ArrayDeque;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.net.Headers;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.ring.BackRing;

/**
 * Puts frames into the buffers that a guest has posted on its RX ring. Frames for which there are no buffers wait, within bounds, until the
 * guest has posted more.
 */
final class RxRing {
    /** Most frames that wait for buffers. */
    static final int MAX_FRAMES = 4096;
    /** Most bytes that wait for buffers: more than the largest window of a Linux receiver, so that guests among themselves lose nothing. */
    static final long MAX_BYTES = 8L << 20;
    private static final int PAGE = 4096;

    private final Vif vif;
    private final BackRing ring;
    private final ArrayDeque<NetFrame> frames = new ArrayDeque<>();
    private final byte[] slot = new byte[Netif.RX_SLOT];
    private long bytes;
    private boolean stopped;

    RxRing(Vif vif, BackRing ring) {
        this.vif = vif;
        this.ring = ring;
    }

    /** Takes a frame for the guest; false when there is no room. */
    boolean offer(NetFrame f) {
        if (stopped || frames.size() >= MAX_FRAMES || bytes + f.length() > MAX_BYTES) {
            return false;
        }
        frames.add(f);
        bytes += f.length();
        return true;
    }

    /**
     * Fills buffers for as long as there are frames and buffers.
     *
     * @return true when the front end wants an event
     */
    boolean run() {
        boolean posted = false;
        while (!stopped && !frames.isEmpty()) {
            NetFrame f = frames.peek();
            int n = ring.waiting();
            if (n < 0) {
                stopped = true;
                frames.clear();
                vif.broken("rx: ring index out of range");
                return false;
            }
            int slots = (f.length() + PAGE - 1) / PAGE + (f.segmentSize() != 0 ? 1 : 0);
            if (n < slots) {
                ring.askForEvent(slots);
                break;
            }
            frames.poll();
            bytes -= f.length();
            post(f);
            posted = true;
        }
        return posted && ring.push();
    }

    private void post(NetFrame f) {
        int flags = switch (f.checksum()) {
            case PARTIAL -> Netif.RXF_CSUM_BLANK | Netif.RXF_DATA_VALIDATED;
            case VALID -> Netif.RXF_DATA_VALIDATED;
            case UNKNOWN -> 0;
        };
        boolean gso = f.segmentSize() != 0;
        boolean good = true;
        for (int at = 0; at < f.length();) {
            int part = Math.min(PAGE, f.length() - at);
            ring.peek(0, slot, Netif.RX_SLOT);
            ring.take(1);
            int id = Netif.u16(slot, Netif.RX_ID);
            boolean written = fill(Netif.u32(slot, Netif.RX_GREF), f.data(), at, part);
            good &= written;
            boolean first = at == 0;
            at += part;
            int more = at < f.length() ? Netif.RXF_MORE_DATA : 0;
            int extra = first && gso ? Netif.RXF_EXTRA_INFO : 0;
            respond(id, (first ? flags : 0) | more | extra, written ? part : Netif.RSP_ERROR);
            if (extra != 0) {
                ring.take(1);
                gsoInfo(f);
            }
        }
        if (good) {
            vif.counts().received(f.length());
        } else {
            vif.counts().receiveFailed();
        }
    }

    private void respond(int id, int flags, int status) {
        Netif.put16(slot, 0, id);
        Netif.put16(slot, 2, 0);
        Netif.put16(slot, 4, flags);
        Netif.put16(slot, 6, status);
        ring.respond(slot, Netif.RX_SLOT);
    }

    private void gsoInfo(NetFrame f) {
        boolean v4 = Headers.of(f.data(), f.length()).etherType() == Headers.IPV4;
        slot[0] = Netif.EXTRA_GSO;
        slot[1] = 0;
        Netif.put16(slot, 2, f.segmentSize());
        slot[4] = (byte) (v4 ? Netif.GSO_TCPV4 : Netif.GSO_TCPV6);
        slot[5] = 0;
        Netif.put16(slot, 6, 0);
        ring.respond(slot, Netif.RX_SLOT);
    }

    private boolean fill(int gref, byte[] data, int at, int length) {
        try (PinnedGrant g = vif.grant(gref, true)) {
            if (g.start() != 0 || g.length() < length) {
                vif.count("rx: buffer is less than a page");
                return false;
            }
            g.page().write(0, data, at, length);
            return true;
        } catch (GrantException e) {
            vif.count("rx: bad grant reference");
            return false;
        }
    }
}
