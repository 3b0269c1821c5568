package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.clearUpper;
import static org.xenolith.cpu.insn.VectorOperands.copyLanes;
import static org.xenolith.cpu.insn.VectorOperands.first;
import static org.xenolith.cpu.insn.VectorOperands.memory;
import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.cpu.insn.VectorOperands.store;
import static org.xenolith.cpu.insn.VectorOperands.write128;
import static org.xenolith.cpu.insn.VectorRows.halvesUnary;
import static org.xenolith.cpu.insn.VectorRows.twoFloat;
import static org.xenolith.cpu.insn.VectorRows.vex;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.Specializer;

/** Moves between vector registers, MMX registers, general registers and memory (SDM vol. 2). */
final class VectorMoves {
    private static final Exec MOVE = Specializer.of(VectorMoves::move, VectorMoves::narrowMove);

    private VectorMoves() {
    }

    static void define(InstructionTable t) {
        whole(t);
        scalar(t);
        halfRegister(t);
        general(t);
        mmxMoves(t);
        masks(t);
    }

    // ---- whole registers ----

    private static void whole(InstructionTable t) {
        // @formatter:off
        loadStore(t, "MOVUPS", "NP", "0F 10", "0F 11", "sse", "");
        loadStore(t, "MOVUPD", "66", "0F 10", "0F 11", "sse sse2", "");
        loadStore(t, "MOVAPS", "NP", "0F 28", "0F 29", "sse", "align");
        loadStore(t, "MOVAPD", "66", "0F 28", "0F 29", "sse sse2", "align");
        loadStore(t, "MOVDQA", "66", "0F 6F", "0F 7F", "sse sse2", "align");
        loadStore(t, "MOVDQU", "F3", "0F 6F", "0F 7F", "sse sse2", "");
        rows(t, "LDDQU",    "F2", "0F F0", "Vx:w,Mx", "sse sse3", "", "");
        rows(t, "MOVNTPS",  "NP", "0F 2B", "Mx:w,Vx", "sse", "align", "");
        rows(t, "MOVNTPD",  "66", "0F 2B", "Mx:w,Vx", "sse sse2", "align", "");
        rows(t, "MOVNTDQ",  "66", "0F E7", "Mx:w,Vx", "sse sse2", "align", "");
        rows(t, "MOVNTDQA", "66", "0F 38 2A", "Vx:w,Mx", "sse sse4_1", "align", "avx2");
        // @formatter:on
    }

    private static void loadStore(InstructionTable t, String name, String prefix, String load, String save,
            String feature, String align) {
        rows(t, name, prefix, load, "Vx:w,Wx", feature, align, "");
        rows(t, name, prefix, save, "Wx:w,Vx", feature, align, "");
    }

    private static void rows(InstructionTable t, String name, String prefix, String opcode, String operands,
            String feature, String align, String feature256) {
        t.add(name, prefix + " " + opcode + " /r", operands, feature + " " + align, MOVE);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", operands, "avx " + align, MOVE);
        t.add("V" + name, vex("256", prefix, opcode, "WIG") + " /r", operands, "avx " + align + " " + feature256,
                MOVE);
    }

    static void move(Cpu c, Insn i) {
        long a = source(c, i, 1);
        Operand o = i.op0();
        if (o.kind() == Operand.Kind.MEM) {
            store(c, i, a, o.bits() >>> 3);
            return;
        }
        long d = c.ymmAddress(o.reg());
        copyLanes(a, d, o.bits() >>> 3);
        clearUpper(i, d);
    }

    /** Moves of 128 bits without VEX, by shape. */
    private static Exec narrowMove(Insn i) {
        if (i.def().vex() || i.operand(0).bits() != 128) {
            return null;
        }
        if (i.isMem(0)) {
            return (c, n) -> store(c, n, c.ymmAddress(n.r1()), 16);
        }
        if (i.isMem(1)) {
            return (c, n) -> copy128(memory(c, n, 16), c.ymmAddress(n.r0()));
        }
        return (c, n) -> copy128(c.ymmAddress(n.r1()), c.ymmAddress(n.r0()));
    }

