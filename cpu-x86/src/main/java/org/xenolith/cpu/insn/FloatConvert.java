package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.begin;
import static org.xenolith.cpu.insn.VectorOperands.end;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.twoFloat;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.fpu.Mxcsr;
import org.xenolith.cpu.fpu.SseConvert;

/** Conversions between integers, single and double precision (SDM vol. 2, CVT*), and MXCSR, which rules them. */
final class FloatConvert {
    private static final int MXCSR_MASK = 0xffff;

    private FloatConvert() {
    }

    /** Converts a lane in single precision or a 32-bit integer to the other. */
    @FunctionalInterface
    private interface To32 {
        int apply(int a, Mxcsr m);
    }

    /** 32 bits to double precision. */
    @FunctionalInterface
    private interface Widen {
        long apply(int a, Mxcsr m);
    }

    /** Double precision to 32 bits. */
    @FunctionalInterface
    private interface Narrow {
        int apply(long a, Mxcsr m);
    }

    static void define(InstructionTable t) {
        scalar(t);
        packed(t);
        mmx(t);
        // @formatter:off
        t.add("LDMXCSR",  "NP 0F AE /2", "Md:r", "sse", FloatConvert::ldmxcsr);
        t.add("STMXCSR",  "NP 0F AE /3", "Md:w", "sse", FloatConvert::stmxcsr);
        t.add("VLDMXCSR", "VEX.LZ.0F.WIG AE /2", "Md:r", "avx", FloatConvert::ldmxcsr);
        t.add("VSTMXCSR", "VEX.LZ.0F.WIG AE /3", "Md:w", "avx", FloatConvert::stmxcsr);
        // @formatter:on
    }

    static void ldmxcsr(Cpu c, Insn i) {
        int v = (int) i.read0(c);
        if ((v & ~MXCSR_MASK) != 0) {
            throw c.gp0();
        }
        c.setField32(CpuState.MXCSR, v);
    }

    static void stmxcsr(Cpu c, Insn i) {
        i.write0(c, c.field32(CpuState.MXCSR));
    }

    // ---- scalar ----

    private static void scalar(InstructionTable t) {
        // @formatter:off
        two(t, "CVTSI2SS", "F3", "0F 2A", "Ey", "", FloatConvert::cvtsi2ss);
        two(t, "CVTSI2SD", "F2", "0F 2A", "Ey", "sse2", FloatConvert::cvtsi2sd);
        two(t, "CVTSS2SD", "F3", "0F 5A", "Wss", "sse2", FloatConvert::cvtss2sd);
        two(t, "CVTSD2SS", "F2", "0F 5A", "Wsd", "sse2", FloatConvert::cvtsd2ss);
        toGeneral(t, "CVTTSS2SI", "F3", "0F 2C", "Wss", "", singleToInteger(true));
        toGeneral(t, "CVTSS2SI",  "F3", "0F 2D", "Wss", "", singleToInteger(false));
        toGeneral(t, "CVTTSD2SI", "F2", "0F 2C", "Wsd", "sse2", doubleToInteger(true));
        toGeneral(t, "CVTSD2SI",  "F2", "0F 2D", "Wsd", "sse2", doubleToInteger(false));
        // @formatter:on
    }

    private static void two(InstructionTable t, String name, String prefix, String opcode, String source,
            String feature, Exec exec) {
        t.add(name, prefix + " " + opcode + " /r", "Vdq," + source, "sse " + feature, exec);
        t.add("V" + name, vex("LIG", prefix, opcode, "WIG") + " /r", "Vdq:w,Hdq," + source, "avx", exec);
    }

    private static void toGeneral(InstructionTable t, String name, String prefix, String opcode, String source,
            String feature, Exec exec) {
        t.add(name, prefix + " " + opcode + " /r", "Gy:w," + source, "sse " + feature, exec);
        t.add("V" + name, vex("LIG", prefix, opcode, "WIG") + " /r", "Gy:w," + source, "avx", exec);
    }

    static void cvtsi2ss(Cpu c, Insn i) {
        int f = first(i);
        long v = i.read(c, f + 1);
        Mxcsr m = begin(c);
        int r = i.operand(f + 1).bits() == 64 ? SseConvert.i64ToF32(v, m) : SseConvert.i32ToF32((int) v, m);
        end(c, m);
        writeLow32(c, i, r);
    }

