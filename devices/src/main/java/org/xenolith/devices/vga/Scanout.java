package org.xenolith.devices.vga;

/**
 * How the CRT controller walks through memory: which scan lines there are, and which address each character clock of them fetches (IBM PS/2
 * Hardware Interface Technical Reference, Video Subsystem, "CRT Controller").
 */
final class Scanout {
    private static final int BYTE_ADDRESS = 0x40;

    private final VgaRegisters registers;

    Scanout(VgaRegisters registers) {
        this.registers = registers;
    }

    /** Scan lines of a character row, or of a row of pixels. */
    int linesPerRow() {
        return (registers.crtc(9) & 0x1f) + 1;
    }

    /** How often each different line is repeated on the tube. */
    int repeat() {
        int twice = (registers.crtc(9) & 0x80) != 0 ? 2 : 1;
        boolean text = (registers.graphics(6) & 1) == 0;
        // with row scan bits in the address, the lines of a row differ
        boolean interleaved = (registers.crtc(0x17) & 3) != 3;
        return text || interleaved ? twice : twice * linesPerRow();
    }

    /** Rows of different pixels. */
    int height() {
        return Math.max(1, registers.verticalDisplayEnd() / repeat());
    }

    /**
     * Where a line is fetched from.
     *
     * @param counter linear counter at its start
     * @param rowScan scan line within the row, 0 to 31
     * @param below whether it lies below the split
     */
    record Line(int counter, int rowScan, boolean below) {
    }

    /** The line that row {@code y} of the picture shows. */
    Line line(int y) {
        int beam = y * repeat();
        boolean below = beam > registers.lineCompare();
        int twice = (registers.crtc(9) & 0x80) != 0 ? 1 : 0;
        int scan;
        int base;
        if (below) {
            scan = beam - registers.lineCompare() - 1 >> twice;
            base = 0;
        } else {
            scan = (beam >> twice) + (registers.crtc(8) & 0x1f);
            base = registers.startAddress();
        }
        if (!below || (registers.attribute(0x10) & 0x20) == 0) {
            base += registers.crtc(8) >> 5 & 3;
        }
        int row = scan / linesPerRow();
        return new Line(base + row * registers.crtc(0x13) * 2, scan % linesPerRow(), below);
    }

    /** Pixels by which a line is shifted to the left. */
    int panning(Line line) {
        if (line.below() && (registers.attribute(0x10) & 0x20) != 0) {
            return 0;
        }
        int pan = registers.attribute(0x13) & 15;
        if ((registers.graphics(6) & 1) == 0 && registers.dotsPerCharacter() == 9) {
            return pan >= 8 ? 0 : pan + 1;
        }
        if ((registers.graphics(5) & 0x40) != 0) {
            return pan >> 1 & 3;
        }
        return pan & 7;
    }

    /** Address in the planes of character clock {@code clock} of a line. */
    int address(Line line, int clock) {
        int mode = registers.crtc(0x17);
        int underline = registers.crtc(0x14);
        int steps = (underline & 0x20) != 0 ? clock >> 2 : (mode & 8) != 0 ? clock >> 1 : clock;
        int counter = line.counter() + steps & 0xffff;
        int address;
        if ((underline & 0x40) != 0) {
            address = counter << 2 | counter >> 12 & 3;
        } else if ((mode & BYTE_ADDRESS) != 0) {
            address = counter;
        } else {
            address = counter << 1 | counter >> ((mode & 0x20) != 0 ? 15 : 13) & 1;
        }
        if ((mode & 1) == 0) {
            address = address & ~0x2000 | (line.rowScan() & 1) << 13;
        }
        if ((mode & 2) == 0) {
            address = address & ~0x4000 | (line.rowScan() & 2) << 13;
        }
        return address & 0xffff;
    }
}
