package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.Specializer;

/** MOV (general), MOVZX, MOVSX, MOVSXD, LEA, XCHG, CMOVcc, SETcc, BSWAP, MOVBE, XLAT and the sign-extension pairs (SDM vol. 2). */
final class Moves {
    private static final Exec MOV = Specializer.of(Moves::mov, Moves::narrowMov);
    private static final Exec MOVZX = Specializer.of(Moves::mov, Moves::narrowMovzx);
    private static final Exec LEA = Specializer.of(Moves::lea, Moves::narrowLea);

    private Moves() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("MOV", "88 /r", "Eb:w,Gb", "", MOV);
        t.add("MOV", "89 /r", "Ev:w,Gv", "", MOV);
        t.add("MOV", "8A /r", "Gb:w,Eb", "", MOV);
        t.add("MOV", "8B /r", "Gv:w,Ev", "", MOV);
        t.add("MOV", "C6 /0", "Eb:w,Ib", "", MOV);
        t.add("MOV", "C7 /0", "Ev:w,Iz", "", MOV);
        t.add("MOV", "B0+r",  "Zb:w,Ib", "", MOV);
        t.add("MOV", "B8+r",  "Zv:w,Iv", "", MOV);
        t.add("MOV", "A0",    "AL:w,Ob", "", MOV);
        t.add("MOV", "A1",    "rAX:w,Ov", "", MOV);
        t.add("MOV", "A2",    "Ob:w,AL", "", MOV);
        t.add("MOV", "A3",    "Ov:w,rAX", "", MOV);
        t.add("MOVZX", "0F B6 /r", "Gv:w,Eb", "", MOVZX);
        t.add("MOVZX", "0F B7 /r", "Gv:w,Ew", "", MOVZX);
        t.add("MOVSX", "0F BE /r", "Gv:w,Eb", "", Moves::movsx);
        t.add("MOVSX", "0F BF /r", "Gv:w,Ew", "", Moves::movsx);
        t.add("MOVSXD", "63 /r", "Gv:w,Ez", "o64", Moves::movsx);
        t.add("LEA", "8D /r", "Gv:w,M", "", LEA);
        t.add("XCHG", "86 /r", "Eb,Gb:rw", "lock", Moves::xchg);
        t.add("XCHG", "87 /r", "Ev,Gv:rw", "lock", Moves::xchg);
        t.add("NOP",  "90", "", "norexb", Moves::nop);
        t.add("XCHG", "90+r", "Zv,rAX:rw", "", Moves::xchg);
        t.add("BSWAP", "0F C8+r", "Zv", "", Moves::bswap);
        t.add("MOVBE", "0F 38 F0 /r", "Gv:w,Mv", "norep movbe", Moves::movbe);
        t.add("MOVBE", "0F 38 F1 /r", "Mv:w,Gv", "norep movbe", Moves::movbe);
        t.add("XLATB", "D7", "", "", Moves::xlat);
        t.add("CBW", "98", "", "", Moves::cbw);
        t.add("CWD", "99", "", "", Moves::cwd);
        // @formatter:on
        for (int cc = 0; cc < 16; cc++) {
            String reads = " " + Conditions.reads(cc);
            t.add("CMOV" + Conditions.suffix(cc), String.format("0F 4%X /r", cc), "Gv:rw,Ev", "cmov" + reads, cmov(cc));
            t.add("SET" + Conditions.suffix(cc), String.format("0F 9%X /r", cc), "Eb:w", reads, set(cc));
        }
    }

    static void mov(Cpu c, Insn i) {
        i.write0(c, i.read1(c));
    }

    private static Exec narrowMov(Insn i) {
        boolean imm = i.operand(1).kind() == Operand.Kind.IMM;
        if (i.isGpr(0, 64)) {
            return i.isGpr(1, 64)
                    ? (c, n) -> c.setReg(n.r0(), c.reg(n.r1()))
                    : imm
                            ? (c, n) -> c.setReg(n.r0(), n.imm())
                            : i.isFlatMem(1, 64)
                                    ? (c, n) -> c.setReg(n.r0(), c.mmu().read64(n.flatAddress(c), n.seg()))
                                    : null;
        }
        if (i.isGpr(0, 32)) {
            return i.isGpr(1, 32)
                    ? (c, n) -> c.setReg32(n.r0(), c.reg(n.r1()))
                    : imm
                            ? (c, n) -> c.setReg32(n.r0(), n.imm())
                            : i.isFlatMem(1, 32)
                                    ? (c, n) -> c.setReg32(n.r0(), c.mmu().read32(n.flatAddress(c), n.seg()))
                                    : null;
        }
        if (i.isFlatMem(0, 64)) {
            return imm
                    ? (c, n) -> c.mmu().write64(n.flatAddress(c), n.seg(), n.imm())
                    : i.isGpr(1, 64) ? (c, n) -> c.mmu().write64(n.flatAddress(c), n.seg(), c.reg(n.r1())) : null;
        }
        if (i.isFlatMem(0, 32)) {
            return imm
                    ? (c, n) -> c.mmu().write32(n.flatAddress(c), n.seg(), (int) n.imm())
                    : i.isGpr(1, 32) ? (c, n) -> c.mmu().write32(n.flatAddress(c), n.seg(), c.reg32(n.r1())) : null;
        }
        if (i.isFlatMem(0, 8) && i.isGpr(1, 8)) {
            return (c, n) -> c.mmu().write8(n.flatAddress(c), n.seg(), c.reg8(n.r1()));
        }
        return null;
    }

    private static Exec narrowMovzx(Insn i) {
        if (!i.isGpr(0, 32)) {
            return null;
        }
        return i.isGpr(1, 8)
                ? (c, n) -> c.setReg(n.r0(), c.reg8(n.r1()))
                : i.isFlatMem(1, 8)
                        ? (c, n) -> c.setReg(n.r0(), c.mmu().read8(n.flatAddress(c), n.seg()))
                        : i.isFlatMem(1, 16)
                                ? (c, n) -> c.setReg(n.r0(), c.mmu().read16(n.flatAddress(c), n.seg()))
                                : null;
    }

    private static Exec narrowLea(Insn i) {
        return i.operandBits() == 64 ? (c, n) -> c.setReg(n.r0(), n.ea(c)) : null;
    }

    static void movsx(Cpu c, Insn i) {
        i.write0(c, Alu.sx(i.read1(c), i.op1().bits()));
    }

    static void lea(Cpu c, Insn i) {
        c.setReg(i.op0().reg(), i.ea(c), i.op0().bits() == 0 ? i.operandBits() : i.op0().bits());
    }

    static void xchg(Cpu c, Insn i) {
        long b = i.read1(c);
        long a = i.readForWrite0(c);
        i.write0(c, b);
        i.write(c, 1, a);
    }

    static void nop(Cpu c, Insn i) {
    }

    /** BSWAP of a 16-bit register is undefined; it gives zero, as Intel and AMD processors do. */
    static void bswap(Cpu c, Insn i) {
        long v = i.read0(c);
        i.write0(c, switch (i.bits()) {
            case 64 -> Long.reverseBytes(v);
            case 32 -> Integer.reverseBytes((int) v);
            default -> 0;
        });
    }

    static void movbe(Cpu c, Insn i) {
        long v = i.read1(c);
        i.write0(c, Long.reverseBytes(v) >>> 64 - i.bits());
    }

    static void xlat(Cpu c, Insn i) {
        long mask = i.addressBits() == 64 ? -1L : (1L << i.addressBits()) - 1;
        long offset = c.reg(CpuState.RBX) + c.reg8(CpuState.RAX) & mask;
        c.setReg8(CpuState.RAX, c.mmu().read8(Segmentation.linear(c, i.seg(), offset, 1, false), i.seg()));
    }

    /** CBW, CWDE, CDQE. */
    static void cbw(Cpu c, Insn i) {
        int bits = i.operandBits();
        c.setReg(CpuState.RAX, Alu.sx(c.reg(CpuState.RAX), bits >> 1), bits);
    }

    /** CWD, CDQ, CQO. */
    static void cwd(Cpu c, Insn i) {
        int bits = i.operandBits();
        c.setReg(CpuState.RDX, Alu.sx(c.reg(CpuState.RAX), bits) >> 63, bits);
    }

    private static Exec cmov(int cc) {
        return (c, i) -> {
            long v = i.read1(c);
            // a false condition still zero-extends a 32-bit destination
            i.write0(c, c.condition(cc) ? v : i.read0(c));
        };
    }

    private static Exec set(int cc) {
        return (c, i) -> i.write0(c, c.condition(cc) ? 1 : 0);
    }
}
