package org.xenolith.hypervisor.blkback;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.hypervisor.blkback.FakeFrontend.Response;
import org.xenolith.hypervisor.blkback.FakeFrontend.Segment;

/** The block protocol, with the guest's part played by a frontend in Java. */
final class BlkbackTest {
    private static final int DEVID = 51712;
    private static final int DATA = 256;
    private static final int SECTORS = 16384;

    private final FakeGuest guest = new FakeGuest();
    private final MemoryImage image = new MemoryImage(SECTORS);
    private VirtualDisk disk;
    private Blkback back;

    @AfterEach
    void close() {
        guest.close();
    }

    private void attach() {
        disk = new VirtualDisk(VirtualDevice.of("xvda"), image);
        back = guest.attach(disk);
    }

    private FakeFrontend connected(boolean persistent) {
        attach();
        FakeFrontend f = FakeFrontend.plain(guest);
        f.connect(persistent);
        assertEquals("4", guest.backend(DEVID, "state"));
        return f;
    }

    private Segment page(int n) {
        guest.grant(DATA + n);
        return new Segment(DATA + n, 0, 7);
    }

    private byte[] guestBytes(int n, int offset, int length) {
        byte[] b = new byte[length];
        guest.domain.read(((long) DATA + n << 12) + offset, b, 0, length);
        return b;
    }

