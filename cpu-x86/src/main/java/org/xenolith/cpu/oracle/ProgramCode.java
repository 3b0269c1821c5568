package org.xenolith.cpu.oracle;

import java.util.Arrays;

/** The bytes of a program as they are put together; general registers go by number. Addresses are below 2 GB. */
final class ProgramCode {
    static final int RSP = 4;

    private final long base;
    private final Random64 random;
    private byte[] bytes = new byte[4096];
    private int length;

    ProgramCode(long base, Random64 random) {
        this.base = base;
        this.random = random;
    }

    int length() {
        return length;
    }

    /** Address of the next byte. */
    long here() {
        return base + length;
    }

    long addressOf(int offset) {
        return base + offset;
    }

    byte[] bytes() {
        return Arrays.copyOf(bytes, length);
    }

    ProgramCode emit(int... values) {
        if (length + values.length > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * bytes.length);
        }
        for (int v : values) {
            bytes[length++] = (byte) v;
        }
        return this;
    }

    ProgramCode emit(byte[] values, int count) {
        for (int i = 0; i < count; i++) {
            emit(values[i]);
        }
        return this;
    }

    ProgramCode number(long v, int count) {
        for (int i = 0; i < count; i++) {
            emit((int) (v >>> 8 * i));
        }
        return this;
    }

    /** Loads a register by one of the ways that there are. */
    void load(int reg, long value) {
        boolean low = value >>> 32 == 0;
        if (low && random.oneIn(4)) {
            rip(reg, value, 0x8d);
        } else if (low && random.oneIn(2)) {
            if (reg >= 8) {
                emit(0x41);
            }
            emit(0xb8 | reg & 7).number(value, 4);
        } else {
            emit(0x48 | reg >> 3, 0xb8 | reg & 7).number(value, 8);
        }
    }

    static int loadLength() {
        return 10;
    }

    /** {@code opcode reg, [rip + target]}, 64 bits wide. */
    void rip(int reg, long target, int... opcode) {
        emit(0x48 | reg >> 3 << 2).emit(opcode).emit((reg & 7) << 3 | 5);
        number(target - (here() + 4), 4);
    }

    /** {@code opcode /digit [target]} with an absolute 32-bit address. */
    ProgramCode absolute(int digit, long target, int... opcode) {
        return emit(opcode).emit(digit << 3 | 4, 0x25).number(target, 4);
    }

    /** Makes room for a 32-bit displacement from its end, to be filled in by {@link #land}. */
    int jump(int... opcode) {
        emit(opcode).number(0, 4);
        return length;
    }

    void land(int place) {
        land(place, length);
    }

    void land(int place, int target) {
        int rel = target - place;
        for (int i = 0; i < 4; i++) {
            bytes[place - 4 + i] = (byte) (rel >> 8 * i);
        }
    }

    /** Fills in a number of eight bytes that was left open. */
    void patch(int place, long v) {
        for (int i = 0; i < 8; i++) {
            bytes[place + i] = (byte) (v >>> 8 * i);
        }
    }

    /** Defines all arithmetic flags: a comparison of some register with some number. */
    void defineFlags() {
        int reg = random.below(16);
        emit(0x48 | reg >> 3, 0x83, 0xf8 | reg & 7, (int) random.next());
    }
}
