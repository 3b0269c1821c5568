package org.xenolith.cpu.insn;

import static org.xenolith.cpu.insn.VectorOperands.source;
import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get8;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 2, section 4.1). */
final class StringCompare {
    private StringCompare() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        rows(t, "PCMPESTRM", "60", true, false);
        rows(t, "PCMPESTRI", "61", true, true);
        rows(t, "PCMPISTRM", "62", false, false);
        rows(t, "PCMPISTRI", "63", false, true);
        // @formatter:on
    }

    private static void rows(InstructionTable t, String name, String opcode, boolean explicit, boolean index) {
        Exec exec = (c, i) -> compare(c, i, explicit, index);
        t.add(name, "66 0F 3A " + opcode + " /r", "Vdq:r,Wdq,Ib", "sse sse4_2 w:OSZAPC", exec);
        t.add("V" + name, "VEX.128.66.0F3A.WIG " + opcode + " /r", "Vdq:r,Wdq,Ib", "avx w:OSZAPC", exec);
    }

    private static void compare(Cpu c, Insn i, boolean explicit, boolean index) {
        long b = source(c, i, 1);
        long a = source(c, i, 0);
        int imm = (int) i.imm() & 0xff;
        int n = (imm & 1) != 0 ? 8 : 16;
        int lengthA = explicit ? explicitLength(c, i, CpuState.RAX, n) : implicitLength(a, n);
        int lengthB = explicit ? explicitLength(c, i, CpuState.RDX, n) : implicitLength(b, n);
        int all = (1 << n) - 1;
        int r = switch (imm >> 2 & 3) {
            case 0 -> equalAny(a, lengthA, b, lengthB, imm);
            case 1 -> ranges(a, lengthA, b, lengthB, imm);
            case 2 -> equalEach(a, lengthA, b, lengthB, n, imm);
            default -> equalOrdered(a, lengthA, b, lengthB, n, imm);
        };
        if ((imm & 0x10) != 0) {
            r ^= (imm & 0x20) != 0 ? (1 << lengthB) - 1 : all;
        }
        boolean high = (imm & 0x40) != 0;
        if (index) {
            int at = r == 0 ? n : high ? 31 - Integer.numberOfLeadingZeros(r) : Integer.numberOfTrailingZeros(r);
            c.setReg32(CpuState.RCX, at);
        } else {
            writeMask(c, i, r, n, high);
        }
        c.setArithmeticFlags((r != 0 ? Flags.CF : 0) | (lengthB < n ? Flags.ZF : 0) | (lengthA < n ? Flags.SF : 0)
                | ((r & 1) != 0 ? Flags.OF : 0));
    }

    /** Writes XMM0: a bit or a whole element for each bit of the result. */
    private static void writeMask(Cpu c, Insn i, int r, int n, boolean expand) {
        long low = r;
        long high = 0;
        if (expand) {
            low = 0;
            int bits = 128 / n;
            long element = (1L << bits) - 1;
            int half = n / 2;
            for (int k = 0; k < half; k++) {
                low |= (r >> k & 1) != 0 ? element << k * bits : 0;
                high |= (r >> k + half & 1) != 0 ? element << k * bits : 0;
            }
        }
        c.setYmm(0, 0, low);
        c.setYmm(0, 1, high);
        if (i.def().vex()) {
            c.setYmm(0, 2, 0);
            c.setYmm(0, 3, 0);
        }
    }

    /** Absolute value of a length register, at most {@code n}. */
    private static int explicitLength(Cpu c, Insn i, int register, int n) {
        long v = i.rexW() && i.codeBits() == 64 ? c.reg(register) : Alu.sx(c.reg(register), 32);
        return v >= n || v <= -n ? n : (int) Math.abs(v);
    }

    private static int implicitLength(long a, int n) {
        for (int k = 0; k < n; k++) {
            if ((n == 16 ? get8(a + k) : get16(a + 2 * k)) == 0) {
                return k;
            }
        }
        return n;
    }

    private static int element(long a, int k, int imm) {
        return switch (imm & 3) {
            case 0 -> get8(a + k);
            case 1 -> get16(a + 2 * k);
            case 2 -> (byte) get8(a + k);
            default -> (short) get16(a + 2 * k);
        };
    }

    private static int equalAny(long a, int lengthA, long b, int lengthB, int imm) {
        int r = 0;
        for (int j = 0; j < lengthB; j++) {
            int v = element(b, j, imm);
            for (int k = 0; k < lengthA; k++) {
                if (element(a, k, imm) == v) {
                    r |= 1 << j;
                    break;
                }
            }
        }
        return r;
    }

    private static int ranges(long a, int lengthA, long b, int lengthB, int imm) {
        int r = 0;
        for (int j = 0; j < lengthB; j++) {
            int v = element(b, j, imm);
            for (int k = 0; k + 1 < lengthA; k += 2) {
                if (element(a, k, imm) <= v && v <= element(a, k + 1, imm)) {
                    r |= 1 << j;
                    break;
                }
            }
        }
        return r;
    }

    private static int equalEach(long a, int lengthA, long b, int lengthB, int n, int imm) {
        int r = 0;
        for (int j = 0; j < n; j++) {
            boolean inA = j < lengthA;
            boolean inB = j < lengthB;
            if (inA && inB ? element(a, j, imm) == element(b, j, imm) : inA == inB) {
                r |= 1 << j;
            }
        }
        return r;
    }

    /** Where a substring a begins in b; one that runs past the end of the register counts as far as it goes. */
    private static int equalOrdered(long a, int lengthA, long b, int lengthB, int n, int imm) {
        int r = 0;
        for (int j = 0; j < n; j++) {
            boolean match = true;
            for (int k = 0; k < lengthA && j + k < n && match; k++) {
                match = j + k < lengthB && element(a, k, imm) == element(b, j + k, imm);
            }
            if (match) {
                r |= 1 << j;
            }
        }
        return r;
    }
}
