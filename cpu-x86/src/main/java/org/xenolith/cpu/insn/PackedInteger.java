package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.clearUpper;
import static org.xenolith.cpu.insn.VectorOperands.destination;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorRows.each;
import static org.xenolith.cpu.insn.VectorRows.eachUnary;
import static org.xenolith.cpu.insn.VectorRows.halves;
import static org.xenolith.cpu.insn.VectorRows.lanes;
import static org.xenolith.cpu.insn.VectorRows.mmx;
import static org.xenolith.cpu.insn.VectorRows.mmxUnary;
import static org.xenolith.cpu.insn.VectorRows.narrow;
import static org.xenolith.cpu.insn.VectorRows.packed;
import static org.xenolith.cpu.insn.VectorRows.three;
import static org.xenolith.cpu.insn.VectorRows.threeFloat;
import static org.xenolith.cpu.insn.VectorRows.two;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Specializer;

/** Packed integer arithmetic, logic, comparison and shifts of MMX, SSE2, SSSE3, SSE4.1, AVX and AVX2 (SDM vol. 2). */
final class PackedInteger {
    private static final Exec AND = Specializer.of(PackedInteger::and,
            i -> registers128(i) ? PackedInteger::and128 : null);
    private static final Exec ANDN = Specializer.of(PackedInteger::andn,
            i -> registers128(i) ? PackedInteger::andn128 : null);
    private static final Exec OR = Specializer.of(PackedInteger::or,
            i -> registers128(i) ? PackedInteger::or128 : null);
    private static final Exec XOR = Specializer.of(PackedInteger::xor,
            i -> registers128(i) ? PackedInteger::xor128 : null);

    private PackedInteger() {
    }

    static void define(InstructionTable t) {
        arithmetic(t);
        logic(t);
        horizontal(t);
        shifts(t);
    }