    private static void copy128(long from, long to) {
        long low = get64(from);
        long high = get64(from + 8);
        put64(to, low);
        put64(to + 8, high);
    }

    // ---- scalars ----

    private static void scalar(InstructionTable t) {
        // @formatter:off
        t.add("MOVSS", "F3 0F 10 /r", "Vdq:w,Md",  "sse", VectorMoves::loadLow);
        t.add("MOVSS", "F3 0F 10 /r", "Vd,Ud",     "sse", VectorMoves::mergeLow);
        t.add("MOVSS", "F3 0F 11 /r", "Md:w,Vd",   "sse", VectorMoves::move);
        t.add("MOVSS", "F3 0F 11 /r", "Ud,Vd",     "sse", VectorMoves::mergeLow);
        t.add("MOVSD", "F2 0F 10 /r", "Vdq:w,Mq",  "sse sse2", VectorMoves::loadLow);
        t.add("MOVSD", "F2 0F 10 /r", "Vq,Uq",     "sse sse2", VectorMoves::mergeLow);
        t.add("MOVSD", "F2 0F 11 /r", "Mq:w,Vq",   "sse sse2", VectorMoves::move);
        t.add("MOVSD", "F2 0F 11 /r", "Uq,Vq",     "sse sse2", VectorMoves::mergeLow);
        t.add("VMOVSS", "VEX.LIG.F3.0F.WIG 10 /r", "Vdq:w,Md",     "avx", VectorMoves::loadLow);
        t.add("VMOVSS", "VEX.LIG.F3.0F.WIG 10 /r", "Vdq:w,Hdq,Ud", "avx", VectorMoves::mergeLow);
        t.add("VMOVSS", "VEX.LIG.F3.0F.WIG 11 /r", "Md:w,Vd",      "avx", VectorMoves::move);
        t.add("VMOVSS", "VEX.LIG.F3.0F.WIG 11 /r", "Udq:w,Hdq,Vd", "avx", VectorMoves::mergeLow);
        t.add("VMOVSD", "VEX.LIG.F2.0F.WIG 10 /r", "Vdq:w,Mq",     "avx", VectorMoves::loadLow);
        t.add("VMOVSD", "VEX.LIG.F2.0F.WIG 10 /r", "Vdq:w,Hdq,Uq", "avx", VectorMoves::mergeLow);
        t.add("VMOVSD", "VEX.LIG.F2.0F.WIG 11 /r", "Mq:w,Vq",      "avx", VectorMoves::move);
        t.add("VMOVSD", "VEX.LIG.F2.0F.WIG 11 /r", "Udq:w,Hdq,Vq", "avx", VectorMoves::mergeLow);

        t.add("MOVQ", "F3 0F 7E /r", "Vdq:w,Wq", "sse sse2", VectorMoves::loadLow);
        t.add("MOVQ", "66 0F D6 /r", "Mq:w,Vq",  "sse sse2", VectorMoves::move);
        t.add("MOVQ", "66 0F D6 /r", "Udq:w,Vq", "sse sse2", VectorMoves::loadLow);
        t.add("VMOVQ", "VEX.128.F3.0F.WIG 7E /r", "Vdq:w,Wq", "avx", VectorMoves::loadLow);
        t.add("VMOVQ", "VEX.128.66.0F.WIG D6 /r", "Mq:w,Vq",  "avx", VectorMoves::move);
        t.add("VMOVQ", "VEX.128.66.0F.WIG D6 /r", "Udq:w,Vq", "avx", VectorMoves::loadLow);
        // @formatter:on
    }

    /** The low 32 or 64 bits of the source, the rest of 128 bits zero. */
    static void loadLow(Cpu c, Insn i) {
        write128(c, i, i.read1(c), 0);
    }

    /** The low element from the last source, the rest from the first. */
    static void mergeLow(Cpu c, Insn i) {
        int f = first(i);
        long a = source(c, i, f);
        Operand b = i.operand(f + 1);
        long low = c.ymm(b.reg(), 0);
        write128(c, i, b.bits() == 32 ? get64(a) & ~0xffff_ffffL | low & 0xffff_ffffL : low, get64(a + 8));
    }

    // ---- one half of a register ----

