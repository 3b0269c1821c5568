package org.xenolith.cpu.jit;

import java.util.Arrays;

/**
 * Encodes x86-64 host instructions into a growing buffer (SDM vol. 2, chapter 2). Registers are encoding numbers 0 to 15; displacements are
 * signed 32-bit.
 *
 * <p>The ModRM operand of the next instruction is chosen first ({@link #reg}, {@link #at(int, int)}, …); the instruction follows.
 */
final class HostAssembler {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R11 = 11;
    static final int R15 = 15;

    private static final int NONE = -1;

    private byte[] code = new byte[16384];
    private int at;

    private boolean rmIsRegister;
    private int rmBase;
    private int rmIndex;
    private int rmScale;
    private int rmDisp;

    void clear() {
        at = 0;
    }

    int size() {
        return at;
    }

    byte[] bytes() {
        return Arrays.copyOf(code, at);
    }

    byte[] buffer() {
        return code;
    }

    void b(int v) {
        if (at == code.length) {
            code = Arrays.copyOf(code, 2 * at);
        }
        code[at++] = (byte) v;
    }

    void b(int v, int v2) {
        b(v);
        b(v2);
    }

    void b(int v, int v2, int v3) {
        b(v);
        b(v2);
        b(v3);
    }

    void w(int v) {
        b(v);
        b(v >> 8);
    }

    void d(int v) {
        w(v);
        w(v >> 16);
    }

    void q(long v) {
        d((int) v);
        d((int) (v >> 32));
    }

    // ---- the ModRM operand ----

    HostAssembler reg(int r) {
        rmIsRegister = true;
        rmBase = r;
        rmIndex = 0;
        return this;
    }

    HostAssembler at(int base, int disp) {
        return at(base, NONE, 0, disp);
    }

    /** [base + index * 2^scale + disp]; base or index may be -1, index is not RSP. */
    HostAssembler at(int base, int index, int scale, int disp) {
        rmIsRegister = false;
        rmBase = base;
        rmIndex = index;
        rmScale = scale;
        rmDisp = disp;
        return this;
    }

    /** Prefix, REX, escape, opcode and ModRM of a legacy-encoded instruction. */
    void op(int prefix, boolean w, int map, int opcode, int regField, boolean forceRex) {
        if (prefix != 0) {
            b(prefix);
        }
        int rex = (w ? 8 : 0) | (regField & 8) >> 1 | (rmIndex > 7 ? 2 : 0) | (rmBase > 7 ? 1 : 0);
        if (rex != 0 || forceRex) {
            b(0x40 | rex);
        }
        if (map >= 1) {
            b(0x0f);
        }
        if (map == 2) {
            b(0x38);
        } else if (map == 3) {
            b(0x3a);
        }
        b(opcode);
        modrm(regField);
    }

    /** A 64-bit (w) or 32-bit one-byte-opcode instruction. */
    void op(boolean w, int opcode, int regField) {
        op(0, w, 0, opcode, regField, false);
    }

    /** A VEX-encoded instruction; pp as in VEX (0 none, 1 66, 2 F3, 3 F2). */
    void vex(int pp, boolean w, boolean l, int map, int opcode, int regField, int vvvv) {
        b(0xc4);
        b((regField > 7 ? 0 : 0x80) | (rmIndex > 7 ? 0 : 0x40) | (rmBase > 7 ? 0 : 0x20) | map);
        b((w ? 0x80 : 0) | (~vvvv & 15) << 3 | (l ? 4 : 0) | pp);
        b(opcode);
        modrm(regField);
    }

    private void modrm(int regField) {
        int r = (regField & 7) << 3;
        if (rmIsRegister) {
            b(0xc0 | r | rmBase & 7);
            return;
        }
        if (rmBase == NONE) {
            b(r | 4);
            b(rmScale << 6 | (rmIndex == NONE ? 4 : rmIndex & 7) << 3 | 5);
            d(rmDisp);
            return;
        }
        int mod = rmDisp == 0 && (rmBase & 7) != 5 ? 0 : rmDisp == (byte) rmDisp ? 1 : 2;
        if (rmIndex == NONE && (rmBase & 7) != 4) {
            b(mod << 6 | r | rmBase & 7);
        } else {
            b(mod << 6 | r | 4);
            b(rmScale << 6 | (rmIndex == NONE ? 4 : rmIndex & 7) << 3 | rmBase & 7);
        }
        if (mod == 1) {
            b(rmDisp);
        } else if (mod == 2) {
            d(rmDisp);
        }
    }

