package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.begin;
import static org.xenolith.cpu.insn.VectorOperands.end;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.threeFloat;
import static org.xenolith.cpu.insn.VectorRows.twoFloat;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.fpu.Mxcsr;
import org.xenolith.cpu.fpu.SseApprox;
import org.xenolith.cpu.fpu.SseCompare;
import org.xenolith.cpu.fpu.SseConvert;
import org.xenolith.cpu.fpu.SseFloat;

/**
 * Floating-point arithmetic and comparison of SSE, SSE2, SSE3, SSE4.1 and AVX, scalar and packed (SDM vol. 2).
 *
 * <p>Elements are computed in order into a scratch result; only when no exception is unmasked does it reach the
 * destination.
 */
final class FloatArithmetic {
    private FloatArithmetic() {
    }

    /** Operation on two single-precision elements; unary ones use b. The immediate is given to all. */
    @FunctionalInterface
    interface Op32 {
        int apply(int a, int b, int imm, Mxcsr m);
    }

    /** The same in double precision. */
    @FunctionalInterface
    interface Op64 {
        long apply(long a, long b, int imm, Mxcsr m);
    }

    static void define(InstructionTable t) {
        // @formatter:off
        family(t, "ADD", "0F 58", (a, b, n, m) -> SseFloat.add32(a, b, m), (a, b, n, m) -> SseFloat.add64(a, b, m));
        family(t, "MUL", "0F 59", (a, b, n, m) -> SseFloat.mul32(a, b, m), (a, b, n, m) -> SseFloat.mul64(a, b, m));
        family(t, "SUB", "0F 5C", (a, b, n, m) -> SseFloat.sub32(a, b, m), (a, b, n, m) -> SseFloat.sub64(a, b, m));
        family(t, "MIN", "0F 5D", (a, b, n, m) -> SseCompare.min32(a, b, m), (a, b, n, m) -> SseCompare.min64(a, b, m));
        family(t, "DIV", "0F 5E", (a, b, n, m) -> SseFloat.div32(a, b, m), (a, b, n, m) -> SseFloat.div64(a, b, m));
        family(t, "MAX", "0F 5F", (a, b, n, m) -> SseCompare.max32(a, b, m), (a, b, n, m) -> SseCompare.max64(a, b, m));

        Op32 sqrt32 = (a, b, n, m) -> SseFloat.sqrt32(b, m);
        Op64 sqrt64 = (a, b, n, m) -> SseFloat.sqrt64(b, m);
        twoFloat(t, "SQRTPS", "NP", "0F 51", "", "", packed32(sqrt32));
        twoFloat(t, "SQRTPD", "66", "0F 51", "", "sse2", packed64(sqrt64));
        scalar(t, "SQRTSS", "F3", "0F 51", "", "", scalar32(sqrt32));
        scalar(t, "SQRTSD", "F2", "0F 51", "", "sse2", scalar64(sqrt64));
        Op32 rsqrt = (a, b, n, m) -> SseApprox.rsqrt32(b);
        Op32 rcp = (a, b, n, m) -> SseApprox.rcp32(b);
        twoFloat(t, "RSQRTPS", "NP", "0F 52", "", "", packed32(rsqrt));
        scalar(t, "RSQRTSS", "F3", "0F 52", "", "", scalar32(rsqrt));
        twoFloat(t, "RCPPS", "NP", "0F 53", "", "", packed32(rcp));
        scalar(t, "RCPSS", "F3", "0F 53", "", "", scalar32(rcp));

        // without VEX the predicate has three bits, with it five
        Op32 cmp32 = (a, b, n, m) -> SseCompare.cmp32(a, b, n, m);
        Op64 cmp64 = (a, b, n, m) -> SseCompare.cmp64(a, b, n, m);
        threeFloat(t, "CMPPS", "NP", "0F C2", ",Ib", "", packed32(cmp32));
        threeFloat(t, "CMPPD", "66", "0F C2", ",Ib", "sse2", packed64(cmp64));
        scalar(t, "CMPSS", "F3", "0F C2", ",Ib", "", scalar32(cmp32));
        scalar(t, "CMPSD", "F2", "0F C2", ",Ib", "sse2", scalar64(cmp64));
        compare(t, "UCOMIS", "0F 2E", true);
        compare(t, "COMIS", "0F 2F", false);

        Op32 round32 = (a, b, n, m) -> SseConvert.round32(b, n, m);
        Op64 round64 = (a, b, n, m) -> SseConvert.round64(b, n, m);
        twoFloat(t, "ROUNDPS", "66", "0F 3A 08", ",Ib", "sse4_1", packed32(round32));
        twoFloat(t, "ROUNDPD", "66", "0F 3A 09", ",Ib", "sse4_1", packed64(round64));
        scalar(t, "ROUNDSS", "66", "0F 3A 0A", ",Ib", "sse4_1", scalar32(round32));
        scalar(t, "ROUNDSD", "66", "0F 3A 0B", ",Ib", "sse4_1", scalar64(round64));
        // @formatter:on
        horizontal(t);
    }