    private static void arithmetic(InstructionTable t) {
        // @formatter:off
        packed(t, "PADDB",   "0F FC", "", "sse2", Lanes::paddb);
        packed(t, "PADDW",   "0F FD", "", "sse2", Lanes::paddw);
        packed(t, "PADDD",   "0F FE", "", "sse2", Lanes::paddd);
        packed(t, "PADDQ",   "0F D4", "sse2", "sse2", (a, b) -> a + b);
        packed(t, "PSUBB",   "0F F8", "", "sse2", Lanes::psubb);
        packed(t, "PSUBW",   "0F F9", "", "sse2", Lanes::psubw);
        packed(t, "PSUBD",   "0F FA", "", "sse2", Lanes::psubd);
        packed(t, "PSUBQ",   "0F FB", "sse2", "sse2", (a, b) -> a - b);
        packed(t, "PADDUSB", "0F DC", "", "sse2", Lanes::paddusb);
        packed(t, "PADDUSW", "0F DD", "", "sse2", Lanes::paddusw);
        packed(t, "PADDSB",  "0F EC", "", "sse2", Lanes::paddsb);
        packed(t, "PADDSW",  "0F ED", "", "sse2", Lanes::paddsw);
        packed(t, "PSUBUSB", "0F D8", "", "sse2", Lanes::psubusb);
        packed(t, "PSUBUSW", "0F D9", "", "sse2", Lanes::psubusw);
        packed(t, "PSUBSB",  "0F E8", "", "sse2", Lanes::psubsb);
        packed(t, "PSUBSW",  "0F E9", "", "sse2", Lanes::psubsw);
        packed(t, "PAVGB",   "0F E0", "", "sse2", Lanes::pavgb);
        packed(t, "PAVGW",   "0F E3", "", "sse2", Lanes::pavgw);
        packed(t, "PMULLW",  "0F D5", "", "sse2", Lanes::pmullw);
        packed(t, "PMULHW",  "0F E5", "", "sse2", Lanes::pmulhw);
        packed(t, "PMULHUW", "0F E4", "", "sse2", Lanes::pmulhuw);
        packed(t, "PMADDWD", "0F F5", "", "sse2", Lanes::pmaddwd);
        packed(t, "PMULUDQ", "0F F4", "sse2", "sse2", Lanes::pmuludq);
        packed(t, "PSADBW",  "0F F6", "", "sse2", Lanes::psadbw);
        packed(t, "PMINUB",  "0F DA", "", "sse2", Lanes::pminub);
        packed(t, "PMAXUB",  "0F DE", "", "sse2", Lanes::pmaxub);
        packed(t, "PMINSW",  "0F EA", "", "sse2", Lanes::pminsw);
        packed(t, "PMAXSW",  "0F EE", "", "sse2", Lanes::pmaxsw);
        packed(t, "PCMPEQB", "0F 74", "", "sse2", Lanes::pcmpeqb);
        packed(t, "PCMPEQW", "0F 75", "", "sse2", Lanes::pcmpeqw);
        packed(t, "PCMPEQD", "0F 76", "", "sse2", Lanes::pcmpeqd);
        packed(t, "PCMPGTB", "0F 64", "", "sse2", Lanes::pcmpgtb);
        packed(t, "PCMPGTW", "0F 65", "", "sse2", Lanes::pcmpgtw);
        packed(t, "PCMPGTD", "0F 66", "", "sse2", Lanes::pcmpgtd);

        packed(t, "PSIGNB",    "0F 38 08", "ssse3", "ssse3", Lanes::psignb);
        packed(t, "PSIGNW",    "0F 38 09", "ssse3", "ssse3", Lanes::psignw);
        packed(t, "PSIGND",    "0F 38 0A", "ssse3", "ssse3", Lanes::psignd);
        packed(t, "PMULHRSW",  "0F 38 0B", "ssse3", "ssse3", Lanes::pmulhrsw);
        packed(t, "PMADDUBSW", "0F 38 04", "ssse3", "ssse3", Lanes::pmaddubsw);
        unary(t, "PABSB", "0F 38 1C", Lanes::pabsb);
        unary(t, "PABSW", "0F 38 1D", Lanes::pabsw);
        unary(t, "PABSD", "0F 38 1E", Lanes::pabsd);

        lanes(t, "PMULDQ",  "0F 38 28", "sse4_1", Lanes::pmuldq);
        lanes(t, "PCMPEQQ", "0F 38 29", "sse4_1", Lanes::pcmpeqq);
        lanes(t, "PCMPGTQ", "0F 38 37", "sse4_2", Lanes::pcmpgtq);
        lanes(t, "PMINSB",  "0F 38 38", "sse4_1", Lanes::pminsb);
        lanes(t, "PMINSD",  "0F 38 39", "sse4_1", Lanes::pminsd);
        lanes(t, "PMINUW",  "0F 38 3A", "sse4_1", Lanes::pminuw);
        lanes(t, "PMINUD",  "0F 38 3B", "sse4_1", Lanes::pminud);
        lanes(t, "PMAXSB",  "0F 38 3C", "sse4_1", Lanes::pmaxsb);
        lanes(t, "PMAXSD",  "0F 38 3D", "sse4_1", Lanes::pmaxsd);
        lanes(t, "PMAXUW",  "0F 38 3E", "sse4_1", Lanes::pmaxuw);
        lanes(t, "PMAXUD",  "0F 38 3F", "sse4_1", Lanes::pmaxud);
        lanes(t, "PMULLD",  "0F 38 40", "sse4_1", Lanes::pmulld);
        // @formatter:on
    }

    private static void unary(InstructionTable t, String name, String opcode, LongUnaryOperator op) {
        mmxUnary(t, name, opcode, "ssse3", op);
        two(t, name, opcode, "", "ssse3", eachUnary(op));
    }

    // ---- logic: direct, since programs spend their time here ----

    private static void logic(InstructionTable t) {
        // @formatter:off
        mmx(t, "PAND",  "0F DB", "", (a, b) -> a & b);
        mmx(t, "PANDN", "0F DF", "", (a, b) -> ~a & b);
        mmx(t, "POR",   "0F EB", "", (a, b) -> a | b);
        mmx(t, "PXOR",  "0F EF", "", (a, b) -> a ^ b);
        three(t, "PAND",  "0F DB", "", "sse2", AND);
        three(t, "PANDN", "0F DF", "", "sse2", ANDN);
        three(t, "POR",   "0F EB", "", "sse2", OR);
        three(t, "PXOR",  "0F EF", "", "sse2", XOR);
        threeFloat(t, "ANDPS",  "NP", "0F 54", "", "", AND);
        threeFloat(t, "ANDPD",  "66", "0F 54", "", "sse2", AND);
        threeFloat(t, "ANDNPS", "NP", "0F 55", "", "", ANDN);
        threeFloat(t, "ANDNPD", "66", "0F 55", "", "sse2", ANDN);
        threeFloat(t, "ORPS",   "NP", "0F 56", "", "", OR);
        threeFloat(t, "ORPD",   "66", "0F 56", "", "sse2", OR);
        threeFloat(t, "XORPS",  "NP", "0F 57", "", "", XOR);
        threeFloat(t, "XORPD",  "66", "0F 57", "", "sse2", XOR);
        // @formatter:on
    }

