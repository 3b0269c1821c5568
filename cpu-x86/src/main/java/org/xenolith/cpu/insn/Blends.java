package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.clearUpper;
import static org.xenolith.cpu.insn.VectorOperands.destination;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.all;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** SSE4.1 and AVX: blends, widening moves, tests, and the odd ones MPSADBW and PHMINPOSUW (SDM vol. 2). */
final class Blends {
    private Blends() {
    }

    /** Chooses from a where the mask says so, else from b. */
    @FunctionalInterface
    private interface Choice {
        long apply(long mask, long a, long b);
    }

    /** Stores element {@code k} of a widened source. */
    @FunctionalInterface
    private interface Widening {
        void apply(long from, long to, int k);
    }

    static void define(InstructionTable t) {
        blends(t);
        widening(t);
        tests(t);
        // @formatter:off
        all(t, "MPSADBW", "66", "0F 3A 42", "Vx,Wx,Ib", "Vx:w,Hx,Wx,Ib", "sse4_1", "avx2", Blends::mpsadbw);
        t.add("PHMINPOSUW",  "66 0F 38 41 /r", "Vdq:w,Wdq", "sse align sse4_1", Blends::phminposuw);
        t.add("VPHMINPOSUW", "VEX.128.66.0F38.WIG 41 /r", "Vdq:w,Wdq", "avx", Blends::phminposuw);
        // @formatter:on
    }

    // ---- blends ----

    private static void blends(InstructionTable t) {
        // @formatter:off
        immediate(t, "BLENDPS", "0F 3A 0C", "", 32);
        immediate(t, "BLENDPD", "0F 3A 0D", "", 64);
        immediate(t, "PBLENDW", "0F 3A 0E", "avx2", 16);
        t.add("VPBLENDD", "VEX.128.66.0F3A.W0 02 /r", "Vx:w,Hx,Wx,Ib", "avx avx2", byImmediate(32));
        t.add("VPBLENDD", "VEX.256.66.0F3A.W0 02 /r", "Vx:w,Hx,Wx,Ib", "avx avx2", byImmediate(32));
        variable(t, "PBLENDVB", "0F 38 10", "0F 3A 4C", "avx2", Lanes::blendBytes);
        variable(t, "BLENDVPS", "0F 38 14", "0F 3A 4A", "", Lanes::blendDwords);
        variable(t, "BLENDVPD", "0F 38 15", "0F 3A 4B", "", Lanes::blendQwords);
        // @formatter:on
    }

    private static void immediate(InstructionTable t, String name, String opcode, String feature256, int bits) {
        all(t, name, "66", opcode, "Vx,Wx,Ib", "Vx:w,Hx,Wx,Ib", "sse4_1", feature256, byImmediate(bits));
    }

