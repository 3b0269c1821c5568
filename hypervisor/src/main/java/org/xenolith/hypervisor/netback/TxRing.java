package org.xenolith.hypervisor.netback;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Offloads;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.ring.BackRing;

/**
 * Takes frames out of a guest's TX ring. A packet is a request, extra infos behind it, and more requests. Each slot is copied once and
 * judged from the copy. What is wrong with one packet is answered with an error; what leaves the ring without a meaning stops it.
 */
final class TxRing {
    private static final int PAGE = 4096;

    private final Vif vif;
    private final BackRing ring;
    private final byte[] slot = new byte[Netif.TX_SLOT];
    private final byte[] response = new byte[Netif.TX_RESPONSE];
    private final int[] ids = new int[Netif.MAX_SLOTS];
    private final int[] grefs = new int[Netif.MAX_SLOTS];
    private final int[] offsets = new int[Netif.MAX_SLOTS];
    private final int[] sizes = new int[Netif.MAX_SLOTS];
    private int count;
    private int flags;
    private int extras;
    private int gsoSize;
    private boolean badExtra;
    private boolean control;
    private boolean stopped;

    TxRing(Vif vif, BackRing ring) {
        this.vif = vif;
        this.ring = ring;
    }

    /**
     * Takes all packets that wait, at most a ring's worth.
     *
     * @return true when the front end wants an event
     */
    boolean run() {
        int left = ring.slots();
        while (!stopped && left > 0) {
            int n = ring.waiting();
            if (n < 0) {
                stop("tx: ring index out of range");
                return false;
            }
            if (n == 0) {
                break;
            }
            int used = packet(n);
            left -= used;
        }
        if (stopped) {
            return false;
        }
        ring.askForEvent(1);
        return ring.push();
    }

    private void stop(String why) {
        stopped = true;
        vif.broken(why);
    }

    /** Takes one packet of up to {@code n} slots; returns how many it was. */
    private int packet(int n) {
        int used = collect(n);
        if (stopped) {
            return used;
        }
        ring.take(used);
        boolean good;
        if (control) {
            good = !badExtra;
        } else {
            good = send();
        }
        if (!good) {
            vif.counts().sendFailed();
        }
        int status = good ? Netif.RSP_OKAY : Netif.RSP_ERROR;
        respond(ids[0], status);
        for (int i = 0; i < extras; i++) {
            respond(0, Netif.RSP_NULL);
        }
        for (int i = 1; i < count; i++) {
            respond(ids[i], status);
        }
        return used;
    }

    private void respond(int id, int status) {
        Netif.put16(response, 0, id);
        Netif.put16(response, 2, status);
        ring.respond(response, Netif.TX_RESPONSE);
    }

    /** Copies the packet's slots; returns how many they are, or stops the ring. */
    private int collect(int n) {
        count = 0;
        extras = 0;
        gsoSize = 0;
        badExtra = false;
        control = false;
        int at = 0;
        request(at++);
        flags = Netif.u16(slot, Netif.TX_FLAGS);
        boolean moreExtra = (flags & Netif.TXF_EXTRA_INFO) != 0;
        while (moreExtra) {
            if (at >= n) {
                stop("tx: extra info is missing");
                return at;
            }
            ring.peek(at++, slot, Netif.TX_SLOT);
            extras++;
            moreExtra = (slot[1] & Netif.EXTRA_FLAG_MORE) != 0;
            if (!extra(slot[0] & 0xff)) {
                stop("tx: unknown extra info");
                return at;
            }
        }
        boolean more = (flags & Netif.TXF_MORE_DATA) != 0 && !control;
        while (more) {
            if (at >= n) {
                stop("tx: packet is not complete");
                return at;
            }
            if (count == Netif.MAX_SLOTS) {
                stop("tx: packet has too many slots");
                return at;
            }
            request(at++);
            more = (Netif.u16(slot, Netif.TX_FLAGS) & Netif.TXF_MORE_DATA) != 0;
        }
        return at;
    }

    private void request(int at) {
        ring.peek(at, slot, Netif.TX_SLOT);
        grefs[count] = Netif.u32(slot, Netif.TX_GREF);
        offsets[count] = Netif.u16(slot, Netif.TX_OFFSET);
        ids[count] = Netif.u16(slot, Netif.TX_ID);
        sizes[count] = Netif.u16(slot, Netif.TX_SIZE);
        count++;
    }

    private boolean extra(int type) {
        switch (type) {
            case Netif.EXTRA_GSO -> {
                gsoSize = Netif.u16(slot, 2);
                int gsoType = slot[4] & 0xff;
                badExtra |= gsoSize == 0 || gsoType != Netif.GSO_TCPV4 && gsoType != Netif.GSO_TCPV6;
            }
            case Netif.EXTRA_MCAST_ADD -> {
                control = true;
                badExtra |= !vif.joinGroup(slot, 2);
            }
            case Netif.EXTRA_MCAST_DEL -> {
                control = true;
                vif.leaveGroup(slot, 2);
            }
            case Netif.EXTRA_HASH -> {
                // which queue the guest thinks right: of no use here
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean send() {
        // the first request has the size of the whole packet
        int total = sizes[0];
        int first = total;
        for (int i = 1; i < count; i++) {
            first -= sizes[i];
        }
        if (badExtra || first < 0) {
            vif.count(badExtra ? "tx: bad GSO info" : "tx: parts are longer than the packet");
            return false;
        }
        sizes[0] = first;
        byte[] data = new byte[total];
        int at = 0;
        for (int i = 0; i < count; i++) {
            if (!copy(i, data, at)) {
                return false;
            }
            at += sizes[i];
        }
        boolean blank = (flags & Netif.TXF_CSUM_BLANK) != 0 || gsoSize != 0;
        Checksum checksum = blank
                ? Checksum.PARTIAL
                : (flags & Netif.TXF_DATA_VALIDATED) != 0 ? Checksum.VALID : Checksum.UNKNOWN;
        NetFrame frame = new NetFrame(data, total, checksum, gsoSize);
        if (!Offloads.wellFormed(frame)) {
            vif.count("tx: frame does not fit its offload flags");
            return false;
        }
        vif.counts().sent(total);
        vif.port().send(frame);
        return true;
    }

    private boolean copy(int i, byte[] data, int at) {
        if (offsets[i] + sizes[i] > PAGE) {
            vif.count("tx: request crosses its page");
            return false;
        }
        try (PinnedGrant g = vif.grant(grefs[i], false)) {
            if (offsets[i] < g.start() || offsets[i] + sizes[i] > g.start() + g.length()) {
                vif.count("tx: request is outside its grant");
                return false;
            }
            g.page().read(offsets[i], data, at, sizes[i]);
            return true;
        } catch (GrantException e) {
            vif.count("tx: bad grant reference");
            return false;
        }
    }
}
