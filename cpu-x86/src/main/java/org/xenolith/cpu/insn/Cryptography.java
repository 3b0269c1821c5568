package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorRows.halves;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * AES, carry-less multiplication and SHA (SDM vol. 2; FIPS 197 and FIPS 180-4).
 *
 * <p>SHA's memory operands need no alignment: so AMD processors do it, while the SDM lists #GP.
 */
final class Cryptography {
    private Cryptography() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        Exec imc = VectorRows.halvesUnary((a, b, d, n) -> pair(d, Aes.inverseMixColumns(get64(a)),
                Aes.inverseMixColumns(get64(a + 8))));
        t.add("AESIMC",  "66 0F 38 DB /r", "Vdq:w,Wdq", "sse align aes", imc);
        t.add("VAESIMC", "VEX.128.66.0F38.WIG DB /r", "Vdq:w,Wdq", "avx aes", imc);
        t.add("AESKEYGENASSIST",  "66 0F 3A DF /r", "Vdq:w,Wdq,Ib", "sse align aes", Cryptography::aeskeygenassist);
        t.add("VAESKEYGENASSIST", "VEX.128.66.0F3A.WIG DF /r", "Vdq:w,Wdq,Ib", "avx aes",
                Cryptography::aeskeygenassist);
        wide(t, "AESENC",     "0F 38 DC", "", "aes", "vaes", Cryptography::aesenc);
        wide(t, "AESENCLAST", "0F 38 DD", "", "aes", "vaes", Cryptography::aesenclast);
        wide(t, "AESDEC",     "0F 38 DE", "", "aes", "vaes", Cryptography::aesdec);
        wide(t, "AESDECLAST", "0F 38 DF", "", "aes", "vaes", Cryptography::aesdeclast);
        wide(t, "PCLMULQDQ",  "0F 3A 44", ",Ib", "pclmulqdq", "vpclmulqdq", Cryptography::pclmulqdq);

