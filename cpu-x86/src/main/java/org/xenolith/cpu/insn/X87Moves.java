package org.xenolith.cpu.insn;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.fpu.F80;
import org.xenolith.cpu.fpu.FpuContext;
import org.xenolith.cpu.fpu.X87Convert;

/** FLD, FST, FILD, FIST, FBLD, FBSTP, FXCH, FCMOV, the constants, FFREE and the stack pointer (SDM vol. 2). */
final class X87Moves {
    private X87Moves() {
    }

    /** A constant, rounded as the control word says. */
    @FunctionalInterface
    private interface Constant {
        void load(F80 dst, FpuContext f);
    }

    static void define(InstructionTable t) {
        // @formatter:off
        t.add("FLD",     "D9 /0",   "Mss:r",   "x87 fpu", X87Moves::fld);
        t.add("FLD",     "DD /0",   "Msd:r",   "x87 fpu", X87Moves::fld);
        t.add("FLD",     "DB /5",   "Mt:r",    "x87 fpu", X87Moves::fld80);
        t.add("FLD",     "D9 C0+i", "STi:r",   "x87 fpu", X87Moves::fldRegister);
        t.add("FILD",    "DF /0",   "Mw:r",    "x87 fpu", X87Moves::fild);
        t.add("FILD",    "DB /0",   "Md:r",    "x87 fpu", X87Moves::fild);
        t.add("FILD",    "DF /5",   "Mq:r",    "x87 fpu", X87Moves::fild);
        t.add("FBLD",    "DF /4",   "Mt:r",    "x87 fpu", X87Moves::fbld);
        t.add("FST",     "D9 /2",   "Mss:w",   "x87 fpu", (c, i) -> fst(c, i, false));
        t.add("FSTP",    "D9 /3",   "Mss:w",   "x87 fpu", (c, i) -> fst(c, i, true));
        t.add("FST",     "DD /2",   "Msd:w",   "x87 fpu", (c, i) -> fst(c, i, false));
        t.add("FSTP",    "DD /3",   "Msd:w",   "x87 fpu", (c, i) -> fst(c, i, true));
        t.add("FSTP",    "DB /7",   "Mt:w",    "x87 fpu", (c, i) -> store80(c, i, false));
        t.add("FBSTP",   "DF /6",   "Mt:w",    "x87 fpu", (c, i) -> store80(c, i, true));
        t.add("FIST",    "DF /2",   "Mw:w",    "x87 fpu", (c, i) -> fist(c, i, false, false));
        t.add("FIST",    "DB /2",   "Md:w",    "x87 fpu", (c, i) -> fist(c, i, false, false));
        t.add("FISTP",   "DF /3",   "Mw:w",    "x87 fpu", (c, i) -> fist(c, i, false, true));
        t.add("FISTP",   "DB /3",   "Md:w",    "x87 fpu", (c, i) -> fist(c, i, false, true));
        t.add("FISTP",   "DF /7",   "Mq:w",    "x87 fpu", (c, i) -> fist(c, i, false, true));
        t.add("FISTTP",  "DF /1",   "Mw:w",    "x87 sse3", (c, i) -> fist(c, i, true, true));
        t.add("FISTTP",  "DB /1",   "Md:w",    "x87 sse3", (c, i) -> fist(c, i, true, true));
        t.add("FISTTP",  "DD /1",   "Mq:w",    "x87 sse3", (c, i) -> fist(c, i, true, true));
        t.add("FST",     "DD D0+i", "STi:w",   "x87 fpu", (c, i) -> fstRegister(c, i, false));
        t.add("FSTP",    "DD D8+i", "STi:w",   "x87 fpu", (c, i) -> fstRegister(c, i, true));
        // undocumented: FSTPNCE only pops when ST(0) is empty, without an exception
        t.add("FSTPNCE", "D9 D8+i", "STi:w",   "x87 fpu", X87Moves::fstpnce);
        t.add("FSTP",    "DF D0+i", "STi:w",   "x87 fpu", (c, i) -> fstRegister(c, i, true));
        t.add("FSTP",    "DF D8+i", "STi:w",   "x87 fpu", (c, i) -> fstRegister(c, i, true));
        t.add("FXCH",    "D9 C8+i", "STi:rw",  "x87 fpu", X87Moves::fxch);
        t.add("FXCH",    "DD C8+i", "STi:rw",  "x87 fpu", X87Moves::fxch);
        t.add("FXCH",    "DF C8+i", "STi:rw",  "x87 fpu", X87Moves::fxch);
        t.add("FCMOVB",  "DA C0+i", "ST0,STi", "x87 fpu cmov r:C", (c, i) -> fcmov(c, i, c.cf()));
        t.add("FCMOVE",  "DA C8+i", "ST0,STi", "x87 fpu cmov r:Z", (c, i) -> fcmov(c, i, c.zf()));
        t.add("FCMOVBE", "DA D0+i", "ST0,STi", "x87 fpu cmov r:CZ", (c, i) -> fcmov(c, i, c.cf() || c.zf()));
        t.add("FCMOVU",  "DA D8+i", "ST0,STi", "x87 fpu cmov r:P", (c, i) -> fcmov(c, i, c.pf()));
        t.add("FCMOVNB", "DB C0+i", "ST0,STi", "x87 fpu cmov r:C", (c, i) -> fcmov(c, i, !c.cf()));
        t.add("FCMOVNE", "DB C8+i", "ST0,STi", "x87 fpu cmov r:Z", (c, i) -> fcmov(c, i, !c.zf()));
        t.add("FCMOVNBE", "DB D0+i", "ST0,STi", "x87 fpu cmov r:CZ", (c, i) -> fcmov(c, i, !(c.cf() || c.zf())));
        t.add("FCMOVNU", "DB D8+i", "ST0,STi", "x87 fpu cmov r:P", (c, i) -> fcmov(c, i, !c.pf()));
        t.add("FLD1",    "D9 E8",   "",        "x87 fpu", (c, i) -> constant(c, i, (dst, f) -> X87Convert.one(dst)));
        t.add("FLDL2T",  "D9 E9",   "",        "x87 fpu", (c, i) -> constant(c, i, X87Convert::log2Of10));
        t.add("FLDL2E",  "D9 EA",   "",        "x87 fpu", (c, i) -> constant(c, i, X87Convert::log2OfE));
        t.add("FLDPI",   "D9 EB",   "",        "x87 fpu", (c, i) -> constant(c, i, X87Convert::pi));
        t.add("FLDLG2",  "D9 EC",   "",        "x87 fpu", (c, i) -> constant(c, i, X87Convert::log10Of2));
        t.add("FLDLN2",  "D9 ED",   "",        "x87 fpu", (c, i) -> constant(c, i, X87Convert::lnOf2));
        t.add("FLDZ",    "D9 EE",   "",        "x87 fpu", (c, i) -> constant(c, i, (dst, f) -> dst.set(0, 0)));
        t.add("FDECSTP", "D9 F6",   "",        "x87 fpu", (c, i) -> rotate(c, i, -1));
        t.add("FINCSTP", "D9 F7",   "",        "x87 fpu", (c, i) -> rotate(c, i, 1));
        t.add("FFREE",   "DD C0+i", "STi:w",   "x87 fpu", (c, i) -> ffree(c, i, false));
        t.add("FFREEP",  "DF C0+i", "STi:w",   "x87 fpu", (c, i) -> ffree(c, i, true));
        t.add("FNOP",    "D9 D0",   "",        "x87 fpu", X87Moves::fnop);
        // @formatter:on
    }