    /** A bit of the immediate for each element; words use the same eight in both halves. */
    private static Exec byImmediate(int bits) {
        return (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long d = destination(c, i);
            int imm = (int) i.imm() & 0xff;
            imm |= imm << 8;
            long element = bits == 64 ? -1L : (1L << bits) - 1;
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                long mask = 0;
                for (int e = 0; e < 64; e += bits) {
                    mask |= (imm & 1) != 0 ? element << e : 0;
                    imm >>>= 1;
                }
                put64(d + k, get64(b + k) & mask | get64(a + k) & ~mask);
            }
            clearUpper(i, d);
        };
    }

    private static void variable(InstructionTable t, String name, String opcode, String vexOpcode, String feature256,
            Choice choice) {
        Exec exec = (c, i) -> {
            int f = first(i);
            long b = source(c, i, f + 1);
            long a = source(c, i, f);
            long m = source(c, i, f + 2);
            long d = destination(c, i);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                put64(d + k, choice.apply(get64(m + k), get64(b + k), get64(a + k)));
            }
            clearUpper(i, d);
        };
        String vexName = "V" + name;
        t.add(name, "66 " + opcode + " /r", "Vx,Wx,XMM0", "sse align sse4_1", exec);
        t.add(vexName, vex("128", "66", vexOpcode, "W0") + " /r", "Vx:w,Hx,Wx,Lx", "avx", exec);
        t.add(vexName, vex("256", "66", vexOpcode, "W0") + " /r", "Vx:w,Hx,Wx,Lx", "avx " + feature256, exec);
    }

    // ---- widening moves ----

    private static void widening(InstructionTable t) {
        // @formatter:off
        widen(t, "SX", "BW", "20", "h", 16, (s, d, k) -> put16(d + 2 * k, (byte) get8(s + k)));
        widen(t, "SX", "BD", "21", "f", 32, (s, d, k) -> put32(d + 4 * k, (byte) get8(s + k)));
        widen(t, "SX", "BQ", "22", "e", 64, (s, d, k) -> put64(d + 8 * k, (byte) get8(s + k)));
        widen(t, "SX", "WD", "23", "h", 32, (s, d, k) -> put32(d + 4 * k, (short) get16(s + 2 * k)));
        widen(t, "SX", "WQ", "24", "f", 64, (s, d, k) -> put64(d + 8 * k, (short) get16(s + 2 * k)));
        widen(t, "SX", "DQ", "25", "h", 64, (s, d, k) -> put64(d + 8 * k, get32(s + 4 * k)));
        widen(t, "ZX", "BW", "30", "h", 16, (s, d, k) -> put16(d + 2 * k, get8(s + k)));
        widen(t, "ZX", "BD", "31", "f", 32, (s, d, k) -> put32(d + 4 * k, get8(s + k)));
        widen(t, "ZX", "BQ", "32", "e", 64, (s, d, k) -> put64(d + 8 * k, get8(s + k)));
        widen(t, "ZX", "WD", "33", "h", 32, (s, d, k) -> put32(d + 4 * k, get16(s + 2 * k)));
        widen(t, "ZX", "WQ", "34", "f", 64, (s, d, k) -> put64(d + 8 * k, get16(s + 2 * k)));
        widen(t, "ZX", "DQ", "35", "h", 64, (s, d, k) -> put64(d + 8 * k, get32(s + 4 * k) & 0xffff_ffffL));
        // @formatter:on
    }

    private static void widen(InstructionTable t, String kind, String name, String opcode, String size, int bits,
            Widening op) {
        String mnemonic = "PMOV" + kind + name;
        String operands = "Vx:w,W" + size;
        Exec exec = widen(op, bits);
        t.add(mnemonic, "66 0F 38 " + opcode + " /r", operands, "sse sse4_1", exec);
        t.add("V" + mnemonic, vex("128", "66", "0F 38 " + opcode, "WIG") + " /r", operands, "avx", exec);
        t.add("V" + mnemonic, vex("256", "66", "0F 38 " + opcode, "WIG") + " /r", operands, "avx avx2", exec);
    }

    private static Exec widen(Widening op, int bits) {
        return (c, i) -> {
            long s = source(c, i, 1);
            long r = result(c);
            int n = i.op0().bits() / bits;
            for (int k = 0; k < n; k++) {
                op.apply(s, r, k);
            }
            writeResult(c, i);
        };
    }

    // ---- tests ----

    private static void tests(InstructionTable t) {
        // @formatter:off
        Exec all = test(-1L);
        Exec dwordSigns = test(Lanes.D);
        Exec qwordSigns = test(Long.MIN_VALUE);
        all(t, "PTEST", "66", "0F 38 17", "Vx:r,Wx", "Vx:r,Wx", "sse4_1 w:OSZAPC", "w:OSZAPC", all);
        for (String length : new String[] {"128", "256"}) {
            t.add("VTESTPS", vex(length, "66", "0F 38 0E", "W0") + " /r", "Vx:r,Wx", "avx w:OSZAPC", dwordSigns);
            t.add("VTESTPD", vex(length, "66", "0F 38 0F", "W0") + " /r", "Vx:r,Wx", "avx w:OSZAPC", qwordSigns);
        }
        // @formatter:on
    }

    private static Exec test(long mask) {
        return (c, i) -> {
            long b = source(c, i, 1);
            long a = source(c, i, 0);
            long and = 0;
            long andn = 0;
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                and |= get64(a + k) & get64(b + k);
                andn |= ~get64(a + k) & get64(b + k);
            }
            c.setArithmeticFlags(((and & mask) == 0 ? Flags.ZF : 0) | ((andn & mask) == 0 ? Flags.CF : 0));
        };
    }

    // ---- MPSADBW, PHMINPOSUW ----

    /** Eight sums of four absolute differences; the upper half of the VEX form uses imm[5:3]. */
    static void mpsadbw(Cpu c, Insn i) {
        int f = first(i);
        long b = source(c, i, f + 1);
        long a = source(c, i, f);
        long r = result(c);
        int imm = (int) i.imm();
        for (int half = 0; half < i.op0().bits() >>> 3; half += 16) {
            long block = a + half + (imm & 4);
            long reference = b + half + 4 * (imm & 3);
            for (int k = 0; k < 8; k++) {
                int sum = 0;
                for (int e = 0; e < 4; e++) {
                    sum += Math.abs(get8(block + k + e) - get8(reference + e));
                }
                put16(r + half + 2 * k, sum);
            }
            imm >>= 3;
        }
        writeResult(c, i);
    }

    static void phminposuw(Cpu c, Insn i) {
        long a = source(c, i, 1);
        int smallest = get16(a);
        int index = 0;
        for (int k = 1; k < 8; k++) {
            int v = get16(a + 2 * k);
            if (v < smallest) {
                smallest = v;
                index = k;
            }
        }
        write128(c, i, smallest | index << 16, 0);
    }
}
