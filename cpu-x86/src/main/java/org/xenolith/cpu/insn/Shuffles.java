package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorRows.all;
import static org.xenolith.cpu.insn.VectorRows.halves;
import static org.xenolith.cpu.insn.VectorRows.halvesUnary;
import static org.xenolith.cpu.insn.VectorRows.mmx;
import static org.xenolith.cpu.insn.VectorRows.three;
import static org.xenolith.cpu.insn.VectorRows.threeFloat;
import static org.xenolith.cpu.insn.VectorRows.two;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put64;

import java.util.function.LongBinaryOperator;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** Interleaving, permutation within 128 bits, insertion and extraction of elements (SDM vol. 2). */
final class Shuffles {
    private Shuffles() {
    }

    static void define(InstructionTable t) {
        interleaving(t);
        permutations(t);
        insertion(t);
        extraction(t);
    }

    private static void put(long d, long low, long high) {
        put64(d, low);
        put64(d + 8, high);
    }

    // ---- interleaving ----

    private static void interleaving(InstructionTable t) {
        // @formatter:off
        unpack(t, "BW", "0F 60", "0F 68", Lanes::punpckbw);
        unpack(t, "WD", "0F 61", "0F 69", Lanes::punpckwd);
        unpack(t, "DQ", "0F 62", "0F 6A", Lanes::punpckdq);
        three(t, "PUNPCKLQDQ", "0F 6C", "", "sse2", halves(Shuffles::lowQwords));
        three(t, "PUNPCKHQDQ", "0F 6D", "", "sse2", halves(Shuffles::highQwords));
        threeFloat(t, "UNPCKLPS", "NP", "0F 14", "", "", halves(interleaveLow(Lanes::punpckdq)));
        threeFloat(t, "UNPCKHPS", "NP", "0F 15", "", "", halves(interleaveHigh(Lanes::punpckdq)));
        threeFloat(t, "UNPCKLPD", "66", "0F 14", "", "sse2", halves(Shuffles::lowQwords));
        threeFloat(t, "UNPCKHPD", "66", "0F 15", "", "sse2", halves(Shuffles::highQwords));
        // @formatter:on
    }

    private static void unpack(InstructionTable t, String name, String low, String high, LongBinaryOperator op) {
        t.add("PUNPCKL" + name, "NP " + low + " /r", "Pq,Qd", "mmx", (c, i) -> {
            Mmx.check(c);
            long b = get64(source(c, i, 1));
            Mmx.enter(c);
            int r = i.op0().reg();
            Mmx.set(c, r, op.applyAsLong(Mmx.get(c, r), b));
        });
        mmx(t, "PUNPCKH" + name, high, "", (a, b) -> op.applyAsLong(a >>> 32, b >>> 32));
        three(t, "PUNPCKL" + name, low, "", "sse2", halves(interleaveLow(op)));
        three(t, "PUNPCKH" + name, high, "", "sse2", halves(interleaveHigh(op)));
    }

    private static VectorRows.Half interleaveLow(LongBinaryOperator op) {
        return (a, b, d, imm) -> {
            long x = get64(a);
            long y = get64(b);
            put(d, op.applyAsLong(x, y), op.applyAsLong(x >>> 32, y >>> 32));
        };
    }

    private static VectorRows.Half interleaveHigh(LongBinaryOperator op) {
        return (a, b, d, imm) -> {
            long x = get64(a + 8);
            long y = get64(b + 8);
            put(d, op.applyAsLong(x, y), op.applyAsLong(x >>> 32, y >>> 32));
        };
    }

    private static void lowQwords(long a, long b, long d, int imm) {
        put(d, get64(a), get64(b));
    }

    private static void highQwords(long a, long b, long d, int imm) {
        put(d, get64(a + 8), get64(b + 8));
    }

    // ---- permutations ----