    private static void halfRegister(InstructionTable t) {
        // @formatter:off
        halves(t, "MOVHLPS", "NP", "0F 12", "Uq", "sse", (a, b, d, n) -> pair(d, get64(b + 8), get64(a + 8)));
        halves(t, "MOVLHPS", "NP", "0F 16", "Uq", "sse", (a, b, d, n) -> pair(d, get64(a), get64(b)));
        halves(t, "MOVLPS",  "NP", "0F 12", "Mq", "sse", (a, b, d, n) -> pair(d, get64(b), get64(a + 8)));
        halves(t, "MOVHPS",  "NP", "0F 16", "Mq", "sse", (a, b, d, n) -> pair(d, get64(a), get64(b)));
        halves(t, "MOVLPD",  "66", "0F 12", "Mq", "sse sse2", (a, b, d, n) -> pair(d, get64(b), get64(a + 8)));
        halves(t, "MOVHPD",  "66", "0F 16", "Mq", "sse sse2", (a, b, d, n) -> pair(d, get64(a), get64(b)));
        for (String p : new String[] {"NP", "66"}) {
            String s = p.equals("NP") ? "PS" : "PD";
            String feature = p.equals("NP") ? "sse" : "sse sse2";
            t.add("MOVL" + s, p + " 0F 13 /r", "Mq:w,Vq", feature, VectorMoves::move);
            t.add("MOVH" + s, p + " 0F 17 /r", "Mq:w,Vdq", feature, VectorMoves::storeHigh);
            t.add("VMOVL" + s, vex("128", p, "0F 13", "WIG") + " /r", "Mq:w,Vq", "avx", VectorMoves::move);
            t.add("VMOVH" + s, vex("128", p, "0F 17", "WIG") + " /r", "Mq:w,Vdq", "avx", VectorMoves::storeHigh);
        }
        twoFloat(t, "MOVSLDUP", "F3", "0F 12", "", "sse3", halvesUnary((a, b, d, n) -> pair(d,
                (get64(a) & 0xffff_ffffL) * 0x1_0000_0001L, (get64(a + 8) & 0xffff_ffffL) * 0x1_0000_0001L)));
        twoFloat(t, "MOVSHDUP", "F3", "0F 16", "", "sse3", halvesUnary((a, b, d, n) -> pair(d,
                (get64(a) >>> 32) * 0x1_0000_0001L, (get64(a + 8) >>> 32) * 0x1_0000_0001L)));
        Exec duplicate = halvesUnary((a, b, d, n) -> pair(d, get64(a), get64(a)));
        t.add("MOVDDUP",  "F2 0F 12 /r", "Vdq:w,Wq", "sse sse3", duplicate);
        t.add("VMOVDDUP", "VEX.128.F2.0F.WIG 12 /r", "Vdq:w,Wq", "avx", duplicate);
        t.add("VMOVDDUP", "VEX.256.F2.0F.WIG 12 /r", "Vqq:w,Wqq", "avx", duplicate);
        // @formatter:on
    }

    private static void halves(InstructionTable t, String name, String prefix, String opcode, String source,
            String feature, VectorRows.Half op) {
        Exec exec = VectorRows.halves(op);
        String wide = source.equals("Uq") ? "Udq" : source;
        t.add(name, prefix + " " + opcode + " /r", "Vdq," + wide, feature, exec);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", "Vdq:w,Hdq," + wide, "avx", exec);
    }

    private static void pair(long d, long low, long high) {
        put64(d, low);
        put64(d + 8, high);
    }

    static void storeHigh(Cpu c, Insn i) {
        i.write0(c, c.ymm(i.op1().reg(), 1));
    }

    // ---- general registers ----

