package org.xenolith.devices.vga;

/** The way of a pixel's 4 bits through the attribute controller and the digital-to-analog converter. */
final class Palette {
    private final VgaRegisters registers;

    Palette(VgaRegisters registers) {
        this.registers = registers;
    }

    /** The color {@code FFrrggbb} of a pixel value, 0 to 15, of which color plane enable lets bits through. */
    int color(int value) {
        int a = registers.attribute(value & registers.attribute(0x12) & 15);
        int select = registers.attribute(0x14);
        if ((registers.attribute(0x10) & 0x80) != 0) {
            a = a & 15 | (select & 3) << 4;
        }
        return registers.color(a | (select >> 2 & 3) << 6);
    }

    /** All 16 colors. */
    void fill(int[] colors) {
        for (int i = 0; i < 16; i++) {
            colors[i] = color(i);
        }
    }
}
