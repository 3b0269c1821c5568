package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT (SDM vol. 2). AF is 0 after a logical operation. */
final class Arithmetic {
    private Arithmetic() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        family(t, 0, "ADD", "lock w:OSZAPC",     Arithmetic::add);
        family(t, 1, "OR",  "lock w:OSZPC u:A",  Arithmetic::or);
        family(t, 2, "ADC", "lock w:OSZAPC r:C", Arithmetic::adc);
        family(t, 3, "SBB", "lock w:OSZAPC r:C", Arithmetic::sbb);
        family(t, 4, "AND", "lock w:OSZPC u:A",  Arithmetic::and);
        family(t, 5, "SUB", "lock w:OSZAPC",     Arithmetic::sub);
        family(t, 6, "XOR", "lock w:OSZPC u:A",  Arithmetic::xor);
        family(t, 7, "CMP", "w:OSZAPC",          Arithmetic::cmp);

        t.add("TEST", "84 /r", "Eb:r,Gb",  "w:OSZPC u:A", Arithmetic::test);
        t.add("TEST", "85 /r", "Ev:r,Gv",  "w:OSZPC u:A", Arithmetic::test);
        t.add("TEST", "A8",    "AL:r,Ib",  "w:OSZPC u:A", Arithmetic::test);
        t.add("TEST", "A9",    "rAX:r,Iz", "w:OSZPC u:A", Arithmetic::test);
        for (int digit = 0; digit <= 1; digit++) {
            t.add("TEST", "F6 /" + digit, "Eb:r,Ib", "w:OSZPC u:A", Arithmetic::test);
            t.add("TEST", "F7 /" + digit, "Ev:r,Iz", "w:OSZPC u:A", Arithmetic::test);
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