    private static void general(InstructionTable t) {
        // @formatter:off
        t.add("MOVQ", "66 REX.W 0F 6E /r", "Vdq:w,Eq", "sse sse2", VectorMoves::loadLow);
        t.add("MOVD", "66 0F 6E /r",       "Vdq:w,Ed", "sse sse2", VectorMoves::loadLow);
        t.add("MOVQ", "66 REX.W 0F 7E /r", "Eq:w,Vq",  "sse sse2", VectorMoves::toGeneral);
        t.add("MOVD", "66 0F 7E /r",       "Ed:w,Vd",  "sse sse2", VectorMoves::toGeneral);
        t.add("VMOVQ", "VEX.128.66.0F.W1 6E /r", "Vdq:w,Eq", "avx o64", VectorMoves::loadLow);
        t.add("VMOVD", "VEX.128.66.0F 6E /r",    "Vdq:w,Ed", "avx", VectorMoves::loadLow);
        t.add("VMOVQ", "VEX.128.66.0F.W1 7E /r", "Eq:w,Vq",  "avx o64", VectorMoves::toGeneral);
        t.add("VMOVD", "VEX.128.66.0F 7E /r",    "Ed:w,Vd",  "avx", VectorMoves::toGeneral);
        t.add("MOVNTI", "NP 0F C3 /r", "My:w,Gy", "sse2", Moves::mov);

        signs(t, "MOVMSKPS", "NP", "0F 50", "sse", VectorMoves::movmskps);
        signs(t, "MOVMSKPD", "66", "0F 50", "sse sse2", VectorMoves::movmskpd);
        t.add("PMOVMSKB", "66 0F D7 /r", "Gy:w,Udq", "sse sse2", VectorMoves::pmovmskb);
        t.add("VPMOVMSKB", "VEX.128.66.0F.WIG D7 /r", "Gy:w,Udq", "avx", VectorMoves::pmovmskb);
        t.add("VPMOVMSKB", "VEX.256.66.0F.WIG D7 /r", "Gy:w,Uqq", "avx avx2", VectorMoves::pmovmskb);
        t.add("PMOVMSKB", "NP 0F D7 /r", "Gy:w,Nq", "mmx", (c, i) -> {
            Mmx.check(c);
            Mmx.enter(c);
            c.setReg32(i.op0().reg(), Lanes.pmovmskb(Mmx.get(c, i.op1().reg())));
        });
        // @formatter:on
    }

    private static void signs(InstructionTable t, String name, String prefix, String opcode, String feature,
            Exec exec) {
        t.add(name, prefix + " " + opcode + " /r", "Gy:w,Udq", feature, exec);
        t.add("V" + name, vex("128", prefix, opcode, "WIG") + " /r", "Gy:w,Udq", "avx", exec);
        t.add("V" + name, vex("256", prefix, opcode, "WIG") + " /r", "Gy:w,Uqq", "avx", exec);
    }

    static void toGeneral(Cpu c, Insn i) {
        i.write0(c, i.read1(c));
    }

    static void movmskps(Cpu c, Insn i) {
        long a = source(c, i, 1);
        int n = i.op1().bits() >>> 5;
        int r = 0;
        for (int k = 0; k < n; k++) {
            r |= get32(a + 4 * k) >>> 31 << k;
        }
        c.setReg32(i.op0().reg(), r);
    }

    static void movmskpd(Cpu c, Insn i) {
        long a = source(c, i, 1);
        int n = i.op1().bits() >>> 6;
        int r = 0;
        for (int k = 0; k < n; k++) {
            r |= get32(a + 8 * k + 4) >>> 31 << k;
        }
        c.setReg32(i.op0().reg(), r);
    }

    static void pmovmskb(Cpu c, Insn i) {
        long a = source(c, i, 1);
        int r = Lanes.pmovmskb(get64(a)) | Lanes.pmovmskb(get64(a + 8)) << 8;
        if (i.op1().bits() == 256) {
            r |= Lanes.pmovmskb(get64(a + 16)) << 16 | Lanes.pmovmskb(get64(a + 24)) << 24;
        }
        c.setReg32(i.op0().reg(), r);
    }

    // ---- MMX ----

