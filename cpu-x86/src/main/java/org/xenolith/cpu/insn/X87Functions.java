package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.F80;
import org.xenolith.cpu.fpu.FpuContext;
import org.xenolith.cpu.fpu.X87Convert;
import org.xenolith.cpu.fpu.X87Remainder;
import org.xenolith.cpu.fpu.X87Transcendental;

/** FPREM, FPREM1 and the transcendental instructions (SDM vol. 2). */
final class X87Functions {
    private static final int REMAINDER_CODES = FpuContext.C0 | FpuContext.C2 | FpuContext.C3;

    private X87Functions() {
    }

    /** A function of ST(0) and ST(1) that replaces ST(1) and pops. */
    @FunctionalInterface
    private interface Popping {
        void apply(F80 dst, F80 st0, F80 st1, FpuContext f);
    }

    /** A trigonometric function: returns C2 when the argument is too large. */
    @FunctionalInterface
    private interface Periodic {
        int apply(F80 dst, F80 a, FpuContext f);
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("F2XM1",   "D9 F0", "", "x87 fpu", X87Arithmetic.unary(X87Transcendental::exp2Minus1));
        t.add("FYL2X",   "D9 F1", "", "x87 fpu", (c, i) -> popping(c, i, X87Transcendental::yLog2));
        t.add("FPTAN",   "D9 F2", "", "x87 fpu", X87Functions::fptan);
        t.add("FPATAN",  "D9 F3", "", "x87 fpu",
                (c, i) -> popping(c, i, (dst, st0, st1, f) -> X87Transcendental.arctan(dst, st1, st0, f)));
        t.add("FPREM1",  "D9 F5", "", "x87 fpu", (c, i) -> remainder(c, i, true));
        t.add("FPREM",   "D9 F8", "", "x87 fpu", (c, i) -> remainder(c, i, false));
        t.add("FYL2XP1", "D9 F9", "", "x87 fpu", (c, i) -> popping(c, i, X87Transcendental::yLog2Plus1));
        t.add("FSINCOS", "D9 FB", "", "x87 fpu", X87Functions::fsincos);
        t.add("FSIN",    "D9 FE", "", "x87 fpu", (c, i) -> periodic(c, i, X87Transcendental::sin));
        t.add("FCOS",    "D9 FF", "", "x87 fpu", (c, i) -> periodic(c, i, X87Transcendental::cos));
        // @formatter:on
    }

    private static void remainder(Cpu c, Insn i, boolean nearest) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0) || x.isEmpty(1)) {
            x.clear(FpuContext.C2);
            X87.underflow(x, 0);
            return;
        }
        x.get(0, x.a);
        x.get(1, x.b);
        int codes = X87Remainder.remainder(x.r, x.a, x.b, nearest, f);
        if (!f.discardsResult() && X87Remainder.isComputed(x.a, x.b)) {
            x.commit(codes, REMAINDER_CODES);
        } else {
            x.commit(0, FpuContext.C2);
        }
        if (!f.discardsResult()) {
            x.put(0, x.r);
        }
    }

    private static void popping(Cpu c, Insn i, Popping op) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0) || x.isEmpty(1)) {
            if (x.stackFault(false)) {
                x.r.setIndefinite();
                x.put(1, x.r);
                x.pop();
            }
            return;
        }
        x.get(0, x.a);
        x.get(1, x.b);
        op.apply(x.r, x.a, x.b, f);
        x.commit();
        if (!f.discardsResult()) {
            x.put(1, x.r);
            x.pop();
        }
    }

    private static void periodic(Cpu c, Insn i, Periodic op) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0)) {
            x.clear(FpuContext.C2);
            X87.underflow(x, 0);
            return;
        }
        x.get(0, x.a);
        int codes = op.apply(x.r, x.a, f);
        x.commit(codes, FpuContext.C2);
        if (codes == 0 && !f.discardsResult()) {
            x.put(0, x.r);
        }
    }

    static void fptan(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (cannotPush(x)) {
            return;
        }
        x.get(0, x.a);
        int codes = X87Transcendental.tan(x.r, x.a, f);
        x.commit(codes, FpuContext.C2);
        if (codes == 0 && !f.discardsResult()) {
            x.put(0, x.r);
            // a NaN is pushed again in place of the 1
            if ((x.r.se & 0x7fff) != 0x7fff) {
                X87Convert.one(x.r);
            }
            x.push(x.r);
        }
    }

    static void fsincos(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (cannotPush(x)) {
            return;
        }
        x.get(0, x.a);
        int codes = X87Transcendental.sinCos(x.r, x.b, x.a, f);
        x.commit(codes, FpuContext.C2);
        if (codes == 0 && !f.discardsResult()) {
            x.put(0, x.r);
            x.push(x.b);
        }
    }

    /** Stack faults of an instruction that replaces ST(0) and pushes. */
    private static boolean cannotPush(X87Unit x) {
        boolean empty = x.isEmpty(0);
        if (!empty && x.isEmpty(-1)) {
            return false;
        }
        boolean masked = x.stackFault(!empty);
        x.clear(FpuContext.C2);
        if (masked) {
            x.r.setIndefinite();
            x.put(0, x.r);
            x.push(x.r);
        }
        return true;
    }
}