    private static void permutations(InstructionTable t) {
        // @formatter:off
        t.add("PSHUFW", "NP 0F 70 /r", "Pq:w,Qq,Ib", "mmx", (c, i) -> {
            Mmx.check(c);
            long b = get64(source(c, i, 1));
            Mmx.enter(c);
            Mmx.set(c, i.op0().reg(), Lanes.pshufw(b, (int) i.imm()));
        });
        two(t, "PSHUFD", "0F 70", ",Ib", "sse2", halvesUnary(Shuffles::pshufd));
        all(t, "PSHUFHW", "F3", "0F 70", "Vx:w,Wx,Ib", "Vx:w,Wx,Ib", "sse2", "avx2", halvesUnary(
                (a, b, d, imm) -> put(d, get64(a), Lanes.pshufw(get64(a + 8), imm))));
        all(t, "PSHUFLW", "F2", "0F 70", "Vx:w,Wx,Ib", "Vx:w,Wx,Ib", "sse2", "avx2", halvesUnary(
                (a, b, d, imm) -> put(d, Lanes.pshufw(get64(a), imm), get64(a + 8))));
        threeFloat(t, "SHUFPS", "NP", "0F C6", ",Ib", "", halves(Shuffles::shufps));
        // the upper half of VSHUFPD takes the next two bits of the immediate
        Exec shufpd = (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long d = VectorOperands.destination(c, i);
            int imm = (int) i.imm();
            for (int k = 0; k < i.op0().bits() >>> 3; k += 16) {
                long low = get64(a + k + 8 * (imm & 1));
                put(d + k, low, get64(b + k + 8 * (imm >> 1 & 1)));
                imm >>= 2;
            }
            VectorOperands.clearUpper(i, d);
        };
        threeFloat(t, "SHUFPD", "66", "0F C6", ",Ib", "sse2", shufpd);

        mmx(t, "PSHUFB", "0F 38 00", "ssse3", (a, b) -> shuffleBytes(a, a, b & ~0x0808_0808_0808_0808L));
        three(t, "PSHUFB", "0F 38 00", "", "ssse3", halves((a, b, d, imm) -> {
            long low = get64(a);
            long high = get64(a + 8);
            long mask = get64(b + 8);
            put(d, shuffleBytes(low, high, get64(b)), shuffleBytes(low, high, mask));
        }));
        t.add("PALIGNR", "NP 0F 3A 0F /r", "Pq,Qq,Ib", "mmx ssse3", (c, i) -> {
            Mmx.check(c);
            long b = get64(source(c, i, 1));
            Mmx.enter(c);
            int r = i.op0().reg();
            Mmx.set(c, r, bytesAt(b, Mmx.get(c, r), 0, 0, (int) i.imm() & 0xff));
        });
        three(t, "PALIGNR", "0F 3A 0F", ",Ib", "ssse3", halves((a, b, d, imm) ->
                alignRight(get64(b), get64(b + 8), get64(a), get64(a + 8), d, imm)));
        // @formatter:on
    }

    private static void pshufd(long a, long same, long d, int imm) {
        long low = get32(a + 4 * (imm & 3)) & 0xffff_ffffL | (long) get32(a + 4 * (imm >> 2 & 3)) << 32;
        long high = get32(a + 4 * (imm >> 4 & 3)) & 0xffff_ffffL | (long) get32(a + 4 * (imm >> 6 & 3)) << 32;
        put(d, low, high);
    }

    private static void shufps(long a, long b, long d, int imm) {
        long low = get32(a + 4 * (imm & 3)) & 0xffff_ffffL | (long) get32(a + 4 * (imm >> 2 & 3)) << 32;
        long high = get32(b + 4 * (imm >> 4 & 3)) & 0xffff_ffffL | (long) get32(b + 4 * (imm >> 6 & 3)) << 32;
        put(d, low, high);
    }

