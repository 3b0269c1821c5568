package org.xenolith.devices.vga;

import org.xenolith.bus.MmioHandler;

/**
 * Video memory at A0000h to BFFFFh: the graphics controller between the processor and the four planes (IBM PS/2 Hardware Interface Technical
 * Reference, Video Subsystem, "Graphics Controller"), or a bank of linear memory in VBE modes.
 */
final class VgaWindow implements MmioHandler {
    static final long FIRST = 0xa_0000;
    static final long BYTES = 0x2_0000;

    /** Bytes of the planes whose bit is set. */
    private static final int[] PLANES = new int[16];

    static {
        for (int i = 0; i < 16; i++) {
            PLANES[i] = (i & 1) * 0xff | (i >> 1 & 1) * 0xff00 | (i >> 2 & 1) * 0xff_0000 | (i >> 3) * 0xff00_0000;
        }
    }

    private final VgaRegisters registers;
    private final Dispi dispi;
    private final VideoMemory memory;
    private int latches;

    VgaWindow(VgaRegisters registers, Dispi dispi, VideoMemory memory) {
        this.registers = registers;
        this.dispi = dispi;
        this.memory = memory;
    }

    void reset() {
        latches = 0;
    }

    @Override
    public long read(long offset, int size) {
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= (long) read8((int) offset + i) << 8 * i;
        }
        return v;
    }

    @Override
    public void write(long offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            write8((int) offset + i, (int) (value >>> 8 * i) & 0xff);
        }
    }

    /** Place of an address in the part of the window that the memory map select chooses, or -1 outside of it. */
    private int place(int a) {
        return switch (registers.graphics(6) >> 2 & 3) {
            case 0 -> a;
            case 1 -> a < 0x10000 ? a : -1;
            case 2 -> a >= 0x10000 && a < 0x18000 ? a - 0x10000 : -1;
            default -> a >= 0x18000 ? a - 0x18000 : -1;
        };
    }

    /** The address in the planes. */
    private int planeAddress(int place) {
        int p = place & 0xffff;
        if ((registers.sequencer(4) & 8) != 0) {
            // address bits 0 and 1 have chosen the plane; bits 14 and 15 come in their place, as the CRTC's doubleword mode expects
            p = p & ~3 | p >> 14;
        } else if ((registers.graphics(6) & 2) != 0) {
            // address bit 0 has chosen the plane; bit 16 comes in its place
            p = p & ~1 | place >> 16;
        }
        return p + dispi.planarBank();
    }

    private int read8(int a) {
        if (!registers.memoryEnabled()) {
            return 0xff;
        }
        if (dispi.linear()) {
            return a < 0x10000 ? memory.get8(dispi.linearBank() + a) : 0xff;
        }
        int place = place(a);
        if (place < 0) {
            return 0xff;
        }
        latches = memory.planes(planeAddress(place));
        if ((registers.sequencer(4) & 8) != 0) {
            return latches >>> 8 * (place & 3) & 0xff;
        }
        if ((registers.graphics(5) & 8) != 0) {
            int different = (latches ^ PLANES[registers.graphics(2)]) & PLANES[registers.graphics(7)];
            return ~(different | different >>> 8 | different >>> 16 | different >>> 24) & 0xff;
        }
        int plane = (registers.graphics(5) & 0x10) != 0
                ? registers.graphics(4) & 2 | place & 1
                : registers.graphics(4);
        return latches >>> 8 * plane & 0xff;
    }

    private void write8(int a, int value) {
        if (!registers.memoryEnabled()) {
            return;
        }
        if (dispi.linear()) {
            if (a < 0x10000) {
                memory.put8(dispi.linearBank() + a, value);
            }
            return;
        }
        int place = place(a);
        if (place < 0) {
            return;
        }
        int planes = registers.sequencer(2);
        if ((registers.sequencer(4) & 8) != 0) {
            planes &= 1 << (place & 3);
        } else if ((registers.sequencer(4) & 4) == 0) {
            planes &= (place & 1) != 0 ? 0x0a : 0x05;
        }
        if (planes == 0) {
            return;
        }
        int at = planeAddress(place);
        int mask = PLANES[planes];
        memory.putPlanes(at, memory.planes(at) & ~mask | data(value) & mask);
    }

    /** What the graphics controller makes of a byte from the processor: a byte for each plane. */
    private int data(int value) {
        int rotate = registers.graphics(3) & 7;
        int rotated = value >> rotate | value << 8 - rotate & 0xff;
        int bits = registers.graphics(8);
        int setReset = PLANES[registers.graphics(0)];
        int v;
        switch (registers.graphics(5) & 3) {
            case 0 -> {
                int enabled = PLANES[registers.graphics(1)];
                v = rotated * 0x0101_0101 & ~enabled | setReset & enabled;
            }
            case 1 -> {
                return latches;
            }
            case 2 -> v = PLANES[value & 15];
            default -> {
                bits &= rotated;
                v = setReset;
            }
        }
        v = switch (registers.graphics(3) >> 3) {
            case 0 -> v;
            case 1 -> v & latches;
            case 2 -> v | latches;
            default -> v ^ latches;
        };
        int mask = bits * 0x0101_0101;
        return v & mask | latches & ~mask;
    }
}
