package org.xenolith.host.screen;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.vga.Screen;

final class TerminalScreenTest {
    /** Two lines of four characters. */
    private static final class Cells implements Screen {
        private final int[] cells = new int[8];
        private int cursor = -1;
        private long version;
        private boolean graphics;

        void put(int at, char c, int attribute) {
            cells[at] = c | attribute << 8;
            version++;
        }

        @Override
        public int width() {
            return 36;
        }

        @Override
        public int height() {
            return 32;
        }

        @Override
        public String mode() {
            return graphics ? "graphics 36x32" : "text 4x2";
        }

        @Override
        public void render(int[] argb, int first, int rows) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<String> text() {
            throw new UnsupportedOperationException();
        }

        @Override
        public int[] cells() {
            return graphics ? new int[0] : cells.clone();
        }

        @Override
        public int columns() {
            return graphics ? 0 : 4;
        }

        @Override
        public int cursor() {
            return cursor;
        }

        @Override
        public long version() {
            return version;
        }
    }

    private static String update(TerminalScreen t, Screen s) {
        return new String(t.update(s), StandardCharsets.UTF_8).replace('\u001b', '^');
    }

    @Test
    void only_what_has_changed_is_drawn() {
        Cells s = new Cells();
        for (int i = 0; i < 8; i++) {
            s.put(i, ' ', 7);
        }
        TerminalScreen t = new TerminalScreen(25, 80);
        assertEquals("^[0m^[2J^[1;1H^[0;37;40m    ^[2;1H    ^[?25l", update(t, s));
        assertEquals("", update(t, s));
        s.put(5, 'a', 7);
        s.put(6, '\u00c9', 0x1c);
        s.cursor = 7;
        assertEquals("^[2;2Ha^[0;91;44m\u2554^[2;4H^[?25h", update(t, s));
        s.version++;
        assertEquals("", update(t, s));
        s.cursor = 0;
        s.version++;
        assertEquals("^[1;1H^[?25h", update(t, s));
        s.graphics = true;
        s.version++;
        assertEquals("^[0m^[2J^[?25l^[1;1H[graphics 36x32]", update(t, s));
    }

    @Test
    void what_does_not_fit_into_the_window_is_left_out() {
        Cells s = new Cells();
        for (int i = 0; i < 8; i++) {
            s.put(i, (char) ('a' + i), 7);
        }
        assertEquals("^[0m^[2J^[1;1H^[0;37;40mabc^[?25l", update(new TerminalScreen(1, 3), s));
    }

    @Test
    void bytes_of_a_terminal_are_strokes_of_keys() {
        List<List<Key>> strokes = new ArrayList<>();
        TerminalKeys keys = new TerminalKeys(strokes::add);
        byte[] bytes = "aB\r\u0003\u001b[A\u001bOP\u001b[3~\u001b[1;5C\u001bx\u007f\u001b[24~\u001b[Z\u001b[99~\u001b"
                .getBytes(StandardCharsets.US_ASCII);
        keys.input(bytes, bytes.length);
        assertEquals(List.of(List.of(Key.A), List.of(Key.SHIFT_LEFT, Key.B), List.of(Key.ENTER),
                List.of(Key.CONTROL_LEFT, Key.C), List.of(Key.UP), List.of(Key.F1), List.of(Key.DELETE),
                List.of(Key.CONTROL_LEFT, Key.RIGHT), List.of(Key.ALT_LEFT, Key.X), List.of(Key.BACKSPACE),
                List.of(Key.F12), List.of(Key.SHIFT_LEFT, Key.TAB), List.of(Key.ESCAPE)), strokes);
    }
}