    /** PS, PD, SS and SD forms of a two-source operation. */
    private static void family(InstructionTable t, String name, String opcode, Op32 single, Op64 dbl) {
        threeFloat(t, name + "PS", "NP", opcode, "", "", packed32(single));
        threeFloat(t, name + "PD", "66", opcode, "", "sse2", packed64(dbl));
        scalar(t, name + "SS", "F3", opcode, "", "", scalar32(single));
        scalar(t, name + "SD", "F2", opcode, "", "sse2", scalar64(dbl));
    }

    /** Scalar form: the low element is computed, the rest comes from the first source. */
    private static void scalar(InstructionTable t, String name, String prefix, String opcode, String tail,
            String feature, Exec exec) {
        String b = name.endsWith("SS") ? "Wss" : "Wsd";
        t.add(name, prefix + " " + opcode + " /r", "Vdq," + b + tail, "sse " + feature, exec);
        t.add("V" + name, vex("LIG", prefix, opcode, "WIG") + " /r", "Vdq:w,Hdq," + b + tail, "avx", exec);
    }

    /** Index of the last source: 1 in legacy and unary forms, 2 with a separate destination. */
    private static int last(Insn i) {
        return i.operand(i.operandCount() - 1).kind() == Operand.Kind.IMM
                ? i.operandCount() - 2
                : i.operandCount() - 1;
    }

    private static int immediate(Insn i) {
        return (int) i.imm() & (i.def().vex() || i.def().map() != 1 ? 31 : 7);
    }

    static Exec packed32(Op32 op) {
        return (c, i) -> {
            int last = last(i);
            long b = source(c, i, last);
            long a = source(c, i, last - 1);
            long r = result(c);
            int n = immediate(i);
            Mxcsr m = begin(c);
            int bytes = i.op0().bits() >>> 3;
            for (int k = 0; k < bytes; k += 4) {
                put32(r + k, op.apply(get32(a + k), get32(b + k), n, m));
            }
            end(c, m);
            writeResult(c, i);
        };
    }

    static Exec packed64(Op64 op) {
        return (c, i) -> {
            int last = last(i);
            long b = source(c, i, last);
            long a = source(c, i, last - 1);
            long r = result(c);
            int n = immediate(i);
            Mxcsr m = begin(c);
            int bytes = i.op0().bits() >>> 3;
            for (int k = 0; k < bytes; k += 8) {
                put64(r + k, op.apply(get64(a + k), get64(b + k), n, m));
            }
            end(c, m);
            writeResult(c, i);
        };
    }

    static Exec scalar32(Op32 op) {
        return (c, i) -> {
            int f = first(i);
            int b = get32(source(c, i, f + 1));
            long a = source(c, i, f);
            Mxcsr m = begin(c);
            int r = op.apply(get32(a), b, immediate(i), m);
            end(c, m);
            write128(c, i, get64(a) & ~0xffff_ffffL | r & 0xffff_ffffL, get64(a + 8));
        };
    }

    static Exec scalar64(Op64 op) {
        return (c, i) -> {
            int f = first(i);
            long b = get64(source(c, i, f + 1));
            long a = source(c, i, f);
            Mxcsr m = begin(c);
            long r = op.apply(get64(a), b, immediate(i), m);
            end(c, m);
            write128(c, i, r, get64(a + 8));
        };
    }

    private static void compare(InstructionTable t, String name, String opcode, boolean quiet) {
        Exec single = (c, i) -> {
            int b = get32(source(c, i, 1));
            Mxcsr m = begin(c);
            int flags = SseCompare.comi32((int) c.ymm(i.op0().reg(), 0), b, quiet, m);
            end(c, m);
            c.setArithmeticFlags(flags);
        };
        Exec dbl = (c, i) -> {
            long b = get64(source(c, i, 1));
            Mxcsr m = begin(c);
            int flags = SseCompare.comi64(c.ymm(i.op0().reg(), 0), b, quiet, m);
            end(c, m);
            c.setArithmeticFlags(flags);
        };
        t.add(name + "S", "NP " + opcode + " /r", "Vss:r,Wss", "sse w:OSZAPC", single);
        t.add(name + "D", "66 " + opcode + " /r", "Vsd:r,Wsd", "sse sse2 w:OSZAPC", dbl);
        t.add("V" + name + "S", vex("LIG", "NP", opcode, "WIG") + " /r", "Vss:r,Wss", "avx w:OSZAPC", single);
        t.add("V" + name + "D", vex("LIG", "66", opcode, "WIG") + " /r", "Vsd:r,Wsd", "avx w:OSZAPC", dbl);
    }

