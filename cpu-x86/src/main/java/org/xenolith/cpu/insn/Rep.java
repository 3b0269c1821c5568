package org.xenolith.cpu.insn;

import org.xenolith.cpu.Alu;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;

/**
 * The REP prefixes: iterations within the budget, resumable and precise (SDM vol. 2, REP).
 *
 * <p>Each iteration counts as an instruction, a count of 0 counts one, a faulting iteration none. When the budget ends first, RIP goes
 * back to the instruction. A string row must carry {@code alone}.
 */
final class Rep {
    /** Does several iterations at once. */
    @FunctionalInterface
    interface Bulk {
        /**
         * Does between 1 and {@code most} iterations and updates rSI and rDI, or returns 0 to have one iteration done the plain way.
         */
        long some(Cpu c, Insn i, long most);
    }

    /** No bulk form. */
    static final Bulk NO_BULK = (c, i, most) -> 0;

    private Rep() {
    }

    /** Runs a string instruction whose REP and REPNE only count (MOVS, STOS, LODS, INS, OUTS). */
    static void counted(Cpu c, Insn i, Exec once, Bulk bulk) {
        run(c, i, once, bulk, false);
    }

    /** Runs a string instruction that REPE and REPNE end by ZF (CMPS, SCAS). */
    static void compared(Cpu c, Insn i, Exec once) {
        run(c, i, once, NO_BULK, true);
    }

    private static void run(Cpu c, Insn i, Exec once, Bulk bulk, boolean byZf) {
        if (i.rep() == 0) {
            once.exec(c, i);
            return;
        }
        boolean whileEqual = i.rep() == 0xf3;
        int bits = i.addressBits();
        long count = c.reg(CpuState.RCX, bits);
        long budget = c.repBudget();
        long done = 0;
        boolean stopped = false;
        boolean finished = false;
        try {
            while (count != 0 && done < budget && !stopped) {
                long n = bulk.some(c, i, Long.compareUnsigned(count, budget - done) < 0 ? count : budget - done);
                if (n == 0) {
                    // a device must see the time at which it is accessed
                    c.setRepExtra((int) done);
                    once.exec(c, i);
                    n = 1;
                }
                count -= n;
                done += n;
                c.setReg(CpuState.RCX, count, bits);
                stopped = byZf && c.zf() != whileEqual;
                if (c.attention()) {
                    break;
                }
            }
            if (done == 0) {
                // a count of zero still writes rCX, which zero-extends ECX in 64-bit mode with 32-bit addresses
                c.setReg(CpuState.RCX, count, bits);
            }
            finished = true;
        } finally {
            c.setRepExtra((int) (finished ? Math.max(0, done - 1) : done));
        }
        if (count != 0 && !stopped) {
            c.setRip(c.rip() - i.length());
        }
    }

    /** Moves an index register by one element in the direction of DF. */
    static void advance(Cpu c, Insn i, int reg, int bytes) {
        c.setReg(reg, c.reg(reg) + (c.systemFlag(Flags.DF) ? -bytes : bytes), i.addressBits());
    }

    /** An index register cut to the address size. */
    static long offset(Cpu c, Insn i, int reg) {
        return Alu.zx(c.reg(reg), i.addressBits());
    }
}
