package org.xenolith.cpu.jit.host;

import java.util.Arrays;

/**
 * Collects the bytes of emitted code that will run at a known address, so that RIP-relative operands and jumps can be
 * resolved at once. Only the few encodings that trampolines need; general-purpose registers go by number (RAX = 0).
 */
final class CodeBuffer {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;

    private final long base;
    private byte[] code = new byte[256];
    private int length;

    CodeBuffer(long base) {
        this.base = base;
    }

    /** The address of the next byte. */
    long here() {
        return base + length;
    }

    byte[] bytes() {
        return Arrays.copyOf(code, length);
    }

    CodeBuffer emit(int... values) {
        for (int v : values) {
            if (length == code.length) {
                code = Arrays.copyOf(code, 2 * length);
            }
            code[length++] = (byte) v;
        }
        return this;
    }

    CodeBuffer emit32(int v) {
        return emit(v, v >> 8, v >> 16, v >> 24);
    }

    /** Emits {@code opcode... modrm(00, reg, 101) disp32}: an instruction whose memory operand is at {@code target}. */
    CodeBuffer ripRelative(long target, int reg, int... opcode) {
        emit(opcode);
        emit((reg & 7) << 3 | 5);
        return emit32(rel32(target, 4));
    }

    /** {@code mov r64, [target]}. */
    CodeBuffer load(int reg, long target) {
        return ripRelative(target, reg, 0x48 | reg >> 3 << 2, 0x8b);
    }

    /** {@code mov [target], r64}. */
    CodeBuffer store(long target, int reg) {
        return ripRelative(target, reg, 0x48 | reg >> 3 << 2, 0x89);
    }

    /** {@code mov dword [target], imm32}. */
    CodeBuffer store32(long target, int imm) {
        emit(0xc7, 0x05);
        emit32(rel32(target, 8));
        return emit32(imm);
    }

    /** {@code lea r64, [target]}. */
    CodeBuffer lea(int reg, long target) {
        return ripRelative(target, reg, 0x48 | reg >> 3 << 2, 0x8d);
    }

    /** {@code mov r64, [base + disp32]}; {@code base} is none of RSP, R12. */
    CodeBuffer loadAt(int reg, int baseReg, int disp) {
        emit(0x48 | reg >> 3 << 2 | baseReg >> 3, 0x8b, 0x80 | (reg & 7) << 3 | baseReg & 7);
        return emit32(disp);
    }

    /** {@code mov [base + disp32], r64}; {@code base} is none of RSP, R12. */
    CodeBuffer storeAt(int baseReg, int disp, int reg) {
        emit(0x48 | reg >> 3 << 2 | baseReg >> 3, 0x89, 0x80 | (reg & 7) << 3 | baseReg & 7);
        return emit32(disp);
    }

    /** {@code jmp rel32}. */
    CodeBuffer jump(long target) {
        emit(0xe9);
        return emit32(rel32(target, 4));
    }

    /** {@code jcc rel32} forwards; returns the place to hand to {@link #land}. */
    int jumpIf(int condition) {
        emit(0x0f, 0x80 | condition, 0, 0, 0, 0);
        return length;
    }

    /** Resolves a forward jump to here. */
    CodeBuffer land(int place) {
        int rel = length - place;
        for (int i = 0; i < 4; i++) { code[place - 4 + i] = (byte) (rel >> 8 * i); }
        return this;
    }

    private int rel32(long target, int tail) {
        return Math.toIntExact(target - (here() + tail));
    }
}
