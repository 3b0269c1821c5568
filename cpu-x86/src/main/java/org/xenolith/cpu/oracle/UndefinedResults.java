package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;

/**
 * The written list of results that are not compared: the manuals leave them undefined, AMD and Intel differ, or they are
 * the host's own (time, CPUID), so that a run says the same on every host. Undefined flags come from the table's rows.
 * The list, by mnemonic:
 * <ul>
 * <li>ROL ROR RCL RCR SHL SHR SAR: OF unless the count is 1, CF when SHL or SHR shift out the whole operand; nothing when
 * the masked count is 0, which leaves all flags alone;
 * <li>SHLD SHRD with a count above 16 on 16 bits: destination and flags;
 * <li>BSF BSR of 0: destination;
 * <li>PUSH of a segment register in 32-bit code: the upper half of the stack slot;
 * <li>BSWAP of a 16-bit register: destination;
 * <li>REP with 32-bit addresses and a count of 0: whether the upper half of RCX is cleared;
 * <li>RDTSC RDTSCP RDRAND RDSEED RDPID CPUID XGETBV: the values read (registers' upper halves are compared), RDSEED's
 * success;
 * <li>RCPPS RCPSS RSQRTPS RSQRTSS and their VEX forms: bits beyond a relative error of 1.5 * 2^-12 on each side;
 * <li>gathers that fault: destination and mask (elements beyond the faulting one may be done or not);
 * <li>x87: see {@link X87Undefined};
 * <li>FXSAVE, XSAVE family: opcode and pointers, MXCSR_MASK, XSTATE_BV;
 * <li>state images (FLDENV to XRSTOR) on bad pages: which byte of them is reported;
 * <li>far transfers, PUSHA and POPA with a bad stack: the address reported (the order of the accesses is not defined);
 * <li>POPA that faults half-way: the registers popped so far (AMD has loaded them);
 * <li>a branch into its own bytes: what comes after it;
 * <li>INT1: RIP (hypervisors report it differently);
 * <li>an access in 32-bit code that wraps round the end of a 4 GiB segment: whether it faults (SDM vol. 3, 5.3: "may or may not");
 * <li>a selector of 0 to 3 loaded into FS or GS: the base (Intel clears it, AMD keeps it).
 * </ul>
 */
final class UndefinedResults {
    private static final long UPPER = 0xffff_ffff_0000_0000L;
    /** RCPPS and RSQRTPS may be off by 1.5 * 2^-12 on each side. */
    private static final float APPROXIMATION = 3f / 4096;
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final int RSP = 4;

    private final Arena arena;

    UndefinedResults(Arena arena) {
        this.arena = arena;
    }

    /** True when the instruction jumped into the middle of itself, so that the host went on with whatever its bytes mean there. */
    private static boolean intoItself(TestCase c, MachineState guest) {
        long into = guest.rip - c.input.rip;
        return guest.vector < 0 && into > 0 && into < c.length;
    }

    /** True when the memory operand reaches past offset 2^32 of its segment. */
    private static boolean wraps(Insn i, TestCase c) {
        for (int k = 0; k < i.operandCount(); k++) {
            if (i.isMem(k) && i.addressBits() == 32) {
                long offset = register(c, i.base()) + (register(c, i.indexRegister()) << i.scale()) + i.disp()
                        & 0xffff_ffffL;
                return offset + Math.max(c.addressBytes, i.operand(k).bits() >>> 3) > 1L << 32;
            }
        }
        return false;
    }

    private static long register(TestCase c, int number) {
        return number < c.input.gpr.length ? c.input.gpr[number] : 0;
    }

