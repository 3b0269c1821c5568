package org.xenolith.hypervisor.xenstore;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.hypervisor.ring.RingPage;

/**
 * The daemon's end of a domain's xenstore page ({@code struct xenstore_domain_interface} of xs_wire.h, and
 * docs/misc/xenstore-ring.txt). Whatever the guest puts into the page ends at worst this connection: its watches and
 * transactions go, the error field says why, and nothing more is read until the guest asks for a reconnection or the
 * domain is introduced anew.
 */
public final class XenstoreRing {
    private static final Logger LOG = LoggerFactory.getLogger(XenstoreRing.class);
    private static final int FEATURES = XsWire.XENSTORE_SERVER_FEATURE_RECONNECTION
            | XsWire.XENSTORE_SERVER_FEATURE_ERROR;

    private final Xenstored daemon;
    private final int domid;
    private final RingPage page;
    private final Runnable notify;
    private final Connection connection;

    private final byte[] header = new byte[XsWire.HEADER_SIZE];
    private int headerBytes;
    private byte[] payload;
    private int payloadBytes;
    private byte[] sending;
    private int sentBytes;
    private boolean pumping;
    private boolean pumpAgain;
    private boolean moved;
    private boolean closed;
    private long failures;

    XenstoreRing(Xenstored daemon, int domid, RingPage page, Runnable notify) {
        this.daemon = daemon;
        this.domid = domid;
        this.page = page;
        this.notify = notify;
        connection = daemon.connect(domid, _ -> onDrain());
    }

    /** The domain at the other end. */
    public int domid() {
        return domid;
    }

    /** Whether the daemon has given this connection up because of what the guest did. */
    public boolean isBroken() {
        return connection.isIgnored();
    }

    /** How often the daemon has given this connection up. */
    public long failures() {
        return failures;
    }

    /** Watch events that this domain lost because it did not fetch earlier ones. */
    public long droppedEvents() {
        return connection.droppedEvents();
    }

    Connection connection() {
        return connection;
    }

    /**
     * The guest has signalled its event channel: takes requests as long as there are any and replies find room, and
     * signals back if anything moved.
     */
    public void onNotify() {
        if (closed) {
            return;
        }
        if (pumping) {
            pumpAgain = true;
            return;
        }
        pumping = true;
        try {
            do {
                pumpAgain = false;
                if (page.read32(XsWire.OFFSET_CONNECTION) == XsWire.XENSTORE_RECONNECT) {
                    reconnect();
                }
                pump();
                daemon.flush();
            } while (pumpAgain);
        } finally {
            pumping = false;
        }
        signalIfMoved();
    }

    /** Empties the ring and greets the guest. */
    void reset() {
        forgetPartialMessages();
        page.write32(XsWire.OFFSET_REQ_CONS, 0);
        page.write32(XsWire.OFFSET_REQ_PROD, 0);
        page.write32(XsWire.OFFSET_RSP_CONS, 0);
        page.write32(XsWire.OFFSET_RSP_PROD, 0);
        page.write32(XsWire.OFFSET_SERVER_FEATURES, FEATURES);
        page.write32(XsWire.OFFSET_ERROR, XsWire.XENSTORE_ERROR_NONE);
        if (page.read32(XsWire.OFFSET_CONNECTION) != XsWire.XENSTORE_CONNECTED) {
            page.write32(XsWire.OFFSET_CONNECTION, XsWire.XENSTORE_CONNECTED);
            moved = true;
        }
        if (!pumping) {
            signalIfMoved();
        }
    }

    void close() {
        closed = true;
        forgetPartialMessages();
    }

    private void reconnect() {
        connection.revive();
        reset();
    }

    private void forgetPartialMessages() {
        headerBytes = 0;
        payload = null;
        payloadBytes = 0;
        sending = null;
        sentBytes = 0;
    }

    private void onDrain() {
        send();
        if (!pumping) {
            signalIfMoved();
        }
    }

    private void signalIfMoved() {
        if (moved) {
            moved = false;
            notify.run();
        }
    }

    private void pump() {
        send();
        // As much as a full ring: a page that swallows writes must not keep the loop running.
        int budget = XsWire.XENSTORE_RING_SIZE;
        while (budget > 0 && !closed && !connection.isIgnored() && !connection.isBlocked()) {
            int taken = receive(budget);
            if (taken == 0) {
                return;
            }
            budget -= taken;
            send();
        }
    }

