package org.xenolith.host.nat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.guests.net.HostForward;

/** The router of a guest behind NAT, against sockets of this host and a guest that the test plays. */
@Timeout(120)
final class NatNetworkTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    private static byte[] bytes(long seed, int count) {
        byte[] b = new byte[count];
        new SplittableRandom(seed).nextBytes(b);
        return b;
    }

    /** A host's peer: takes all, sends {@code answer}, ends. */
    private static Thread serve(ServerSocket server, byte[] answer, AtomicReference<byte[]> got) {
        return Thread.ofPlatform().start(() -> {
            try (Socket s = server.accept()) {
                Thread writer = Thread.ofPlatform().start(() -> {
                    try {
                        s.getOutputStream().write(answer);
                        s.shutdownOutput();
                    } catch (IOException e) {
                        got.set(new byte[0]);
                    }
                });
                got.set(s.getInputStream().readAllBytes());
                writer.join();
            } catch (IOException | InterruptedException e) {
                got.set(new byte[0]);
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"1, 0, 700000", "2, 2, 200000", "3, 5, 60000", "4, 10, 30000"})
    void tcp_carries_both_ways_over_a_cable_that_loses_doubles_and_reorders(long seed, int bad, int size)
            throws Exception {
        byte[] up = bytes(seed, size);
        byte[] down = bytes(seed + 100, size);
        AtomicReference<byte[]> got = new AtomicReference<>();
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(seed, bad)) {
            Thread peer = serve(server, down, got);
            GuestTcp c = new GuestTcp(g, 1234, NatLayout.GATEWAY, server.getLocalPort(), up);
            c.connect();
            g.until(() -> c.finished() || c.reset, "both sides are done", c);
            g.until(() -> got.get() != null, "the host has all", c);
            peer.join(5000);
            assertFalse(c.reset, c::toString);
            assertArrayEquals(down, c.bytes());
            assertArrayEquals(up, got.get());
            g.until(() -> !g.net.awaitsHost(), "nobody waits");
        }
    }

    @Test
    void a_refused_connection_is_reset() throws Exception {
        int port;
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK)) {
            port = server.getLocalPort();
        }
        try (NatGuest g = new NatGuest(1, 0)) {
            GuestTcp c = new GuestTcp(g, 1234, NatLayout.GATEWAY, port, new byte[0]);
            c.connect();
            assertTrue(g.net.awaitsHost());
            g.until(() -> c.reset, "reset");
            assertFalse(c.established);
        }
    }

    @Test
    void a_closed_window_stops_the_host_and_an_open_one_lets_it_go_on() throws Exception {
        byte[] down = bytes(1, 400_000);
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(1, 0)) {
            serve(server, down, new AtomicReference<>());
            GuestTcp c = new GuestTcp(g, 1234, NatLayout.GATEWAY, server.getLocalPort(), new byte[0]);
            c.closes = false;
            c.window = 0;
            c.connect();
            g.until(() -> c.established, "established");
            for (int i = 0; i < 3000; i++) {
                g.step();
            }
            assertEquals(0, c.received.size());
            c.window = 20_000;
            c.acknowledge();
            g.until(() -> c.peerEnded, "all came", c);
            assertArrayEquals(down, c.bytes());
        }
    }

    @Test
    void a_host_that_does_not_read_closes_the_guests_window() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(1, 0)) {
            byte[] up = bytes(2, 12 << 20);
            GuestTcp c = new GuestTcp(g, 1234, NatLayout.GATEWAY, server.getLocalPort(), up);
            c.connect();
            try (Socket s = server.accept()) {
                g.until(() -> c.established, "established");
                assertTrue(fill(g, c) < up.length, "it did not fill up");
                AtomicReference<byte[]> got = new AtomicReference<>();
                Thread reader = Thread.ofPlatform().start(() -> {
                    try {
                        got.set(s.getInputStream().readAllBytes());
                    } catch (IOException e) {
                        got.set(new byte[0]);
                    }
                });
                g.until(() -> c.acked() == up.length && got.get() != null, "all went", c);
                reader.join();
                assertArrayEquals(up, got.get());
            }
        }
    }

    /** Sends all it can to a host that does not read; returns how much the router took. */
    private static int fill(NatGuest g, GuestTcp c) throws InterruptedException {
        int before = -1;
        while (before != c.acked()) {
            before = c.acked();
            for (int i = 0; i < 300; i++) {
                g.step();
                g.sockets.await(1);
            }
        }
        return before;
    }

    @Test
    void a_connection_stays_known_after_its_end_while_the_host_has_not_read_all() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(1, 0)) {
            GuestTcp probe = new GuestTcp(g, 1234, NatLayout.GATEWAY, server.getLocalPort(), bytes(2, 12 << 20));
            probe.connect();
            int most;
            try (Socket _ = server.accept()) {
                g.until(() -> probe.established, "established");
                most = fill(g, probe);
                probe.sendReset();
            }
            byte[] up = bytes(3, most - 60_000);
            GuestTcp c = new GuestTcp(g, 1235, NatLayout.GATEWAY, server.getLocalPort(), up);
            c.connect();
            try (Socket s = server.accept()) {
                s.shutdownOutput();
                g.until(c::finished, "the guest has ended", c);
                for (int i = 0; i < 5000; i++) {
                    g.step();
                }
                assertTrue(g.net.awaitsHost(), "what the host has not read is forgotten");
                AtomicReference<byte[]> got = new AtomicReference<>();
                Thread reader = Thread.ofPlatform().start(() -> {
                    try {
                        got.set(s.getInputStream().readAllBytes());
                    } catch (IOException e) {
                        got.set(new byte[0]);
                    }
                });
                g.until(() -> got.get() != null && !g.net.awaitsHost(), "all went", c);
                reader.join();
                assertArrayEquals(up, got.get());
            }
        }
    }

    @Test
    void an_acknowledgement_of_what_was_never_sent_does_not_open_a_connection() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(1, 0)) {
            byte[] syn = bare(server.getLocalPort(), 1, 0, TcpSegment.SYN);
            g.send(syn);
            g.until(() -> !g.inbox.isEmpty(), "answered");
            int seq = Headers.u32(g.inbox.removeFirst(), 38);
            g.send(bare(server.getLocalPort(), 2, seq + 2, TcpSegment.ACK));
            g.until(() -> !g.inbox.isEmpty(), "answered");
            byte[] f = g.inbox.removeFirst();
            assertEquals(TcpSegment.RST, f[47]);
            assertEquals(seq + 2, Headers.u32(f, 38));
        }
    }

    private static byte[] bare(int port, int seq, int ack, int flags) {
        byte[] f = NatGuest.ipv4(Headers.TCP, NatLayout.GATEWAY, 20);
        Headers.put16(f, 34, 2000);
        Headers.put16(f, 36, port);
        Headers.put32(f, 38, seq);
        Headers.put32(f, 42, ack);
        f[46] = 0x50;
        f[47] = (byte) flags;
        Headers.of(f, f.length).fillChecksum(f);
        return f;
    }

    @Test
    void a_reset_of_either_side_reaches_the_other() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK); NatGuest g = new NatGuest(1, 0)) {
            GuestTcp c = new GuestTcp(g, 1234, NatLayout.GATEWAY, server.getLocalPort(), new byte[0]);
            c.closes = false;
            c.connect();
            Socket s = server.accept();
            g.until(() -> c.established, "established");
            s.setSoLinger(true, 0);
            s.close();
            g.until(() -> c.reset, "the guest hears of it");
            GuestTcp d = new GuestTcp(g, 1235, NatLayout.GATEWAY, server.getLocalPort(), new byte[0]);
            d.closes = false;
            d.connect();
            try (Socket t = server.accept()) {
                g.until(() -> d.established, "established");
                d.sendReset();
                g.until(() -> !g.net.awaitsHost(), "the flow is gone");
                t.setSoTimeout(5000);
                int end;
                try {
                    end = t.getInputStream().read();
                } catch (IOException e) {
                    end = -2;
                }
                assertEquals(-2, end, "the host's peer sees a reset");
            }
        }
    }

    @Test
    void a_forwarded_port_leads_to_the_guest() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 5, LOOPBACK)) {
            port = free.getLocalPort();
        }
        try (NatGuest g = new NatGuest(1, 3)) {
            g.net.forward(HostForward.parse("tcp:127.0.0.1:" + port + "-:22"));
            assertTrue(g.net.listens());
            byte[] answer = bytes(5, 20_000);
            try (Socket s = new Socket(LOOPBACK, port)) {
                s.getOutputStream().write("hello".getBytes(StandardCharsets.US_ASCII));
                s.shutdownOutput();
                g.until(() -> !g.inbox.isEmpty(), "SYN");
                byte[] syn = g.inbox.getFirst();
                assertEquals(22, Headers.u16(syn, 36));
                GuestTcp c = new GuestTcp(g, 22, Headers.u32(syn, 26), Headers.u16(syn, 34), answer);
                AtomicReference<byte[]> got = new AtomicReference<>();
                Thread reader = Thread.ofPlatform().start(() -> {
                    try (InputStream in = s.getInputStream()) {
                        got.set(in.readAllBytes());
                    } catch (IOException e) {
                        got.set(new byte[0]);
                    }
                });
                g.until(() -> c.finished() && got.get() != null || c.reset, "both are done", c);
                reader.join();
                assertEquals("hello", new String(c.bytes(), StandardCharsets.US_ASCII));
                assertArrayEquals(answer, got.get());
            }
        }
    }

    @Test
    void udp_goes_out_and_its_answer_comes_back_in_fragments_where_it_must() throws Exception {
        try (DatagramSocket peer = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0));
                NatGuest g = new NatGuest(1, 0)) {
            g.udp(4000, NatLayout.GATEWAY, peer.getLocalPort(), new byte[]{1, 2, 3});
            assertTrue(g.net.awaitsHost());
            DatagramPacket p = new DatagramPacket(new byte[100], 100);
            peer.receive(p);
            assertEquals(3, p.getLength());
            peer.send(new DatagramPacket(new byte[4000], 4000, p.getSocketAddress()));
            g.until(() -> g.inbox.size() == 3, "three fragments");
            assertFalse(g.net.awaitsHost());
            byte[] first = g.inbox.getFirst();
            assertEquals(0x2000, Headers.u16(first, 20));
            assertEquals(4008, Headers.u16(first, 38));
            assertEquals(2960 / 8, Headers.u16(g.inbox.get(2), 20));
        }
    }

    @Test
    void udp_to_a_closed_port_is_unreachable() throws Exception {
        int port;
        try (DatagramSocket peer = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0))) {
            port = peer.getLocalPort();
        }
        try (NatGuest g = new NatGuest(1, 0)) {
            g.udp(4000, NatLayout.GATEWAY, port, new byte[]{1});
            g.until(() -> !g.inbox.isEmpty(), "an ICMP message");
            byte[] f = g.inbox.getFirst();
            assertEquals(Packets.ICMP, f[23]);
            assertEquals(3, f[34]);
            assertEquals(3, f[35]);
            assertEquals(port, Headers.u16(f, 42 + 22), "the datagram is quoted");
        }
    }

    @Test
    void a_forwarded_udp_port_leads_to_the_guest_and_back() throws Exception {
        int port;
        try (DatagramSocket free = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0))) {
            port = free.getLocalPort();
        }
        try (NatGuest g = new NatGuest(1, 0);
                DatagramSocket peer = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0))) {
            g.net.forward(HostForward.parse("udp:127.0.0.1:" + port + "-:53"));
            peer.send(new DatagramPacket(new byte[]{9}, 1, LOOPBACK, port));
            g.until(() -> !g.inbox.isEmpty(), "the datagram");
            byte[] f = g.inbox.getFirst();
            assertEquals(53, Headers.u16(f, 36));
            g.udp(53, Headers.u32(f, 26), Headers.u16(f, 34), new byte[]{8, 7});
            peer.setSoTimeout(5000);
            DatagramPacket p = new DatagramPacket(new byte[10], 10);
            peer.receive(p);
            assertEquals(2, p.getLength());
            assertEquals(port, p.getPort());
        }
    }

    @Test
    void arp_and_pings_are_answered_after_a_fixed_virtual_time() {
        try (NatGuest g = new NatGuest(1, 0)) {
            byte[] arp = new byte[42];
            Arrays.fill(arp, 0, 6, (byte) -1);
            NatGuest.MAC.put(arp, 6);
            Headers.put16(arp, 12, Headers.ARP);
            Headers.put32(arp, 14, 1 << 16 | Headers.IPV4);
            arp[18] = 6;
            arp[19] = 4;
            arp[21] = 1;
            NatGuest.MAC.put(arp, 22);
            Headers.put32(arp, 28, NatGuest.IP);
            Headers.put32(arp, 38, NatLayout.GATEWAY);
            g.send(arp);
            byte[] ping = NatGuest.ipv4(Packets.ICMP, NatLayout.GATEWAY, 64);
            ping[34] = 8;
            ping[60] = 5;
            g.send(ping);
            g.now += NatNetwork.LATENCY_NS - 1;
            g.timers.expire(g.now);
            assertEquals(0, g.inbox.size());
            g.now++;
            g.timers.expire(g.now);
            assertEquals(2, g.inbox.size());
            assertEquals(2, Headers.u16(g.inbox.get(0), 20));
            assertEquals(NatLayout.ROUTER_MAC.bits(), MacAddress.bits(g.inbox.get(0), 22));
            assertEquals(0, g.inbox.get(1)[34]);
            assertEquals(5, g.inbox.get(1)[60]);
            byte[] far = NatGuest.ipv4(Packets.ICMP, 0x0808_0808, 8);
            far[34] = 8;
            g.send(far);
            g.step();
            assertEquals(3, g.inbox.get(2)[34]);
        }
    }

    @Test
    void dhcp_gives_address_router_and_name_server() {
        try (NatGuest g = new NatGuest(1, 0)) {
            byte[] discover = dhcp(1, 0);
            g.send(discover);
            g.step();
            byte[] offer = g.inbox.getFirst();
            assertEquals(NatLayout.GUEST, Headers.u32(offer, 42 + 16));
            assertEquals(2, offer[42 + 242]);
            g.send(dhcp(3, NatLayout.GUEST));
            g.send(dhcp(3, NatLayout.GUEST + 1));
            g.step();
            assertEquals(5, g.inbox.get(1)[42 + 242]);
            assertEquals(6, g.inbox.get(2)[42 + 242]);
        }
    }

    private static byte[] dhcp(int type, int wanted) {
        byte[] f = NatGuest.ipv4(Headers.UDP, -1, 8 + 300);
        Arrays.fill(f, 0, 6, (byte) -1);
        Headers.put32(f, 26, 0);
        Headers.put16(f, 24, 0);
        Headers.put16(f, 24, InetChecksum.of(f, 14, 20));
        Headers.put16(f, 34, 68);
        Headers.put16(f, 36, 67);
        Headers.put16(f, 38, 308);
        f[42] = 1;
        f[43] = 1;
        f[44] = 6;
        NatGuest.MAC.put(f, 42 + 28);
        Headers.put32(f, 42 + 236, 0x6382_5363);
        f[42 + 240] = 53;
        f[42 + 241] = 1;
        f[42 + 242] = (byte) type;
        if (wanted != 0) {
            f[42 + 243] = 50;
            f[42 + 244] = 4;
            Headers.put32(f, 42 + 245, wanted);
            f[42 + 249] = (byte) 255;
        } else {
            f[42 + 243] = (byte) 255;
        }
        Headers.of(f, f.length).fillChecksum(f);
        return f;
    }

    @Test
    void tables_are_bounded() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, LOOPBACK);
                DatagramSocket peer = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0));
                NatGuest g = new NatGuest(1, 0)) {
            for (int i = 0; i < UdpTable.MAX_FLOWS + 50; i++) {
                g.udp(1000 + i, NatLayout.GATEWAY, peer.getLocalPort(), new byte[1]);
            }
            for (int i = 0; i < TcpTable.MAX_FLOWS + 10; i++) {
                byte[] syn = NatGuest.ipv4(Headers.TCP, 0x0a63_0001, 20);
                Headers.put16(syn, 34, 2000 + i);
                Headers.put16(syn, 36, server.getLocalPort());
                syn[46] = 0x50;
                syn[47] = TcpSegment.SYN;
                Headers.of(syn, syn.length).fillChecksum(syn);
                g.send(syn);
            }
            assertNotNull(g.counted.keySet().stream().filter(c -> c.startsWith("nat tcp: ")).findFirst().orElse(null));
            g.net.reset();
            assertFalse(g.net.awaitsHost());
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "3"})
    void random_frames_do_no_harm(long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        try (ServerSocket server = new ServerSocket(0, 50, LOOPBACK); NatGuest g = new NatGuest(seed, 0)) {
            for (int i = 0; i < 20_000; i++) {
                byte[] f;
                if (random.nextInt(4) == 0) {
                    f = new byte[14 + random.nextInt(100)];
                    random.nextBytes(f);
                } else {
                    int[] protocols = {Headers.TCP, Headers.UDP, Packets.ICMP, Headers.TCP};
                    int[] targets = {NatLayout.GATEWAY, NatLayout.DNS, -1, NatLayout.GUEST};
                    f = NatGuest.ipv4(protocols[random.nextInt(4)], targets[random.nextInt(4)], random.nextInt(400));
                    for (int b = 34; b < f.length; b++) {
                        f[b] = (byte) random.nextInt();
                    }
                    if (f.length > 38) {
                        Headers.put16(f, 34, 1000 + random.nextInt(3));
                        Headers.put16(f, 36, random.nextInt(3) == 0 ? 67 : server.getLocalPort());
                    }
                    if (f.length > 48 && random.nextBoolean()) {
                        f[46] = (byte) (random.nextInt(5, 9) << 4);
                        f[47] = (byte) random.nextInt(32);
                    }
                    Headers.of(f, f.length).fillChecksum(f);
                    if (random.nextInt(8) == 0) {
                        f[14 + random.nextInt(20)] ^= (byte) (1 << random.nextInt(8));
                    }
                }
                NatLayout.ROUTER_MAC.put(f, 0);
                g.net.send(NetFrame.plain(f));
                if (i % 16 == 0) {
                    g.step();
                    g.inbox.clear();
                }
            }
            assertTrue(g.counted.size() > 3, g.counted::toString);
        }
    }
}