    // ---- frequent instructions; none of them touches flags ----

    void mov(int to, int from) {
        reg(to).op(true, 0x89, from);
    }

    void mov32(int to, int from) {
        reg(to).op(false, 0x89, from);
    }

    /** movzx r32, r16 */
    void movzx16(int to, int from) {
        reg(from).op(0, false, 1, 0xb7, to, false);
    }

    void load(int to, int base, int disp) {
        at(base, disp).op(true, 0x8b, to);
    }

    void store(int base, int disp, int from) {
        at(base, disp).op(true, 0x89, from);
    }

    /** mov r64, imm in the shortest form. */
    void movImm(int to, long v) {
        if (v == (v & 0xffff_ffffL)) {
            if (to >= 8) {
                b(0x41);
            }
            b(0xb8 | to & 7);
            d((int) v);
        } else if (v == (int) v) {
            reg(to).op(true, 0xc7, 0);
            d((int) v);
        } else {
            b(0x48 | to >> 3);
            b(0xb8 | to & 7);
            q(v);
        }
    }

    void lea(int to, int base, int disp) {
        at(base, disp).op(true, 0x8d, to);
    }

    void lea(int to, int base, int index, int scale, int disp) {
        at(base, index, scale, disp).op(true, 0x8d, to);
    }

    /** As {@link #lea(int, int, int)}, cut to 32 bits. */
    void lea32(int to, int base, int disp) {
        at(base, disp).op(false, 0x8d, to);
    }

    void lea32(int to, int base, int index, int scale, int disp) {
        at(base, index, scale, disp).op(false, 0x8d, to);
    }

    /** PEXT to, src, [base + disp] (BMI2): gathers bits without touching flags. */
    void pext(int to, int src, int base, int disp) {
        at(base, disp).vex(2, true, false, 2, 0xf5, to, src);
    }

    /** PDEP to, src, [base + disp] (BMI2). */
    void pdep(int to, int src, int base, int disp) {
        at(base, disp).vex(3, true, false, 2, 0xf5, to, src);
    }

    /** SHRX to, src, count (BMI2): shifts right by the low six bits of count without touching flags. */
    void shrx(int to, int src, int count) {
        reg(src).vex(3, true, false, 2, 0xf7, to, count);
    }

    /** LAHF; SETO AL: the arithmetic flags into AX, which is lost; they stay as they are. */
    void flagsToAx() {
        b(0x9f);
        b(0x0f, 0x90, 0xc0);
    }

    /** ADD AL, 7Fh; SAHF: the arithmetic flags from AX as {@link #flagsToAx} left it; AX is lost. */
    void flagsFromAx() {
        b(0x04, 0x7f);
        b(0x9e);
    }

    // ---- jumps ----

    /** jmp rel32; returns the offset of the displacement. */
    int jmp() {
        b(0xe9);
        d(0);
        return at - 4;
    }

    /** jcc rel32; returns the offset of the displacement. */
    int jcc(int cc) {
        b(0x0f, 0x80 | cc);
        d(0);
        return at - 4;
    }

    /** jrcxz rel8; returns the offset of the displacement. */
    int jrcxz() {
        b(0xe3, 0);
        return at - 1;
    }

    void bind8(int site) {
        int distance = at - site - 1;
        if (distance > 127) {
            throw new IllegalStateException("short jump over " + distance + " bytes");
        }
        code[site] = (byte) distance;
    }

    /** Binds a short jump to an earlier place. */
    void bind8To(int site, int target) {
        int distance = target - site - 1;
        if (distance < -128) {
            throw new IllegalStateException("short jump over " + distance + " bytes");
        }
        code[site] = (byte) distance;
    }

    void bind32(int site) {
        bind32(site, at);
    }

    void bind32(int site, int target) {
        int v = target - site - 4;
        for (int k = 0; k < 4; k++) {
            code[site + k] = (byte) (v >> 8 * k);
        }
    }
}
