package org.xenolith.hypervisor.netback;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;

/** An interface's back end against a driver that the test plays. */
final class VifTest {
    private static final int DATA = FakeNetfront.DATA;

    private final FakeNetfront f = new FakeNetfront();

    @AfterEach
    void close() {
        f.close();
        assertEquals(0, f.domain.grants().activeCount());
    }

    /** A TCP segment over IPv4 with {@code payload} bytes, its checksum field holding the pseudo header's sum. */
    static byte[] tcp(int payload) {
        byte[] b = new byte[54 + payload];
        for (int i = 0; i < payload; i++) {
            b[54 + i] = (byte) (i * 7);
        }
        b[5] = 1;
        b[11] = 2;
        Headers.put16(b, 12, Headers.IPV4);
        b[14] = 0x45;
        Headers.put16(b, 16, b.length - 14);
        b[22] = 64;
        b[23] = 6;
        Headers.put32(b, 26, 0x0a09_0001);
        Headers.put32(b, 30, 0x0a09_0002);
        Headers.put16(b, 24, InetChecksum.of(b, 14, 20));
        Headers.put16(b, 34, 1000);
        Headers.put16(b, 36, 80);
        Headers.put32(b, 38, 0xffff_fff0);
        b[46] = 0x50;
        b[47] = 0x19;
        Headers h = Headers.of(b, b.length);
        Headers.put16(b, 50, InetChecksum.fold(h.pseudoSum(b, b.length - 34)));
        return b;
    }

    private void data(int page, byte[] bytes) {
        f.domain.write((long) page << 12, bytes, 0, bytes.length);
        for (int i = 0; i <= bytes.length >> 12; i++) {
            f.grant(page + i);
        }
    }

    @Test
    void the_handshake_leads_to_connected_and_back() {
        assertEquals("2", f.back("state"));
        assertEquals("1", f.back("feature-rx-copy"));
        assertEquals("1", f.back("feature-gso-tcpv4"));
        assertEquals("8", f.back("multi-queue-max-queues"));
        assertEquals("00:16:3e:01:02:03", f.store.read(f.front("mac")).orElse(""));
        f.connect();
        assertEquals("4", f.back("state"));
        f.store.write(f.front("state"), "5");
        assertEquals("5", f.back("state"));
        f.store.write(f.front("state"), "6");
        assertEquals("6", f.back("state"));
        assertEquals(0, f.domain.grants().activeCount());
        f.store.write(f.front("state"), "1");
        assertEquals("2", f.back("state"));
        f.connect();
        assertEquals("4", f.back("state"));
    }

    @Test
    void an_offer_that_cannot_be_used_is_told() {
        f.store.write(f.front("request-rx-copy"), "1");
        f.store.write(f.front("tx-ring-ref"), "9");
        f.store.write(f.front("state"), "4");
        assertEquals("5", f.back("state"));
        assertTrue(f.back("error").contains("tx-ring-ref"), () -> f.back("error"));
    }

    @Test
    void a_frame_is_sent_and_answered_with_an_event() {
        f.connect();
        byte[] frame = new byte[60];
        Arrays.fill(frame, (byte) 7);
        data(DATA, frame);
        f.request(DATA, 0, 0, 5, 60);
        f.kick();
        assertEquals(1, f.sent.size());
        assertArrayEquals(frame, f.sent.getFirst().data());
        assertEquals(Checksum.UNKNOWN, f.sent.getFirst().checksum());
        assertEquals(1, f.txResponses());
        assertEquals(5, f.domain.read16(FakeNetfront.slot(FakeNetfront.TX, 0, Netif.TX_SLOT)));
        assertEquals(Netif.RSP_OKAY, f.txStatus(0));
        assertTrue(f.takeEvent());
    }

