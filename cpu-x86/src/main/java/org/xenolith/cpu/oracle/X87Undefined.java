package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;

/**
 * The x87 part of {@link UndefinedResults}:
 * <ul>
 * <li>C0, C2, C3 where SDM vol. 2 calls them undefined: after all but compares, FXAM, FPREM, FPREM1 and loads of the
 * status word (C2 also stays defined after the trigonometric functions);
 * <li>C1 after FCOMI and its kin, which SDM vol. 2 clears and Zen 4 leaves alone;
 * <li>F2XM1 FYL2X FYL2XP1 FPATAN FSIN FCOS FSINCOS FPTAN: the last bits of results, C1 and PE, UE; everything when an
 * argument lies outside the range that the manual gives, or is beyond pi/4, where the argument reduction differs;
 * <li>C2 of FPREM, FPREM1 and the trigonometric functions after an invalid operation, all condition codes after an
 * unmasked exception;
 * <li>FLD ST(i) of an empty register onto a full stack: which of the two C1 reports;
 * <li>FSTP as D9 D8+i, which the manuals do not name, with an empty register;
 * <li>stores that an unmasked exception suppresses: whether their address is still checked;
 * <li>FOP, FIP, FDP and their selectors, and words that the manual calls reserved, in stored environments.
 * </ul>
 */
final class X87Undefined {
    private static final int C0 = 0x100;
    private static final int C1 = 0x200;
    private static final int C2 = 0x400;
    private static final int C3 = 0x4000;
    private static final int STACK_FAULT = 0x40;
    private static final int SUMMARY = 0x80;
    private static final long QUIET_NAN = 0xc000_0000_0000_0000L;
    private static final int UNDERFLOW_PRECISION = 0x30;
    /** How far, in units of the last of 64 bits, transcendental results may lie apart. */
    private static final long CLOSE = 16;

    private X87Undefined() {
    }

    static void apply(Insn i, TestCase c, Arena arena, MachineState host, MachineState guest, Difference d) {
        String m = i.def().mnemonic();
        switch (m) {
            case "FCOM", "FCOMP", "FCOMPP", "FUCOM", "FUCOMP", "FUCOMPP", "FTST", "FICOM", "FICOMP", "FXAM", "FPREM",
                    "FPREM1", "FLDENV", "FRSTOR", "FINIT", "FNINIT", "FSTENV", "FNSTENV", "FSAVE", "FNSAVE" ->
                {
                }
            case "FSIN", "FCOS", "FSINCOS", "FPTAN" -> d.fsw &= ~(C0 | C3);
            case "FCOMI", "FCOMIP", "FUCOMI", "FUCOMIP" -> d.fsw &= ~(C0 | C1 | C2 | C3);
            default -> d.fsw &= ~(C0 | C2 | C3);
        }
        if (m.startsWith("FPREM") || trigonometric(m)) {
            if ((guest.fsw & SUMMARY) != 0) {
                d.fsw &= ~(C0 | C1 | C2 | C3);
            } else if (guest.exponent[0] == 0xffff && guest.significand[0] == QUIET_NAN) {
                d.fsw &= ~C2;
            }
        }
        if (m.equals("FLD") && (host.fsw & STACK_FAULT) != 0) {
            d.fsw &= ~C1;
        }
        boolean empty = (c.input.tags >> c.input.top() & 1) == 0;
        if (m.startsWith("FSTP") && i.def().opcode() == 0xd9 && i.modrm() >= 0xd8 && empty) {
            d.nothing = true;
        }
        if (m.startsWith("FST") || m.startsWith("FIST") || m.startsWith("FBST")) {
            d.nothing |= host.vector >= Vector.SS && host.vector <= Vector.AC && guest.vector < 0
                    && (guest.fsw & SUMMARY) != 0;
        }
        switch (m) {
            case "F2XM1", "FYL2X", "FYL2XP1", "FPATAN", "FSIN", "FCOS", "FSINCOS", "FPTAN" ->
                transcendental(m, c, host, guest, d);
            case "FSTENV", "FNSTENV", "FSAVE", "FNSAVE" -> environment(i, c, arena, d);
            default -> {
            }
        }
    }

    private static boolean trigonometric(String m) {
        return m.startsWith("FSIN") || m.equals("FCOS") || m.equals("FPTAN");
    }

    private static void environment(Insn i, TestCase c, Arena arena, Difference d) {
        if (i.operandBits() == 16) {
            d.skipMemory(arena, c.address + 6, 8);
            return;
        }
        d.skipMemory(arena, c.address + 2, 2);
        d.skipMemory(arena, c.address + 6, 2);
        d.skipMemory(arena, c.address + 10, 18);
    }

    private static void transcendental(String m, TestCase c, MachineState host, MachineState guest, Difference d) {
        d.fsw &= ~(C1 | UNDERFLOW_PRECISION);
        boolean trigonometric = trigonometric(m);
        int exponent = c.input.exponent[0] & 0x7fff;
        boolean everything = trigonometric && exponent >= 0x3ffe
                || m.equals("F2XM1") && exponent >= 0x3fff
                || m.equals("FYL2XP1") && exponent >= 0x3ffd;
        for (int k = 0; k < 2; k++) {
            if (everything || close(host, guest, k)) {
                d.skippedStack |= 1 << k;
            }
        }
        if (everything) {
            d.fsw = 0;
            d.skippedStack |= 0x83;
            d.tags = false;
        }
    }

    private static boolean close(MachineState a, MachineState b, int k) {
        if ((a.exponent[k] ^ b.exponent[k]) == 0) {
            return Math.abs(a.significand[k] - b.significand[k]) <= CLOSE;
        }
        boolean up = a.exponent[k] == b.exponent[k] + 1;
        boolean down = b.exponent[k] == a.exponent[k] + 1;
        if (!up && !down) {
            return false;
        }
        long big = (up ? a : b).significand[k];
        long small = (up ? b : a).significand[k];
        // Next to a power of two: 1.000... times 2^(n+1) against 1.111... times 2^n.
        return big - Long.MIN_VALUE <= CLOSE && -small <= 2 * CLOSE && -small >= 0;
    }

    /** What FXSAVE and the XSAVE family store beside defined state: pointers, opcode, MXCSR_MASK, XSTATE_BV. */
    static void extended(Insn i, TestCase c, Arena arena, Difference d) {
        d.skipMemory(arena, c.address + 6, 18);
        d.skipMemory(arena, c.address + 28, 4);
        if (i.def().mnemonic().startsWith("XSAVE")) {
            d.skipMemory(arena, c.address + 512, 8);
        }
    }
}
