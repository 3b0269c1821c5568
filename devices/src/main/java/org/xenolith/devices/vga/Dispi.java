package org.xenolith.devices.vga;

import java.util.Arrays;
import java.util.function.Consumer;
import org.xenolith.bus.PortHandler;

/**
 * Bochs's display interface, by which a VBE BIOS and drivers set modes beyond VGA's: an index register at port 1CEh and a data register at
 * 1CFh (and 1D0h), 16 bits wide.
 */
final class Dispi implements PortHandler {
    static final int FIRST_PORT = 0x1ce;
    static final int PORTS = 3;

    static final int MAX_WIDTH = 2560;
    static final int MAX_HEIGHT = 1600;

    private static final int ID = 0;
    private static final int XRES = 1;
    private static final int YRES = 2;
    private static final int BPP = 3;
    private static final int ENABLE = 4;
    private static final int BANK = 5;
    private static final int VIRT_WIDTH = 6;
    private static final int VIRT_HEIGHT = 7;
    private static final int X_OFFSET = 8;
    private static final int Y_OFFSET = 9;
    private static final int MEMORY_64K = 10;
    private static final int REGISTERS = 10;

    private static final int ENABLED = 1;
    private static final int GETCAPS = 2;
    private static final int DAC_8BIT = 0x20;
    private static final int NOCLEARMEM = 0x80;
    private static final int FIRST_ID = 0xb0c0;
    private static final int LAST_ID = 0xb0c5;

    private final VgaRegisters vga;
    private final VideoMemory memory;
    private final Consumer<String> unimplemented;
    private final int[] registers = new int[REGISTERS];
    private int index;
    private long generation;

    Dispi(VgaRegisters vga, VideoMemory memory, Consumer<String> unimplemented) {
        this.vga = vga;
        this.memory = memory;
        this.unimplemented = unimplemented;
        reset();
    }

    void reset() {
        Arrays.fill(registers, 0);
        registers[ID] = LAST_ID;
        index = 0;
        generation++;
    }

    // ---- what the rest of the adapter asks ----

    boolean enabled() {
        return (registers[ENABLE] & ENABLED) != 0;
    }

    /** Whether A0000h shows a bank of linear memory. */
    boolean linear() {
        return enabled() && registers[BPP] != 4;
    }

    /** Byte of linear memory at A0000h. */
    int linearBank() {
        return registers[BANK] << 16;
    }

    /** What the bank adds to an address in the planes. */
    int planarBank() {
        return enabled() ? registers[BANK] << 16 : 0;
    }

    int width() {
        return registers[XRES];
    }

    int height() {
        return registers[YRES];
    }

    /** Bits per pixel: 4, 8, 15, 16, 24 or 32. */
    int depth() {
        return registers[BPP];
    }

    /** Bytes from one row to the next, over all planes. */
    int pitch() {
        return bytes(registers[VIRT_WIDTH]);
    }

    /** Pixels right of the start of {@link #firstRow}. */
    int firstColumn() {
        return registers[X_OFFSET];
    }

    int firstRow() {
        return registers[Y_OFFSET];
    }

    long generation() {
        return generation;
    }

    /** Bytes of some pixels in a row. */
    private int bytes(int pixels) {
        int depth = registers[BPP];
        return depth == 4 ? pixels / 8 * 4 : pixels * ((depth + 7) / 8);
    }

    // ---- registers ----

    int read(int register) {
        if (register == MEMORY_64K) {
            return memory.bytes() >>> 16;
        }
        if (register >= REGISTERS) {
            return 0;
        }
        if ((registers[ENABLE] & GETCAPS) != 0) {
            switch (register) {
                case XRES -> {
                    return MAX_WIDTH;
                }
                case YRES -> {
                    return MAX_HEIGHT;
                }
                case BPP -> {
                    return 32;
                }
                default -> {
                    // as usual
                }
            }
        }
        return registers[register];
    }

    void write(int register, int value) {
        if (register >= REGISTERS) {
            return;
        }
        generation++;
        switch (register) {
            case ID -> {
                if (value >= FIRST_ID && value <= LAST_ID) {
                    registers[ID] = value;
                }
            }
            case VIRT_HEIGHT -> {
                // follows from the memory and the width
            }
            case BANK -> registers[BANK] = value & (memory.bytes() >>> 16) - 1;
            case ENABLE -> enable(value);
            default -> {
                registers[register] = value;
                if (enabled()) {
                    fit();
                }
            }
        }
    }

    private void enable(int value) {
        boolean before = enabled();
        registers[ENABLE] = value & (ENABLED | GETCAPS | DAC_8BIT | 0x40 | NOCLEARMEM);
        vga.setWideDac((value & DAC_8BIT) != 0);
        if (enabled() && !before) {
            registers[BANK] = 0;
            registers[VIRT_WIDTH] = registers[XRES];
            registers[X_OFFSET] = 0;
            registers[Y_OFFSET] = 0;
            fit();
            if ((value & NOCLEARMEM) == 0) {
                memory.clear((long) pitch() * height());
            }
        } else if (!enabled() && before) {
            registers[BANK] = 0;
        }
    }

    /** Brings the registers of an enabled mode to values that the memory can hold. */
    private void fit() {
        int depth = registers[BPP];
        registers[BPP] = switch (depth) {
            case 4, 8, 15, 16, 24, 32 -> depth;
            default -> 8;
        };
        registers[XRES] = Math.clamp(registers[XRES] & ~7, 8, MAX_WIDTH);
        int most = memory.bytes() / bytes(registers[XRES]);
        registers[YRES] = Math.clamp(registers[YRES], 1, Math.min(MAX_HEIGHT, most));
        int widest = memory.bytes() / registers[YRES] / Math.max(1, bytes(8)) * 8;
        registers[VIRT_WIDTH] = Math.clamp(registers[VIRT_WIDTH] & ~7, registers[XRES], widest);
        registers[VIRT_HEIGHT] = Math.min(0xffff, memory.bytes() / pitch());
        registers[X_OFFSET] = Math.min(registers[X_OFFSET], registers[VIRT_WIDTH] - registers[XRES]);
        registers[Y_OFFSET] = Math.min(registers[Y_OFFSET], registers[VIRT_HEIGHT] - registers[YRES]);
    }

    // ---- ports ----

    @Override
    public long in(int port, int size) {
        if (size != 2) {
            unimplemented.accept("vga:dispi-access-of-" + size);
            return -1L;
        }
        return port == FIRST_PORT ? index : read(index);
    }

    @Override
    public void out(int port, int size, long value) {
        if (size != 2) {
            unimplemented.accept("vga:dispi-access-of-" + size);
        } else if (port == FIRST_PORT) {
            index = (int) value;
        } else {
            write(index, (int) value);
        }
    }
}
