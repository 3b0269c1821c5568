package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.decode.Operand;

/**
 * BT, BTS, BTR, BTC, BSF, BSR, LZCNT, TZCNT, POPCNT, BMI1, BMI2 and CRC32 (SDM vol. 2).
 *
 * <p>Undefined flags are 0: BT and friends keep ZF and set CF, BSF and BSR set only ZF. BSF and BSR leave the destination alone when
 * the source is 0, as all processors do.
 */
final class BitOps {
    private BitOps() {
    }

    static void define(InstructionTable t) {
        bt(t, 4, "BT", "", (a, bit) -> a);
        bt(t, 5, "BTS", "lock ", (a, bit) -> a | bit);
        bt(t, 6, "BTR", "lock ", (a, bit) -> a & ~bit);
        bt(t, 7, "BTC", "lock ", (a, bit) -> a ^ bit);
        // @formatter:off
        t.add("TZCNT", "F3 0F BC /r", "Gv:w,Ev", "bmi1 w:CZ u:OSAP", BitOps::tzcnt);
        t.add("BSF",   "0F BC /r",    "Gv,Ev", "w:Z u:OSAPC", BitOps::bsf);
        t.add("LZCNT", "F3 0F BD /r", "Gv:w,Ev", "lzcnt w:CZ u:OSAP", BitOps::lzcnt);
        t.add("BSR",   "0F BD /r",    "Gv,Ev", "w:Z u:OSAPC", BitOps::bsr);
        t.add("POPCNT", "F3 0F B8 /r", "Gv:w,Ev", "popcnt w:OSZAPC", BitOps::popcnt);
        t.add("ANDN",  "VEX.LZ.0F38 F2 /r", "Gy:w,By,Ey", "bmi1 w:OSZC u:AP", BitOps::andn);
        t.add("BLSR",  "VEX.LZ.0F38 F3 /1", "By:w,Ey", "bmi1 w:OSZC u:AP", (c, i) -> {
            long a = i.read1(c);
            writeBmi(c, i, a - 1 & a, a == 0);
        });
        t.add("BLSMSK", "VEX.LZ.0F38 F3 /2", "By:w,Ey", "bmi1 w:OSZC u:AP", (c, i) -> {
            long a = i.read1(c);
            writeBmi(c, i, a - 1 ^ a, a == 0);
        });
        t.add("BLSI",  "VEX.LZ.0F38 F3 /3", "By:w,Ey", "bmi1 w:OSZC u:AP", (c, i) -> {
            long a = i.read1(c);
            writeBmi(c, i, -a & a, a != 0);
        });
        t.add("BZHI",  "VEX.LZ.0F38 F5 /r", "Gy:w,Ey,By", "bmi2 w:OSZC u:AP", BitOps::bzhi);
        t.add("BEXTR", "VEX.LZ.0F38 F7 /r", "Gy:w,Ey,By", "bmi1 w:OZC u:SAP", BitOps::bextr);
        t.add("SHLX",  "VEX.LZ.66.0F38 F7 /r", "Gy:w,Ey,By", "bmi2", (c, i) -> i.write0(c, i.read1(c) << count(c, i)));
        t.add("SARX",  "VEX.LZ.F3.0F38 F7 /r", "Gy:w,Ey,By", "bmi2", (c, i) -> i.write0(c, Alu.sx(i.read1(c), i.bits()) >> count(c, i)));
        t.add("SHRX",  "VEX.LZ.F2.0F38 F7 /r", "Gy:w,Ey,By", "bmi2", (c, i) -> i.write0(c, i.read1(c) >>> count(c, i)));
        t.add("RORX",  "VEX.LZ.F2.0F3A F0 /r", "Gy:w,Ey,Ib", "bmi2", BitOps::rorx);
        t.add("PDEP",  "VEX.LZ.F2.0F38 F5 /r", "Gy:w,By,Ey", "bmi2", (c, i) -> i.write0(c, Long.expand(i.read1(c), i.read(c, 2))));
        t.add("PEXT",  "VEX.LZ.F3.0F38 F5 /r", "Gy:w,By,Ey", "bmi2", (c, i) -> i.write0(c, Long.compress(i.read1(c), i.read(c, 2))));
        t.add("CRC32", "F2 0F 38 F0 /r", "Gy,Eb", "sse4_2", BitOps::crc32);
        t.add("CRC32", "F2 0F 38 F1 /r", "Gy,Ev", "sse4_2", BitOps::crc32);
        // @formatter:on
    }

    /** What happens to the tested bit. */
    @FunctionalInterface
    private interface BitUpdate {
        long apply(long a, long bit);
    }

    private static void bt(InstructionTable t, int n, String mnemonic, String attributes, BitUpdate update) {
        boolean writes = n != 4;
        String dst = writes ? "Ev," : "Ev:r,";
        Exec byReg = (c, i) -> byRegister(c, i, writes, update);
        Exec byImm = (c, i) -> apply(c, i, (int) i.imm() & i.bits() - 1, writes, update);
        t.add(mnemonic, String.format("0F %02X /r", 0x83 + 8 * n), dst + "Gv", attributes + "w:C u:OSAP", byReg);
        t.add(mnemonic, "0F BA /" + n, dst + "Ib", attributes + "w:C u:OSAP", byImm);
    }

