package org.xenolith.hypervisor.xenstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.hypervisor.ring.HeapRingPage;
import org.xenolith.hypervisor.ring.RingPage;

/** The ring transport: framing, wrap-around, back-pressure, and guests that break the rules. */
class XenstoreRingTest {
    private final FakeDomains domains = new FakeDomains();
    private Xenstored daemon;
    private RawClient dom0;
    private HeapRingPage page;
    private XenstoreRing ring;
    private RingGuest guest;

    @BeforeEach
    void start() {
        daemon = new Xenstored(domains);
        dom0 = new RawClient(daemon, 0);
        page = domains.add(1);
        domains.add(2);
        dom0.mkdir("/local/domain/1");
        dom0.perms("/local/domain/1", "n1|");
        ring = daemon.introduce(1, page, domains.signal(1));
        guest = new RingGuest(page);
    }

    private List<String> exchange(byte[] message) {
        assertEquals(message.length, guest.put(message, 0, message.length));
        ring.onNotify();
        guest.take(1024);
        return guest.messages();
    }

    @Test
    void introduction_empties_the_ring_and_offers_features() {
        assertEquals(0, page.read32(XsWire.OFFSET_REQ_PROD));
        assertEquals(0, page.read32(XsWire.OFFSET_RSP_PROD));
        assertEquals(3, page.read32(XsWire.OFFSET_SERVER_FEATURES));
        assertEquals(XsWire.XENSTORE_CONNECTED, page.read32(XsWire.OFFSET_CONNECTION));
        assertEquals(0, domains.signals.get(1));
    }

    @Test
    void a_request_gets_its_reply_with_its_numbers_and_a_signal() {
        List<String> replies = exchange(RingGuest.message(XsWire.XS_WRITE, 0xabc, 0, "x|hello"));
        assertEquals(List.of("11/2748/0:OK|"), replies);
        assertEquals(1, domains.signals.get(1));
        assertEquals(List.of("2/1/0:hello"), exchange(RingGuest.message(XsWire.XS_READ, 1, 0, "x|")));
    }

    @Test
    void errors_keep_request_and_transaction_number() {
        assertEquals(List.of("16/5/0:ENOENT|"), exchange(RingGuest.message(XsWire.XS_READ, 5, 0, "none|")));
        assertEquals(List.of("16/6/9:ENOENT|"), exchange(RingGuest.message(XsWire.XS_READ, 6, 9, "x|")));
        assertEquals(List.of("16/7/0:ENOSYS|"), exchange(RingGuest.message(999, 7, 0, "")));
        assertFalse(ring.isBroken());
    }

    @Test
    void the_initial_event_follows_the_reply_to_the_watch() {
        assertEquals(List.of("4/1/0:OK|", "15/0/0:x|tok|"),
                exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|tok|")));
    }

    @Test
    void changes_by_others_arrive_without_a_request() {
        exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|t|"));
        int signals = domains.signals.get(1);
        dom0.write("/local/domain/1/x", "1");
        assertEquals(signals + 1, domains.signals.get(1));
        guest.take(1024);
        assertEquals(List.of("15/0/0:x|t|"), guest.messages());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 15, 16, 17, 100})
    void messages_may_arrive_in_pieces_of_any_size(int piece) {
        byte[] message = RingGuest.message(XsWire.XS_WRITE, 1, 0, "split|" + "v".repeat(500));
        for (int at = 0; at < message.length;) {
            at += guest.put(message, at, piece);
            ring.onNotify();
        }
        guest.take(1024);
        assertEquals(List.of("11/1/0:OK|"), guest.messages());
        assertEquals("v".repeat(500), dom0.read("/local/domain/1/split"));
    }

