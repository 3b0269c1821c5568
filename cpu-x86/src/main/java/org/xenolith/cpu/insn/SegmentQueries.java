package org.xenolith.cpu.insn;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.SystemSegments;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;

/** LAR, LSL, VERR, VERW, ARPL and the selectors of LDT and task: SLDT, STR, LLDT, LTR (SDM vol. 2). */
final class SegmentQueries {
    private SegmentQueries() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("LAR",  "0F 02 /r", "Gv,Ew",   "pm w:Z", SegmentQueries::lar);
        t.add("LSL",  "0F 03 /r", "Gv,Ew",   "pm w:Z", SegmentQueries::lsl);
        t.add("SLDT", "0F 00 /0", "Ev:w",    "pm nouser vm", (c, i) -> store(c, i, CpuState.LDTR));
        t.add("STR",  "0F 00 /1", "Ev:w",    "pm nouser vm", (c, i) -> store(c, i, CpuState.TR));
        t.add("LLDT", "0F 00 /2", "Ew:r",    "pm priv vm", (c, i) -> SystemSegments.loadLdt(c, (int) i.read0(c)));
        t.add("LTR",  "0F 00 /3", "Ew:r",    "pm priv vm", (c, i) -> SystemSegments.loadTask(c, (int) i.read0(c)));
        t.add("VERR", "0F 00 /4", "Ew:r",    "pm w:Z", (c, i) -> c.setZf(SystemSegments.verify(c, (int) i.read0(c), false)));
        t.add("VERW", "0F 00 /5", "Ew:r",    "pm w:Z", (c, i) -> c.setZf(SystemSegments.verify(c, (int) i.read0(c), true)));
        t.add("ARPL", "63 /r",    "Ew,Gw:r", "i64 pm w:Z", SegmentQueries::arpl);
        // @formatter:on
    }

    static void lar(Cpu c, Insn i) {
        int selector = (int) i.read1(c);
        boolean visible = SystemSegments.visible(c, selector, false);
        if (visible) {
            i.write0(c, SystemSegments.accessRights(c, selector));
        }
        c.setZf(visible);
    }

    static void lsl(Cpu c, Insn i) {
        int selector = (int) i.read1(c);
        boolean visible = SystemSegments.visible(c, selector, true);
        if (visible) {
            i.write0(c, SystemSegments.limit(c, selector));
        }
        c.setZf(visible);
    }

    private static void store(Cpu c, Insn i, int seg) {
        if (c.cpl() != 0 && (c.cr4() & ControlRegisters.CR4_UMIP) != 0) {
            throw c.gp0();
        }
        if (i.isMem(0)) {
            c.mmu().write16(i.address(c, 2, true), i.seg(), c.selector(seg));
        } else {
            i.write0(c, c.selector(seg));
        }
    }

    static void arpl(Cpu c, Insn i) {
        long rpl = i.read1(c) & 3;
        long v = i.read0(c);
        boolean raise = (v & 3) < rpl;
        if (raise) {
            i.write0(c, v & ~3 | rpl);
        }
        c.setZf(raise);
    }
}
