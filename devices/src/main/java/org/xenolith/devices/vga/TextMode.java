package org.xenolith.devices.vga;

/** Text modes: characters in plane 0, attributes in plane 1, fonts in plane 2. */
final class TextMode {
    /** Lines in memory between two characters of a font. */
    private static final int FONT_STEP = 32;
    private static final int MAX_CLOCKS = 257;

    private final VgaRegisters registers;
    private final VideoMemory memory;
    private final Scanout scanout;
    private final Palette palette;
    private final int[] colors = new int[16];
    private final int[] dots = new int[MAX_CLOCKS * 9];

    TextMode(VgaRegisters registers, VideoMemory memory, Scanout scanout) {
        this.registers = registers;
        this.memory = memory;
        this.scanout = scanout;
        palette = new Palette(registers);
    }

    /** What blinking depends on: bit 0 says that the cursor shows, bit 1 that blinking characters do. */
    static int phase(long frame) {
        return ((frame & 8) == 0 ? 1 : 0) | ((frame & 16) == 0 ? 2 : 0);
    }

    /** Lines of characters. */
    int rows() {
        return Math.max(1, scanout.height() / scanout.linesPerRow());
    }

    int[] cells() {
        int columns = registers.horizontalDisplayEnd();
        int rows = rows();
        int[] cells = new int[columns * rows];
        for (int y = 0; y < rows; y++) {
            Scanout.Line line = scanout.line(y * scanout.linesPerRow());
            for (int x = 0; x < columns; x++) {
                cells[y * columns + x] = memory.planes(scanout.address(line, x)) & 0xffff;
            }
        }
        return cells;
    }

    /** Index of the cell under the cursor, or -1 when there is none on the screen. */
    int cursorCell() {
        if (!cursorOn()) {
            return -1;
        }
        int columns = registers.horizontalDisplayEnd();
        int rows = rows();
        int at = cursorAddress();
        for (int y = 0; y < rows; y++) {
            int x = at - scanout.line(y * scanout.linesPerRow()).counter() & 0xffff;
            if (x < columns) {
                return y * columns + x;
            }
        }
        return -1;
    }

    private int cursorAddress() {
        return (registers.crtc(0x0e) << 8 | registers.crtc(0x0f)) + (registers.crtc(0x0b) >> 5 & 3) & 0xffff;
    }

    private boolean cursorOn() {
        return (registers.crtc(0x0a) & 0x20) == 0 && (registers.crtc(0x0a) & 0x1f) <= (registers.crtc(0x0b) & 0x1f)
                && (registers.crtc(0x0a) & 0x1f) < scanout.linesPerRow();
    }

    /** Address in plane 2 of the font with a number of the character map select register. */
    private static int font(int number) {
        return (number & 3) << 14 | (number & 4) << 11;
    }

    /** Draws one row of pixels. */
    void line(int y, int[] argb, int at, int width, long frame) {
        palette.fill(colors);
        int maps = registers.sequencer(3);
        int fontA = font(maps >> 2 & 3 | maps >> 3 & 4);
        int fontB = font(maps & 3 | maps >> 2 & 4);
        int mode = registers.attribute(0x10);
        int per = registers.dotsPerCharacter();
        Scanout.Line line = scanout.line(y);
        int pan = scanout.panning(line);
        int clocks = width / per + (pan > 0 ? 1 : 0);
        int phase = phase(frame);
        int scan = line.rowScan();
        boolean cursorLine = cursorOn() && (phase & 1) != 0 && scan >= (registers.crtc(0x0a) & 0x1f)
                && scan <= (registers.crtc(0x0b) & 0x1f);
        int cursor = cursorLine ? cursorAddress() - line.counter() & 0xffff : -1;
        boolean underline = scan == (registers.crtc(0x14) & 0x1f);
        for (int x = 0; x < clocks; x++) {
            int cell = memory.planes(scanout.address(line, x));
            int character = cell & 0xff;
            int attribute = cell >> 8 & 0xff;
            int foreground = colors[attribute & 15];
            int background = colors[attribute >> 4];
            boolean hidden = false;
            if ((mode & 8) != 0) {
                background = colors[attribute >> 4 & 7];
                hidden = (attribute & 0x80) != 0 && (phase & 2) == 0;
            }
            int font = (attribute & 8) != 0 ? fontA : fontB;
            int bits = memory.planes(font + character * FONT_STEP + scan) >> 16 & 0xff;
            // line graphics go on into the ninth column
            boolean joined = (mode & 4) != 0 && character >= 0xc0 && character <= 0xdf;
            bits = bits << 1 | (joined ? bits & 1 : 0);
            if (underline && (attribute & 7) == 1) {
                bits = 0x1ff;
            }
            if (hidden) {
                bits = 0;
            }
            if (x == cursor) {
                bits = 0x1ff;
            }
            for (int i = 0; i < per; i++) {
                dots[x * per + i] = (bits & 0x100 >> i) != 0 ? foreground : background;
            }
        }
        System.arraycopy(dots, pan, argb, at, width);
    }
}
