package org.xenolith.devices.vga;

import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;

/**
 * The "standard VGA" of QEMU and Bochs, PCI 1234:1111: a VGA at its usual ports and addresses, 16 MiB of memory behind BAR 0, and behind BAR 2
 * its registers once more (QEMU, docs/specs/standard-vga): 400h VGA ports from 3C0h, 500h Bochs's display interface, 600h QEMU's extension.
 * No EDID. The VGA BIOS is the caller's, SeaBIOS's {@code vgabios-stdvga.bin}.
 */
public final class StdVga extends PciFunction {
    /** Bytes of video memory. */
    public static final int MEMORY_BYTES = 16 << 20;

    private static final int REGISTERS_BYTES = 4096;
    private static final int VGA_PORTS_AT = 0x400;
    private static final int DISPI_AT = 0x500;
    private static final int EXTENSION_AT = 0x600;
    private static final int LITTLE_ENDIAN = 0x1e1e_1e1e;
    /** Most bytes of an expansion ROM. */
    private static final int MAX_ROM = 1 << 20;

    private final VideoMemory memory;
    private final VgaRegisters registers;
    private final Dispi dispi;
    private final VgaWindow window;
    private final VgaScreen screen;
    private long frameBase = -1;

    /**
     * Plugs the adapter's ports and window into the board; the caller adds the function to the bus.
     *
     * @param vgaBios the expansion ROM, at most 1 MiB; empty for none
     * @throws IllegalArgumentException when the ROM is too long
     */
    public StdVga(Board board, byte[] vgaBios) {
        super(board, new PciIdentity(0x1234, 0x1111, 2, 0x03_0000, 0x1af4, 0x1100));
        if (vgaBios.length > MAX_ROM) {
            throw new IllegalArgumentException(
                    "a VGA BIOS of " + vgaBios.length + " bytes is too long; 1 MiB is possible");
        }
        memory = new VideoMemory(board.windows(), MEMORY_BYTES);
        registers = new VgaRegisters(board.clock());
        dispi = new Dispi(registers, memory, board.unimplemented());
        window = new VgaWindow(registers, dispi, memory);
        screen = new VgaScreen(registers, dispi, memory, board.clock());
        board.ports().map(VgaRegisters.FIRST_PORT, VgaRegisters.PORTS, registers);
        board.ports().map(Dispi.FIRST_PORT, Dispi.PORTS, dispi);
        board.windows().hide(VgaWindow.FIRST, VgaWindow.BYTES);
        board.mmio().map(VgaWindow.FIRST, VgaWindow.BYTES, window);
        memoryBar(0, MEMORY_BYTES, true, null);
        memoryBar(2, REGISTERS_BYTES, false, new Registers());
        if (vgaBios.length > 0) {
            expansionRom(vgaBios);
        }
    }

    /** What the monitor shows. */
    public Screen screen() {
        return screen;
    }

    @Override
    public void reset() {
        super.reset();
        registers.reset();
        dispi.reset();
        window.reset();
    }

    @Override
    protected void barMoved(int n, long base) {
        if (n != 0) {
            return;
        }
        if (frameBase >= 0) {
            board.windows().restore(frameBase, MEMORY_BYTES, true);
        }
        frameBase = base;
        if (base >= 0) {
            board.windows().show(base, memory.block(), 0, MEMORY_BYTES, true);
        }
    }

    @Override
    protected void romLeft() {
        // a guest may have laid the ROM over the VGA's window
        board.windows().hide(VgaWindow.FIRST, VgaWindow.BYTES);
    }

    /** BAR 2. */
    private final class Registers implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            int at = (int) offset;
            if (at >= VGA_PORTS_AT && at + size <= VGA_PORTS_AT + 0x20) {
                return registers.in(0x3c0 + at - VGA_PORTS_AT, size);
            }
            if (at >= DISPI_AT && at + size <= DISPI_AT + 22 && size == 2) {
                return dispi.read(at - DISPI_AT >> 1);
            }
            if (at == EXTENSION_AT && size == 4) {
                return 8;
            }
            if (at == EXTENSION_AT + 4 && size == 4) {
                return LITTLE_ENDIAN;
            }
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            int at = (int) offset;
            if (at >= VGA_PORTS_AT && at + size <= VGA_PORTS_AT + 0x20) {
                registers.out(0x3c0 + at - VGA_PORTS_AT, size, value);
            } else if (at >= DISPI_AT && at + size <= DISPI_AT + 22 && size == 2) {
                dispi.write(at - DISPI_AT >> 1, (int) value);
            } else if (at == EXTENSION_AT + 4 && size == 4) {
                if (value != LITTLE_ENDIAN) {
                    board.unimplemented().accept("vga:big-endian-framebuffer");
                }
            }
        }
    }
}
