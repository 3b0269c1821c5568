package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.F80;
import org.xenolith.cpu.fpu.FpuContext;
import org.xenolith.cpu.fpu.X87Arith;

/** FADD, FSUB, FMUL, FDIV in their forms, FSQRT, FRNDINT, FSCALE, FXTRACT, FABS, FCHS (SDM vol. 2). */
final class X87Arithmetic {
    private X87Arithmetic() {
    }

    /** An operation on two values; dst may be one of them. */
    @FunctionalInterface
    private interface Binary {
        void apply(F80 dst, F80 a, F80 b, FpuContext f);
    }

    /** An operation on ST(0). */
    @FunctionalInterface
    interface Unary {
        void apply(F80 dst, F80 a, FpuContext f);
    }

    static void define(InstructionTable t) {
        family(t, "ADD", 0, 0, X87Arith::add);
        family(t, "MUL", 1, 1, X87Arith::mul);
        // with ST(i) as destination, the encodings of the reversed forms are the other way round
        family(t, "SUB", 4, 5, X87Arith::sub);
        family(t, "SUBR", 5, 4, (dst, a, b, f) -> X87Arith.sub(dst, b, a, f));
        family(t, "DIV", 6, 7, X87Arith::div);
        family(t, "DIVR", 7, 6, (dst, a, b, f) -> X87Arith.div(dst, b, a, f));
        // @formatter:off
        t.add("FCHS",    "D9 E0", "", "x87 fpu", X87Arithmetic::fchs);
        t.add("FABS",    "D9 E1", "", "x87 fpu", X87Arithmetic::fabs);
        t.add("FXTRACT", "D9 F4", "", "x87 fpu", X87Arithmetic::fxtract);
        t.add("FSQRT",   "D9 FA", "", "x87 fpu", unary(X87Arith::sqrt));
        t.add("FRNDINT", "D9 FC", "", "x87 fpu", unary(X87Arith::rint));
        t.add("FSCALE",  "D9 FD", "", "x87 fpu", X87Arithmetic::fscale);
        // @formatter:on
    }

    private static void family(InstructionTable t, String name, int digit, int reversedDigit, Binary op) {
        String forward = Integer.toHexString(0xc0 + 8 * digit) + "+i";
        String backward = Integer.toHexString(0xc0 + 8 * reversedDigit) + "+i";
        // @formatter:off
        t.add("F" + name,       "D8 /" + digit,    "Mss:r",     "x87 fpu", (c, i) -> memory(c, i, op, false));
        t.add("F" + name,       "DC /" + digit,    "Msd:r",     "x87 fpu", (c, i) -> memory(c, i, op, false));
        t.add("FI" + name,      "DA /" + digit,    "Md:r",      "x87 fpu", (c, i) -> memory(c, i, op, true));
        t.add("FI" + name,      "DE /" + digit,    "Mw:r",      "x87 fpu", (c, i) -> memory(c, i, op, true));
        t.add("F" + name,       "D8 " + forward,   "ST0,STi",   "x87 fpu", (c, i) -> registers(c, i, op, false));
        t.add("F" + name,       "DC " + backward,  "STi,ST0",   "x87 fpu", (c, i) -> registers(c, i, op, false));
        t.add("F" + name + "P", "DE " + backward,  "STi,ST0",   "x87 fpu", (c, i) -> registers(c, i, op, true));
        // @formatter:on
    }

    private static void memory(Cpu c, Insn i, Binary op, boolean integer) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.readOperand(c, i, integer, x.b, f);
        if (x.isEmpty(0)) {
            X87.underflow(x, 0);
            return;
        }
        x.get(0, x.a);
        op.apply(x.r, x.a, x.b, f);
        x.commit();
        if (!f.discardsResult()) {
            x.put(0, x.r);
        }
    }

    private static void registers(Cpu c, Insn i, Binary op, boolean pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        int to = i.op0().reg();
        int from = i.op1().reg();
        if (x.isEmpty(to) || x.isEmpty(from)) {
            if (x.stackFault(false)) {
                x.r.setIndefinite();
                x.put(to, x.r);
                if (pops) {
                    x.pop();
                }
            }
            return;
        }
        x.get(to, x.a);
        x.get(from, x.b);
        op.apply(x.r, x.a, x.b, f);
        x.commit();
        if (!f.discardsResult()) {
            x.put(to, x.r);
            if (pops) {
                x.pop();
            }
        }
    }

    static Exec unary(Unary op) {
        return (c, i) -> {
            X87Unit x = c.x87();
            FpuContext f = x.begin();
            X87.pointers(c, i);
            if (x.isEmpty(0)) {
                X87.underflow(x, 0);
                return;
            }
            x.get(0, x.a);
            op.apply(x.r, x.a, f);
            x.commit();
            if (!f.discardsResult()) {
                x.put(0, x.r);
            }
        };
    }

    static void fchs(Cpu c, Insn i) {
        sign(c, i, 0x8000, 0x8000);
    }

    static void fabs(Cpu c, Insn i) {
        sign(c, i, 0x8000, 0);
    }

    /** Clears the sign bit in clear and complements it in flip; NaNs and unsupported encodings are no matter. */
    private static void sign(Cpu c, Insn i, int bit, int flip) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0)) {
            X87.underflow(x, 0);
            return;
        }
        x.get(0, x.a);
        x.a.se = flip != 0 ? x.a.se ^ flip : x.a.se & ~bit;
        x.commit();
        x.put(0, x.a);
    }

    static void fscale(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0) || x.isEmpty(1)) {
            X87.underflow(x, 0);
            return;
        }
        x.get(0, x.a);
        x.get(1, x.b);
        X87Arith.scale(x.r, x.a, x.b, f);
        x.commit();
        if (!f.discardsResult()) {
            x.put(0, x.r);
        }
    }

    static void fxtract(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0) || !x.isEmpty(-1)) {
            if (x.stackFault(!x.isEmpty(0))) {
                x.r.setIndefinite();
                x.put(0, x.r);
                x.push(x.r);
            }
            return;
        }
        x.get(0, x.a);
        X87Arith.extract(x.b, x.r, x.a, f);
        x.commit();
        if (!f.discardsResult()) {
            x.put(0, x.b);
            x.push(x.r);
        }
    }
}
