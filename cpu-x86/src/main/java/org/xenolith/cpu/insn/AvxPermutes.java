package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.clearUpper;
import static org.xenolith.cpu.insn.VectorOperands.copyLanes;
import static org.xenolith.cpu.insn.VectorOperands.destination;
import static org.xenolith.cpu.insn.VectorOperands.result;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.writeResult;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;

/** What only AVX and AVX2 have: broadcasts, permutations, 128-bit insertion and extraction, zeroing (SDM vol. 2). */
final class AvxPermutes {
    private AvxPermutes() {
    }

    static void define(InstructionTable t) {
        broadcasts(t);
        permutations(t);
        halves(t);
        t.add("VZEROUPPER", "VEX.128.0F.WIG 77", "", "avx", (c, i) -> zero(c, i, 2));
        t.add("VZEROALL", "VEX.256.0F.WIG 77", "", "avx", (c, i) -> zero(c, i, 0));
    }

    /** All registers that the mode can name, from lane {@code from} up. */
    private static void zero(Cpu c, Insn i, int from) {
        int n = i.codeBits() == 64 ? 16 : 8;
        for (int r = 0; r < n; r++) {
            for (int k = from; k < 4; k++) {
                c.setYmm(r, k, 0);
            }
        }
    }

    // ---- broadcasts ----

    private static void broadcasts(InstructionTable t) {
        // @formatter:off
        for (String length : new String[] {"128", "256"}) {
            broadcast(t, "VBROADCASTSS", length, "0F 38 18", "Md", "avx", 32);
            broadcast(t, "VBROADCASTSS", length, "0F 38 18", "Ud", "avx avx2", 32);
            broadcast(t, "VPBROADCASTB", length, "0F 38 78", "Wb", "avx avx2", 8);
            broadcast(t, "VPBROADCASTW", length, "0F 38 79", "Ww", "avx avx2", 16);
            broadcast(t, "VPBROADCASTD", length, "0F 38 58", "Wd", "avx avx2", 32);
            broadcast(t, "VPBROADCASTQ", length, "0F 38 59", "Wq", "avx avx2", 64);
        }
        broadcast(t, "VBROADCASTSD", "256", "0F 38 19", "Mq", "avx", 64);
        broadcast(t, "VBROADCASTSD", "256", "0F 38 19", "Uq", "avx avx2", 64);
        t.add("VBROADCASTF128", "VEX.256.66.0F38.W0 1A /r", "Vqq:w,Mdq", "avx", AvxPermutes::broadcast128);
        t.add("VBROADCASTI128", "VEX.256.66.0F38.W0 5A /r", "Vqq:w,Mdq", "avx avx2", AvxPermutes::broadcast128);
        // @formatter:on
    }

