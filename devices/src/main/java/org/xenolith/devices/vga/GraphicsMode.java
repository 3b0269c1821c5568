package org.xenolith.devices.vga;

/** Graphics modes of CGA, EGA and VGA: what the graphics controller's shift registers make of the four planes. */
final class GraphicsMode {
    private static final int MAX_CLOCKS = 257;

    private final VgaRegisters registers;
    private final VideoMemory memory;
    private final Scanout scanout;
    private final Palette palette;
    private final int[] colors = new int[16];
    private final int[] dots = new int[MAX_CLOCKS * 8];

    GraphicsMode(VgaRegisters registers, VideoMemory memory, Scanout scanout) {
        this.registers = registers;
        this.memory = memory;
        this.scanout = scanout;
        palette = new Palette(registers);
    }

    private boolean packed() {
        return (registers.graphics(5) & 0x40) != 0;
    }

    /** Two pixel values of 4 bits make one of 8. */
    private boolean wide() {
        return packed() && (registers.attribute(0x10) & 0x40) != 0;
    }

    private int perClock() {
        return wide() ? 4 : 8;
    }

    int width() {
        return registers.horizontalDisplayEnd() * perClock();
    }

    /** How many colors can be on the screen at once. */
    int colors() {
        return wide() ? 256 : 1 << Integer.bitCount(registers.attribute(0x12) & 15);
    }

    /** Draws one row of pixels. */
    void line(int y, int[] argb, int at, int width) {
        palette.fill(colors);
        Scanout.Line line = scanout.line(y);
        int per = perClock();
        int pan = scanout.panning(line);
        int clocks = width / per + (pan > 0 ? 1 : 0);
        boolean interleaved = (registers.graphics(5) & 0x20) != 0;
        for (int x = 0; x < clocks; x++) {
            int planes = memory.planes(scanout.address(line, x));
            int to = x * per;
            if (wide()) {
                for (int i = 0; i < 4; i++) {
                    dots[to + i] = registers.color(planes >>> 8 * i & 0xff);
                }
            } else if (packed()) {
                for (int i = 0; i < 8; i++) {
                    dots[to + i] = colors[planes >>> 8 * (i >> 1) + 4 * (~i & 1) & 15];
                }
            } else if (interleaved) {
                // plane 0 then 1 give bits 0-1 of each pixel, planes 2 and 3 bits 2-3
                for (int i = 0; i < 8; i++) {
                    int shift = 8 * (i >> 2) + 6 - 2 * (i & 3);
                    dots[to + i] = colors[planes >>> shift & 3 | (planes >>> 16 + shift & 3) << 2];
                }
            } else {
                for (int i = 0; i < 8; i++) {
                    int p = planes >>> 7 - i;
                    dots[to + i] = colors[p & 1 | p >> 7 & 2 | p >> 14 & 4 | p >> 21 & 8];
                }
            }
        }
        System.arraycopy(dots, pan, argb, at, width);
    }
}