    static void cvtsi2sd(Cpu c, Insn i) {
        int f = first(i);
        long v = i.read(c, f + 1);
        long r;
        if (i.operand(f + 1).bits() == 64) {
            Mxcsr m = begin(c);
            r = SseConvert.i64ToF64(v, m);
            end(c, m);
        } else {
            r = SseConvert.i32ToF64((int) v);
        }
        write128(c, i, r, get64(source(c, i, f) + 8));
    }

    static void cvtss2sd(Cpu c, Insn i) {
        int f = first(i);
        int v = get32(source(c, i, f + 1));
        Mxcsr m = begin(c);
        long r = SseConvert.f32ToF64(v, m);
        end(c, m);
        write128(c, i, r, get64(source(c, i, f) + 8));
    }

    static void cvtsd2ss(Cpu c, Insn i) {
        long v = get64(source(c, i, first(i) + 1));
        Mxcsr m = begin(c);
        int r = SseConvert.f64ToF32(v, m);
        end(c, m);
        writeLow32(c, i, r);
    }

    private static void writeLow32(Cpu c, Insn i, int r) {
        long a = source(c, i, first(i));
        write128(c, i, get64(a) & ~0xffff_ffffL | r & 0xffff_ffffL, get64(a + 8));
    }

    private static Exec singleToInteger(boolean truncate) {
        return (c, i) -> {
            int v = get32(source(c, i, 1));
            Mxcsr m = begin(c);
            long r = i.bits() == 64 ? SseConvert.f32ToI64(v, truncate, m) : SseConvert.f32ToI32(v, truncate, m);
            end(c, m);
            i.write0(c, r);
        };
    }

    private static Exec doubleToInteger(boolean truncate) {
        return (c, i) -> {
            long v = get64(source(c, i, 1));
            Mxcsr m = begin(c);
            long r = i.bits() == 64 ? SseConvert.f64ToI64(v, truncate, m) : SseConvert.f64ToI32(v, truncate, m);
            end(c, m);
            i.write0(c, r);
        };
    }

    // ---- packed ----

    private static void packed(InstructionTable t) {
        // @formatter:off
        twoFloat(t, "CVTDQ2PS",  "NP", "0F 5B", "", "sse2", same(SseConvert::i32ToF32));
        twoFloat(t, "CVTPS2DQ",  "66", "0F 5B", "", "sse2", same((a, m) -> SseConvert.f32ToI32(a, false, m)));
        twoFloat(t, "CVTTPS2DQ", "F3", "0F 5B", "", "sse2", same((a, m) -> SseConvert.f32ToI32(a, true, m)));
        widening(t, "CVTPS2PD", "NP", "0F 5A", SseConvert::f32ToF64);
        widening(t, "CVTDQ2PD", "F3", "0F E6", (a, m) -> SseConvert.i32ToF64(a));
        narrowing(t, "CVTPD2PS",  "66", "0F 5A", SseConvert::f64ToF32);
        narrowing(t, "CVTTPD2DQ", "66", "0F E6", (a, m) -> SseConvert.f64ToI32(a, true, m));
        narrowing(t, "CVTPD2DQ",  "F2", "0F E6", (a, m) -> SseConvert.f64ToI32(a, false, m));
        // @formatter:on
    }