    private static void broadcast(InstructionTable t, String name, String length, String opcode, String from,
            String attributes, int bits) {
        t.add(name, vex(length, "66", opcode, "W0") + " /r", "Vx:w," + from, attributes, (c, i) -> {
            long v = get64(source(c, i, 1));
            v = switch (bits) {
                case 8 -> (v & 0xff) * 0x0101_0101_0101_0101L;
                case 16 -> (v & 0xffff) * 0x0001_0001_0001_0001L;
                case 32 -> (v & 0xffff_ffffL) * 0x0000_0001_0000_0001L;
                default -> v;
            };
            long d = destination(c, i);
            for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
                put64(d + k, v);
            }
            clearUpper(i, d);
        });
    }

    static void broadcast128(Cpu c, Insn i) {
        long a = source(c, i, 1);
        long d = destination(c, i);
        copyLanes(a, d, 16);
        copyLanes(a, d + 16, 16);
    }

    // ---- permutations ----

    private static void permutations(InstructionTable t) {
        // @formatter:off
        Exec ps = VectorRows.halvesUnary(AvxPermutes::permilps);
        Exec psVariable = VectorRows.halves((a, b, d, imm) -> permilps(a, a, d, get32(b) & 3 | (get32(b + 4) & 3) << 2
                | (get32(b + 8) & 3) << 4 | (get32(b + 12) & 3) << 6));
        Exec pdVariable = VectorRows.halves((a, b, d, imm) -> {
            long low = get64(a + (get8(b) << 2 & 8));
            pair(d, low, get64(a + (get8(b + 8) << 2 & 8)));
        });
        for (String length : new String[] {"128", "256"}) {
            t.add("VPERMILPS", vex(length, "66", "0F 38 0C", "W0") + " /r", "Vx:w,Hx,Wx", "avx", psVariable);
            t.add("VPERMILPD", vex(length, "66", "0F 38 0D", "W0") + " /r", "Vx:w,Hx,Wx", "avx", pdVariable);
            t.add("VPERMILPS", vex(length, "66", "0F 3A 04", "W0") + " /r", "Vx:w,Wx,Ib", "avx", ps);
            t.add("VPERMILPD", vex(length, "66", "0F 3A 05", "W0") + " /r", "Vx:w,Wx,Ib", "avx", AvxPermutes::permilpd);
        }
        t.add("VPERMD",  "VEX.256.66.0F38.W0 36 /r", "Vqq:w,Hqq,Wqq", "avx avx2", AvxPermutes::permd);
        t.add("VPERMPS", "VEX.256.66.0F38.W0 16 /r", "Vqq:w,Hqq,Wqq", "avx avx2", AvxPermutes::permd);
        t.add("VPERMQ",  "VEX.256.66.0F3A.W1 00 /r", "Vqq:w,Wqq,Ib",  "avx avx2", AvxPermutes::permq);
        t.add("VPERMPD", "VEX.256.66.0F3A.W1 01 /r", "Vqq:w,Wqq,Ib",  "avx avx2", AvxPermutes::permq);
        t.add("VPERM2F128", "VEX.256.66.0F3A.W0 06 /r", "Vqq:w,Hqq,Wqq,Ib", "avx", AvxPermutes::perm2);
        t.add("VPERM2I128", "VEX.256.66.0F3A.W0 46 /r", "Vqq:w,Hqq,Wqq,Ib", "avx avx2", AvxPermutes::perm2);
        // @formatter:on
    }

    private static void pair(long d, long low, long high) {
        put64(d, low);
        put64(d + 8, high);
    }

    private static void permilps(long a, long same, long d, int imm) {
        long low = get32(a + 4 * (imm & 3)) & 0xffff_ffffL | (long) get32(a + 4 * (imm >> 2 & 3)) << 32;
        long high = get32(a + 4 * (imm >> 4 & 3)) & 0xffff_ffffL | (long) get32(a + 4 * (imm >> 6 & 3)) << 32;
        pair(d, low, high);
    }

    static void permilpd(Cpu c, Insn i) {
        long a = source(c, i, 1);
        long r = result(c);
        int imm = (int) i.imm();
        for (int k = 0; k < i.op0().bits() >>> 3; k += 8) {
            put64(r + k, get64(a + (k & 16) + 8 * (imm >> (k >> 3) & 1)));
        }
        writeResult(c, i);
    }

    static void permd(Cpu c, Insn i) {
        long b = source(c, i, 2);
        long order = source(c, i, 1);
        long r = result(c);
        for (int k = 0; k < 32; k += 4) {
            put32(r + k, get32(b + 4 * (get32(order + k) & 7)));
        }
        writeResult(c, i);
    }

    static void permq(Cpu c, Insn i) {
        long a = source(c, i, 1);
        long r = result(c);
        int imm = (int) i.imm();
        for (int k = 0; k < 4; k++) {
            put64(r + 8 * k, get64(a + 8 * (imm >> 2 * k & 3)));
        }
        writeResult(c, i);
    }

    static void perm2(Cpu c, Insn i) {
        long b = source(c, i, 2);
        long a = source(c, i, 1);
        long r = result(c);
        int imm = (int) i.imm();
        for (int k = 0; k < 32; k += 16) {
            if ((imm & 8) != 0) {
                put64(r + k, 0);
                put64(r + k + 8, 0);
            } else {
                copyLanes(((imm & 2) == 0 ? a : b) + 16 * (imm & 1), r + k, 16);
            }
            imm >>= 4;
        }
        writeResult(c, i);
    }

    // ---- 128-bit halves ----

    private static void halves(InstructionTable t) {
        // @formatter:off
        t.add("VINSERTF128",  "VEX.256.66.0F3A.W0 18 /r", "Vqq:w,Hqq,Wdq,Ib", "avx", AvxPermutes::insert128);
        t.add("VINSERTI128",  "VEX.256.66.0F3A.W0 38 /r", "Vqq:w,Hqq,Wdq,Ib", "avx avx2", AvxPermutes::insert128);
        t.add("VEXTRACTF128", "VEX.256.66.0F3A.W0 19 /r", "Wdq:w,Vqq,Ib", "avx", AvxPermutes::extract128);
        t.add("VEXTRACTI128", "VEX.256.66.0F3A.W0 39 /r", "Wdq:w,Vqq,Ib", "avx avx2", AvxPermutes::extract128);
        // @formatter:on
    }

    static void insert128(Cpu c, Insn i) {
        long b = source(c, i, 2);
        long a = source(c, i, 1);
        long r = result(c);
        copyLanes(a, r, 32);
        copyLanes(b, r + 16 * (i.imm() & 1), 16);
        writeResult(c, i);
    }

    static void extract128(Cpu c, Insn i) {
        long a = source(c, i, 1) + 16 * (i.imm() & 1);
        if (i.op0().kind() == Operand.Kind.MEM) {
            VectorOperands.store(c, i, a, 16);
            return;
        }
        long d = destination(c, i);
        copyLanes(a, d, 16);
        clearUpper(i, d);
    }
}
