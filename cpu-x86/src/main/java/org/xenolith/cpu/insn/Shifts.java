package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD (SDM vol. 2).
 *
 * <p>OF is defined for a (masked) count of 1 only and 0 otherwise; AF is 0 after a shift; CF of an 8- or 16-bit SHL or SHR past its size is 0. SHLD and SHRD of
 * 16 bits by more than 16 shift in the destination a second time.
 */
final class Shifts {
    /** Computes the result and sets flags; the count is masked and not 0. */
    @FunctionalInterface
    private interface Operation {
        long apply(Cpu c, long a, int count, int bits);
    }

    private Shifts() {
    }

    static void define(InstructionTable t) {
        family(t, 0, "ROL", "w:OC u:O", Shifts::rol);
        family(t, 1, "ROR", "w:OC u:O", Shifts::ror);
        family(t, 2, "RCL", "w:OC r:C u:O", Shifts::rcl);
        family(t, 3, "RCR", "w:OC r:C u:O", Shifts::rcr);
        family(t, 4, "SHL", "w:OSZPC u:OA", Shifts::shl);
        family(t, 5, "SHR", "w:OSZPC u:OA", Shifts::shr);
        family(t, 6, "SHL", "w:OSZPC u:OA", Shifts::shl);
        family(t, 7, "SAR", "w:OSZPC u:OA", Shifts::sar);
        t.add("SHLD", "0F A4 /r", "Ev,Gv,Ib", "w:OSZPC u:OA", (c, i) -> doubleShift(c, i, (int) i.imm(), true));
        t.add("SHLD", "0F A5 /r", "Ev,Gv,CL", "w:OSZPC u:OA", (c, i) -> doubleShift(c, i, c.reg8(1), true));
        t.add("SHRD", "0F AC /r", "Ev,Gv,Ib", "w:OSZPC u:OA", (c, i) -> doubleShift(c, i, (int) i.imm(), false));
        t.add("SHRD", "0F AD /r", "Ev,Gv,CL", "w:OSZPC u:OA", (c, i) -> doubleShift(c, i, c.reg8(1), false));
    }

    private static void family(InstructionTable t, int n, String mnemonic, String attributes, Operation op) {
        Exec byImm = (c, i) -> shift(c, i, (int) i.imm(), op);
        Exec byCl = (c, i) -> shift(c, i, c.reg8(1), op);
        t.add(mnemonic, "C0 /" + n, "Eb,Ib", attributes, byImm);
        t.add(mnemonic, "C1 /" + n, "Ev,Ib", attributes, byImm);
        t.add(mnemonic, "D0 /" + n, "Eb,1", attributes, byImm);
        t.add(mnemonic, "D1 /" + n, "Ev,1", attributes, byImm);
        t.add(mnemonic, "D2 /" + n, "Eb,CL", attributes, byCl);
        t.add(mnemonic, "D3 /" + n, "Ev,CL", attributes, byCl);
    }

    private static void shift(Cpu c, Insn i, int count, Operation op) {
        int bits = i.bits();
        int masked = count & (bits == 64 ? 63 : 31);
        long a = i.readForWrite0(c);
        // a count of 0 leaves flags alone but still writes (and zero-extends a 32-bit register)
        i.write0(c, masked == 0 ? a : op.apply(c, a, masked, bits));
    }

    static long shl(Cpu c, long a, int count, int bits) {
        long cf = count <= bits ? a >>> bits - count & 1 : 0;
        long r = Alu.zx(count < 64 ? a << count : 0, bits);
        return Alu.withCarryOverflow(c, r, cf, count == 1 ? r >>> bits - 1 ^ cf : 0, bits);
    }

    static long shr(Cpu c, long a, int count, int bits) {
        long cf = count <= bits ? a >>> count - 1 & 1 : 0;
        long r = a >>> count;
        return Alu.withCarryOverflow(c, r, cf, count == 1 ? a >>> bits - 1 & 1 : 0, bits);
    }

    static long sar(Cpu c, long a, int count, int bits) {
        long s = Alu.sx(a, bits);
        return Alu.withCarryOverflow(c, s >> count, s >> count - 1 & 1, 0, bits);
    }

    /** Rotates change only CF and OF. */
    private static void rotateFlags(Cpu c, int count, long cf, long topBits) {
        long of = count == 1 ? topBits : 0;
        c.setArithmeticFlags(c.arithmeticFlags() & ~(Flags.CF | Flags.OF) | (int) (cf & 1) | (int) (of & 1) << 11);
    }

    static long rol(Cpu c, long a, int count, int bits) {
        int n = count & bits - 1;
        long r = n == 0 ? a : Alu.zx(a << n | a >>> bits - n, bits);
        rotateFlags(c, count, r, r >>> bits - 1 ^ r);
        return r;
    }

    static long ror(Cpu c, long a, int count, int bits) {
        int n = count & bits - 1;
        long r = n == 0 ? a : Alu.zx(a >>> n | a << bits - n, bits);
        rotateFlags(c, count, r >>> bits - 1, r >>> bits - 1 ^ r >>> bits - 2);
        return r;
    }

    static long rcl(Cpu c, long a, int count, int bits) {
        int n = bits >= 32 ? count : count % (bits + 1);
        long cf = c.cf() ? 1 : 0;
        long r = a;
        for (int k = 0; k < n; k++) {
            long out = r >>> bits - 1 & 1;
            r = Alu.zx(r << 1 | cf, bits);
            cf = out;
        }
        rotateFlags(c, count, cf, r >>> bits - 1 ^ cf);
        return r;
    }

    static long rcr(Cpu c, long a, int count, int bits) {
        int n = bits >= 32 ? count : count % (bits + 1);
        long cf = c.cf() ? 1 : 0;
        long r = a;
        for (int k = 0; k < n; k++) {
            long out = r & 1;
            r = r >>> 1 | cf << bits - 1;
            cf = out;
        }
        rotateFlags(c, count, cf, r >>> bits - 1 ^ r >>> bits - 2);
        return r;
    }

    private static void doubleShift(Cpu c, Insn i, int count, boolean left) {
        int bits = i.bits();
        int n = count & (bits == 64 ? 63 : 31);
        long b = i.read1(c);
        long a = i.readForWrite0(c);
        if (n == 0) {
            i.write0(c, a);
            return;
        }
        long r;
        long cf;
        if (bits == 16) {
            // the 48-bit string destination:source:destination
            long wide = a << 32 | b << 16 | a;
            r = wide >>> (left ? 32 - n : n) & 0xffff;
            cf = wide >>> (left ? 48 - n : n - 1) & 1;
        } else {
            r = Alu.zx(left ? a << n | b >>> bits - n : a >>> n | b << bits - n, bits);
            cf = a >>> (left ? bits - n : n - 1);
        }
        i.write0(c, Alu.withCarryOverflow(c, r, cf, n == 1 ? (r ^ a) >>> bits - 1 & 1 : 0, bits));
    }
}