    /** Eight bytes of low:high by the low four bits of each mask byte; zero where its highest bit is set. */
    static long shuffleBytes(long low, long high, long mask) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            int m = (int) (mask >>> s) & 0xff;
            if (m < 0x80) {
                r |= (((m & 8) == 0 ? low : high) >>> 8 * (m & 7) & 0xff) << s;
            }
        }
        return r;
    }

    /** Eight bytes of the 32-byte number w3:w2:w1:w0 from byte {@code n} (0 to 255); zeros beyond its end. */
    static long bytesAt(long w0, long w1, long w2, long w3, int n) {
        int word = n >> 3;
        long low = word(w0, w1, w2, w3, word);
        int shift = 8 * (n & 7);
        return shift == 0 ? low : low >>> shift | word(w0, w1, w2, w3, word + 1) << 64 - shift;
    }

    private static long word(long w0, long w1, long w2, long w3, int k) {
        return switch (k) {
            case 0 -> w0;
            case 1 -> w1;
            case 2 -> w2;
            case 3 -> w3;
            default -> 0;
        };
    }

    /** PALIGNR: 16 bytes of w3:w2:w1:w0 from byte {@code n} to d. */
    static void alignRight(long w0, long w1, long w2, long w3, long d, int n) {
        put(d, bytesAt(w0, w1, w2, w3, n), bytesAt(w0, w1, w2, w3, n + 8));
    }

    // ---- insertion ----

    private static void insertion(InstructionTable t) {
        // @formatter:off
        t.add("PINSRW", "NP 0F C4 /r", "Pq,Mw,Ib", "mmx", Shuffles::pinsrwMmx);
        t.add("PINSRW", "NP 0F C4 /r", "Pq,Rd,Ib", "mmx", Shuffles::pinsrwMmx);
        insert(t, "PINSRW", "0F C4",    "Mw", "sse2");
        insert(t, "PINSRW", "0F C4",    "Rd", "sse2");
        insert(t, "PINSRB", "0F 3A 20", "Mb", "sse4_1");
        insert(t, "PINSRB", "0F 3A 20", "Rd", "sse4_1");
        t.add("PINSRQ", "66 REX.W 0F 3A 22 /r", "Vdq,Eq,Ib", "sse sse4_1", inserting(64));
        t.add("PINSRD", "66 0F 3A 22 /r",       "Vdq,Ed,Ib", "sse sse4_1", inserting(32));
        t.add("VPINSRQ", "VEX.128.66.0F3A.W1 22 /r", "Vdq:w,Hdq,Eq,Ib", "avx o64", inserting(64));
        t.add("VPINSRD", "VEX.128.66.0F3A 22 /r",    "Vdq:w,Hdq,Ed,Ib", "avx", inserting(32));
        t.add("INSERTPS", "66 0F 3A 21 /r", "Vdq,Md,Ib",  "sse sse4_1", Shuffles::insertps);
        t.add("INSERTPS", "66 0F 3A 21 /r", "Vdq,Udq,Ib", "sse sse4_1", Shuffles::insertps);
        t.add("VINSERTPS", "VEX.128.66.0F3A.WIG 21 /r", "Vdq:w,Hdq,Md,Ib",  "avx", Shuffles::insertps);
        t.add("VINSERTPS", "VEX.128.66.0F3A.WIG 21 /r", "Vdq:w,Hdq,Udq,Ib", "avx", Shuffles::insertps);
        // @formatter:on
    }

    private static void insert(InstructionTable t, String name, String opcode, String from,
            String feature) {
        Exec exec = inserting(name.endsWith("W") ? 16 : 8);
        t.add(name, "66 " + opcode + " /r", "Vdq," + from + ",Ib", "sse " + feature, exec);
        t.add("V" + name, vex("128", "66", opcode, "WIG") + " /r", "Vdq:w,Hdq," + from + ",Ib", "avx", exec);
    }

    static void pinsrwMmx(Cpu c, Insn i) {
        Mmx.check(c);
        long v = i.read1(c);
        Mmx.enter(c);
        int r = i.op0().reg();
        Mmx.set(c, r, replace(Mmx.get(c, r), v, 16, 16 * ((int) i.imm() & 3)));
    }

    private static long replace(long a, long v, int bits, int shift) {
        if (bits == 64) {
            return v;
        }
        long mask = (1L << bits) - 1;
        return a & ~(mask << shift) | (v & mask) << shift;
    }

    /** Replaces the element of {@code bits} bits that the immediate names. */
    private static Exec inserting(int bits) {
        return (c, i) -> {
            int f = first(i);
            long v = i.read(c, f + 1);
            long a = source(c, i, f);
            int at = (int) i.imm() * bits & 127;
            if (at < 64) {
                write128(c, i, replace(get64(a), v, bits, at), get64(a + 8));
            } else {
                write128(c, i, get64(a), replace(get64(a + 8), v, bits, at - 64));
            }
        };
    }

    static void insertps(Cpu c, Insn i) {
        int f = first(i);
        int imm = (int) i.imm();
        long b = source(c, i, f + 1);
        long v = get32(b + (i.isMem(f + 1) ? 0 : 4 * (imm >> 6 & 3)));
        long a = source(c, i, f);
        int at = imm >> 4 & 3;
        long low = get64(a);
        long high = get64(a + 8);
        if (at < 2) {
            low = replace(low, v, 32, 32 * at);
        } else {
            high = replace(high, v, 32, 32 * at - 64);
        }
        write128(c, i, low & ~zeroed(imm), high & ~zeroed(imm >> 2));
    }

    private static long zeroed(int bits) {
        return ((bits & 1) != 0 ? 0xffff_ffffL : 0) | ((bits & 2) != 0 ? 0xffff_ffffL << 32 : 0);
    }

    // ---- extraction ----

    private static void extraction(InstructionTable t) {
        // @formatter:off
        t.add("PEXTRW", "NP 0F C5 /r", "Gd:w,Nq,Ib", "mmx", (c, i) -> {
            Mmx.check(c);
            Mmx.enter(c);
            c.setReg32(i.op0().reg(), Mmx.get(c, i.op1().reg()) >>> 16 * ((int) i.imm() & 3) & 0xffff);
        });
        Exec word = (c, i) -> i.write0(c, get16(source(c, i, 1) + 2 * ((int) i.imm() & 7)));
        Exec octet = (c, i) -> i.write0(c, get8(source(c, i, 1) + ((int) i.imm() & 15)));
        Exec dword = (c, i) -> i.write0(c, get32(source(c, i, 1) + 4 * ((int) i.imm() & 3)));
        Exec qword = (c, i) -> i.write0(c, get64(source(c, i, 1) + 8 * ((int) i.imm() & 1)));
        extract(t, "PEXTRW", "0F C5",    "Gd:w,Udq,Ib", "sse2", word);
        extract(t, "PEXTRB", "0F 3A 14", "Mb:w,Vdq,Ib", "sse4_1", octet);
        extract(t, "PEXTRB", "0F 3A 14", "Rd:w,Vdq,Ib", "sse4_1", octet);
        extract(t, "PEXTRW", "0F 3A 15", "Mw:w,Vdq,Ib", "sse4_1", word);
        extract(t, "PEXTRW", "0F 3A 15", "Rd:w,Vdq,Ib", "sse4_1", word);
        extract(t, "EXTRACTPS", "0F 3A 17", "Ed:w,Vdq,Ib", "sse4_1", dword);
        t.add("PEXTRQ", "66 REX.W 0F 3A 16 /r", "Eq:w,Vdq,Ib", "sse sse4_1", qword);
        t.add("PEXTRD", "66 0F 3A 16 /r",       "Ed:w,Vdq,Ib", "sse sse4_1", dword);
        t.add("VPEXTRQ", "VEX.128.66.0F3A.W1 16 /r", "Eq:w,Vdq,Ib", "avx o64", qword);
        t.add("VPEXTRD", "VEX.128.66.0F3A 16 /r",    "Ed:w,Vdq,Ib", "avx", dword);
        // @formatter:on
    }

    private static void extract(InstructionTable t, String name, String opcode, String operands, String feature,
            Exec exec) {
        t.add(name, "66 " + opcode + " /r", operands, "sse " + feature, exec);
        t.add("V" + name, vex("128", "66", opcode, "WIG") + " /r", operands, "avx", exec);
    }
}
