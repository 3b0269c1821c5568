package org.xenolith.hypervisor.ring;

/**
 * The back end's view of a ring of requests and responses (public/io/ring.h): a header of four indexes, then a power of
 * two of slots. The front end writes the page at any time, so indexes are judged at each look and a request is copied
 * out once, before it is checked.
 */
public final class BackRing {
    private static final int REQ_PROD = 0;
    private static final int REQ_EVENT = 4;
    private static final int RSP_PROD = 8;
    private static final int RSP_EVENT = 12;
    private static final int HEADER = 64;

    private final RingPage page;
    private final int slotSize;
    private final int slots;
    private int reqCons;
    private int rspProd;

    /**
     * A view of a ring of one page; it goes on where {@code rsp_prod} in the page says, which is 0 on a new ring.
     *
     * @param slotSize bytes of the larger of request and response
     */
    public BackRing(RingPage page, int slotSize) {
        this(page, slotSize, RingPage.SIZE);
    }

    /** As {@link #BackRing(RingPage, int)}, on several pages that {@code page} joins into one of {@code bytes}. */
    public BackRing(RingPage page, int slotSize, int bytes) {
        this.page = page;
        this.slotSize = slotSize;
        this.slots = Integer.highestOneBit((bytes - HEADER) / slotSize);
        this.rspProd = page.read32(RSP_PROD);
        this.reqCons = rspProd;
    }

    /** Number of slots. */
    public int slots() {
        return slots;
    }

    /** Requests that wait, 0 to {@link #slots}; -1 when the front end's index makes no sense. */
    public int waiting() {
        int n = page.read32(REQ_PROD) - reqCons;
        return n < 0 || n > slots - (reqCons - rspProd) ? -1 : n;
    }

    /** Copies the slot of a waiting request, {@code ahead} after the next one, without taking it. */
    public void peek(int ahead, byte[] to, int length) {
        page.read(at(reqCons + ahead), to, 0, length);
    }

    /** Takes requests off the ring. */
    public void take(int count) {
        reqCons += count;
    }

    /** Puts a response of {@code length} bytes into the next slot; the front end sees it after {@link #push}. */
    public void respond(byte[] response, int length) {
        page.write(at(rspProd), response, 0, length);
        rspProd++;
    }

    private int at(int index) {
        return HEADER + (index & slots - 1) * slotSize;
    }

    /**
     * Shows the responses to the front end.
     *
     * @return true when it wants an event for them
     */
    public boolean push() {
        int old = page.read32(RSP_PROD);
        page.write32(RSP_PROD, rspProd);
        return Integer.compareUnsigned(rspProd - page.read32(RSP_EVENT), rspProd - old) < 0;
    }

    /** Asks for an event when {@code count} more requests than are taken now are there; 1 for the very next. */
    public void askForEvent(int count) {
        page.write32(REQ_EVENT, reqCons + count);
    }

    /** Requests taken and not yet answered. */
    public int outstanding() {
        return reqCons - rspProd;
    }
}