    @Test
    void a_chain_with_segmentation_info_is_one_frame() {
        f.connect();
        byte[] frame = tcp(9000);
        data(DATA, frame);
        int flags = Netif.TXF_CSUM_BLANK | Netif.TXF_DATA_VALIDATED;
        f.request(DATA, 0, flags | Netif.TXF_MORE_DATA | Netif.TXF_EXTRA_INFO, 1, frame.length);
        f.extra(Netif.EXTRA_GSO, 0, 1448, Netif.GSO_TCPV4);
        f.request(DATA + 1, 0, Netif.TXF_MORE_DATA, 2, 4096);
        f.request(DATA + 2, 0, 0, 3, frame.length - 8192);
        f.kick();
        NetFrame got = f.sent.getFirst();
        assertArrayEquals(frame, got.data());
        assertEquals(1448, got.segmentSize());
        assertEquals(Checksum.PARTIAL, got.checksum());
        assertEquals(4, f.txResponses());
        assertEquals(Netif.RSP_NULL, f.txStatus(1));
        assertEquals(Netif.RSP_OKAY, f.txStatus(3));
    }

    @Test
    void what_is_wrong_with_one_packet_is_answered_with_an_error() {
        f.connect();
        data(DATA, new byte[100]);
        f.request(DATA, 4090, 0, 1, 60);
        f.request(999, 0, 0, 2, 60);
        f.request(DATA, 0, 0, 3, 13);
        f.request(DATA, 0, Netif.TXF_CSUM_BLANK, 4, 60);
        f.request(DATA, 0, Netif.TXF_MORE_DATA, 5, 60);
        f.request(DATA, 0, 0, 6, 61);
        f.request(DATA, 0, 0, 7, 60);
        f.kick();
        assertEquals(7, f.txResponses());
        for (int i = 0; i < 6; i++) {
            assertEquals(Netif.RSP_ERROR, f.txStatus(i), "response " + i);
        }
        assertEquals(Netif.RSP_OKAY, f.txStatus(6));
        assertEquals(1, f.sent.size());
        assertEquals(5, f.counts.txErrors());
        assertEquals(1, f.counted("tx: request crosses its page"));
        assertEquals(1, f.counted("tx: bad grant reference"));
        assertEquals(2, f.counted("tx: frame does not fit its offload flags"));
        assertEquals(1, f.counted("tx: parts are longer than the packet"));
        assertEquals("4", f.back("state"));
    }

    @Test
    void a_ring_without_meaning_closes_the_interface() {
        f.connect();
        f.txProd = 300;
        f.kick();
        assertEquals(1, f.counted("tx: ring index out of range"));
        assertEquals("5", f.back("state"));
        assertEquals(0, f.domain.grants().activeCount());
        assertFalse(f.arrive(NetFrame.plain(new byte[60])));
    }

    @Test
    void a_packet_of_too_many_slots_or_half_a_packet_closes_the_interface() {
        f.connect();
        for (int i = 0; i < 30; i++) {
            f.request(DATA, 0, Netif.TXF_MORE_DATA, i, 1);
        }
        f.kick();
        assertEquals(1, f.counted("tx: packet has too many slots"));
        assertEquals("5", f.back("state"));
        f.store.write(f.front("state"), "6");
        f.store.write(f.front("state"), "1");
        f.connect();
        f.request(DATA, 0, Netif.TXF_MORE_DATA, 1, 60);
        f.kick();
        assertEquals(1, f.counted("tx: packet is not complete"));
    }

    @Test
    void a_large_frame_is_passed_whole_to_a_guest_that_takes_it() {
        f.offer("feature-sg", "feature-gso-tcpv4");
        f.connect();
        for (int i = 0; i < 4; i++) {
            f.grant(DATA + i);
            f.post(i, DATA + i);
        }
        f.kick();
        byte[] frame = tcp(9000);
        assertTrue(f.arrive(new NetFrame(frame, frame.length, Checksum.PARTIAL, 1448)));
        assertEquals(4, f.rxResponses());
        assertEquals(Netif.RXF_CSUM_BLANK | Netif.RXF_DATA_VALIDATED | Netif.RXF_MORE_DATA | Netif.RXF_EXTRA_INFO,
                f.rxFlags(0));
        assertEquals(4096, f.rxStatus(0));
        assertEquals(Netif.EXTRA_GSO | 1448 << 16,
                f.domain.read32(FakeNetfront.slot(FakeNetfront.RX, 1, Netif.RX_SLOT)));
        assertEquals(Netif.RXF_MORE_DATA, f.rxFlags(2));
        assertEquals(0, f.rxFlags(3));
        assertEquals(frame.length - 8192, f.rxStatus(3));
        byte[] last = new byte[frame.length - 8192];
        f.domain.read((long) DATA + 3 << 12, last, 0, last.length);
        assertArrayEquals(Arrays.copyOfRange(frame, 8192, frame.length), last);
    }

