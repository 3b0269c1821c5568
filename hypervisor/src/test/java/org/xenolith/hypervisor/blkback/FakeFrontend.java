package org.xenolith.hypervisor.blkback;

import java.util.ArrayList;
import java.util.List;

/** A frontend in Java: connects to a backend, fills rings and reads responses, in either word size. */
final class FakeFrontend {
    /** A response: what the frontend asked by number, and how it went. */
    record Response(long id, int operation, int status) {
    }

    /** A piece of a page: grant, first and last sector. */
    record Segment(int ref, int first, int last) {
    }

    static final int READ = 0;
    static final int WRITE = 1;
    static final int BARRIER = 2;
    static final int FLUSH = 3;
    static final int DISCARD = 5;
    static final int INDIRECT = 6;
    /** First gfn of ring pages; those of queue {@code q} begin at {@code RINGS + 16 * q}. */
    static final int RINGS = 16;
    /** A page for the descriptors of indirect requests. */
    static final int DESCRIPTORS = 8;

    final FakeGuest guest;
    final int devid;
    final boolean is32;
    final int pages;
    final int[] ports;
    private final int[] reqProd;
    private final int[] rspCons;
    private long nextId = 0x1122_3344_0000_0001L;

    FakeFrontend(FakeGuest guest, int devid, boolean is32, int order, int queues) {
        this.guest = guest;
        this.devid = devid;
        this.is32 = is32;
        pages = 1 << order;
        ports = new int[queues];
        reqProd = new int[queues];
        rspCons = new int[queues];
        guest.grant(DESCRIPTORS);
    }

    static FakeFrontend plain(FakeGuest guest) {
        return new FakeFrontend(guest, 51712, false, 0, 1);
    }

    String front(String key) {
        return guest.frontPath(devid) + "/" + key;
    }

    void state(int state) {
        guest.store.write(front("state"), state);
    }

    /** Sets rings up and writes the frontend's nodes, state 3 last. */
    void connect(boolean persistent) {
        for (int q = 0; q < ports.length; q++) {
            String prefix = ports.length == 1 ? "" : "queue-" + q + "/";
            ports[q] = guest.domain.events().allocUnbound(0);
            reqProd[q] = 0;
            rspCons[q] = 0;
            for (int i = 0; i < pages; i++) {
                int gfn = RINGS + 16 * q + i;
                guest.domain.write((long) gfn << 12, new byte[4096], 0, 4096);
                guest.grant(gfn);
                guest.store.write(front(prefix + (pages == 1 ? "ring-ref" : "ring-ref" + i)), gfn);
            }
            long head = ring(q);
            guest.domain.write32(head + 4, 1);
            guest.domain.write32(head + 12, 1);
            guest.store.write(front(prefix + "event-channel"), ports[q]);
        }
        if (ports.length > 1) {
            guest.store.write(front("multi-queue-num-queues"), ports.length);
        }
        if (pages > 1) {
            guest.store.write(front("ring-page-order"), Integer.numberOfTrailingZeros(pages));
        }
        guest.store.write(front("protocol"), is32 ? "x86_32-abi" : "x86_64-abi");
        guest.store.write(front("feature-persistent"), persistent ? 1 : 0);
        state(3);
        state(4);
    }

    long ring(int q) {
        return (long) (RINGS + 16 * q) << 12;
    }

    int size() {
        return Integer.highestOneBit((pages * 4096 - 64) / entrySize());
    }

    int entrySize() {
        return is32 ? 108 : 112;
    }

    private long entry(int q, int index) {
        return ring(q) + 64 + (long) (index & size() - 1) * entrySize();
    }

    private int idOffset() {
        return is32 ? 4 : 8;
    }

    /** Puts a read, write, flush or barrier on the ring; its id. */
    long put(int q, int operation, long sector, List<Segment> segments) {
        long e = entry(q, reqProd[q]);
        header(q, operation, segments.size(), sector);
        for (int i = 0; i < segments.size(); i++) {
            segment(e + idOffset() + 16 + i * 8L, segments.get(i));
        }
        return push(q);
    }

    long put(int operation, long sector, Segment... segments) {
        return put(0, operation, sector, List.of(segments));
    }

    long putDiscard(long sector, long count, boolean secure) {
        long e = entry(0, reqProd[0]);
        header(0, DISCARD, secure ? 1 : 0, sector);
        store(e + idOffset() + 16, count, 8);
        return push(0);
    }

    long putIndirect(int action, long sector, List<Segment> segments) {
        for (int i = 0; i < segments.size(); i++) {
            segment(((long) DESCRIPTORS << 12) + i * 8L, segments.get(i));
        }
        return putIndirect(action, sector, segments.size());
    }

    long putIndirect(int action, long sector, int count) {
        long e = entry(0, reqProd[0]);
        header(0, INDIRECT, 0, sector);
        store(e + 1, action, 1);
        store(e + 2, count, 2);
        store(e + idOffset() + 20, DESCRIPTORS, 4);
        return push(0);
    }

    private void header(int q, int operation, int segments, long sector) {
        long e = entry(q, reqProd[q]);
        store(e, operation, 1);
        store(e + 1, segments, 1);
        store(e + idOffset(), nextId, 8);
        store(e + idOffset() + 8, sector, 8);
    }

    private void segment(long at, Segment s) {
        store(at, s.ref(), 4);
        store(at + 4, s.first(), 1);
        store(at + 5, s.last(), 1);
    }

    /** Stores an integer that may lie across the end of a page. */
    private void store(long at, long value, int bytes) {
        byte[] b = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            b[i] = (byte) (value >>> 8 * i);
        }
        guest.domain.write(at, b, 0, bytes);
    }

    private long load(long at, int bytes) {
        byte[] b = new byte[bytes];
        guest.domain.read(at, b, 0, bytes);
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (b[i] & 0xffL) << 8 * i;
        }
        return value;
    }

    private long push(int q) {
        guest.domain.write32(ring(q), ++reqProd[q]);
        return nextId++;
    }

    void send(int q) {
        guest.domain.events().send(ports[q]);
    }

    /** Responses that have come. */
    List<Response> responses(int q) {
        List<Response> all = new ArrayList<>();
        int prod = guest.domain.read32(ring(q) + 8);
        while (rspCons[q] != prod) {
            long e = entry(q, rspCons[q]++);
            all.add(new Response(load(e, 8), (int) load(e + 8, 1), (short) load(e + 10, 2)));
        }
        guest.domain.write32(ring(q) + 12, prod + 1);
        return all;
    }

    /** Signals queue 0, lets time pass and gives the status of the only response. */
    int finish() {
        send(0);
        guest.advance(1_000_000_000);
        List<Response> all = responses(0);
        if (all.size() != 1) {
            throw new AssertionError("not one response: " + all);
        }
        return all.getFirst().status();
    }
}
