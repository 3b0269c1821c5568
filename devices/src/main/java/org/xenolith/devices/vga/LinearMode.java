package org.xenolith.devices.vga;

/** VBE modes: rows of pixels of 8 to 32 bits in linear memory, or of 4 bits in the planes. */
final class LinearMode {
    private final VgaRegisters registers;
    private final Dispi dispi;
    private final VideoMemory memory;
    private final Palette palette;
    private final int[] colors = new int[16];

    LinearMode(VgaRegisters registers, Dispi dispi, VideoMemory memory) {
        this.registers = registers;
        this.dispi = dispi;
        this.memory = memory;
        palette = new Palette(registers);
    }

    private int start(int y) {
        return (dispi.firstRow() + y) * dispi.pitch();
    }

    /** A number that changes with what is shown. */
    long hash() {
        // a few bytes at the end more than shown do no harm
        return memory.hash(start(0), (long) dispi.height() * dispi.pitch() + 16);
    }

    /** Draws one row of pixels. */
    void line(int y, int[] argb, int at) {
        int depth = dispi.depth();
        int row = start(y);
        int x = dispi.firstColumn();
        int width = dispi.width();
        if (depth == 4) {
            palette.fill(colors);
        }
        for (int i = 0; i < width; i++) {
            argb[at + i] = pixel(depth, row, x + i);
        }
    }

    private int pixel(int depth, int row, int x) {
        return switch (depth) {
            case 4 -> {
                int p = memory.planes((row >> 2) + (x >> 3)) >>> 7 - (x & 7);
                yield colors[p & 1 | p >> 7 & 2 | p >> 14 & 4 | p >> 21 & 8];
            }
            case 8 -> registers.color(memory.get8(row + x));
            case 15 -> {
                int v = memory.get8(row + 2 * x) | memory.get8(row + 2 * x + 1) << 8;
                yield 0xff00_0000 | five(v >> 10) << 16 | five(v >> 5) << 8 | five(v);
            }
            case 16 -> {
                int v = memory.get8(row + 2 * x) | memory.get8(row + 2 * x + 1) << 8;
                int green = v >> 5 & 0x3f;
                yield 0xff00_0000 | five(v >> 11) << 16 | (green << 2 | green >> 4) << 8 | five(v);
            }
            case 24 -> 0xff00_0000 | memory.get8(row + 3 * x) | memory.get8(row + 3 * x + 1) << 8
                    | memory.get8(row + 3 * x + 2) << 16;
            default -> 0xff00_0000 | memory.planes((row >> 2) + x);
        };
    }

    private static int five(int v) {
        return (v & 31) << 3 | (v & 31) >> 2;
    }
}
