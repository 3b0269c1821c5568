package org.xenolith.cpu.insn;

import static org.xenolith.cpu.fpu.X87Compare.compare;
import static org.xenolith.cpu.fpu.X87Compare.eflags;
import static org.xenolith.cpu.fpu.X87Compare.exam;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.FpuContext;

/** FCOM, FUCOM, FICOM, FCOMI, FTST, FXAM in their forms (SDM vol. 2). */
final class X87Compare {
    private static final int CODES = FpuContext.C0 | FpuContext.C2 | FpuContext.C3;

    private X87Compare() {
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("FCOM",    "D8 /2",   "Mss:r",       "x87 fpu", (c, i) -> memory(c, i, false, 0));
        t.add("FCOMP",   "D8 /3",   "Mss:r",       "x87 fpu", (c, i) -> memory(c, i, false, 1));
        t.add("FCOM",    "DC /2",   "Msd:r",       "x87 fpu", (c, i) -> memory(c, i, false, 0));
        t.add("FCOMP",   "DC /3",   "Msd:r",       "x87 fpu", (c, i) -> memory(c, i, false, 1));
        t.add("FICOM",   "DA /2",   "Md:r",        "x87 fpu", (c, i) -> memory(c, i, true, 0));
        t.add("FICOMP",  "DA /3",   "Md:r",        "x87 fpu", (c, i) -> memory(c, i, true, 1));
        t.add("FICOM",   "DE /2",   "Mw:r",        "x87 fpu", (c, i) -> memory(c, i, true, 0));
        t.add("FICOMP",  "DE /3",   "Mw:r",        "x87 fpu", (c, i) -> memory(c, i, true, 1));
        t.add("FCOM",    "D8 D0+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), false, 0));
        t.add("FCOMP",   "D8 D8+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), false, 1));
        // the next three are undocumented doubles
        t.add("FCOM",    "DC D0+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), false, 0));
        t.add("FCOMP",   "DC D8+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), false, 1));
        t.add("FCOMP",   "DE D0+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), false, 1));
        t.add("FCOMPP",  "DE D9",   "",            "x87 fpu", (c, i) -> registers(c, i, 1, false, 2));
        t.add("FUCOM",   "DD E0+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), true, 0));
        t.add("FUCOMP",  "DD E8+i", "STi:r",       "x87 fpu", (c, i) -> registers(c, i, i.op0().reg(), true, 1));
        t.add("FUCOMPP", "DA E9",   "",            "x87 fpu", (c, i) -> registers(c, i, 1, true, 2));
        t.add("FUCOMI",  "DB E8+i", "ST0:r,STi:r", "x87 fpu cmov w:OSZAPC", (c, i) -> toFlags(c, i, true, 0));
        t.add("FCOMI",   "DB F0+i", "ST0:r,STi:r", "x87 fpu cmov w:OSZAPC", (c, i) -> toFlags(c, i, false, 0));
        t.add("FUCOMIP", "DF E8+i", "ST0:r,STi:r", "x87 fpu cmov w:OSZAPC", (c, i) -> toFlags(c, i, true, 1));
        t.add("FCOMIP",  "DF F0+i", "ST0:r,STi:r", "x87 fpu cmov w:OSZAPC", (c, i) -> toFlags(c, i, false, 1));
        t.add("FTST",    "D9 E4",   "",            "x87 fpu", X87Compare::ftst);
        t.add("FXAM",    "D9 E5",   "",            "x87 fpu", X87Compare::fxam);
        // @formatter:on
    }

    private static void memory(Cpu c, Insn i, boolean integer, int pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.readOperand(c, i, integer, x.b, f);
        if (x.isEmpty(0)) {
            unordered(x, pops);
        } else {
            finish(x, f, false, pops);
        }
    }

    private static void registers(Cpu c, Insn i, int other, boolean quiet, int pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0) || x.isEmpty(other)) {
            unordered(x, pops);
            return;
        }
        x.get(other, x.b);
        finish(x, f, quiet, pops);
    }

    /** Compares ST(0) with x.b. */
    private static void finish(X87Unit x, FpuContext f, boolean quiet, int pops) {
        x.get(0, x.a);
        x.commit(compare(x.a, x.b, quiet, f), CODES);
        pop(x, f, pops);
    }

    private static void pop(X87Unit x, FpuContext f, int pops) {
        if (!f.discardsResult()) {
            for (int n = 0; n < pops; n++) {
                x.pop();
            }
        }
    }

    /** Stack underflow. */
    private static void unordered(X87Unit x, int pops) {
        boolean masked = x.stackFault(false);
        x.commit(CODES, CODES);
        for (int n = 0; masked && n < pops; n++) {
            x.pop();
        }
    }

    private static void toFlags(Cpu c, Insn i, boolean quiet, int pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        int other = i.op1().reg();
        if (x.isEmpty(0) || x.isEmpty(other)) {
            boolean masked = x.stackFault(false);
            c.setArithmeticFlags(eflags(CODES));
            for (int n = 0; masked && n < pops; n++) {
                x.pop();
            }
            return;
        }
        x.get(0, x.a);
        x.get(other, x.b);
        c.setArithmeticFlags(eflags(compare(x.a, x.b, quiet, f)));
        x.commit();
        pop(x, f, pops);
    }

    static void ftst(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0)) {
            unordered(x, 0);
            return;
        }
        x.b.set(0, 0);
        finish(x, f, false, 0);
    }

    static void fxam(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        x.get(0, x.a);
        int codes = exam(x.a);
        if (x.isEmpty(0)) {
            codes = codes & FpuContext.C1 | FpuContext.C3 | FpuContext.C0;
        }
        x.commit(codes, CODES);
    }
}
