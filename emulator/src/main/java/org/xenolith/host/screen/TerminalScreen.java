package org.xenolith.host.screen;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.xenolith.devices.vga.Cp437;
import org.xenolith.devices.vga.Screen;

/**
 * Shows a text mode in a terminal that understands ECMA-48 and UTF-8: only cells that have changed since the last call are drawn again. A graphics
 * mode is shown by its name.
 */
public final class TerminalScreen {
    /** The terminal's colors in the order of the PC's: blue and red change places. */
    private static final int[] ANSI = {0, 4, 2, 6, 1, 5, 3, 7};
    private static final String CLEAR = "\u001b[0m\u001b[2J";
    private static final int NOTHING = -1;

    private final int rows;
    private final int width;
    private int[] shown = new int[0];
    private int columns;
    private int cursor = NOTHING;
    private long version;
    private String mode = "";
    private int attribute;

    /**
     * A screen in a window; what does not fit into the window is not shown.
     *
     * @param rows the window's height in characters
     * @param columns its width
     */
    public TerminalScreen(int rows, int columns) {
        this.rows = rows;
        this.width = columns;
    }

    /** What brings the terminal up to date; empty when nothing has changed. */
    public byte[] update(Screen screen) {
        long now = screen.version();
        if (now == version && !mode.isEmpty()) {
            return new byte[0];
        }
        version = now;
        StringBuilder s = new StringBuilder();
        int[] cells = screen.cells();
        String nowMode = screen.mode();
        if (!nowMode.equals(mode)) {
            mode = nowMode;
            s.append(CLEAR);
            columns = screen.columns();
            shown = new int[cells.length];
            Arrays.fill(shown, NOTHING);
            cursor = NOTHING;
            attribute = NOTHING;
            if (cells.length == 0) {
                s.append("\u001b[?25l\u001b[1;1H[").append(mode).append(']');
            }
        }
        draw(cells, s);
        int at = screen.cursor();
        if (cells.length > 0 && (s.length() > 0 || at != cursor)) {
            if (at < 0 || !fits(at)) {
                s.append("\u001b[?25l");
            } else {
                move(at, s);
                s.append("\u001b[?25h");
            }
            cursor = at;
        }
        return s.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void draw(int[] cells, StringBuilder s) {
        int next = NOTHING;
        for (int i = 0; i < cells.length; i++) {
            if (cells[i] == shown[i] || !fits(i)) {
                continue;
            }
            shown[i] = cells[i];
            if (next != i || i % columns == 0) {
                move(i, s);
            }
            next = i + 1;
            int a = cells[i] >> 8;
            if (a != attribute) {
                attribute = a;
                s.append("\u001b[0;").append((a & 8) != 0 ? 90 + ANSI[a & 7] : 30 + ANSI[a & 7]).append(';')
                        .append(40 + ANSI[a >> 4 & 7]).append('m');
            }
            s.append(Cp437.character(cells[i]));
        }
    }

    private boolean fits(int cell) {
        return cell / columns < rows && cell % columns < width;
    }

    private void move(int cell, StringBuilder s) {
        s.append("\u001b[").append(cell / columns + 1).append(';').append(cell % columns + 1).append('H');
    }

    /** What leaves the terminal as programs expect it. */
    public static byte[] leave() {
        return "\u001b[0m\u001b[?25h\u001b[999;1H\r\n".getBytes(StandardCharsets.US_ASCII);
    }
}
