package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * AAA, AAS, AAM, AAD, DAA, DAS (SDM vol. 2), and BOUND.
 *
 * <p>Undefined flags are 0.
 */
final class Decimal {
    private Decimal() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("AAA", "37", "", "i64 w:AC u:OSZP r:A", (c, i) -> asciiAdjust(c, 0x106));
        t.add("AAS", "3F", "", "i64 w:AC u:OSZP r:A", (c, i) -> asciiAdjust(c, -0x106));
        t.add("AAM", "D4", "Ib:r", "i64 w:SZP u:OAC", Decimal::aam);
        t.add("AAD", "D5", "Ib:r", "i64 w:SZP u:OAC", Decimal::aad);
        t.add("DAA", "27", "", "i64 w:SZAPC u:O r:AC", (c, i) -> decimalAdjust(c, 1));
        t.add("DAS", "2F", "", "i64 w:SZAPC u:O r:AC", (c, i) -> decimalAdjust(c, -1));
        t.add("BOUND", "62 /r", "Gv:r,Ma", "i64", Decimal::bound);
        // @formatter:on
    }

    private static void setFlags(Cpu c, int al, boolean af, boolean cf) {
        int v = al & 0xff;
        c.setArithmeticFlags((cf ? Flags.CF : 0) | (af ? Flags.AF : 0) | (v == 0 ? Flags.ZF : 0) | v & Flags.SF
                | ((Integer.bitCount(v) & 1) == 0 ? Flags.PF : 0));
    }

    private static void asciiAdjust(Cpu c, int by) {
        int ax = (int) c.reg(CpuState.RAX, 16);
        boolean adjust = (ax & 15) > 9 || c.af();
        if (adjust) {
            ax += by;
        }
        ax &= 0xff0f;
        c.setReg16(CpuState.RAX, ax);
        c.setArithmeticFlags(adjust ? Flags.CF | Flags.AF : 0);
    }

    static void aam(Cpu c, Insn i) {
        int base = (int) i.imm() & 0xff;
        if (base == 0) {
            throw c.fault(Vector.DE);
        }
        int al = c.reg8(CpuState.RAX);
        c.setReg16(CpuState.RAX, al / base << 8 | al % base);
        setFlags(c, al % base, false, false);
    }

    static void aad(Cpu c, Insn i) {
        int al = c.reg8(CpuState.RAX) + c.regHigh8(CpuState.RAX) * ((int) i.imm() & 0xff) & 0xff;
        c.setReg16(CpuState.RAX, al);
        setFlags(c, al, false, false);
    }

    private static void decimalAdjust(Cpu c, int sign) {
        int al = c.reg8(CpuState.RAX);
        boolean oldCf = c.cf();
        boolean cf = false;
        boolean af = false;
        int r = al;
        if ((al & 15) > 9 || c.af()) {
            r += 6 * sign;
            cf = oldCf || (r & 0x100) != 0;
            af = true;
        }
        if (al > 0x99 || oldCf) {
            r += 0x60 * sign;
            cf = true;
        } else if (sign > 0) {
            // DAA clears CF here; DAS keeps the borrow of its first step
            cf = false;
        }
        c.setReg8(CpuState.RAX, r);
        setFlags(c, r, af, cf);
    }

    static void bound(Cpu c, Insn i) {
        int bits = i.operandBits();
        int bytes = bits >>> 3;
        long low = org.xenolith.cpu.Alu.sx(c.mmu().read(i.address(c, bytes, false), i.seg(), bits), bits);
        long high = org.xenolith.cpu.Alu.sx(c.mmu().read(i.address(c, bytes, bytes, false), i.seg(), bits), bits);
        long v = org.xenolith.cpu.Alu.sx(i.read0(c), bits);
        if (v < low || v > high) {
            throw c.fault(Vector.BR);
        }
    }
}