    // ---- SSE3 and SSE4.1: horizontal, alternating, dot product ----

    private static void horizontal(InstructionTable t) {
        Op32 add32 = (a, b, n, m) -> SseFloat.add32(a, b, m);
        Op32 sub32 = (a, b, n, m) -> SseFloat.sub32(a, b, m);
        Op64 add64 = (a, b, n, m) -> SseFloat.add64(a, b, m);
        Op64 sub64 = (a, b, n, m) -> SseFloat.sub64(a, b, m);
        threeFloat(t, "HADDPS", "F2", "0F 7C", "", "sse3", pairs32(add32));
        threeFloat(t, "HADDPD", "66", "0F 7C", "", "sse3", pairs64(add64));
        threeFloat(t, "HSUBPS", "F2", "0F 7D", "", "sse3", pairs32(sub32));
        threeFloat(t, "HSUBPD", "66", "0F 7D", "", "sse3", pairs64(sub64));
        threeFloat(t, "ADDSUBPS", "F2", "0F D0", "", "sse3", (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                put32(r + k, SseFloat.sub32(get32(a + k), get32(b + k), m));
                put32(r + k + 4, SseFloat.add32(get32(a + k + 4), get32(b + k + 4), m));
            }
            end(c, m);
            writeResult(c, i);
        });
        threeFloat(t, "ADDSUBPD", "66", "0F D0", "", "sse3", (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 16) {
                put64(r + k, SseFloat.sub64(get64(a + k), get64(b + k), m));
                put64(r + k + 8, SseFloat.add64(get64(a + k + 8), get64(b + k + 8), m));
            }
            end(c, m);
            writeResult(c, i);
        });
        threeFloat(t, "DPPS", "66", "0F 3A 40", ",Ib", "sse4_1", (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long r = result(c);
            int imm = (int) i.imm();
            Mxcsr m = begin(c);
            int bytes = i.op0().bits() >>> 3;
            // multiplication, addition of pairs and the last addition fault each for itself
            for (int k = 0; k < bytes; k += 4) {
                boolean chosen = (imm >> 4 + (k >> 2 & 3) & 1) != 0;
                put32(r + k, chosen ? SseFloat.mul32(get32(a + k), get32(b + k), m) : 0);
            }
            end(c, m);
            for (int k = 0; k < bytes; k += 8) {
                put32(r + k, SseFloat.add32(get32(r + k), get32(r + k + 4), m));
            }
            end(c, m);
            for (int k = 0; k < bytes; k += 16) {
                int sum = SseFloat.add32(get32(r + k), get32(r + k + 8), m);
                for (int e = 0; e < 4; e++) {
                    put32(r + k + 4 * e, (imm >> e & 1) != 0 ? sum : 0);
                }
            }
            end(c, m);
            writeResult(c, i);
        });
        Exec dppd = (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            int imm = (int) i.imm();
            Mxcsr m = begin(c);
            long low = (imm & 0x10) != 0 ? SseFloat.mul64(get64(a), get64(b), m) : 0;
            long high = (imm & 0x20) != 0 ? SseFloat.mul64(get64(a + 8), get64(b + 8), m) : 0;
            end(c, m);
            long sum = SseFloat.add64(low, high, m);
            end(c, m);
            write128(c, i, (imm & 1) != 0 ? sum : 0, (imm & 2) != 0 ? sum : 0);
        };
        t.add("DPPD", "66 0F 3A 41 /r", "Vdq,Wdq,Ib", "sse align sse4_1", dppd);
        t.add("VDPPD", "VEX.128.66.0F3A.WIG 41 /r", "Vdq:w,Hdq,Wdq,Ib", "avx", dppd);
    }

    /** Adds (or subtracts) neighbours: those of a give the low half of the result, those of b the high one. */
    private static Exec pairs32(Op32 op) {
        return (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 16) {
                for (int e = 0; e < 8; e += 4) {
                    put32(r + k + e, op.apply(get32(a + k + 2 * e), get32(a + k + 2 * e + 4), 0, m));
                    put32(r + k + 8 + e, op.apply(get32(b + k + 2 * e), get32(b + k + 2 * e + 4), 0, m));
                }
            }
            end(c, m);
            writeResult(c, i);
        };
    }

    private static Exec pairs64(Op64 op) {
        return (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 16) {
                put64(r + k, op.apply(get64(a + k), get64(a + k + 8), 0, m));
                put64(r + k + 8, op.apply(get64(b + k), get64(b + k + 8), 0, m));
            }
            end(c, m);
            writeResult(c, i);
        };
    }
}