    /**
     * Narrows the comparison for one case.
     *
     * @param i    the instruction as decoded
     * @param c    the case
     * @param host how the host ended
     * @param guest how the interpreter ended
     * @param d    narrowed
     */
    void apply(Insn i, TestCase c, MachineState host, MachineState guest, Difference d) {
        InsnDef def = i.def();
        String m = def.mnemonic();
        if (c.compat && wraps(i, c) || c.branch && intoItself(c, guest)) {
            d.nothing = true;
            return;
        }
        if ((def.needs() & InsnDef.NEEDS_X87) != 0) {
            X87Undefined.apply(i, c, arena, host, guest, d);
        }
        if (host.vector >= 0) {
            if (host.vector == Vector.DB) {
                d.rip = false;
            }
            if (i.operandCount() == 1 && i.isMem(0) && (i.op0().bits() == 0 || i.op0().bits() > 256)) {
                d.faultAddress = 0;
                d.errorCode &= host.vector != Vector.PF;
            }
            if (m.equals("CALL FAR") || m.equals("RETF") || m.equals("IRET") || m.equals("JMP FAR")
                    || m.equals("POPA") || m.equals("PUSHA")) {
                d.faultAddress = 0;
            }
            if (m.equals("POPA")) {
                java.util.Arrays.fill(d.gpr, 0);
                d.gpr[RSP] = 0xffff_ffffL;
            }
            if (m.contains("GATHER")) {
                d.skipLanes(i.operand(0).reg(), 15);
                d.skipLanes(i.operand(2).reg(), 15);
            }
            return;
        }
        int flags = def.flagsUndefined();
        switch (m) {
            case "ROL", "ROR", "RCL", "RCR", "SHL", "SAL", "SHR", "SAR" -> flags = shift(i, c, flags);
            case "SHLD", "SHRD" -> flags = doubleShift(i, c, flags, d);
            case "BSF", "BSR" -> {
                if ((host.rflags & Flags.ZF) != 0) {
                    d.gpr[i.op0().reg()] = 0;
                }
            }
            case "PUSH" -> {
                if (c.compat && i.op0().kind() == Operand.Kind.SEG && i.operandBits() == 32) {
                    d.skipMemory(arena, c.input.gpr[RSP] - 2, 2);
                }
            }
            case "BSWAP" -> {
                if (i.operandBits() == 16) {
                    d.gpr[i.op0().reg()] = ~0xffffL;
                }
            }
            case "RDTSC", "XGETBV" -> values(d, RAX, RDX);
            case "RDTSCP" -> values(d, RAX, RCX, RDX);
            case "CPUID" -> values(d, RAX, RBX, RCX, RDX);
            case "RDRAND", "RDPID" -> random(i, d);
            case "RDSEED" -> {
                random(i, d);
                flags = Flags.CF;
            }
            case "FXSAVE", "FXSAVE64", "XSAVE", "XSAVE64", "XSAVEC", "XSAVEC64", "XSAVEOPT", "XSAVEOPT64" ->
                X87Undefined.extended(i, c, arena, d);
            default -> {
                if (m.contains("RCPPS") || m.contains("RCPSS") || m.contains("RSQRTPS") || m.contains("RSQRTSS")) {
                    approximate(i.op0().reg(), host, guest, d);
                }
            }
        }
        if (def.rep() && i.rep() != 0 && i.addressBits() == 32 && (int) c.input.gpr[RCX] == 0) {
            d.gpr[RCX] = 0xffff_ffffL;
        }
        for (int k = 0; k < 4; k++) {
            if (MachineState.SELECTORS[k] >= 4 && host.selector[k] < 4) {
                d.fsBase &= MachineState.SELECTORS[k] != 4 || !loadsSegment(i);
                d.gsBase &= MachineState.SELECTORS[k] != 5 || !loadsSegment(i);
            }
        }
        d.flags &= ~flags;
    }

    /** Leaves lanes out whose floats are close enough for an approximation instruction. */
    private static void approximate(int register, MachineState host, MachineState guest, Difference d) {
        for (int part = 0; part < 4; part++) {
            long a = host.ymm[4 * register + part];
            long b = guest.ymm[4 * register + part];
            if (close((int) a, (int) b) && close((int) (a >>> 32), (int) (b >>> 32))) {
                d.skipLanes(register, 1 << part);
            }
        }
    }

    private static boolean close(int a, int b) {
        float x = Float.intBitsToFloat(a);
        float y = Float.intBitsToFloat(b);
        return a == b || Math.abs(x - y) <= Math.abs(x) * APPROXIMATION;
    }

    private static boolean loadsSegment(Insn i) {
        String m = i.def().mnemonic();
        return m.startsWith("MOV") || m.startsWith("POP") || m.equals("LFS") || m.equals("LGS");
    }

    private static void values(Difference d, int... registers) {
        for (int r : registers) {
            d.gpr[r] = UPPER;
        }
    }

    private static void random(Insn i, Difference d) {
        d.gpr[i.op0().reg()] = i.bits() == 64 ? 0 : i.bits() == 32 ? UPPER : ~0xffffL;
    }

    private static int count(Insn i, TestCase c, int operand) {
        int count = i.operand(operand).kind() == Operand.Kind.IMM ? (int) i.imm() : (int) c.input.gpr[RCX];
        return count & (i.bits() == 64 ? 63 : 31);
    }

    private static int shift(Insn i, TestCase c, int flags) {
        int count = count(i, c, 1);
        if (count == 0) {
            return 0;
        }
        boolean out = i.def().mnemonic().startsWith("SH") && count >= i.bits();
        return flags & (count == 1 ? ~Flags.OF : -1) | (out ? Flags.CF : 0);
    }

    private int doubleShift(Insn i, TestCase c, int flags, Difference d) {
        int count = count(i, c, 2);
        if (count == 0) {
            return 0;
        }
        if (count > i.bits()) {
            if (i.isMem(0)) {
                d.skipMemory(arena, c.address, 2);
            } else {
                d.gpr[i.op0().reg()] = ~0xffffL;
            }
            return Flags.ARITHMETIC;
        }
        return count == 1 ? flags & ~Flags.OF : flags;
    }
}
