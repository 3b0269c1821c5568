package org.xenolith.devices.vga;

import java.util.Arrays;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.TestBoard;

/** A board with a display adapter, programmed as a BIOS does. */
final class VgaMachine implements AutoCloseable {
    static final int DEVFN = 2 << 3;
    static final long FRAMEBUFFER = 0xe000_0000L;
    static final long REGISTERS = 0xf000_0000L;

    /** IBM's parameters of BIOS modes: miscellaneous output, then sequencer, CRTC, graphics, attribute controller. */
    static final String TEXT_80X25 = "67 03 00 03 00 02 5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff"
            + " 00 00 00 00 00 10 0e 00 ff 00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f 0c 00 0f 08 00";
    static final String CGA_320X200 = "63 03 09 03 00 02 2d 27 28 90 2b 80 bf 1f 00 c1 00 00 00 00 00 00 9c 8e 8f 14 00 96 b9 a2 ff"
            + " 00 00 00 00 00 30 0f 00 ff 00 13 15 17 02 04 06 07 10 11 12 13 14 15 16 17 01 00 03 00 00";
    static final String CGA_640X200 = "63 03 01 01 00 06 5f 4f 50 82 54 80 bf 1f 00 c1 00 00 00 00 00 00 9c 8e 8f 28 00 96 b9 c2 ff"
            + " 00 00 00 00 00 00 0d 00 ff 00 17 17 17 17 17 17 17 17 17 17 17 17 17 17 17 01 00 01 00 00";
    static final String EGA_320X200 = "63 03 09 0f 00 06 2d 27 28 90 2b 80 bf 1f 00 c0 00 00 00 00 00 00 9c 8e 8f 14 00 96 b9 e3 ff"
            + " 00 00 00 00 00 00 05 0f ff 00 01 02 03 04 05 06 07 10 11 12 13 14 15 16 17 01 00 0f 00 00";
    static final String VGA_640X480 = "e3 03 01 0f 00 06 5f 4f 50 82 54 80 0b 3e 00 40 00 00 00 00 00 00 ea 8c df 28 00 e7 04 e3 ff"
            + " 00 00 00 00 00 00 05 0f ff 00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f 01 00 0f 00 00";
    static final String MODE_13H = "63 03 01 0f 00 0e 5f 4f 50 82 54 80 bf 1f 00 41 00 00 00 00 00 00 9c 8e 8f 28 40 96 b9 a3 ff"
            + " 00 00 00 00 00 40 05 0f ff 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 41 00 0f 00 00";

    private final TestBoard board = new TestBoard();
    private final StdVga vga;

    VgaMachine() {
        this(new byte[0]);
    }

    VgaMachine(byte[] rom) {
        PciBus bus = new PciBus(board.board());
        vga = new StdVga(board.board(), rom);
        bus.add(DEVFN, vga);
        vga.reset();
        board.writeConfig(DEVFN, 0x10, 4, FRAMEBUFFER);
        board.writeConfig(DEVFN, 0x18, 4, REGISTERS);
        board.writeConfig(DEVFN, 4, 2, 3);
    }

    TestBoard board() {
        return board;
    }

    StdVga vga() {
        return vga;
    }

    Screen screen() {
        return vga.screen();
    }

    void out(int port, int value) {
        board.out(port, 1, value);
    }

    int in(int port) {
        return (int) board.in(port, 1);
    }

    void sequencer(int index, int value) {
        board.out(0x3c4, 2, value << 8 | index);
    }

    void graphics(int index, int value) {
        board.out(0x3ce, 2, value << 8 | index);
    }

    void crtc(int index, int value) {
        board.out(0x3d4, 2, value << 8 | index);
    }

    void attribute(int index, int value) {
        in(0x3da);
        out(0x3c0, index);
        out(0x3c0, value);
        out(0x3c0, 0x20);
    }

    /** Sets a mode; color {@code i} of the DAC has the components {@code i & 3Fh, i * 2 & 3Fh, i * 3 & 3Fh}. */
    void mode(String parameters) {
        int[] p = Arrays.stream(parameters.split(" ")).mapToInt(s -> Integer.parseInt(s, 16)).toArray();
        out(0x3c2, p[0]);
        for (int i = 0; i < 5; i++) {
            sequencer(i, p[1 + i]);
        }
        crtc(0x11, 0);
        for (int i = 0; i < 25; i++) {
            crtc(i, p[6 + i]);
        }
        for (int i = 0; i < 9; i++) {
            graphics(i, p[31 + i]);
        }
        for (int i = 0; i < 21; i++) {
            attribute(i, p[40 + i]);
        }
        out(0x3c6, 0xff);
        out(0x3c8, 0);
        for (int i = 0; i < 256; i++) {
            out(0x3c9, i & 0x3f);
            out(0x3c9, i * 2 & 0x3f);
            out(0x3c9, i * 3 & 0x3f);
        }
    }

    /** The color that {@link #mode} gives to a pixel value of 8 bits: 6 bits fill 8 by repeating the highest. */
    static int color(int i) {
        return 0xff00_0000 | six(i & 0x3f) << 16 | six(i * 2 & 0x3f) << 8 | six(i * 3 & 0x3f);
    }

    private static int six(int v) {
        return v << 2 | v >> 4;
    }

    void write(long gpa, int value) {
        board.board().mmio().write(gpa, 1, value);
    }

    int read(long gpa) {
        return (int) board.board().mmio().read(gpa, 1) & 0xff;
    }

    void dispi(int index, int value) {
        board.out(0x1ce, 2, index);
        board.out(0x1cf, 2, value);
    }

    int dispi(int index) {
        board.out(0x1ce, 2, index);
        return (int) board.in(0x1cf, 2);
    }

    /** Sets a mode by Bochs's display interface. */
    void vbe(int width, int height, int depth) {
        dispi(4, 0);
        dispi(1, width);
        dispi(2, height);
        dispi(3, depth);
        dispi(4, 0x41);
        in(0x3da);
        out(0x3c0, 0x20);
    }

    int[] picture() {
        int[] argb = new int[screen().width() * screen().height()];
        screen().render(argb);
        return argb;
    }

    int pixel(int x, int y) {
        return picture()[y * screen().width() + x];
    }

    @Override
    public void close() {
        board.close();
    }
}