    @Test
    void a_guest_that_takes_no_large_frames_gets_segments_with_checksums() {
        f.offer("feature-sg", "feature-no-csum-offload");
        f.connect();
        for (int i = 0; i < 8; i++) {
            f.grant(DATA + i);
            f.post(i, DATA + i);
        }
        f.kick();
        byte[] frame = tcp(4000);
        assertTrue(f.arrive(new NetFrame(frame, frame.length, Checksum.PARTIAL, 1448)));
        assertEquals(3, f.rxResponses());
        byte[] segment = new byte[54 + 1448];
        assertEquals(segment.length, f.rxStatus(1));
        f.domain.read((long) DATA + 1 << 12, segment, 0, segment.length);
        Headers h = Headers.of(segment, segment.length);
        assertTrue(h.checksumIsRight(segment));
        assertEquals(0xffff_fff0 + 1448, Headers.u32(segment, 38), "the sequence number wraps");
        assertEquals(0x10, segment[47], "FIN and PSH are of the last segment");
        assertEquals(Netif.RXF_DATA_VALIDATED, f.rxFlags(1));
    }

    @Test
    void frames_wait_for_buffers_and_the_guest_is_asked_for_an_event() {
        f.connect();
        f.kick();
        assertTrue(f.arrive(NetFrame.plain(new byte[60])));
        assertEquals(0, f.rxResponses());
        assertEquals(1, f.domain.read32(((long) FakeNetfront.RX << 12) + 4));
        f.grant(DATA);
        f.post(3, DATA);
        f.takeEvent();
        f.kick();
        assertEquals(1, f.rxResponses());
        assertTrue(f.takeEvent());
    }

    @Test
    void without_buffers_only_so_many_frames_are_kept() {
        f.connect();
        int kept = 0;
        while (f.arrive(NetFrame.plain(new byte[60]))) {
            kept++;
        }
        assertEquals(RxRing.MAX_FRAMES, kept);
        assertEquals(1, f.counts.rxDropped());
    }

    @Test
    void a_bad_buffer_loses_its_frame_only() {
        f.connect();
        f.grant(DATA);
        f.post(0, 888);
        f.post(1, DATA);
        f.kick();
        assertTrue(f.arrive(NetFrame.plain(new byte[60])));
        assertTrue(f.arrive(NetFrame.plain(new byte[61])));
        assertEquals(Netif.RSP_ERROR, f.rxStatus(0));
        assertEquals(61, f.rxStatus(1));
        assertEquals(1, f.counts.rxErrors());
    }

    @Test
    void multicast_groups_are_those_that_the_guest_names() {
        f.offer("request-multicast-control");
        f.connect();
        f.grant(DATA);
        f.post(0, DATA);
        f.post(1, DATA);
        byte[] group = new byte[60];
        group[0] = 1;
        group[5] = 9;
        f.kick();
        assertTrue(f.arrive(NetFrame.plain(group)));
        assertEquals(0, f.rxResponses());
        f.request(0, 0, Netif.TXF_EXTRA_INFO, 1, 60);
        f.extra(Netif.EXTRA_MCAST_ADD, 0, 0x0001, 0x0900_0000);
        f.kick();
        assertEquals(Netif.RSP_OKAY, f.txStatus(0));
        assertTrue(f.arrive(NetFrame.plain(group)));
        assertEquals(1, f.rxResponses());
    }
}
