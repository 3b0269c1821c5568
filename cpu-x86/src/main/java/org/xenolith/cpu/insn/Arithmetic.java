package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.Specializer;

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT (SDM vol. 2). AF is 0 after a logical operation. */
final class Arithmetic {
    private Arithmetic() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        family(t, 0, "ADD", "lock w:OSZAPC",     narrow(Arithmetic::add, Alu::add));
        family(t, 1, "OR",  "lock w:OSZPC u:A",  narrow(Arithmetic::or, Alu::or));
        family(t, 2, "ADC", "lock w:OSZAPC r:C", narrow(Arithmetic::adc, Alu::adc));
        family(t, 3, "SBB", "lock w:OSZAPC r:C", narrow(Arithmetic::sbb, Alu::sbb));
        family(t, 4, "AND", "lock w:OSZPC u:A",  narrow(Arithmetic::and, Alu::and));
        family(t, 5, "SUB", "lock w:OSZAPC",     narrow(Arithmetic::sub, Alu::sub));
        family(t, 6, "XOR", "lock w:OSZPC u:A",  narrow(Arithmetic::xor, Alu::xor));
        family(t, 7, "CMP", "w:OSZAPC",          narrowCompare(Arithmetic::cmp, Alu::sub));

        t.add("TEST", "84 /r", "Eb:r,Gb",  "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
        t.add("TEST", "85 /r", "Ev:r,Gv",  "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
        t.add("TEST", "A8",    "AL:r,Ib",  "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
        t.add("TEST", "A9",    "rAX:r,Iz", "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
        for (int digit = 0; digit <= 1; digit++) {
            t.add("TEST", "F6 /" + digit, "Eb:r,Ib", "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
            t.add("TEST", "F7 /" + digit, "Ev:r,Iz", "w:OSZPC u:A", narrowCompare(Arithmetic::test, Alu::and));
        }
        t.add("NOT", "F6 /2", "Eb", "lock", Arithmetic::not);
        t.add("NOT", "F7 /2", "Ev", "lock", Arithmetic::not);
        t.add("NEG", "F6 /3", "Eb", "lock w:OSZAPC", Arithmetic::neg);
        t.add("NEG", "F7 /3", "Ev", "lock w:OSZAPC", Arithmetic::neg);
        t.add("INC", "FE /0", "Eb", "lock w:OSZAP", Arithmetic::inc);
        t.add("INC", "FF /0", "Ev", "lock w:OSZAP", Arithmetic::inc);
        t.add("DEC", "FE /1", "Eb", "lock w:OSZAP", Arithmetic::dec);
        t.add("DEC", "FF /1", "Ev", "lock w:OSZAP", Arithmetic::dec);
        t.add("INC", "40+r", "Zv", "i64 w:OSZAP", Arithmetic::inc);
        t.add("DEC", "48+r", "Zv", "i64 w:OSZAP", Arithmetic::dec);
        // @formatter:on
    }

    /** The nine encodings that the eight classic operations share. */
    private static void family(InstructionTable t, int n, String mnemonic, String attributes, Exec exec) {
        String dst = mnemonic.equals("CMP") ? ":r" : "";
        String plain = attributes.replace("lock ", "");
        t.add(mnemonic, hex(8 * n) + " /r", "Eb" + dst + ",Gb", attributes, exec);
        t.add(mnemonic, hex(8 * n + 1) + " /r", "Ev" + dst + ",Gv", attributes, exec);
        t.add(mnemonic, hex(8 * n + 2) + " /r", "Gb" + dst + ",Eb", plain, exec);
        t.add(mnemonic, hex(8 * n + 3) + " /r", "Gv" + dst + ",Ev", plain, exec);
        t.add(mnemonic, hex(8 * n + 4), "AL" + dst + ",Ib", plain, exec);
        t.add(mnemonic, hex(8 * n + 5), "rAX" + dst + ",Iz", plain, exec);
        t.add(mnemonic, "80 /" + n, "Eb" + dst + ",Ib", attributes, exec);
        t.add(mnemonic, "81 /" + n, "Ev" + dst + ",Iz", attributes, exec);
        t.add(mnemonic, "82 /" + n, "Eb" + dst + ",Ib", attributes + " i64", exec);
        t.add(mnemonic, "83 /" + n, "Ev" + dst + ",sIb", attributes, exec);
    }

    /** A two-operand micro-operation of {@link Alu}. */
    @FunctionalInterface
    private interface Binary {
        long apply(Cpu c, long a, long b, int bits);
    }

    /** Narrow forms of the commonest operand shapes; others take the general method. */
    private static Exec narrow(Exec general, Binary op) {
        Exec rr64 = (c, i) -> c.setReg(i.r0(), op.apply(c, c.reg(i.r0()), c.reg(i.r1()), 64));
        Exec rr32 = (c, i) -> c.setReg(i.r0(), op.apply(c, c.reg(i.r0()), c.reg(i.r1()), 32));
        Exec ri64 = (c, i) -> c.setReg(i.r0(), op.apply(c, c.reg(i.r0()), i.imm(), 64));
        Exec ri32 = (c, i) -> c.setReg(i.r0(), op.apply(c, c.reg(i.r0()), i.imm(), 32));
        Exec rm64 = (c, i) -> c.setReg(i.r0(),
                op.apply(c, c.reg(i.r0()), c.mmu().read64(i.flatAddress(c), i.seg()), 64));
        Exec rm32 = (c, i) -> c.setReg(i.r0(),
                op.apply(c, c.reg(i.r0()), c.mmu().read32(i.flatAddress(c), i.seg()), 32));
        return Specializer.of(general, i -> shape(i, rr64, rr32, ri64, ri32, rm64, rm32));
    }

    private static Exec narrowCompare(Exec general, Binary op) {
        Exec rr64 = (c, i) -> op.apply(c, c.reg(i.r0()), c.reg(i.r1()), 64);
        Exec rr32 = (c, i) -> op.apply(c, c.reg(i.r0()), c.reg(i.r1()), 32);
        Exec ri64 = (c, i) -> op.apply(c, c.reg(i.r0()), i.imm(), 64);
        Exec ri32 = (c, i) -> op.apply(c, c.reg(i.r0()), i.imm(), 32);
        Exec rm64 = (c, i) -> op.apply(c, c.reg(i.r0()), c.mmu().read64(i.flatAddress(c), i.seg()), 64);
        Exec rm32 = (c, i) -> op.apply(c, c.reg(i.r0()), c.mmu().read32(i.flatAddress(c), i.seg()), 32);
        return Specializer.of(general, i -> shape(i, rr64, rr32, ri64, ri32, rm64, rm32));
    }

    private static Exec shape(Insn i, Exec rr64, Exec rr32, Exec ri64, Exec ri32, Exec rm64, Exec rm32) {
        if (i.isGpr(0, 64)) {
            return i.isGpr(1, 64)
                    ? rr64
                    : i.operand(1).kind() == Operand.Kind.IMM ? ri64 : i.isFlatMem(1, 64) ? rm64 : null;
        }
        if (i.isGpr(0, 32)) {
            return i.isGpr(1, 32)
                    ? rr32
                    : i.operand(1).kind() == Operand.Kind.IMM ? ri32 : i.isFlatMem(1, 32) ? rm32 : null;
        }
        return null;
    }

    private static String hex(int opcode) {
        return String.format("%02X", opcode);
    }

    static void add(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.add(c, i.readForWrite0(c), b, i.bits()));
    }

    static void or(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.or(c, i.readForWrite0(c), b, i.bits()));
    }

    static void adc(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.adc(c, i.readForWrite0(c), b, i.bits()));
    }

    static void sbb(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.sbb(c, i.readForWrite0(c), b, i.bits()));
    }

    static void and(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.and(c, i.readForWrite0(c), b, i.bits()));
    }

    static void sub(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.sub(c, i.readForWrite0(c), b, i.bits()));
    }

    static void xor(Cpu c, Insn i) {
        long b = i.read1(c);
        i.write0(c, Alu.xor(c, i.readForWrite0(c), b, i.bits()));
    }

    static void cmp(Cpu c, Insn i) {
        long b = i.read1(c);
        Alu.sub(c, i.read0(c), b, i.bits());
    }

    static void test(Cpu c, Insn i) {
        long b = i.read1(c);
        Alu.and(c, i.read0(c), b, i.bits());
    }

    static void not(Cpu c, Insn i) {
        i.write0(c, ~i.readForWrite0(c));
    }

    static void neg(Cpu c, Insn i) {
        i.write0(c, Alu.neg(c, i.readForWrite0(c), i.bits()));
    }

    static void inc(Cpu c, Insn i) {
        i.write0(c, Alu.inc(c, i.readForWrite0(c), i.bits()));
    }

    static void dec(Cpu c, Insn i) {
        i.write0(c, Alu.dec(c, i.readForWrite0(c), i.bits()));
    }
}