    private static void mmxMoves(InstructionTable t) {
        // @formatter:off
        t.add("MOVQ", "NP REX.W 0F 6E /r", "Pq:w,Eq", "mmx", VectorMoves::toMmx);
        t.add("MOVD", "NP 0F 6E /r",       "Pq:w,Ed", "mmx", VectorMoves::toMmx);
        t.add("MOVQ", "NP REX.W 0F 7E /r", "Eq:w,Pq", "mmx", VectorMoves::fromMmx);
        t.add("MOVD", "NP 0F 7E /r",       "Ed:w,Pd", "mmx", VectorMoves::fromMmx);
        t.add("MOVQ", "NP 0F 6F /r", "Pq:w,Qq", "mmx", VectorMoves::toMmx);
        t.add("MOVQ", "NP 0F 7F /r", "Qq:w,Pq", "mmx", VectorMoves::fromMmx);
        t.add("MOVNTQ", "NP 0F E7 /r", "Mq:w,Pq", "mmx", VectorMoves::fromMmx);
        t.add("MOVQ2DQ", "F3 0F D6 /r", "Vdq:w,Nq", "mmx sse sse2", (c, i) -> {
            Mmx.check(c);
            Mmx.enter(c);
            write128(c, i, Mmx.get(c, i.op1().reg()), 0);
        });
        t.add("MOVDQ2Q", "F2 0F D6 /r", "Pq:w,Uq", "mmx sse sse2", VectorMoves::toMmx);
        t.add("EMMS", "NP 0F 77", "", "mmx", (c, i) -> {
            Mmx.check(c);
            c.setField32(CpuState.FTOP, 0);
            c.setField32(CpuState.FTW, 0);
        });
        // @formatter:on
    }

    static void toMmx(Cpu c, Insn i) {
        Mmx.check(c);
        long v = i.read1(c);
        Mmx.enter(c);
        Mmx.set(c, i.op0().reg(), v);
    }

    static void fromMmx(Cpu c, Insn i) {
        Mmx.check(c);
        long v = i.read1(c);
        if (i.op0().kind() == Operand.Kind.MMX) {
            Mmx.enter(c);
            Mmx.set(c, i.op0().reg(), v);
            return;
        }
        i.write0(c, v);
        Mmx.enter(c);
    }

    // ---- byte-masked stores, MXCSR ----

    private static void masks(InstructionTable t) {
        // @formatter:off
        t.add("MASKMOVDQU", "66 0F F7 /r", "Vdq:r,Udq", "sse sse2", VectorMoves::maskmovdqu);
        t.add("VMASKMOVDQU", "VEX.128.66.0F.WIG F7 /r", "Vdq:r,Udq", "avx", VectorMoves::maskmovdqu);
        t.add("MASKMOVQ", "NP 0F F7 /r", "Pq:r,Nq", "mmx", (c, i) -> {
            Mmx.check(c);
            // as on AMD, also when the store faults
            Mmx.enter(c);
            maskedBytes(c, i, Mmx.get(c, i.op0().reg()), 0, Mmx.get(c, i.op1().reg()), 0, 8);
        });
        // @formatter:on
    }

    static void maskmovdqu(Cpu c, Insn i) {
        int v = i.op0().reg();
        int m = i.op1().reg();
        maskedBytes(c, i, c.ymm(v, 0), c.ymm(v, 1), c.ymm(m, 0), c.ymm(m, 1), 16);
    }

    /**
     * Stores the bytes whose mask byte has bit 7 set to DS:rDI. Whether memory of other bytes can fault is left to the
     * processor; here all of the operand must be writable and each half of it aligned where that is checked, as on AMD.
     */
    private static void maskedBytes(Cpu c, Insn i, long low, long high, long maskLow, long maskHigh, int bytes) {
        long mask = i.addressBits() == 64 ? -1L : (1L << i.addressBits()) - 1;
        int chosen = Lanes.pmovmskb(maskLow) | Lanes.pmovmskb(maskHigh) << 8;
        if (bytes == 8) {
            chosen &= 0xff;
        }
        long va = Segmentation.linear(c, i.seg(), c.reg(CpuState.RDI) & mask, bytes, true);
        c.mmu().probeVector(va, i.seg(), 8, true);
        c.mmu().probe(va, i.seg(), bytes, true);
        for (int k = 0; k < bytes; k++) {
            if ((chosen >>> k & 1) != 0) {
                c.mmu().write8(va + k, i.seg(), (int) ((k < 8 ? low : high) >>> 8 * (k & 7)) & 0xff);
            }
        }
    }
}