    static void and(Cpu c, Insn i) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long d = destination(c, i);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(d + k, get64(a + k) & get64(b + k));
        }
        clearUpper(i, d);
    }

    static void andn(Cpu c, Insn i) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long d = destination(c, i);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(d + k, ~get64(a + k) & get64(b + k));
        }
        clearUpper(i, d);
    }

    static void or(Cpu c, Insn i) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long d = destination(c, i);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(d + k, get64(a + k) | get64(b + k));
        }
        clearUpper(i, d);
    }

    static void xor(Cpu c, Insn i) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long d = destination(c, i);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(d + k, get64(a + k) ^ get64(b + k));
        }
        clearUpper(i, d);
    }

    /** The commonest shape: two XMM registers, without VEX. */
    private static boolean registers128(Insn i) {
        return !i.def().vex() && !i.isMem(1);
    }

    private static void and128(Cpu c, Insn i) {
        long d = c.ymmAddress(i.r0());
        long b = c.ymmAddress(i.r1());
        put64(d, get64(d) & get64(b));
        put64(d + 8, get64(d + 8) & get64(b + 8));
    }

    private static void andn128(Cpu c, Insn i) {
        long d = c.ymmAddress(i.r0());
        long b = c.ymmAddress(i.r1());
        put64(d, ~get64(d) & get64(b));
        put64(d + 8, ~get64(d + 8) & get64(b + 8));
    }

    private static void or128(Cpu c, Insn i) {
        long d = c.ymmAddress(i.r0());
        long b = c.ymmAddress(i.r1());
        put64(d, get64(d) | get64(b));
        put64(d + 8, get64(d + 8) | get64(b + 8));
    }

    private static void xor128(Cpu c, Insn i) {
        long d = c.ymmAddress(i.r0());
        long b = c.ymmAddress(i.r1());
        put64(d, get64(d) ^ get64(b));
        put64(d + 8, get64(d + 8) ^ get64(b + 8));
    }

    // ---- packs and horizontal arithmetic ----

    private static void horizontal(InstructionTable t) {
        // @formatter:off
        narrowing(t, "PACKSSWB", "0F 63", "", "sse2", Lanes::packsswb);
        narrowing(t, "PACKUSWB", "0F 67", "", "sse2", Lanes::packuswb);
        narrowing(t, "PACKSSDW", "0F 6B", "", "sse2", Lanes::packssdw);
        three(t, "PACKUSDW", "0F 38 2B", "", "sse4_1", halves(narrow(Lanes::packusdw)));
        narrowing(t, "PHADDW",  "0F 38 01", "ssse3", "ssse3", Lanes::phaddw);
        narrowing(t, "PHADDD",  "0F 38 02", "ssse3", "ssse3", Lanes::phaddd);
        narrowing(t, "PHADDSW", "0F 38 03", "ssse3", "ssse3", Lanes::phaddsw);
        narrowing(t, "PHSUBW",  "0F 38 05", "ssse3", "ssse3", Lanes::phsubw);
        narrowing(t, "PHSUBD",  "0F 38 06", "ssse3", "ssse3", Lanes::phsubd);
        narrowing(t, "PHSUBSW", "0F 38 07", "ssse3", "ssse3", Lanes::phsubsw);
        // @formatter:on
    }

    private static void narrowing(InstructionTable t, String name, String opcode, String mmxFeature, String feature,
            LongUnaryOperator op) {
        mmx(t, name, opcode, mmxFeature, (a, b) -> op.applyAsLong(a) | op.applyAsLong(b) << 32);
        three(t, name, opcode, "", feature, halves(narrow(op)));
    }

    // ---- shifts ----

    private static void shifts(InstructionTable t) {
        // @formatter:off
        shift(t, "PSRLW", "0F D1", "0F 71 /2", Lanes::psrlw);
        shift(t, "PSRAW", "0F E1", "0F 71 /4", Lanes::psraw);
        shift(t, "PSLLW", "0F F1", "0F 71 /6", Lanes::psllw);
        shift(t, "PSRLD", "0F D2", "0F 72 /2", Lanes::psrld);
        shift(t, "PSRAD", "0F E2", "0F 72 /4", Lanes::psrad);
        shift(t, "PSLLD", "0F F2", "0F 72 /6", Lanes::pslld);
        shift(t, "PSRLQ", "0F D3", "0F 73 /2", Lanes::psrlq);
        shift(t, "PSLLQ", "0F F3", "0F 73 /6", Lanes::psllq);
        byImmediate(t, "PSRLDQ", "0F 73 /3", PackedInteger::psrldq);
        byImmediate(t, "PSLLDQ", "0F 73 /7", PackedInteger::pslldq);
        variable(t, "VPSRLVD", "0F 38 45", "W0", Lanes::psrlvd);
        variable(t, "VPSRLVQ", "0F 38 45", "W1", Lanes::psrlq);
        variable(t, "VPSRAVD", "0F 38 46", "W0", Lanes::psravd);
        variable(t, "VPSLLVD", "0F 38 47", "W0", Lanes::psllvd);
        variable(t, "VPSLLVQ", "0F 38 47", "W1", Lanes::psllq);
        // @formatter:on
    }

    /** Each element by a count of its own: only with VEX. */
    private static void variable(InstructionTable t, String name, String opcode, String w, LongBinaryOperator op) {
        t.add(name, vex("128", "66", opcode, w) + " /r", "Vx:w,Hx,Wx", "avx avx2", each(op));
        t.add(name, vex("256", "66", opcode, w) + " /r", "Vx:w,Hx,Wx", "avx avx2", each(op));
    }

    /** The forms with a count in the low 64 bits of a register or memory and those with an immediate count. */
    private static void shift(InstructionTable t, String name, String opcode, String immediate, LongBinaryOperator op) {
        mmx(t, name, opcode, "", op);
        Exec byVector = (c, i) -> {
            int f = first(i);
            long n = get64(source(c, i, f + 1));
            shiftAll(c, i, source(c, i, f), n, op);
        };
        t.add(name, "66 " + opcode + " /r", "Vdq,Wdq", "sse align sse2", byVector);
        t.add("V" + name, vex("128", "66", opcode, "WIG") + " /r", "Vx:w,Hx,Wdq", "avx", byVector);
        t.add("V" + name, vex("256", "66", opcode, "WIG") + " /r", "Vx:w,Hx,Wdq", "avx avx2", byVector);
        t.add(name, "NP " + immediate, "Nq,Ib", "mmx", (c, i) -> {
            Mmx.check(c);
            Mmx.enter(c);
            int r = i.op0().reg();
            Mmx.set(c, r, op.applyAsLong(Mmx.get(c, r), i.imm() & 0xff));
        });
        Exec byImm = (c, i) -> shiftAll(c, i, source(c, i, first(i)), i.imm() & 0xff, op);
        immediateRows(t, name, immediate, byImm);
    }

    private static void immediateRows(InstructionTable t, String name, String immediate, Exec exec) {
        String opcode = immediate.substring(0, 5);
        String digit = immediate.substring(5);
        t.add(name, "66 " + immediate, "Udq,Ib", "sse sse2", exec);
        t.add("V" + name, vex("128", "66", opcode, "WIG") + digit, "Hx:w,Ux,Ib", "avx", exec);
        t.add("V" + name, vex("256", "66", opcode, "WIG") + digit, "Hx:w,Ux,Ib", "avx avx2", exec);
    }

    private static void byImmediate(InstructionTable t, String name, String immediate, VectorRows.Half op) {
        immediateRows(t, name, immediate, (c, i) -> {
            long a = source(c, i, first(i));
            long d = destination(c, i);
            int n = (int) i.imm() & 0xff;
            for (int k = 0; k < i.op0().bits() >>> 3; k += 16) {
                op.apply(a + k, a + k, d + k, n);
            }
            clearUpper(i, d);
        });
    }

    private static void shiftAll(Cpu c, Insn i, long a, long n, LongBinaryOperator op) {
        long d = destination(c, i);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(d + k, op.applyAsLong(get64(a + k), n));
        }
        clearUpper(i, d);
    }

    private static void psrldq(long a, long same, long d, int n) {
        Shuffles.alignRight(get64(a), get64(a + 8), 0, 0, d, n);
    }

    private static void pslldq(long a, long same, long d, int n) {
        long low = get64(a);
        long high = get64(a + 8);
        if (n >= 16) {
            put64(d, 0);
            put64(d + 8, 0);
        } else {
            Shuffles.alignRight(0, 0, low, high, d, 16 - n);
        }
    }
}
