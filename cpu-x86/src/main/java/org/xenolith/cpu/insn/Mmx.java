package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;

/** The MMX registers: the significands of x87's physical registers R0 to R7 (SDM vol. 1, 9.2 and vol. 3, 13.2). */
final class Mmx {
    private Mmx() {
    }

    /** Raises a pending x87 exception; comes before anything else that an instruction on MMX registers does. */
    static void check(Cpu c) {
        c.x87().checkPending();
    }

    /** The transition to MMX operation: TOP becomes 0 and all registers valid. */
    static void enter(Cpu c) {
        c.setField32(CpuState.FTOP, 0);
        c.setField32(CpuState.FTW, 0xff);
    }

    static long get(Cpu c, int r) {
        return c.field(CpuState.FPR + 16 * r);
    }

    /** Writes a register; sign and exponent become all ones. */
    static void set(Cpu c, int r, long v) {
        c.setField(CpuState.FPR + 16 * r, v);
        c.setField(CpuState.FPR + 16 * r + 8, 0xffff);
    }
}