    private byte[] pattern(int n, int seed) {
        byte[] b = new byte[4096];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) (i * 31 + seed);
        }
        guest.domain.write((long) DATA + n << 12, b, 0, b.length);
        return b;
    }

    private Map<String, Long> refused() {
        return disk.counts().refused();
    }

    // ---- handshake ----

    @Test
    void features_and_geometry_are_published_before_the_frontend_connects() {
        attach();
        assertEquals("2", guest.backend(DEVID, "state"));
        Map<String, String> expected = Map.ofEntries(Map.entry("feature-persistent", "1"),
                Map.entry("feature-max-indirect-segments", "256"), Map.entry("feature-flush-cache", "1"),
                Map.entry("feature-barrier", "1"), Map.entry("feature-discard", "1"),
                Map.entry("discard-granularity", "4096"), Map.entry("discard-alignment", "0"),
                Map.entry("discard-secure", "1"), Map.entry("multi-queue-max-queues", "4"),
                Map.entry("max-ring-page-order", "4"), Map.entry("sectors", "16384"), Map.entry("sector-size", "512"),
                Map.entry("physical-sector-size", "512"), Map.entry("info", "0"), Map.entry("mode", "w"));
        expected.forEach((key, value) -> assertEquals(value, guest.backend(DEVID, key), key));
        assertEquals("51712", guest.store.read(guest.frontPath(DEVID) + "/virtual-device").orElse(""));
    }

    @Test
    void a_read_only_disk_says_so_and_offers_no_discard() {
        image.readOnly = true;
        attach();
        assertEquals("4", guest.backend(DEVID, "info"));
        assertEquals("r", guest.backend(DEVID, "mode"));
        assertEquals("0", guest.backend(DEVID, "feature-discard"));
    }

    @Test
    void frontend_closes_and_connects_anew_with_other_rings() {
        FakeFrontend f = connected(true);
        f.put(FakeFrontend.READ, 0, page(0));
        assertEquals(0, f.finish());
        int uses = guest.domain.grants().activeCount();
        assertEquals(2, uses, "the ring and one persistent page");
        f.state(5);
        assertEquals("5", guest.backend(DEVID, "state"));
        f.state(6);
        assertEquals("6", guest.backend(DEVID, "state"));
        assertEquals(0, guest.domain.grants().activeCount());
        guest.domain.events().close(f.ports[0]);
        f.state(1);
        assertEquals("2", guest.backend(DEVID, "state"));
        f.connect(false);
        f.put(FakeFrontend.READ, 8, page(1));
        assertEquals(0, f.finish());
        assertArrayEquals(Arrays.copyOfRange(image.data, 4096, 8192), guestBytes(1, 0, 4096));
    }

    @Test
    void new_rings_without_a_close_replace_the_old_connection() {
        FakeFrontend f = connected(false);
        f.put(FakeFrontend.READ, 0, page(0));
        f.send(0);
        f.connect(false);
        guest.advance(1_000_000_000);
        assertEquals(List.of(), f.responses(0), "what the old ring asked is forgotten");
        f.put(FakeFrontend.READ, 0, page(0));
        assertEquals(0, f.finish());
    }

    @ParameterizedTest
    @CsvSource({"protocol, sparc-abi", "ring-ref, 99999", "ring-ref, hello", "ring-ref, -1", "event-channel, 4000",
        "event-channel, ''", "ring-page-order, 5", "multi-queue-num-queues, 5", "multi-queue-num-queues, 0",
        "ring-ref, 99999999999999999999"})
    void nodes_that_make_no_sense_close_the_device_with_a_reason(String key, String value) {
        attach();
        FakeFrontend f = FakeFrontend.plain(guest);
        guest.store.write(f.front("state"), 3);
        assertEquals("5", guest.backend(DEVID, "state"), "nothing there yet");
        f.state(6);
        f.state(1);
        assertEquals("2", guest.backend(DEVID, "state"));
        guest.grant(FakeFrontend.RINGS);
        guest.store.write(f.front("ring-ref"), FakeFrontend.RINGS);
        guest.store.write(f.front("event-channel"), guest.domain.events().allocUnbound(0));
        guest.store.write(f.front(key), value);
        f.state(3);
        assertEquals("5", guest.backend(DEVID, "state"));
        assertFalse(guest.backend(DEVID, "error").isEmpty());
        assertEquals(0, guest.domain.grants().activeCount());
    }

    @Test
    void a_frontend_that_removes_its_nodes_is_disconnected() {
        FakeFrontend f = connected(true);
        guest.store.rm(guest.frontPath(DEVID));
        assertEquals("6", guest.backend(DEVID, "state"));
        assertEquals(0, guest.domain.grants().activeCount());
        f.send(0);
    }

    @Test
    void detaching_removes_the_nodes_and_leaves_the_image_open() {
        connected(true);
        back.close();
        assertFalse(guest.xenstored.client().exists("/local/domain/0/backend/vbd/1/51712"));
        assertEquals(0, guest.domain.grants().activeCount());
        assertFalse(image.closed);
    }

    // ---- requests ----

    @ParameterizedTest
    @CsvSource({"false, 0", "true, 0", "false, 2", "true, 4"})
    void reads_and_writes_in_both_word_sizes_and_ring_sizes(boolean is32, int order) {
        attach();
        FakeFrontend f = new FakeFrontend(guest, DEVID, is32, order, 1);
        f.connect(false);
        int rounds = f.size() + 3;
        for (int i = 0; i < rounds; i++) {
            byte[] written = pattern(i % 8, i);
            long id = f.put(FakeFrontend.WRITE, i * 8L % SECTORS, page(i % 8));
            f.send(0);
            guest.advance(1_000_000);
            assertEquals(List.of(new Response(id, FakeFrontend.WRITE, 0)), f.responses(0));
            int at = i * 4096 % image.data.length;
            assertArrayEquals(written, Arrays.copyOfRange(image.data, at, at + 4096));
        }
        f.put(FakeFrontend.READ, 0, new Segment(page(20).ref(), 2, 3), new Segment(page(21).ref(), 7, 7));
        assertEquals(0, f.finish());
        assertArrayEquals(Arrays.copyOfRange(image.data, 0, 1024), guestBytes(20, 1024, 1024));
        assertArrayEquals(Arrays.copyOfRange(image.data, 1024, 1536), guestBytes(21, 3584, 512));
        assertArrayEquals(new byte[1024], guestBytes(20, 0, 1024), "nothing outside of the segment is written");
        assertEquals(0, guest.domain.grants().activeCount() - f.pages, "grants are given back");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void indirect_requests_move_up_to_256_segments(boolean is32) {
        attach();
        FakeFrontend f = new FakeFrontend(guest, DEVID, is32, 0, 1);
        f.connect(true);
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            segments.add(page(i));
        }
        f.putIndirect(FakeFrontend.READ, 16, segments);
        assertEquals(0, f.finish());
        assertArrayEquals(Arrays.copyOfRange(image.data, 8192, 8192 + 4096), guestBytes(0, 0, 4096));
        assertArrayEquals(Arrays.copyOfRange(image.data, 8192 + 255 * 4096, 8192 + 256 * 4096),
                guestBytes(255, 0, 4096));
        long id = f.putIndirect(FakeFrontend.WRITE, 0, segments);
        f.send(0);
        guest.advance(1_000_000);
        assertEquals(List.of(new Response(id, FakeFrontend.WRITE, 0)), f.responses(0), "the inner operation");
        assertArrayEquals(guestBytes(255, 0, 4096), Arrays.copyOfRange(image.data, 255 * 4096, 256 * 4096));
        assertEquals(List.of("read 8192+1048576", "write 0+1048576"), image.log);
        f.putIndirect(FakeFrontend.READ, 0, 257);
        assertEquals(-1, f.finish());
        f.putIndirect(FakeFrontend.FLUSH, 0, 1);
        assertEquals(-1, f.finish());
        assertEquals(2, refused().size());
    }

    @Test
    void several_queues_work_side_by_side() {
        attach();
        FakeFrontend f = new FakeFrontend(guest, DEVID, false, 1, 4);
        f.connect(true);
        assertEquals(4, back.queues().size());
        for (int q = 0; q < 4; q++) {
            f.put(q, FakeFrontend.READ, q * 8L, List.of(page(q)));
            f.send(q);
        }
        guest.advance(1_000_000);
        for (int q = 0; q < 4; q++) {
            assertEquals(1, f.responses(q).size());
            assertTrue(guest.takeEvent(f.ports[q]));
            assertArrayEquals(Arrays.copyOfRange(image.data, q * 4096, q * 4096 + 4096), guestBytes(q, 0, 4096));
        }
    }

    @Test
    void a_response_comes_after_latency_and_transfer_in_virtual_time() {
        FakeFrontend f = connected(false);
        f.put(FakeFrontend.READ, 0, page(0));
        f.put(FakeFrontend.READ, 8, page(1));
        f.send(0);
        assertEquals(2, back.queues().getFirst().underWay());
        guest.advance(4096 / 2 + 20_000 - 1);
        assertEquals(List.of(), f.responses(0));
        guest.advance(1);
        assertEquals(1, f.responses(0).size());
        assertTrue(guest.takeEvent(f.ports[0]));
        guest.advance(4096 / 2 - 1);
        assertEquals(List.of(), f.responses(0));
        assertFalse(guest.takeEvent(f.ports[0]));
        guest.advance(1);
        assertEquals(1, f.responses(0).size());
    }

    @Test
    void a_flush_reaches_the_image_before_its_response() {
        FakeFrontend f = connected(false);
        pattern(0, 1);
        f.put(FakeFrontend.WRITE, 0, page(0));
        f.put(FakeFrontend.FLUSH, 0);
        f.send(0);
        assertEquals(List.of("write 0+4096", "flush"), image.log);
        guest.advance(4096 / 2 + 20_000);
        assertEquals(1, f.responses(0).size());
        guest.advance(100_000);
        assertEquals(List.of(0), f.responses(0).stream().map(Response::status).toList());
        assertEquals(1, disk.counts().flushes());
    }

    @Test
    void a_barrier_orders_and_is_durable() {
        FakeFrontend f = connected(false);
        f.put(FakeFrontend.WRITE, 0, page(0));
        f.put(FakeFrontend.BARRIER, 8, page(1));
        f.put(FakeFrontend.BARRIER, 16, page(2));
        f.put(FakeFrontend.BARRIER, 0);
        f.send(0);
        assertEquals(List.of("write 0+4096", "flush", "write 4096+4096", "flush", "write 8192+4096", "flush", "flush"),
                image.log);
    }

    @Test
    void discard_is_passed_on_and_a_secure_one_overwrites() {
        FakeFrontend f = connected(false);
        f.putDiscard(8, 16, false);
        assertEquals(0, f.finish());
        assertEquals(List.of("discard 4096+8192"), image.log);
        f.putDiscard(0, 8, true);
        assertEquals(0, f.finish());
        assertArrayEquals(new byte[4096], Arrays.copyOf(image.data, 4096));
        assertEquals(List.of("discard 4096+8192", "write 0+4096", "flush"), image.log);
        f.putDiscard(1, SECTORS, false);
        assertEquals(-1, f.finish());
        f.putDiscard(8, -1, false);
        assertEquals(-1, f.finish());
        f.putDiscard(-8, 8, false);
        assertEquals(-1, f.finish());
        assertEquals(Map.of("access beyond the end of the disk", 3L), refused());
    }

    @Test
    void an_error_of_the_image_is_told_to_the_guest() {
        FakeFrontend f = connected(true);
        image.broken = true;
        f.put(FakeFrontend.READ, 0, page(0));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.WRITE, 0, page(0));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.FLUSH, 0);
        assertEquals(-1, f.finish());
        image.broken = false;
        f.put(FakeFrontend.READ, 0, page(0));
        assertEquals(0, f.finish());
        assertEquals(3, disk.counts().errors());
        assertEquals(4, disk.counts().requests());
    }

    @Test
    void bad_requests_are_refused_and_touch_nothing() {
        FakeFrontend f = connected(false);
        Segment good = page(0);
        f.put(FakeFrontend.READ, 0);
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.READ, SECTORS, good);
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.READ, -1, good);
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.WRITE, 0, new Segment(good.ref(), 3, 2));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.WRITE, 0, new Segment(good.ref(), 0, 8));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.WRITE, 0, good, new Segment(DATA + 1, 0, 7));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.WRITE, 0, new Segment(-1, 0, 7));
        assertEquals(-1, f.finish());
        f.put(9, 0, good);
        assertEquals(-2, f.finish());
        assertEquals(List.of(), image.log);
        assertEquals(Map.of("number of segments out of range", 1L, "access beyond the end of the disk", 2L,
                "segment outside of its page", 2L, "grant that cannot be used", 2L, "unknown operation", 1L),
                refused());
        assertEquals(1, guest.domain.grants().activeCount(), "the ring only");
    }

    @Test
    void a_read_only_disk_is_never_written() {
        image.readOnly = true;
        FakeFrontend f = connected(false);
        f.put(FakeFrontend.WRITE, 0, page(0));
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.BARRIER, 0, page(0));
        assertEquals(-1, f.finish());
        f.putDiscard(0, 8, true);
        assertEquals(-1, f.finish());
        f.put(FakeFrontend.FLUSH, 0);
        assertEquals(0, f.finish());
        assertEquals(List.of("flush"), image.log);
    }

    @Test
    void persistent_grants_stay_mapped_up_to_a_limit() {
        FakeFrontend f = connected(true);
        for (int i = 0; i < GrantPages.MAX_PERSISTENT + 40; i++) {
            f.put(FakeFrontend.READ, 0, page(i));
            assertEquals(0, f.finish());
        }
        assertEquals(GrantPages.MAX_PERSISTENT, back.queues().getFirst().persistentGrants());
        assertEquals(GrantPages.MAX_PERSISTENT + 1, guest.domain.grants().activeCount());
    }

    @Test
    void a_producer_index_beyond_the_ring_stops_it() {
        FakeFrontend f = connected(false);
        guest.domain.write32(f.ring(0), 33);
        f.send(0);
        guest.advance(1_000_000);
        assertEquals(Map.of("ring stopped: its producer index is out of range", 1L), refused());
        guest.domain.write32(f.ring(0), 1);
        f.send(0);
        assertEquals(List.of(), image.log);
        assertEquals(0, back.queues().getFirst().underWay());
    }

    @Test
    void requests_not_yet_answered_count_against_the_ring() {
        FakeFrontend f = connected(false);
        for (int i = 0; i < 32; i++) {
            f.put(FakeFrontend.READ, 0, page(0));
        }
        f.send(0);
        assertEquals(32, back.queues().getFirst().underWay());
        f.put(FakeFrontend.READ, 0, page(0));
        f.send(0);
        assertEquals(1, refused().size());
    }

    @Test
    void what_one_event_makes_the_host_do_is_bounded() {
        attach();
        FakeFrontend f = new FakeFrontend(guest, DEVID, false, 4, 1);
        f.connect(true);
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            segments.add(page(0));
        }
        for (int i = 0; i < f.size(); i++) {
            f.putIndirect(FakeFrontend.READ, 0, segments);
        }
        f.send(0);
        int taken = image.log.size();
        assertTrue(taken < 30, () -> taken + " MiB at once");
        for (int i = 0; i < 500; i++) {
            guest.advance(1_000_000);
        }
        assertEquals(512, f.responses(0).size());
    }
}