    @Test
    void several_messages_in_one_signal_are_answered_in_order() {
        byte[] one = RingGuest.message(XsWire.XS_WRITE, 1, 0, "a|1");
        byte[] two = RingGuest.message(XsWire.XS_READ, 2, 0, "a|");
        byte[] three = RingGuest.message(XsWire.XS_DIRECTORY, 3, 0, "a|");
        guest.put(one, 0, 1024);
        guest.put(two, 0, 1024);
        guest.put(three, 0, 1024);
        ring.onNotify();
        guest.take(1024);
        assertEquals(List.of("11/1/0:OK|", "2/2/0:1", "1/3/0:"), guest.messages());
        assertEquals(1, domains.signals.get(1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1000, 1020, 0x7fffff00, -300, -1})
    void indexes_wrap_around_the_ring_and_around_32_bits(int start) {
        page.write32(XsWire.OFFSET_REQ_CONS, start);
        page.write32(XsWire.OFFSET_REQ_PROD, start);
        page.write32(XsWire.OFFSET_RSP_CONS, start);
        page.write32(XsWire.OFFSET_RSP_PROD, start);
        for (int i = 0; i < 40; i++) {
            String value = "value-" + i + "x".repeat(i * 5);
            assertEquals(List.of("11/" + i + "/0:OK|"),
                    exchange(RingGuest.message(XsWire.XS_WRITE, i, 0, "w|" + value)));
            assertEquals(List.of("2/" + i + "/0:" + value),
                    exchange(RingGuest.message(XsWire.XS_READ, i, 0, "w|")));
        }
        assertFalse(ring.isBroken());
    }

    @Test
    void a_message_larger_than_the_ring_flows_both_ways() {
        dom0.mkdir("/wide");
        dom0.perms("/wide", "r0|");
        String value = "z".repeat(4000);
        dom0.write("/wide", value);
        guest.put(RingGuest.message(XsWire.XS_READ, 1, 0, "/wide|"), 0, 1024);
        List<String> got = new ArrayList<>();
        int rounds = 0;
        while (got.isEmpty()) {
            ring.onNotify();
            guest.take(100 + rounds);
            got.addAll(guest.messages());
            rounds++;
        }
        assertEquals(List.of("2/1/0:" + value), got);
        assertTrue(rounds > 10);

        byte[] big = RingGuest.message(XsWire.XS_WRITE, 2, 0, "n|" + "y".repeat(4094));
        for (int at = 0; at < big.length;) {
            at += guest.put(big, at, 333);
            ring.onNotify();
        }
        guest.take(1024);
        assertEquals(List.of("16/2/0:ENOSPC|"), guest.messages());
    }

    @Test
    void requests_wait_when_replies_are_not_fetched_and_go_on_when_they_are() {
        byte[] read = RingGuest.message(XsWire.XS_WRITE, 1, 0, "n|1");
        int sent = 0;
        while (true) {
            if (guest.put(read, 0, read.length) < read.length) {
                break;
            }
            sent++;
            ring.onNotify();
        }
        // 53 replies of 19 bytes fill the ring, 20 more wait in the daemon, and the request ring is full behind them.
        assertTrue(sent > 70 && sent < 140, "sent " + sent);
        int received = 0;
        int idle = 0;
        while (idle < 3) {
            int taken = guest.take(57);
            ring.onNotify();
            int now = guest.messages().size();
            received += now;
            idle = taken == 0 ? idle + 1 : 0;
        }
        assertEquals(sent, received);
        assertFalse(ring.isBroken());
    }

    @Test
    void a_watcher_that_does_not_fetch_holds_up_nobody_else() {
        exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|t|"));
        for (int i = 0; i < 2000; i++) {
            assertEquals("OK|", dom0.write("/local/domain/1/x/" + i, ""));
        }
        List<String> events = new ArrayList<>();
        while (guest.take(1024) > 0) {
            ring.onNotify();
            events.addAll(guest.messages());
        }
        assertEquals(2000, events.size());
        assertEquals("15/0/0:x/0|t|", events.getFirst());
        assertEquals("15/0/0:x/1999|t|", events.getLast());
    }

    private void assertBroken(int error) {
        assertTrue(ring.isBroken());
        assertEquals(error, page.read32(XsWire.OFFSET_ERROR));
        // Nothing is read or written any more, and nobody else is affected.
        int signals = domains.signals.get(1);
        ring.onNotify();
        assertEquals(signals, domains.signals.get(1));
        assertEquals("OK|", dom0.write("/local/domain/1/x", "1"));
        guest.messages();
    }

    @ParameterizedTest
    @ValueSource(ints = {1025, 4096, -1, Integer.MIN_VALUE})
    void bad_request_indexes_break_the_connection(int ahead) {
        exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|t|"));
        page.write32(XsWire.OFFSET_REQ_PROD, page.read32(XsWire.OFFSET_REQ_CONS) + ahead);
        ring.onNotify();
        assertBroken(XsWire.XENSTORE_ERROR_RINGIDX);
    }

    @ParameterizedTest
    @ValueSource(ints = {1025, -1, Integer.MIN_VALUE})
    void bad_response_indexes_break_the_connection(int ahead) {
        guest.put(RingGuest.message(XsWire.XS_READ, 1, 0, "/tool|"), 0, 1024);
        page.write32(XsWire.OFFSET_RSP_PROD, page.read32(XsWire.OFFSET_RSP_CONS) + ahead);
        ring.onNotify();
        assertBroken(XsWire.XENSTORE_ERROR_RINGIDX);
    }

    @ParameterizedTest
    @ValueSource(ints = {4097, 65536, -1, Integer.MIN_VALUE})
    void a_payload_that_is_too_long_breaks_the_connection(int length) {
        byte[] message = RingGuest.message(XsWire.XS_WRITE, 1, 0, "x|1");
        message[12] = (byte) length;
        message[13] = (byte) (length >>> 8);
        message[14] = (byte) (length >>> 16);
        message[15] = (byte) (length >>> 24);
        guest.put(message, 0, 1024);
        ring.onNotify();
        assertBroken(XsWire.XENSTORE_ERROR_PROTO);
    }

    @Test
    void the_guest_can_ask_for_a_new_connection() {
        exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|t|"));
        guest.put(RingGuest.message(XsWire.XS_WRITE, 1, 0, "half|"), 0, 9);
        ring.onNotify();
        page.write32(XsWire.OFFSET_REQ_PROD, 5000);
        ring.onNotify();
        assertTrue(ring.isBroken());
        page.write32(XsWire.OFFSET_CONNECTION, XsWire.XENSTORE_RECONNECT);
        int signals = domains.signals.get(1);
        ring.onNotify();
        assertEquals(signals + 1, domains.signals.get(1));
        assertFalse(ring.isBroken());
        assertEquals(XsWire.XENSTORE_CONNECTED, page.read32(XsWire.OFFSET_CONNECTION));
        assertEquals(XsWire.XENSTORE_ERROR_NONE, page.read32(XsWire.OFFSET_ERROR));
        dom0.write("/local/domain/1/x", "1");
        assertEquals(List.of("2/2/0:1"), exchange(RingGuest.message(XsWire.XS_READ, 2, 0, "x|")));
    }

    @Test
    void introducing_again_starts_afresh() {
        exchange(RingGuest.message(XsWire.XS_WATCH, 1, 0, "x|t|"));
        exchange(RingGuest.message(XsWire.XS_TRANSACTION_START, 2, 0, "|"));
        dom0.watch("@introduceDomain", "i");
        dom0.events();
        assertEquals("OK|", dom0.call(XsWire.XS_INTRODUCE, "1|4097|1|"));
        assertEquals(List.of(), dom0.events());
        ring.onNotify();
        ring = daemon.ring(1);
        dom0.write("/local/domain/1/x", "1");
        assertEquals(List.of("16/3/1:ENOENT|"), exchange(RingGuest.message(XsWire.XS_READ, 3, 1, "x|")));
    }

    @Test
    void a_released_domain_is_not_listened_to() {
        daemon.release(1);
        guest.put(RingGuest.message(XsWire.XS_MKDIR, 1, 0, "/tool|"), 0, 1024);
        ring.onNotify();
        assertEquals(0, guest.take(1024));
        assertFalse(daemon.isIntroduced(1));
    }

    @Test
    void a_page_that_swallows_writes_ends_the_work_of_one_signal() {
        HeapRingPage frozen = new HeapRingPage();
        byte[] requests = RingGuest.message(XsWire.XS_MKDIR, 1, 0, "/x|");
        new RingGuest(frozen).put(requests, 0, 1024);
        RingPage readOnly = new RingPage() {
            @Override
            public int read32(int offset) {
                return frozen.read32(offset);
            }

            @Override
            public void write32(int offset, int value) {
            }

            @Override
            public void read(int offset, byte[] dst, int dstOffset, int length) {
                frozen.read(offset, dst, dstOffset, length);
            }

            @Override
            public void write(int offset, byte[] src, int srcOffset, int length) {
            }
        };
        XenstoreRing other = daemon.introduce(2, readOnly, () -> {});
        for (int i = 0; i < 100; i++) {
            other.onNotify();
        }
        assertEquals("OK|", dom0.write("/alive", "1"));
    }

    @Test
    void the_control_domain_may_be_a_guest_with_a_ring() {
        HeapRingPage page0 = new HeapRingPage();
        XenstoreRing ring0 = daemon.introduce(0, page0, () -> {});
        RingGuest guest0 = new RingGuest(page0);
        guest0.put(RingGuest.message(XsWire.XS_IS_DOMAIN_INTRODUCED, 1, 0, "1|"), 0, 1024);
        guest0.put(RingGuest.message(XsWire.XS_RELEASE, 2, 0, "1|"), 0, 1024);
        guest0.put(RingGuest.message(XsWire.XS_IS_DOMAIN_INTRODUCED, 3, 0, "1|"), 0, 1024);
        ring0.onNotify();
        guest0.take(1024);
        assertEquals(List.of("17/1/0:T|", "9/2/0:OK|", "17/3/0:F|"), guest0.messages());
    }

    /** Random bytes, random indexes, random valid requests: no exception, no damage to others, and always the same. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void random_ring_content_harms_nobody(long seed) {
        String first = fuzz(seed);
        assertEquals(first, fuzz(seed), "seed " + seed);
    }

    private static String fuzz(long seed) {
        FakeDomains domains = new FakeDomains();
        Xenstored store = new Xenstored(domains, new Quotas(50, 512, 10, 3, 40, 5, 5, 200, 65536));
        RawClient root = new RawClient(store, 0);
        HeapRingPage page = domains.add(1);
        root.mkdir("/local/domain/1");
        root.perms("/local/domain/1", "n1|");
        root.write("/other", "untouched");
        XenstoreRing ring = store.introduce(1, page, domains.signal(1));
        RingGuest guest = new RingGuest(page);
        Random random = new Random(seed);
        int disconnects = 0;
        for (int step = 0; step < 4000; step++) {
            switch (random.nextInt(20)) {
                case 0 -> {
                    byte[] junk = new byte[random.nextInt(200)];
                    random.nextBytes(junk);
                    guest.put(junk, 0, junk.length);
                }
                case 1 -> page.write32(XsWire.OFFSET_REQ_CONS + 4 * random.nextInt(4), random.nextInt());
                case 2 -> page.write32(2048 + 4 * random.nextInt(512), random.nextInt(2));
                case 3, 4, 5, 6 -> {
                    if (page.read32(XsWire.OFFSET_RSP_PROD) - page.read32(XsWire.OFFSET_RSP_CONS) <= 1024) {
                        skip(page, random.nextInt(1025));
                    }
                }
                default -> {
                    byte[] message = RingGuest.message(random.nextInt(25), step, random.nextInt(3),
                            randomPayload(random));
                    if (!ring.isBroken()) {
                        guest.put(message, 0, message.length);
                    }
                }
            }
            ring.onNotify();
            if (ring.isBroken()) {
                disconnects++;
                page.write32(XsWire.OFFSET_CONNECTION, XsWire.XENSTORE_RECONNECT);
                ring.onNotify();
                assertFalse(ring.isBroken());
            }
        }
        assertEquals("untouched", root.read("/other"));
        assertTrue(disconnects > 10, "disconnects " + disconnects);
        String usage = root.call(XsWire.XS_CONTROL, "quota|1|");
        String tree = root.list("/local/domain/1");
        // Everything that the domain held is given back.
        store.release(1);
        assertEquals("nodes: 0\nwatches: 0\ntransactions: 0\noutstanding: 0\nmemory: 0\n|",
                root.call(XsWire.XS_CONTROL, "quota|1|"));
        return usage + tree + disconnects + domains.signals;
    }

    /** Consumes responses without looking at them. */
    private static void skip(RingPage page, int most) {
        int cons = page.read32(XsWire.OFFSET_RSP_CONS);
        int available = page.read32(XsWire.OFFSET_RSP_PROD) - cons;
        page.write32(XsWire.OFFSET_RSP_CONS, cons + Math.min(available, most));
    }

    private static String randomPayload(Random random) {
        String[] words = {"a", "b/c", "a/b/c/d", "/", "/local/domain/1", "/other", "|", "||", "n1|", "r0|", "@x",
            "@releaseDomain", "T|", "F|", "tok|", "//", "0", "7", "-1|"};
        StringBuilder text = new StringBuilder();
        int count = random.nextInt(5);
        for (int i = 0; i < count; i++) {
            text.append(words[random.nextInt(words.length)]);
            if (random.nextInt(3) > 0) {
                text.append('|');
            }
        }
        return text.append("x".repeat(random.nextInt(10) == 0 ? random.nextInt(900) : 0)).toString();
    }
}
