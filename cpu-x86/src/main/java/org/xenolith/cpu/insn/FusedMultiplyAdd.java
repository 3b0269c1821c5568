package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.begin;
import static org.xenolith.cpu.insn.VectorOperands.end;
import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.store;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.fpu.Mxcsr;
import org.xenolith.cpu.fpu.SseConvert;
import org.xenolith.cpu.fpu.SseFloat;

/** FMA and F16C (SDM vol. 2, VFMADD132PD and so on, VCVTPH2PS, VCVTPS2PH). */
final class FusedMultiplyAdd {
    private FusedMultiplyAdd() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        for (int form = 0; form < 3; form++) {
            packed(t, form, "FMADDSUB", 0x96, false, true, false);
            packed(t, form, "FMSUBADD", 0x97, false, false, true);
            packed(t, form, "FMADD",    0x98, false, false, false);
            packed(t, form, "FMSUB",    0x9a, false, true, true);
            packed(t, form, "FNMADD",   0x9c, true, false, false);
            packed(t, form, "FNMSUB",   0x9e, true, true, true);
            scalar(t, form, "FMADD",    0x99, false, false);
            scalar(t, form, "FMSUB",    0x9b, false, true);
            scalar(t, form, "FNMADD",   0x9d, true, false);
            scalar(t, form, "FNMSUB",   0x9f, true, true);
        }
        t.add("VCVTPH2PS", "VEX.128.66.0F38.W0 13 /r", "Vdq:w,Wq", "avx f16c", FusedMultiplyAdd::vcvtph2ps);
        t.add("VCVTPH2PS", "VEX.256.66.0F38.W0 13 /r", "Vqq:w,Wdq", "avx f16c", FusedMultiplyAdd::vcvtph2ps);
        t.add("VCVTPS2PH", "VEX.128.66.0F3A.W0 1D /r", "Wq:w,Vdq,Ib", "avx f16c", FusedMultiplyAdd::vcvtps2ph);
        t.add("VCVTPS2PH", "VEX.256.66.0F3A.W0 1D /r", "Wdq:w,Vqq,Ib", "avx f16c", FusedMultiplyAdd::vcvtps2ph);
        // @formatter:on
    }

    private static String opcode(int form, int base) {
        return String.format("0F 38 %02X", base + 0x10 * form);
    }

    private static String name(String name, int form, String suffix) {
        return "V" + name + switch (form) {
            case 0 -> "132";
            case 1 -> "213";
            default -> "231";
        } + suffix;
    }

    /** Even elements subtract where {@code evenMinus}, odd ones where {@code oddMinus}. */
    private static void packed(InstructionTable t, int form, String name, int base, boolean negate, boolean evenMinus,
            boolean oddMinus) {
        Exec single = (c, i) -> packed32(c, i, form, negate, evenMinus, oddMinus);
        Exec dbl = (c, i) -> packed64(c, i, form, negate, evenMinus, oddMinus);
        for (String length : new String[]{"128", "256"}) {
            t.add(name(name, form, "PS"), vex(length, "66", opcode(form, base), "W0") + " /r", "Vx,Hx,Wx", "avx fma",
                    single);
            t.add(name(name, form, "PD"), vex(length, "66", opcode(form, base), "W1") + " /r", "Vx,Hx,Wx", "avx fma",
                    dbl);
        }
    }

    private static void scalar(InstructionTable t, int form, String name, int base, boolean negate, boolean minus) {
        t.add(name(name, form, "SS"), vex("LIG", "66", opcode(form, base), "W0") + " /r", "Vdq,Hdq,Wss", "avx fma",
                (c, i) -> {
                    int w = get32(source(c, i, 2));
                    long d = source(c, i, 0);
                    Mxcsr m = begin(c);
                    int r = fused32(form, get32(d), get32(source(c, i, 1)), w, negate, minus, m);
                    end(c, m);
                    write128(c, i, get64(d) & ~0xffff_ffffL | r & 0xffff_ffffL, get64(d + 8));
                });
        t.add(name(name, form, "SD"), vex("LIG", "66", opcode(form, base), "W1") + " /r", "Vdq,Hdq,Wsd", "avx fma",
                (c, i) -> {
                    long w = get64(source(c, i, 2));
                    long d = source(c, i, 0);
                    Mxcsr m = begin(c);
                    long r = fused64(form, get64(d), get64(source(c, i, 1)), w, negate, minus, m);
                    end(c, m);
                    write128(c, i, r, get64(d + 8));
                });
    }

    /** Digits of the form: the first two name the operands to multiply (1 is the destination), the last is added. */
    private static int fused32(int form, int d, int h, int w, boolean negate, boolean minus, Mxcsr m) {
        return switch (form) {
            case 0 -> SseFloat.fma32(d, w, h, negate, minus, m);
            case 1 -> SseFloat.fma32(h, d, w, negate, minus, m);
            default -> SseFloat.fma32(h, w, d, negate, minus, m);
        };
    }

    private static long fused64(int form, long d, long h, long w, boolean negate, boolean minus, Mxcsr m) {
        return switch (form) {
            case 0 -> SseFloat.fma64(d, w, h, negate, minus, m);
            case 1 -> SseFloat.fma64(h, d, w, negate, minus, m);
            default -> SseFloat.fma64(h, w, d, negate, minus, m);
        };
    }

    private static void packed32(Cpu c, Insn i, int form, boolean negate, boolean evenMinus, boolean oddMinus) {
        long w = source(c, i, 2);
        long h = source(c, i, 1);
        long d = source(c, i, 0);
        long r = result(c);
        Mxcsr m = begin(c);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 4) {
            boolean minus = (k & 4) == 0 ? evenMinus : oddMinus;
            put32(r + k, fused32(form, get32(d + k), get32(h + k), get32(w + k), negate, minus, m));
        }
        end(c, m);
        writeResult(c, i);
    }

    private static void packed64(Cpu c, Insn i, int form, boolean negate, boolean evenMinus, boolean oddMinus) {
        long w = source(c, i, 2);
        long h = source(c, i, 1);
        long d = source(c, i, 0);
        long r = result(c);
        Mxcsr m = begin(c);
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            boolean minus = (k & 8) == 0 ? evenMinus : oddMinus;
            put64(r + k, fused64(form, get64(d + k), get64(h + k), get64(w + k), negate, minus, m));
        }
        end(c, m);
        writeResult(c, i);
    }

    // ---- half precision ----

    static void vcvtph2ps(Cpu c, Insn i) {
        long a = source(c, i, 1);
        long r = result(c);
        Mxcsr m = begin(c);
        for (int k = 0; k < i.op0().bits() >>> 5; k++) {
            put32(r + 4 * k, SseConvert.f16ToF32(get16(a + 2 * k), m));
        }
        end(c, m);
        writeResult(c, i);
    }

    static void vcvtps2ph(Cpu c, Insn i) {
        long a = source(c, i, 1);
        long r = result(c);
        int n = i.op1().bits() >>> 5;
        put64(r + 8, 0);
        Mxcsr m = begin(c);
        for (int k = 0; k < n; k++) {
            put16(r + 2 * k, SseConvert.f32ToF16(get32(a + 4 * k), (int) i.imm(), m));
        }
        boolean memory = i.op0().kind() == Operand.Kind.MEM;
        if (memory) {
            // a memory fault comes before MXCSR changes
            int bytes = i.op0().bits() >>> 3;
            c.mmu().probeVector(i.address(c, bytes, true), i.seg(), bytes, true);
        }
        end(c, m);
        if (memory) {
            store(c, i, r, i.op0().bits() >>> 3);
        } else {
            write128(c, i, get64(r), get64(r + 8));
        }
    }
}
