package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/**
 * MUL, IMUL, DIV, IDIV, MULX, ADCX, ADOX (SDM vol. 2).
 *
 * <p>SF, ZF, AF and PF are undefined after a multiplication, all flags after a division; undefined flags are 0.
 */
final class MulDiv {
    private MulDiv() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("MUL",  "F6 /4", "Eb:r", "w:OC u:SZAP", MulDiv::mul);
        t.add("MUL",  "F7 /4", "Ev:r", "w:OC u:SZAP", MulDiv::mul);
        t.add("IMUL", "F6 /5", "Eb:r", "w:OC u:SZAP", MulDiv::imul);
        t.add("IMUL", "F7 /5", "Ev:r", "w:OC u:SZAP", MulDiv::imul);
        t.add("IMUL", "0F AF /r", "Gv,Ev", "w:OC u:SZAP", (c, i) -> imulTo(c, i, i.read0(c), i.read1(c)));
        t.add("IMUL", "69 /r", "Gv:w,Ev,Iz",  "w:OC u:SZAP", (c, i) -> imulTo(c, i, i.read1(c), i.imm()));
        t.add("IMUL", "6B /r", "Gv:w,Ev,sIb", "w:OC u:SZAP", (c, i) -> imulTo(c, i, i.read1(c), i.imm()));
        t.add("DIV",  "F6 /6", "Eb:r", "u:OSZAPC", MulDiv::div);
        t.add("DIV",  "F7 /6", "Ev:r", "u:OSZAPC", MulDiv::div);
        t.add("IDIV", "F6 /7", "Eb:r", "u:OSZAPC", MulDiv::idiv);
        t.add("IDIV", "F7 /7", "Ev:r", "u:OSZAPC", MulDiv::idiv);
        t.add("MULX", "VEX.LZ.F2.0F38 F6 /r", "Gy:w,By:w,Ey:r", "bmi2", MulDiv::mulx);
        t.add("ADCX", "66 0F 38 F6 /r", "Gy,Ey", "adx w:C r:C", MulDiv::adcx);
        t.add("ADOX", "F3 0F 38 F6 /r", "Gy,Ey", "adx w:O r:O", MulDiv::adox);
        // @formatter:on
    }

    private static void setFlags(Cpu c, boolean overflow) {
        Alu.only(c, overflow ? Flags.CF | Flags.OF : 0);
    }

    static void mul(Cpu c, Insn i) {
        int bits = i.bits();
        long b = i.read0(c);
        long a = c.reg(CpuState.RAX, bits);
        long low = a * b;
        if (bits == 8) {
            c.setReg16(CpuState.RAX, low);
            setFlags(c, low >>> 8 != 0);
            return;
        }
        long high = bits == 64 ? Math.unsignedMultiplyHigh(a, b) : low >>> bits;
        c.setReg(CpuState.RAX, low, bits);
        c.setReg(CpuState.RDX, high, bits);
        setFlags(c, Alu.zx(high, bits) != 0);
    }

    static void imul(Cpu c, Insn i) {
        int bits = i.bits();
        long b = Alu.sx(i.read0(c), bits);
        long a = Alu.sx(c.reg(CpuState.RAX), bits);
        long low = a * b;
        if (bits == 8) {
            c.setReg16(CpuState.RAX, low);
            setFlags(c, low != (byte) low);
            return;
        }
        long high = bits == 64 ? Math.multiplyHigh(a, b) : low >> bits;
        c.setReg(CpuState.RAX, low, bits);
        c.setReg(CpuState.RDX, high, bits);
        setFlags(c, Alu.sx(high, bits) != Alu.sx(low, bits) >> 63);
    }

    private static void imulTo(Cpu c, Insn i, long x, long y) {
        int bits = i.bits();
        long a = Alu.sx(x, bits);
        long b = Alu.sx(y, bits);
        long low = a * b;
        boolean overflow = bits == 64 ? Math.multiplyHigh(a, b) != low >> 63 : low != Alu.sx(low, bits);
        i.write0(c, low);
        setFlags(c, overflow);
    }

    static void div(Cpu c, Insn i) {
        int bits = i.bits();
        long d = i.read0(c);
        if (d == 0) {
            throw c.fault(Vector.DE);
        }
        if (bits == 64) {
            long high = c.reg(CpuState.RDX);
            long low = c.reg(CpuState.RAX);
            if (Long.compareUnsigned(high, d) >= 0) {
                throw c.fault(Vector.DE);
            }
            long q = high == 0 ? Long.divideUnsigned(low, d) : divide128(high, low, d);
            c.setReg(CpuState.RAX, q);
            c.setReg(CpuState.RDX, low - q * d);
            Alu.only(c, 0);
            return;
        }
        long n = bits == 8 ? c.reg(CpuState.RAX, 16) : c.reg(CpuState.RDX, bits) << bits | c.reg(CpuState.RAX, bits);
        long q = Long.divideUnsigned(n, d);
        if (q >>> bits != 0) {
            throw c.fault(Vector.DE);
        }
        store(c, bits, q, Long.remainderUnsigned(n, d));
    }

    private static void store(Cpu c, int bits, long quotient, long remainder) {
        if (bits == 8) {
            c.setReg16(CpuState.RAX, remainder << 8 & 0xff00 | quotient & 0xff);
        } else {
            c.setReg(CpuState.RAX, quotient, bits);
            c.setReg(CpuState.RDX, remainder, bits);
        }
        Alu.only(c, 0);
    }

    /** Quotient of high:low by d, unsigned, for high &lt; d: two rounds of schoolbook division in base 2^32 (Knuth 4.3.1 D). */
    static long divide128(long high, long low, long d) {
        int shift = Long.numberOfLeadingZeros(d);
        long v = d << shift;
        long n32 = shift == 0 ? high : high << shift | low >>> 64 - shift;
        long n10 = low << shift;
        long v1 = v >>> 32;
        long v0 = v & 0xffff_ffffL;
        long q1 = digit(n32, n10 >>> 32, v1, v0);
        long n21 = (n32 << 32 | n10 >>> 32) - q1 * v;
        long q0 = digit(n21, n10 & 0xffff_ffffL, v1, v0);
        return q1 << 32 | q0;
    }

    private static long digit(long n, long next, long v1, long v0) {
        long q = Long.divideUnsigned(n, v1);
        long r = n - q * v1;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * v0, r << 32 | next) > 0) {
            q--;
            r += v1;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    static void idiv(Cpu c, Insn i) {
        int bits = i.bits();
        long d = Alu.sx(i.read0(c), bits);
        if (d == 0) {
            throw c.fault(Vector.DE);
        }
        if (bits == 64) {
            idiv64(c, d);
            return;
        }
        long n = bits == 8
                ? (short) c.reg(CpuState.RAX)
                : bits == 16
                        ? (int) (c.reg(CpuState.RDX, 16) << 16 | c.reg(CpuState.RAX, 16))
                        : c.reg(CpuState.RDX, 32) << 32 | c.reg(CpuState.RAX, 32);
        if (n == Long.MIN_VALUE && d == -1) {
            throw c.fault(Vector.DE);
        }
        long q = n / d;
        if (Alu.sx(q, bits) != q) {
            throw c.fault(Vector.DE);
        }
        store(c, bits, q, n % d);
    }

    private static void idiv64(Cpu c, long d) {
        long high = c.reg(CpuState.RDX);
        long low = c.reg(CpuState.RAX);
        boolean negative = high < 0;
        if (negative) {
            low = -low;
            high = ~high + (low == 0 ? 1 : 0);
        }
        long magnitude = Math.abs(d);
        if (Long.compareUnsigned(high, magnitude) >= 0) {
            throw c.fault(Vector.DE);
        }
        long q = high == 0 ? Long.divideUnsigned(low, magnitude) : divide128(high, low, magnitude);
        long r = low - q * magnitude;
        boolean negativeQuotient = negative != d < 0;
        if (negativeQuotient ? Long.compareUnsigned(q, Long.MIN_VALUE) > 0 : q < 0) {
            throw c.fault(Vector.DE);
        }
        c.setReg(CpuState.RAX, negativeQuotient ? -q : q);
        c.setReg(CpuState.RDX, negative ? -r : r);
        Alu.only(c, 0);
    }

    /** When both destinations are the same register it holds the high half. */
    static void mulx(Cpu c, Insn i) {
        int bits = i.bits();
        long a = c.reg(CpuState.RDX, bits);
        long b = i.read(c, 2);
        long low = a * b;
        long high = bits == 64 ? Math.unsignedMultiplyHigh(a, b) : low >>> 32;
        i.write(c, 1, low);
        i.write0(c, high);
    }

    static void adcx(Cpu c, Insn i) {
        int bits = i.bits();
        long b = i.read1(c);
        long a = i.read0(c);
        long r = a + b + (c.cf() ? 1 : 0);
        i.write0(c, r);
        c.setCf(((a & b | (a | b) & ~r) >>> bits - 1 & 1) != 0);
    }

    static void adox(Cpu c, Insn i) {
        int bits = i.bits();
        long b = i.read1(c);
        long a = i.read0(c);
        long r = a + b + (c.of() ? 1 : 0);
        i.write0(c, r);
        long carry = (a & b | (a | b) & ~r) >>> bits - 1 & 1;
        c.setArithmeticFlags(c.arithmeticFlags() & ~Flags.OF | (int) carry << 11);
    }
}
