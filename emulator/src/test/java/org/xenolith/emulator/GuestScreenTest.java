package org.xenolith.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;
import org.xenolith.devices.input.TypedKeys;
import org.xenolith.devices.vga.Screen;
import org.xenolith.time.Timers;

final class GuestScreenTest {
    private final Timers timers = new Timers();
    private final List<String> keys = new ArrayList<>();
    private long now;

    @TempDir
    Path folder;

    private final KeySink keyboard = new KeySink() {
        @Override
        public void press(Key key) {
            keys.add("+" + key);
        }

        @Override
        public void release(Key key) {
            keys.add("-" + key);
        }
    };

    /** A screen of two lines, {@code ab} and {@code c}. */
    private static final class TwoLines implements Screen {
        @Override
        public int width() {
            return 16;
        }

        @Override
        public int height() {
            return 8;
        }

        @Override
        public String mode() {
            return "text 2x2";
        }

        @Override
        public void render(int[] argb, int first, int rows) {
            Arrays.fill(argb, 0, rows * 16, 0xff00_ff00);
        }

        @Override
        public List<String> text() {
            return List.of("ab", "c ");
        }

        @Override
        public int[] cells() {
            return new int[]{0x700 | 'a', 0x700 | 'b', 0x700 | 'c', 0x720};
        }

        @Override
        public int columns() {
            return 2;
        }

        @Override
        public int cursor() {
            return 3;
        }

        @Override
        public long version() {
            return 1;
        }
    }

    /** A terminal whose input a test gives. */
    private static final class Window implements Console {
        private final StringBuilder shown = new StringBuilder();
        private final Deque<Byte> input = new ArrayDeque<>();

        @Override
        public boolean output(byte[] bytes, int offset, int length) {
            shown.append(new String(bytes, offset, length, StandardCharsets.UTF_8));
            return true;
        }

        @Override
        public int input(byte[] into, int offset, int length) {
            int n = 0;
            while (n < length && !input.isEmpty()) {
                into[offset + n++] = input.remove();
            }
            return n;
        }

        @Override
        public void await(long millis) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean inputEnded() {
            return false;
        }

        @Override
        public void interrupt() {
            throw new UnsupportedOperationException();
        }
    }

    private void attach(GuestScreen s) {
        s.attach(new TwoLines(), keyboard, (x, y, w, h, wheel, buttons) -> {}, timers, () -> now);
    }

    private void passTime() {
        while (timers.next() != Timers.NEVER) {
            now = timers.next();
            timers.expire(now);
        }
    }

    @Test
    void files_are_written_at_the_end() throws IOException {
        Path png = folder.resolve("s.png");
        Path text = folder.resolve("s.txt");
        try (GuestScreen s = new GuestScreen(new ScreenConfig(Optional.empty(), Optional.of(png), Optional.of(text),
                Optional.empty(), false), "g", new Window())) {
            attach(s);
            assertFalse(s.poll());
            assertFalse(Files.exists(text));
            assertEquals(List.of(), s.finish());
        }
        assertEquals("ab\nc\n", Files.readString(text));
        assertTrue(Files.size(png) > 50);
    }

    @Test
    void a_file_that_cannot_be_written_is_told_of() {
        Path text = folder.resolve("no/such/folder");
        try (GuestScreen s = new GuestScreen(new ScreenConfig(Optional.empty(), Optional.empty(), Optional.of(text),
                Optional.empty(), false), "g", new Window())) {
            attach(s);
            assertTrue(s.finish().getFirst().startsWith("--screen-text: "));
        }
    }

    @Test
    void keys_are_typed_once_and_not_again_after_a_reboot() {
        try (GuestScreen s = new GuestScreen(new ScreenConfig(Optional.empty(), Optional.empty(), Optional.empty(),
                Optional.of(TypedKeys.of("x")), false), "g", new Window())) {
            attach(s);
            passTime();
            assertEquals(List.of("+X", "-X"), keys);
            attach(s);
            passTime();
            assertEquals(2, keys.size());
        }
    }

    @Test
    void a_terminal_shows_the_screen_and_types() {
        Window window = new Window();
        try (GuestScreen s = new GuestScreen(new ScreenConfig(Optional.empty(), Optional.empty(), Optional.empty(),
                Optional.empty(), true), "g", window)) {
            attach(s);
            assertTrue(s.watched());
            s.poll();
            assertTrue(window.shown.toString().contains("ab\u001b[2;1Hc "), () -> window.shown.toString());
            window.input.add((byte) 'Q');
            assertTrue(s.poll());
            passTime();
            assertEquals(List.of("+SHIFT_LEFT", "+Q", "-Q", "-SHIFT_LEFT"), keys);
        }
    }

    @Test
    void a_port_that_is_taken_is_told_of_and_a_free_one_answers() throws IOException {
        InetAddress here = InetAddress.getLoopbackAddress();
        int port;
        try (ServerSocket taken = new ServerSocket(0, 1, here)) {
            port = taken.getLocalPort();
            InetSocketAddress at = new InetSocketAddress(here, port);
            assertThrows(IllegalArgumentException.class, () -> new GuestScreen(vnc(at), "g", new Window()));
        }
        try (GuestScreen s = new GuestScreen(vnc(new InetSocketAddress(here, port)), "g", new Window());
                Socket client = new Socket(here, port)) {
            attach(s);
            client.setSoTimeout(10_000);
            assertEquals("RFB 003.", new String(client.getInputStream().readNBytes(8), StandardCharsets.US_ASCII));
        }
    }

    private static ScreenConfig vnc(InetSocketAddress at) {
        return new ScreenConfig(Optional.of(at), Optional.empty(), Optional.empty(), Optional.empty(), false);
    }
}