    private static void apply(Cpu c, Insn i, int n, boolean writes, BitUpdate update) {
        long bit = 1L << n;
        if (writes) {
            long a = i.readForWrite0(c);
            i.write0(c, update.apply(a, bit));
            flags(c, (a & bit) != 0);
        } else {
            flags(c, (i.read0(c) & bit) != 0);
        }
    }

    /** With a memory operand the register is a signed bit index from the operand's address. */
    private static void byRegister(Cpu c, Insn i, boolean writes, BitUpdate update) {
        int bits = i.bits();
        long index = Alu.sx(i.read1(c), bits);
        if (i.op0().kind() != Operand.Kind.MEM) {
            apply(c, i, (int) index & bits - 1, writes, update);
            return;
        }
        int bytes = bits >>> 3;
        long at = i.address(c, (index >> (bits == 64 ? 6 : bits == 32 ? 5 : 4)) * bytes, bytes, writes);
        long bit = 1L << (index & bits - 1);
        long a;
        if (writes) {
            a = c.mmu().readForWrite(at, i.seg(), bits);
            c.mmu().write(at, i.seg(), bits, update.apply(a, bit));
        } else {
            a = c.mmu().read(at, i.seg(), bits);
        }
        flags(c, (a & bit) != 0);
    }

    private static void flags(Cpu c, boolean bitSet) {
        Alu.only(c, (c.zf() ? Flags.ZF : 0) | (bitSet ? Flags.CF : 0));
    }

    static void bsf(Cpu c, Insn i) {
        long a = i.read1(c);
        if (a != 0) {
            i.write0(c, Long.numberOfTrailingZeros(a));
        }
        Alu.only(c, a == 0 ? Flags.ZF : 0);
    }

    static void bsr(Cpu c, Insn i) {
        long a = i.read1(c);
        if (a != 0) {
            i.write0(c, 63 - Long.numberOfLeadingZeros(a));
        }
        Alu.only(c, a == 0 ? Flags.ZF : 0);
    }

    static void tzcnt(Cpu c, Insn i) {
        int bits = i.bits();
        long a = i.read1(c);
        countResult(c, i, a == 0 ? bits : Long.numberOfTrailingZeros(a), a == 0);
    }

    static void lzcnt(Cpu c, Insn i) {
        long a = i.read1(c);
        countResult(c, i, Long.numberOfLeadingZeros(a) - (64 - i.bits()), a == 0);
    }

    private static void countResult(Cpu c, Insn i, long r, boolean none) {
        i.write0(c, r);
        Alu.only(c, (none ? Flags.CF : 0) | (r == 0 ? Flags.ZF : 0));
    }

    static void popcnt(Cpu c, Insn i) {
        long r = Long.bitCount(i.read1(c));
        i.write0(c, r);
        Alu.only(c, r == 0 ? Flags.ZF : 0);
    }

    private static int count(Cpu c, Insn i) {
        return (int) i.read(c, 2) & i.bits() - 1;
    }

    private static void writeBmi(Cpu c, Insn i, long r, boolean carry) {
        i.write0(c, r);
        long top = Alu.sx(r, i.bits());
        Alu.only(c, (carry ? Flags.CF : 0) | (top == 0 ? Flags.ZF : 0) | (top < 0 ? Flags.SF : 0));
    }

    static void andn(Cpu c, Insn i) {
        writeBmi(c, i, ~i.read1(c) & i.read(c, 2), false);
    }

    static void bzhi(Cpu c, Insn i) {
        int bits = i.bits();
        int n = (int) i.read(c, 2) & 0xff;
        long a = i.read1(c);
        writeBmi(c, i, n >= bits ? a : a & (1L << n) - 1, n >= bits);
    }

    static void bextr(Cpu c, Insn i) {
        long control = i.read(c, 2);
        int start = (int) control & 0xff;
        int length = (int) control >>> 8 & 0xff;
        long source = i.read1(c);
        long a = start >= 64 ? 0 : source >>> start;
        long r = length >= 64 ? a : a & (1L << length) - 1;
        i.write0(c, r);
        Alu.only(c, Alu.zx(r, i.bits()) == 0 ? Flags.ZF : 0);
    }

    static void rorx(Cpu c, Insn i) {
        int bits = i.bits();
        int n = (int) i.imm() & bits - 1;
        long a = i.read1(c);
        i.write0(c, bits == 64 ? Long.rotateRight(a, n) : Integer.rotateRight((int) a, n));
    }

    /** CRC-32C, reflected polynomial 82F63B78h. */
    static void crc32(Cpu c, Insn i) {
        int crc = c.reg32(i.op0().reg());
        long v = i.read1(c);
        for (int k = 0; k < i.op1().bits(); k += 8) {
            crc ^= (int) (v >>> k) & 0xff;
            for (int b = 0; b < 8; b++) {
                crc = crc >>> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
            }
        }
        c.setReg32(i.op0().reg(), crc);
    }
}
