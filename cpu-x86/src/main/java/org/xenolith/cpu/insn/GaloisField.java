package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorRows.halves;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.InstructionTable;

/** GFNI: multiplication, affine transformation and inversion of bytes in GF(2^8) modulo 11Bh (SDM vol. 2). */
final class GaloisField {
    private GaloisField() {
    }

    static void define(InstructionTable t) {
        rows(t, "GF2P8MULB", "0F 38 CF", "", "W0", halves((a, b, d, imm) -> {
            put64(d, multiply(get64(a), get64(b)));
            put64(d + 8, multiply(get64(a + 8), get64(b + 8)));
        }));
        rows(t, "GF2P8AFFINEQB", "0F 3A CE", ",Ib", "W1", halves((a, b, d, imm) -> {
            put64(d, affine(get64(a), get64(b), imm));
            put64(d + 8, affine(get64(a + 8), get64(b + 8), imm));
        }));
        rows(t, "GF2P8AFFINEINVQB", "0F 3A CF", ",Ib", "W1", halves((a, b, d, imm) -> {
            put64(d, affine(invert(get64(a)), get64(b), imm));
            put64(d + 8, affine(invert(get64(a + 8)), get64(b + 8), imm));
        }));
    }

    private static void rows(InstructionTable t, String name, String opcode, String tail, String w, Exec exec) {
        t.add(name, "66 " + opcode + " /r", "Vx,Wx" + tail, "sse align gfni", exec);
        t.add("V" + name, vex("128", "66", opcode, w) + " /r", "Vx:w,Hx,Wx" + tail, "avx gfni", exec);
        t.add("V" + name, vex("256", "66", opcode, w) + " /r", "Vx:w,Hx,Wx" + tail, "avx gfni", exec);
    }

    /** Eight products. */
    private static long multiply(long a, long b) {
        long r = 0;
        long power = a;
        for (int k = 0; k < 8; k++) {
            // each byte of b with bit k set takes its multiple of x^k
            r ^= power & (b >>> k & 0x0101_0101_0101_0101L) * 0xff;
            power = Aes.twice(power);
        }
        return r;
    }

    /** Inverses as a^254; 0 stays 0. */
    private static long invert(long a) {
        long square = multiply(a, a);
        long r = square;
        for (int k = 0; k < 6; k++) {
            square = multiply(square, square);
            r = multiply(r, square);
        }
        return r;
    }

    /** Bit k of each result is the parity of the byte with matrix row 7 - k, plus bit k of the constant. */
    private static long affine(long a, long matrix, int constant) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            long v = a & (matrix >>> 8 * (7 - k) & 0xff) * 0x0101_0101_0101_0101L;
            v ^= v >>> 4;
            v ^= v >>> 2;
            v ^= v >>> 1;
            r |= (v & 0x0101_0101_0101_0101L) << k;
        }
        return r ^ constant * 0x0101_0101_0101_0101L;
    }
}