    /** Takes what bytes there are, up to the end of one header or message; returns how many. */
    private int receive(int budget) {
        int cons = page.read32(XsWire.OFFSET_REQ_CONS);
        int prod = page.read32(XsWire.OFFSET_REQ_PROD);
        int available = prod - cons;
        if (available < 0 || available > XsWire.XENSTORE_RING_SIZE) {
            fail(XsWire.XENSTORE_ERROR_RINGIDX, "request indexes");
            return 0;
        }
        available = Math.min(available, budget);
        if (available == 0) {
            return 0;
        }
        int length;
        if (payload == null) {
            length = Math.min(available, XsWire.HEADER_SIZE - headerBytes);
            take(cons, header, headerBytes, length);
            headerBytes += length;
            if (headerBytes < XsWire.HEADER_SIZE) {
                return length;
            }
            int size = get32(12);
            if (size < 0 || size > XsWire.XENSTORE_PAYLOAD_MAX) {
                fail(XsWire.XENSTORE_ERROR_PROTO, "payload length");
                return 0;
            }
            payload = new byte[size];
            payloadBytes = 0;
        } else {
            length = Math.min(available, payload.length - payloadBytes);
            take(cons, payload, payloadBytes, length);
            payloadBytes += length;
        }
        if (payloadBytes == payload.length) {
            byte[] complete = payload;
            payload = null;
            headerBytes = 0;
            daemon.process(connection, get32(0), get32(4), get32(8), complete);
        }
        return length;
    }

    private void take(int cons, byte[] dst, int dstOffset, int length) {
        int at = cons & (XsWire.XENSTORE_RING_SIZE - 1);
        int first = Math.min(length, XsWire.XENSTORE_RING_SIZE - at);
        page.read(XsWire.OFFSET_REQ + at, dst, dstOffset, first);
        page.read(XsWire.OFFSET_REQ, dst, dstOffset + first, length - first);
        page.write32(XsWire.OFFSET_REQ_CONS, cons + length);
        moved = true;
    }

    /** Puts as much of the queue into the ring as fits. */
    private void send() {
        int budget = XsWire.XENSTORE_RING_SIZE;
        while (budget > 0 && !closed && !connection.isIgnored()) {
            if (sending == null) {
                Message next = connection.peek();
                if (next == null) {
                    return;
                }
                sending = next.toWire();
                sentBytes = 0;
            }
            int cons = page.read32(XsWire.OFFSET_RSP_CONS);
            int prod = page.read32(XsWire.OFFSET_RSP_PROD);
            int used = prod - cons;
            if (used < 0 || used > XsWire.XENSTORE_RING_SIZE) {
                fail(XsWire.XENSTORE_ERROR_RINGIDX, "response indexes");
                return;
            }
            int length = Math.min(Math.min(XsWire.XENSTORE_RING_SIZE - used, budget), sending.length - sentBytes);
            if (length == 0) {
                return;
            }
            int at = prod & (XsWire.XENSTORE_RING_SIZE - 1);
            int first = Math.min(length, XsWire.XENSTORE_RING_SIZE - at);
            page.write(XsWire.OFFSET_RSP + at, sending, sentBytes, first);
            page.write(XsWire.OFFSET_RSP, sending, sentBytes + first, length - first);
            page.write32(XsWire.OFFSET_RSP_PROD, prod + length);
            moved = true;
            sentBytes += length;
            budget -= length;
            if (sentBytes == sending.length) {
                sending = null;
                connection.remove();
            }
        }
    }

    private void fail(int error, String what) {
        // Once: a guest can ask for reconnection as often as it likes.
        if (failures++ == 0) {
            LOG.info("xenstore: domain {} disconnected, bad {}", domid, what);
        }
        connection.ignore();
        forgetPartialMessages();
        page.write32(XsWire.OFFSET_ERROR, error);
        moved = true;
    }

    private int get32(int offset) {
        return header[offset] & 0xff | (header[offset + 1] & 0xff) << 8 | (header[offset + 2] & 0xff) << 16
                | (header[offset + 3] & 0xff) << 24;
    }
}