    private static Exec same(To32 op) {
        return (c, i) -> {
            long a = source(c, i, 1);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 4) {
                put32(r + k, op.apply(get32(a + k), m));
            }
            end(c, m);
            writeResult(c, i);
        };
    }

    private static void widening(InstructionTable t, String name, String prefix, String opcode, Widen op) {
        Exec exec = (c, i) -> {
            long a = source(c, i, 1);
            long r = result(c);
            Mxcsr m = begin(c);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                put64(r + k, op.apply(get32(a + k / 2), m));
            }
            end(c, m);
            writeResult(c, i);
        };
        t.add(name, prefix + " " + opcode + " /r", "Vdq:w,Wq", "sse sse2", exec);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", "Vdq:w,Wq", "avx", exec);
        t.add("V" + name, vex("256", prefix, opcode, "WIG") + " /r", "Vqq:w,Wdq", "avx", exec);
    }

    private static void narrowing(InstructionTable t, String name, String prefix, String opcode, Narrow op) {
        Exec exec = (c, i) -> {
            long a = source(c, i, 1);
            long r = result(c);
            int n = i.op1().bits() >>> 6;
            Mxcsr m = begin(c);
            put64(r + 8, 0);
            for (int k = 0; k < n; k++) {
                put32(r + 4 * k, op.apply(get64(a + 8 * k), m));
            }
            end(c, m);
            writeResult(c, i);
        };
        t.add(name, prefix + " " + opcode + " /r", "Vdq:w,Wdq", "sse align sse2", exec);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", "Vdq:w,Wdq", "avx", exec);
        t.add("V" + name, vex("256", prefix, opcode, "WIG") + " /r", "Vdq:w,Wqq", "avx", exec);
    }

    // ---- with MMX registers ----

    private static void mmx(InstructionTable t) {
        // @formatter:off
        t.add("CVTPI2PS", "NP 0F 2A /r", "Vdq,Qq", "mmx sse", FloatConvert::cvtpi2ps);
        t.add("CVTPI2PD", "66 0F 2A /r", "Vdq:w,Nq", "mmx sse sse2", FloatConvert::cvtpi2pd);
        t.add("CVTPI2PD", "66 0F 2A /r", "Vdq:w,Mq", "sse sse2", FloatConvert::cvtpi2pd);
        t.add("CVTTPS2PI", "NP 0F 2C /r", "Pq:w,Wq", "mmx sse", singlesToMmx(true));
        t.add("CVTPS2PI",  "NP 0F 2D /r", "Pq:w,Wq", "mmx sse", singlesToMmx(false));
        t.add("CVTTPD2PI", "66 0F 2C /r", "Pq:w,Wdq", "mmx sse align sse2", doublesToMmx(true));
        t.add("CVTPD2PI",  "66 0F 2D /r", "Pq:w,Wdq", "mmx sse align sse2", doublesToMmx(false));
        // @formatter:on
    }

    /** As on AMD, a memory operand leaves x87 alone, and TOP and tags change even when the conversion faults. */
    static void cvtpi2ps(Cpu c, Insn i) {
        boolean register = i.op1().kind() == Operand.Kind.MMX;
        if (register) {
            Mmx.check(c);
        }
        long v = get64(source(c, i, 1));
        if (register) {
            Mmx.enter(c);
        }
        Mxcsr m = begin(c);
        long low = SseConvert.i32ToF32((int) v, m) & 0xffff_ffffL;
        long r = low | (long) SseConvert.i32ToF32((int) (v >>> 32), m) << 32;
        end(c, m);
        c.setYmm(i.op0().reg(), 0, r);
    }

    /** With a memory operand x87 is not concerned. */
    static void cvtpi2pd(Cpu c, Insn i) {
        boolean register = i.op1().kind() == Operand.Kind.MMX;
        if (register) {
            Mmx.check(c);
        }
        long v = get64(source(c, i, 1));
        if (register) {
            Mmx.enter(c);
        }
        write128(c, i, SseConvert.i32ToF64((int) v), SseConvert.i32ToF64((int) (v >>> 32)));
    }

    private static Exec singlesToMmx(boolean truncate) {
        return (c, i) -> {
            Mmx.check(c);
            long a = source(c, i, 1);
            Mxcsr m = begin(c);
            long low = SseConvert.f32ToI32(get32(a), truncate, m) & 0xffff_ffffL;
            long r = low | (long) SseConvert.f32ToI32(get32(a + 4), truncate, m) << 32;
            Mmx.enter(c);
            end(c, m);
            Mmx.set(c, i.op0().reg(), r);
        };
    }

    private static Exec doublesToMmx(boolean truncate) {
        return (c, i) -> {
            Mmx.check(c);
            long a = source(c, i, 1);
            Mxcsr m = begin(c);
            long low = SseConvert.f64ToI32(get64(a), truncate, m) & 0xffff_ffffL;
            long r = low | (long) SseConvert.f64ToI32(get64(a + 8), truncate, m) << 32;
            Mmx.enter(c);
            end(c, m);
            Mmx.set(c, i.op0().reg(), r);
        };
    }
}
