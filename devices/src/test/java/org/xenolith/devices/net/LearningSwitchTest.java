package org.xenolith.devices.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.NetPort;
import org.xenolith.time.Timers;

final class LearningSwitchTest {
    private final Timers timers = new Timers();
    private long now = 1000;
    private final LearningSwitch bridge = new LearningSwitch(() -> now, timers);
    private final List<String> heard = new ArrayList<>();
    private final NetPort[] ports = {plug("a"), plug("b"), plug("c")};

    private NetPort plug(String name) {
        NetPort p = bridge.plug();
        p.setReceiver(f -> heard.add(name + f.data()[13]));
        return p;
    }

    private static NetFrame frame(int from, int to, int mark) {
        byte[] f = new byte[60];
        f[5] = (byte) to;
        f[11] = (byte) from;
        f[13] = (byte) mark;
        return NetFrame.plain(f);
    }

    private void advance(long ns) {
        now += ns;
        timers.expire(now);
    }

    private List<String> heard() {
        advance(LearningSwitch.LATENCY_NS);
        List<String> h = List.copyOf(heard);
        heard.clear();
        return h;
    }

    @Test
    void a_station_that_is_not_known_is_looked_for_everywhere_and_then_known() {
        ports[0].send(frame(1, 2, 1));
        assertEquals(List.of("b1", "c1"), heard());
        ports[1].send(frame(2, 1, 2));
        assertEquals(List.of("a2"), heard());
        ports[0].send(frame(1, 2, 3));
        assertEquals(List.of("b3"), heard());
        assertEquals(2, bridge.forwarded());
        assertEquals(1, bridge.flooded());
    }

    @Test
    void frames_arrive_in_the_order_in_which_they_were_sent_and_not_before_their_time() {
        ports[0].send(frame(1, 9, 1));
        advance(1000);
        ports[1].send(frame(2, 1, 2));
        advance(LearningSwitch.LATENCY_NS - 1001);
        assertEquals(List.of(), heard);
        advance(1);
        assertEquals(List.of("b1", "c1"), heard);
        advance(1000);
        assertEquals(List.of("b1", "c1", "a2"), heard);
    }

    @Test
    void a_station_that_moves_is_found_at_its_new_port_and_a_silent_one_forgotten() {
        ports[1].send(frame(2, 1, 1));
        ports[2].send(frame(2, 1, 2));
        heard();
        ports[0].send(frame(1, 2, 3));
        assertEquals(List.of("c3"), heard());
        advance(LearningSwitch.AGEING_NS);
        ports[0].send(frame(1, 2, 4));
        assertEquals(List.of("b4", "c4"), heard());
    }

    @Test
    void group_addresses_as_source_are_not_learnt_and_tables_are_bounded() {
        for (int i = 0; i < 3 * LearningSwitch.MAX_STATIONS; i++) {
            byte[] f = new byte[60];
            f[8] = (byte) (i >> 8);
            f[9] = (byte) i;
            ports[0].send(NetFrame.plain(f));
            advance(LearningSwitch.LATENCY_NS);
        }
        heard.clear();
        byte[] f = new byte[60];
        f[5] = 7;
        f[6] = 1;
        f[11] = 7;
        ports[0].send(NetFrame.plain(f));
        ports[1].send(frame(3, 7, 1));
        assertTrue(heard().contains("c1"));
    }

    @Test
    void a_closed_port_is_silent() {
        ports[1].close();
        ports[1].send(frame(2, 1, 1));
        ports[0].send(frame(1, 9, 2));
        assertEquals(List.of("c2"), heard());
    }

    @Test
    void segments_of_ipv6_have_lengths_checksums_and_sequence_numbers() {
        byte[] f = new byte[14 + 40 + 20 + 2500];
        Headers.put16(f, 12, Headers.IPV6);
        f[14] = 0x60;
        Headers.put16(f, 18, f.length - 54);
        f[20] = 6;
        f[37] = 1;
        f[53] = 2;
        Headers.put32(f, 58, 5);
        f[66] = 0x50;
        f[67] = 0x18;
        f[f.length - 1] = 99;
        List<NetFrame> parts = new ArrayList<>();
        Offloads.complete(new NetFrame(f, f.length, Checksum.PARTIAL, 1000), parts::add);
        assertEquals(List.of(1074, 1074, 574), parts.stream().map(NetFrame::length).toList());
        for (NetFrame p : parts) {
            Headers h = Headers.of(p.data(), p.length());
            assertTrue(h.checksumIsRight(p.data()));
            assertEquals(p.length(), h.end());
        }
        assertEquals(2005, Headers.u32(parts.get(2).data(), 58));
        assertEquals(0x18, parts.get(2).data()[67]);
        assertEquals(0x10, parts.get(0).data()[67]);
        assertEquals(99, parts.get(2).data()[573]);
    }

    @Test
    void malformed_offloads_yield_nothing() {
        List<NetFrame> parts = new ArrayList<>();
        Offloads.complete(new NetFrame(new byte[60], 60, Checksum.PARTIAL, 0), parts::add);
        Offloads.complete(new NetFrame(new byte[60], 60, Checksum.PARTIAL, 1000), parts::add);
        Offloads.complete(NetFrame.plain(new byte[13]), parts::add);
        assertEquals(List.of(), parts);
        Offloads.complete(NetFrame.plain(new byte[14]), parts::add);
        assertEquals(1, parts.size());
    }

    @Test
    void a_capture_has_both_directions_with_virtual_time() {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        NetPort tapped = new PcapPort(bridge.plug(), file, () -> now, 100, e -> heard.add(e.getMessage()));
        tapped.setReceiver(f -> true);
        now = 2_000_000_005L;
        tapped.send(frame(4, 1, 1));
        ports[0].send(frame(1, 4, 2));
        advance(LearningSwitch.LATENCY_NS);
        tapped.close();
        ByteBuffer b = ByteBuffer.wrap(file.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(24 + 2 * (16 + 60), b.limit());
        assertEquals(0xa1b2_3c4d, b.getInt(0));
        assertEquals(1, b.getInt(20));
        assertEquals(102, b.getInt(24));
        assertEquals(5, b.getInt(28));
        assertEquals(60, b.getInt(32));
        assertEquals(5 + LearningSwitch.LATENCY_NS, b.getInt(28 + 76));
        assertArrayEquals(frame(4, 1, 1).data(), Arrays.copyOfRange(b.array(), 40, 100));
    }
}
