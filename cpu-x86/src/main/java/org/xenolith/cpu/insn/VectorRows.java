package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.clearUpper;
import static org.xenolith.cpu.insn.VectorOperands.destination;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Specializer;

/**
 * The encodings that vector operations share: an operation is written once and given rows for MMX, SSE and AVX.
 *
 * <p>An opcode is written as in the legacy encoding, with its map and without its prefix: {@code "0F FC"},
 * {@code "0F 38 1C"}.
 */
final class VectorRows {
    private VectorRows() {
    }

    /** An operation on one 128-bit half: all of a and b (host addresses) is read before d is written. */
    @FunctionalInterface
    interface Half {
        void apply(long a, long b, long d, int imm);
    }

    /**
     * VEX encoding of a legacy opcode.
     *
     * @param length 128, 256 or LIG
     * @param prefix NP, 66, F3 or F2
     * @param w W0, W1 or WIG
     */
    static String vex(String length, String prefix, String opcode, String w) {
        String map = opcode.startsWith("0F 38 ") ? "0F38" : opcode.startsWith("0F 3A ") ? "0F3A" : "0F";
        String op = opcode.substring(opcode.lastIndexOf(' ') + 1);
        return "VEX." + length + "." + (prefix.equals("NP") ? "" : prefix + ".") + map + "." + w + " " + op;
    }

    /** SSE row of a vector form with an aligned memory operand, and its VEX rows of 128 and 256 bits. */
    static void all(InstructionTable t, String name, String prefix, String opcode, String operands, String vexOperands,
            String feature, String feature256, Exec exec) {
        t.add(name, prefix + " " + opcode + " /r", operands, "sse align " + feature, exec);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", vexOperands, "avx", exec);
        t.add("V" + name, vex("256", prefix, opcode, "WIG") + " /r", vexOperands, "avx " + feature256, exec);
    }

    /** Destination, source: SSE2 to SSE4.2 integer operation with AVX and AVX2 forms. */
    static void two(InstructionTable t, String name, String opcode, String tail, String feature, Exec exec) {
        all(t, name, "66", opcode, "Vx:w,Wx" + tail, "Vx:w,Wx" + tail, feature, "avx2", exec);
    }

    /** Destination, source, source. */
    static void three(InstructionTable t, String name, String opcode, String tail, String feature, Exec exec) {
        all(t, name, "66", opcode, "Vx,Wx" + tail, "Vx:w,Hx,Wx" + tail, feature, "avx2", exec);
    }

    /** Floating-point form without 66/F2/F3 restrictions of the integer ones: 256 bits belong to AVX. */
    static void threeFloat(InstructionTable t, String name, String prefix, String opcode, String tail, String feature,
            Exec exec) {
        all(t, name, prefix, opcode, "Vx,Wx" + tail, "Vx:w,Hx,Wx" + tail, feature, "", exec);
    }

    static void twoFloat(InstructionTable t, String name, String prefix, String opcode, String tail, String feature,
            Exec exec) {
        all(t, name, prefix, opcode, "Vx:w,Wx" + tail, "Vx:w,Wx" + tail, feature, "", exec);
    }

    /** An operation on 64-bit lanes, for XMM and YMM. */
    static void lanes(InstructionTable t, String name, String opcode, String feature, LongBinaryOperator op) {
        three(t, name, opcode, "", feature, each(op));
    }

    /** An operation on 64-bit lanes, for MMX, XMM and YMM. */
    static void packed(InstructionTable t, String name, String opcode, String mmxFeature, String feature,
            LongBinaryOperator op) {
        mmx(t, name, opcode, mmxFeature, op);
        lanes(t, name, opcode, feature, op);
    }

    /** The MMX form alone. */
    static void mmx(InstructionTable t, String name, String opcode, String feature, LongBinaryOperator op) {
        t.add(name, "NP " + opcode + " /r", "Pq,Qq", "mmx " + feature, (c, i) -> {
            Mmx.check(c);
            long b = get64(source(c, i, 1));
            Mmx.enter(c);
            int r = i.op0().reg();
            Mmx.set(c, r, op.applyAsLong(Mmx.get(c, r), b));
        });
    }

    /** The MMX form, whose source is not mixed with the destination. */
    static void mmxUnary(InstructionTable t, String name, String opcode, String feature, LongUnaryOperator op) {
        t.add(name, "NP " + opcode + " /r", "Pq:w,Qq", "mmx " + feature, (c, i) -> {
            Mmx.check(c);
            long b = get64(source(c, i, 1));
            Mmx.enter(c);
            Mmx.set(c, i.op0().reg(), op.applyAsLong(b));
        });
    }

    /** Two sources, lane by lane. */
    static Exec each(LongBinaryOperator op) {
        return Specializer.of((c, i) -> each(c, i, op), i -> i.def().vex() || i.isMem(1) ? null : (c, n) -> {
            long d = c.ymmAddress(n.r0());
            long b = c.ymmAddress(n.r1());
            put64(d, op.applyAsLong(get64(d), get64(b)));
            put64(d + 8, op.applyAsLong(get64(d + 8), get64(b + 8)));
        });
    }

    private static void each(Cpu c, Insn i, LongBinaryOperator op) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long d = destination(c, i);
        int bytes = i.op0().bits() >>> 3;
        for (int k = 0; k < bytes; k += 8) {
            put64(d + k, op.applyAsLong(get64(a + k), get64(b + k)));
        }
        clearUpper(i, d);
    }

    /** One source, lane by lane. */
    static Exec eachUnary(LongUnaryOperator op) {
        return (c, i) -> {
            long a = source(c, i, 1);
            long d = destination(c, i);
            int bytes = i.op0().bits() >>> 3;
            for (int k = 0; k < bytes; k += 8) {
                put64(d + k, op.applyAsLong(get64(a + k)));
            }
            clearUpper(i, d);
        };
    }

    /** Two sources, each 128-bit half for itself. */
    static Exec halves(Half op) {
        return (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long d = destination(c, i);
            int imm = (int) i.imm() & 0xff;
            int bytes = i.op0().bits() >>> 3;
            for (int k = 0; k < bytes; k += 16) {
                op.apply(a + k, b + k, d + k, imm);
            }
            clearUpper(i, d);
        };
    }

    /** One source, each 128-bit half for itself; a and b of the operation are the same. */
    static Exec halvesUnary(Half op) {
        return (c, i) -> {
            long a = source(c, i, 1);
            long d = destination(c, i);
            int imm = (int) i.imm() & 0xff;
            int bytes = i.op0().bits() >>> 3;
            for (int k = 0; k < bytes; k += 16) {
                op.apply(a + k, a + k, d + k, imm);
            }
            clearUpper(i, d);
        };
    }

    /** The 64-to-32-bit operation on both lanes of both sources: packs and horizontal arithmetic. */
    static Half narrow(LongUnaryOperator op) {
        return (a, b, d, imm) -> {
            long low = op.applyAsLong(get64(a)) | op.applyAsLong(get64(a + 8)) << 32;
            long high = op.applyAsLong(get64(b)) | op.applyAsLong(get64(b + 8)) << 32;
            put64(d, low);
            put64(d + 8, high);
        };
    }
}