    // ---- loads ----

    static void fld(Cpu c, Insn i) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        long bits = i.read0(c);
        X87.pointers(c, i);
        if (!x.isEmpty(-1)) {
            X87.overflow(x);
            return;
        }
        if (i.bits() == 32) {
            X87Convert.loadF32(x.r, (int) bits, f);
        } else {
            X87Convert.loadF64(x.r, bits, f);
        }
        x.commit();
        if (!f.discardsLoad()) {
            x.push(x.r);
        }
    }

    static void fld80(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.read80(c, i, 0, x.a);
        X87.pointers(c, i);
        push(x, x.a);
    }

    static void fild(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.readInteger(c, i, x.a);
        X87.pointers(c, i);
        push(x, x.a);
    }

    static void fbld(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.read80(c, i, 0, x.a);
        X87.pointers(c, i);
        X87Convert.fromBcd(x.a, x.a.sig, x.a.se);
        push(x, x.a);
    }

    static void fldRegister(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(i.op0().reg())) {
            if (x.stackFault(false)) {
                x.r.setIndefinite();
                x.push(x.r);
            }
        } else if (!x.isEmpty(-1)) {
            X87.overflow(x);
        } else {
            x.get(i.op0().reg(), x.a);
            push(x, x.a);
        }
    }

    private static void constant(Cpu c, Insn i, Constant value) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        X87.pointers(c, i);
        value.load(x.a, f);
        push(x, x.a);
    }

    private static void push(X87Unit x, F80 value) {
        if (!x.isEmpty(-1)) {
            X87.overflow(x);
            return;
        }
        x.commit();
        x.push(value);
    }

    // ---- stores ----

    private static void fst(Cpu c, Insn i, boolean pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        boolean empty = x.isEmpty(0);
        long bits = 0;
        if (empty) {
            bits = i.bits() == 32 ? 0xffc0_0000L : 0xfff8_0000_0000_0000L;
        } else {
            x.get(0, x.a);
            bits = i.bits() == 32 ? X87Convert.toF32(x.a, f) : X87Convert.toF64(x.a, f);
        }
        store(c, i, empty, bits, pops);
    }

    private static void fist(Cpu c, Insn i, boolean truncate, boolean pops) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        boolean empty = x.isEmpty(0);
        long bits = 0;
        if (empty) {
            bits = -1L << i.bits() - 1;
        } else {
            x.get(0, x.a);
            bits = X87Convert.toInteger(x.a, i.bits(), truncate, f);
        }
        store(c, i, empty, bits, pops);
    }

    private static void store(Cpu c, Insn i, boolean empty, long bits, boolean pops) {
        X87Unit x = c.x87();
        FpuContext f = x.context();
        if (empty) {
            f.raise(FpuContext.IE);
        }
        boolean stored = !f.discardsStore();
        if (stored) {
            i.write0(c, bits);
        } else {
            // memory faults come first all the same
            i.readForWrite0(c);
        }
        finishStore(c, i, empty, stored && pops);
    }

    private static void store80(Cpu c, Insn i, boolean decimal) {
        X87Unit x = c.x87();
        FpuContext f = x.begin();
        boolean empty = x.isEmpty(0);
        if (empty) {
            f.raise(FpuContext.IE);
            x.r.setIndefinite();
            if (decimal) {
                x.r.se = 0xffff;
            }
        } else {
            x.get(0, x.r);
            if (decimal) {
                X87Convert.toBcd(x.r, x.r, f);
            }
        }
        boolean stored = !f.discardsStore();
        X87.probe(c, i, 10, 8, true);
        if (stored) {
            X87.write80(c, i, 0, x.r);
        }
        finishStore(c, i, empty, stored);
    }

    /** What a store does once memory is written: only now can nothing fault any more. */
    private static void finishStore(Cpu c, Insn i, boolean empty, boolean pops) {
        X87Unit x = c.x87();
        X87.pointers(c, i);
        if (empty) {
            x.stackFault(false);
        } else {
            x.commit();
        }
        if (pops) {
            x.pop();
        }
    }

    private static void fstRegister(Cpu c, Insn i, boolean pops) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        if (x.isEmpty(0)) {
            if (!x.stackFault(false)) {
                return;
            }
            x.a.setIndefinite();
        } else {
            x.get(0, x.a);
            x.commit();
        }
        x.put(i.op0().reg(), x.a);
        if (pops) {
            x.pop();
        }
    }

    static void fstpnce(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        x.commit();
        if (!x.isEmpty(0)) {
            x.get(0, x.a);
            x.put(i.op0().reg(), x.a);
        }
        x.pop();
    }

    // ---- registers ----

    static void fxch(Cpu c, Insn i) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        int other = i.op0().reg();
        boolean empty = x.isEmpty(0);
        boolean otherEmpty = x.isEmpty(other);
        x.get(0, x.a);
        x.get(other, x.b);
        if (empty || otherEmpty) {
            if (!x.stackFault(false)) {
                return;
            }
            if (empty) {
                x.a.setIndefinite();
            }
            if (otherEmpty) {
                x.b.setIndefinite();
            }
        } else {
            x.commit();
        }
        x.put(0, x.b);
        x.put(other, x.a);
    }

    private static void fcmov(Cpu c, Insn i, boolean moves) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        int from = i.op1().reg();
        if (x.isEmpty(0) || x.isEmpty(from)) {
            X87.underflow(x, 0);
            return;
        }
        if (moves) {
            x.get(from, x.a);
            x.put(0, x.a);
        }
    }

    private static void rotate(Cpu c, Insn i, int by) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        x.rotate(by);
    }

    private static void ffree(Cpu c, Insn i, boolean pops) {
        X87Unit x = c.x87();
        x.begin();
        X87.pointers(c, i);
        x.commit();
        x.free(i.op0().reg());
        if (pops) {
            x.pop();
        }
    }

    static void fnop(Cpu c, Insn i) {
        c.x87().begin();
        X87.pointers(c, i);
    }
}
