package org.xenolith.host.screen;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;

@Timeout(60)
final class VncServerTest {
    private final PaintedScreen screen = new PaintedScreen(333, 270);
    private final List<String> input = Collections.synchronizedList(new ArrayList<>());
    private VncServer server;
    private Thread emulation;

    @BeforeEach
    void start() throws IOException {
        server = new VncServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), "a guest");
        KeySink keys = new KeySink() {
            @Override
            public void press(Key key) {
                input.add("+" + key);
            }

            @Override
            public void release(Key key) {
                input.add("-" + key);
            }
        };
        emulation = Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    synchronized (screen) {
                        server.poll(screen, keys, (x, y, w, h, wheel, buttons) -> input
                                .add(x + "," + y + " of " + w + "x" + h + " " + wheel + " " + buttons));
                    }
                    Thread.sleep(1);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    @AfterEach
    void stop() throws InterruptedException {
        emulation.interrupt();
        emulation.join();
        server.close();
    }

    private RfbClient client() throws IOException {
        return new RfbClient(server.port()).handshake("003.008");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 16})
    void a_frame_of_each_encoding_decodes_to_what_is_drawn(int encoding) throws IOException {
        try (RfbClient c = client()) {
            assertEquals(List.of(333, 270), List.of(c.width(), c.height()));
            c.encodings(encoding, -239);
            c.request(false);
            c.update();
            assertEquals(1L << encoding, c.seen());
            assertArrayEquals(screen.pixels(), c.pixels());
            synchronized (screen) {
                screen.set(300, 200, 0xff123456);
                screen.set(1, 1, 0xff654321);
            }
            c.request(true);
            c.update();
            while (!Arrays.equals(screen.pixels(), c.pixels())) {
                c.request(true);
                c.update();
            }
            assertTrue(c.rectangles() <= 2, () -> c.rectangles() + " rectangles for two pixels");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"003.003", "003.007", "003.008", "003.889"})
    void all_versions_of_the_protocol_are_spoken(String version) throws IOException {
        try (RfbClient c = new RfbClient(server.port())) {
            c.handshake(version.equals("003.889") ? "003.008" : version);
            c.request(false);
            c.update();
            assertArrayEquals(screen.pixels(), c.pixels());
        }
    }

    @Test
    void the_desktop_is_resized_for_those_who_can() throws IOException {
        try (RfbClient able = client(); RfbClient unable = client()) {
            able.encodings(16, -223);
            unable.encodings(16);
            able.request(false);
            able.update();
            unable.request(false);
            unable.update();
            int[] before = unable.pixels().clone();
            synchronized (screen) {
                screen.resize(400, 100);
            }
            able.request(true);
            able.update();
            assertEquals(List.of(400, 100), List.of(able.width(), able.height()));
            able.request(false);
            able.update();
            assertArrayEquals(screen.pixels(), able.pixels());
            unable.request(true);
            unable.update();
            assertEquals(333, unable.width());
            assertFalse(Arrays.equals(before, unable.pixels()));
            assertEquals(0xff000000, unable.pixels()[150 * 333]);
            assertEquals(screen.pixels()[400 + 5], unable.pixels()[333 + 5]);
        }
    }

    @Test
    void keys_and_the_pointer_arrive_in_order_and_are_let_go_at_the_end() throws IOException, InterruptedException {
        try (RfbClient c = client()) {
            c.key(0xffe1, true);
            c.key('A', true);
            c.key('A', false);
            c.pointer(1, 10, 20);
            c.pointer(4, 10, 20);
            c.pointer(4 | 16, 11, 2000);
            c.key(0x1234567, true);
            await(6);
        }
        await(8);
        assertEquals(List.of("+SHIFT_LEFT", "+A", "-A", "10,20 of 333x270 0 1", "10,20 of 333x270 0 2",
                "11,269 of 333x270 1 2", "-SHIFT_LEFT", "11,269 of 333x270 0 0"), List.copyOf(input));
        assertFalse(server.connected());
    }

    private void await(int events) throws InterruptedException {
        for (int i = 0; i < 5000 && input.size() < events; i++) {
            Thread.sleep(1);
        }
    }

    @Test
    void hostile_clients_are_closed_and_bounded() throws IOException, InterruptedException {
        Random random = new Random(1);
        for (int i = 0; i < 30; i++) {
            try (RfbClient c = i % 2 == 0 ? new RfbClient(server.port()) : client()) {
                byte[] junk = new byte[20_000];
                random.nextBytes(junk);
                c.raw(junk);
                c.raw(junk);
            } catch (SocketException e) {
                assertTrue(String.valueOf(e.getMessage()).matches("(?i).*(reset|broken pipe|abort).*"), e.getMessage());
            }
        }
        try (RfbClient c = client()) {
            c.raw((byte) 6, (byte) 0, (byte) 0, (byte) 0, (byte) 0x7f, (byte) 0, (byte) 0, (byte) 0);
            assertEquals(-1, c.read());
        }
        List<RfbClient> many = new ArrayList<>();
        for (int i = 0; i < VncServer.MAX_CLIENTS; i++) {
            many.add(client());
        }
        try (RfbClient one = new RfbClient(server.port())) {
            assertEquals(-1, one.read());
        }
        for (RfbClient c : many) {
            c.close();
        }
        for (int i = 0; i < 5000 && server.connected(); i++) {
            Thread.sleep(1);
        }
        try (RfbClient c = client()) {
            c.request(false);
            c.update();
            assertArrayEquals(screen.pixels(), c.pixels());
        }
    }

    @Test
    void other_pixel_formats_and_the_color_map_are_served() throws IOException {
        try (RfbClient c = client()) {
            // 16 bits, big-endian, 5-6-5
            c.raw((byte) 0, (byte) 0, (byte) 0, (byte) 0, (byte) 16, (byte) 16, (byte) 1, (byte) 1, (byte) 0, (byte) 31,
                    (byte) 0, (byte) 63, (byte) 0, (byte) 31, (byte) 11, (byte) 5, (byte) 0, (byte) 0, (byte) 0,
                    (byte) 0);
            c.request(false);
            skip(c, 16);
            int value = c.read() << 8 | c.read();
            // 20 40 60h: 4 of 31, 16 of 63, 12 of 31
            assertEquals(4 << 11 | 16 << 5 | 12, value);
        }
        try (RfbClient c = client()) {
            byte[] format = new byte[20];
            format[4] = 8;
            format[5] = 8;
            c.raw(format);
            c.request(false);
            assertEquals(1, c.read());
            skip(c, 5 + 3 * 6);
            // color 3: no red, no green, blue 3 of 3
            assertEquals(List.of(0, 0, 0, 0, 255, 255),
                    List.of(c.read(), c.read(), c.read(), c.read(), c.read(), c.read()));
            skip(c, 252 * 6 + 16);
            // 20 40 60h: 1 of 7, 2 of 7, 1 of 3
            assertEquals(1 << 5 | 2 << 2 | 1, c.read());
        }
    }

    private static void skip(RfbClient c, int bytes) throws IOException {
        for (int i = 0; i < bytes; i++) {
            assertTrue(c.read() >= 0);
        }
    }
}