        t.add("SHA1NEXTE",   "NP 0F 38 C8 /r", "Vdq,Wdq", "sse sha", Cryptography::sha1nexte);
        t.add("SHA1MSG1",    "NP 0F 38 C9 /r", "Vdq,Wdq", "sse sha", Cryptography::sha1msg1);
        t.add("SHA1MSG2",    "NP 0F 38 CA /r", "Vdq,Wdq", "sse sha", Cryptography::sha1msg2);
        t.add("SHA256RNDS2", "NP 0F 38 CB /r", "Vdq,Wdq,XMM0", "sse sha", Cryptography::sha256rnds2);
        t.add("SHA256MSG1",  "NP 0F 38 CC /r", "Vdq,Wdq", "sse sha", Cryptography::sha256msg1);
        t.add("SHA256MSG2",  "NP 0F 38 CD /r", "Vdq,Wdq", "sse sha", Cryptography::sha256msg2);
        t.add("SHA1RNDS4",   "NP 0F 3A CC /r", "Vdq,Wdq,Ib", "sse sha", Cryptography::sha1rnds4);
        // @formatter:on
    }

    private static void wide(InstructionTable t, String name, String opcode, String tail, String feature,
            String feature256, VectorRows.Half op) {
        Exec exec = halves(op);
        t.add(name, "66 " + opcode + " /r", "Vx,Wx" + tail, "sse align " + feature, exec);
        t.add("V" + name, vex("128", "66", opcode, "WIG") + " /r", "Vx:w,Hx,Wx" + tail, "avx " + feature, exec);
        t.add("V" + name, vex("256", "66", opcode, "WIG") + " /r", "Vx:w,Hx,Wx" + tail, "avx " + feature256, exec);
    }

    private static void pair(long d, long low, long high) {
        put64(d, low);
        put64(d + 8, high);
    }

    // ---- AES: a is the state, b the round key ----

    private static void aesenc(long a, long b, long d, int imm) {
        long low = Aes.subShift(get64(a), get64(a + 8), 0);
        long high = Aes.subShift(get64(a), get64(a + 8), 8);
        pair(d, Aes.mixColumns(low) ^ get64(b), Aes.mixColumns(high) ^ get64(b + 8));
    }

    private static void aesenclast(long a, long b, long d, int imm) {
        long low = Aes.subShift(get64(a), get64(a + 8), 0);
        long high = Aes.subShift(get64(a), get64(a + 8), 8);
        pair(d, low ^ get64(b), high ^ get64(b + 8));
    }

    private static void aesdec(long a, long b, long d, int imm) {
        long low = Aes.inverseSubShift(get64(a), get64(a + 8), 0);
        long high = Aes.inverseSubShift(get64(a), get64(a + 8), 8);
        pair(d, Aes.inverseMixColumns(low) ^ get64(b), Aes.inverseMixColumns(high) ^ get64(b + 8));
    }

    private static void aesdeclast(long a, long b, long d, int imm) {
        long low = Aes.inverseSubShift(get64(a), get64(a + 8), 0);
        long high = Aes.inverseSubShift(get64(a), get64(a + 8), 8);
        pair(d, low ^ get64(b), high ^ get64(b + 8));
    }

    static void aeskeygenassist(Cpu c, Insn i) {
        long a = source(c, i, 1);
        int rcon = (int) i.imm() & 0xff;
        int x1 = Aes.subWord(get32(a + 4));
        int x3 = Aes.subWord(get32(a + 12));
        write128(c, i, join(x1, Integer.rotateRight(x1, 8) ^ rcon), join(x3, Integer.rotateRight(x3, 8) ^ rcon));
    }

    private static long join(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }

    // ---- carry-less multiplication ----

    private static void pclmulqdq(long a, long b, long d, int imm) {
        long x = get64(a + 8 * (imm & 1));
        long y = get64(b + 8 * (imm >> 4 & 1));
        long low = 0;
        long high = 0;
        for (long rest = y; rest != 0; rest &= rest - 1) {
            int k = Long.numberOfTrailingZeros(rest);
            low ^= x << k;
            high ^= k == 0 ? 0 : x >>> 64 - k;
        }
        pair(d, low, high);
    }

    // ---- SHA-1: dwords 3 to 0 of a register are A, B, C, D ----

    static void sha1nexte(Cpu c, Insn i) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int e = Integer.rotateLeft(get32(a + 12), 30);
        write128(c, i, get64(b), join(get32(b + 8), get32(b + 12) + e));
    }

    static void sha1msg1(Cpu c, Insn i) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int w0 = get32(a + 12);
        int w1 = get32(a + 8);
        int w2 = get32(a + 4);
        int w3 = get32(a);
        int w4 = get32(b + 12);
        int w5 = get32(b + 8);
        write128(c, i, join(w5 ^ w3, w4 ^ w2), join(w3 ^ w1, w2 ^ w0));
    }

    static void sha1msg2(Cpu c, Insn i) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int w16 = Integer.rotateLeft(get32(a + 12) ^ get32(b + 8), 1);
        int w17 = Integer.rotateLeft(get32(a + 8) ^ get32(b + 4), 1);
        int w18 = Integer.rotateLeft(get32(a + 4) ^ get32(b), 1);
        int w19 = Integer.rotateLeft(get32(a) ^ w16, 1);
        write128(c, i, join(w19, w18), join(w17, w16));
    }

    static void sha1rnds4(Cpu c, Insn i) {
        long w = source(c, i, 1);
        long s = source(c, i, 0);
        int function = (int) i.imm() & 3;
        int a = get32(s + 12);
        int b = get32(s + 8);
        int x = get32(s + 4);
        int d = get32(s);
        int e = 0;
        for (int round = 0; round < 4; round++) {
            int f = switch (function) {
                case 0 -> (b & x ^ ~b & d) + 0x5a82_7999;
                case 1 -> (b ^ x ^ d) + 0x6ed9_eba1;
                case 2 -> (b & x ^ b & d ^ x & d) + 0x8f1b_bcdc;
                default -> (b ^ x ^ d) + 0xca62_c1d6;
            };
            int next = f + Integer.rotateLeft(a, 5) + get32(w + 12 - 4 * round) + e;
            e = d;
            d = x;
            x = Integer.rotateLeft(b, 30);
            b = a;
            a = next;
        }
        write128(c, i, join(d, x), join(b, a));
    }

    // ---- SHA-256 ----

    private static int sigma(int x, int r1, int r2, int shift) {
        return Integer.rotateRight(x, r1) ^ Integer.rotateRight(x, r2) ^ x >>> shift;
    }

    static void sha256msg1(Cpu c, Insn i) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int w4 = get32(b);
        int w3 = get32(a + 12);
        int w2 = get32(a + 8);
        int w1 = get32(a + 4);
        int w0 = get32(a);
        write128(c, i, join(w0 + sigma(w1, 7, 18, 3), w1 + sigma(w2, 7, 18, 3)),
                join(w2 + sigma(w3, 7, 18, 3), w3 + sigma(w4, 7, 18, 3)));
    }

    static void sha256msg2(Cpu c, Insn i) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int w16 = get32(a) + sigma(get32(b + 8), 17, 19, 10);
        int w17 = get32(a + 4) + sigma(get32(b + 12), 17, 19, 10);
        int w18 = get32(a + 8) + sigma(w16, 17, 19, 10);
        int w19 = get32(a + 12) + sigma(w17, 17, 19, 10);
        write128(c, i, join(w16, w17), join(w18, w19));
    }

    /** The destination holds C, D, G, H, the source A, B, E, F, XMM0 two words plus round constants. */
    static void sha256rnds2(Cpu c, Insn i) {
        long s2 = source(c, i, first(i) + 1);
        long s1 = source(c, i, 0);
        int a = get32(s2 + 12);
        int b = get32(s2 + 8);
        int cc = get32(s1 + 12);
        int d = get32(s1 + 8);
        int e = get32(s2 + 4);
        int f = get32(s2);
        int g = get32(s1 + 4);
        int h = get32(s1);
        long wk = c.ymm(0, 0);
        for (int round = 0; round < 2; round++) {
            int big1 = Integer.rotateRight(e, 6) ^ Integer.rotateRight(e, 11) ^ Integer.rotateRight(e, 25);
            int big0 = Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22);
            int t1 = h + big1 + (e & f ^ ~e & g) + (int) (wk >>> 32 * round);
            int t2 = big0 + (a & b ^ a & cc ^ b & cc);
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = cc;
            cc = b;
            b = a;
            a = t1 + t2;
        }
        write128(c, i, join(f, e), join(b, a));
    }
}
