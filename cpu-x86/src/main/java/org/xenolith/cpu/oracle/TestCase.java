package org.xenolith.cpu.oracle;

import java.util.Arrays;

/**
 * One instruction with everything that goes into it: bytes, registers, and the data memory's content. Reused from case
 * to case.
 */
final class TestCase {
    /** Longest instruction. */
    static final int MAX_LENGTH = 15;
    /** Most places where a case changes the image of the data pages. */
    static final int MAX_PATCHES = 8;

    final byte[] bytes = new byte[2 * MAX_LENGTH];
    int length;
    /** Offset of the first byte in the code pages. */
    int codeOffset;
    /** 32-bit code in compatibility mode instead of 64-bit code. */
    boolean compat;
    /** Iterations that the interpreter may do in one go. */
    int budget;
    /** True if it may go on elsewhere than behind itself. */
    boolean branch;
    final MachineState input = new MachineState();
    /** Data patches: offset from the start of the data pages, and content. */
    final int[] patchOffset = new int[MAX_PATCHES];
    final byte[][] patch = new byte[MAX_PATCHES][];
    int patches;
    /** Registers that addresses depend on (a bit each): a shrinker must leave them alone. */
    int fixedRegisters;
    /** Vector register that holds gather indices, or -1. */
    int fixedVector;
    /** Effective address and size of the explicit memory operand, size 0 if there is none. */
    long address;
    int addressBytes;

    void clear() {
        length = 0;
        patches = 0;
        branch = false;
        compat = false;
        budget = 1;
        address = 0;
        addressBytes = 0;
        fixedRegisters = 1 << 4;
        fixedVector = -1;
    }

    void emit(int b) {
        bytes[length++] = (byte) b;
    }

    void emit(long value, int count) {
        for (int i = 0; i < count; i++) {
            emit((int) (value >>> 8 * i));
        }
    }

    /** Adds content of the data pages; what lies outside the writable ones is left out. */
    void patch(Arena arena, long at, byte[] content) {
        long offset = at - arena.dataBase();
        int from = (int) Math.max(0, Math.min(content.length, -offset));
        int to = (int) Math.max(from, Math.min(content.length, Arena.WRITABLE - offset));
        if (offset > -content.length && offset < Arena.WRITABLE && to > from && patches < MAX_PATCHES) {
            patchOffset[patches] = (int) offset + from;
            patch[patches++] = Arrays.copyOfRange(content, from, to);
        }
    }

    /** The bytes that lie on the code pages: all of them, unless the instruction reaches past their end. */
    int present() {
        return Math.min(length, Arena.CODE - codeOffset);
    }

    /** The instruction alone. */
    byte[] code() {
        return Arrays.copyOf(bytes, present());
    }

    void copy(TestCase from) {
        System.arraycopy(from.bytes, 0, bytes, 0, bytes.length);
        length = from.length;
        codeOffset = from.codeOffset;
        branch = from.branch;
        compat = from.compat;
        budget = from.budget;
        input.copy(from.input);
        patches = from.patches;
        for (int i = 0; i < patches; i++) {
            patchOffset[i] = from.patchOffset[i];
            patch[i] = from.patch[i].clone();
        }
        fixedRegisters = from.fixedRegisters;
        fixedVector = from.fixedVector;
        address = from.address;
        addressBytes = from.addressBytes;
    }
}
