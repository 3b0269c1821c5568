package org.xenolith.cpu.fpu;

/**
 * Runs one measured vector of {@code src/test/c/x87-vectors.c}: from the operation and its inputs it works out ST(0),
 * ST(1), the memory operand and the status word as the instruction would leave them.
 */
final class X87Vectors {
    private static final F80 EMPTY = new F80();

    /** The state before and, after {@link #run}, after the instruction. */
    final F80 st0 = new F80();
    final F80 st1 = new F80();
    final F80 mem = new F80();
    int sw;
    int eflags;

    private final FpuContext c = new FpuContext();
    private final F80 operand = new F80();
    private final F80 result = new F80();
    private final F80 second = new F80();
    private int codes;
    private int top;

    /** Runs an instruction on st0, st1 and mem under a control word. */
    void run(String op, int cw) {
        c.begin(cw);
        codes = 0;
        eflags = 0;
        top = 6;
        if (!arithmetic(op) && !compare(op) && !load(op) && !store(op) && !transcendental(op)) {
            throw new IllegalArgumentException(op);
        }
        sw = top << 11 | codes | c.status() | (c.faults() ? 0x8080 : 0);
    }

    private boolean arithmetic(String op) {
        result.set(st0);
        switch (op) {
            case "fadd" -> X87Arith.add(result, st0, st1, c);
            case "fsub" -> X87Arith.sub(result, st0, st1, c);
            case "fsubr" -> X87Arith.sub(result, st1, st0, c);
            case "fmul" -> X87Arith.mul(result, st0, st1, c);
            case "fdiv" -> X87Arith.div(result, st0, st1, c);
            case "fdivr" -> X87Arith.div(result, st1, st0, c);
            case "fadd32" -> X87Arith.add(result, st0, f32(), c);
            case "fadd64" -> X87Arith.add(result, st0, f64(), c);
            case "fiadd16" -> X87Arith.add(result, st0, integer(16), c);
            case "fiadd32" -> X87Arith.add(result, st0, integer(32), c);
            case "fmul32" -> X87Arith.mul(result, st0, f32(), c);
            case "fdivr64" -> X87Arith.div(result, f64(), st0, c);
            case "fsqrt" -> X87Arith.sqrt(result, st0, c);
            case "frndint" -> X87Arith.rint(result, st0, c);
            case "fscale" -> X87Arith.scale(result, st0, st1, c);
            case "fprem" -> codes = X87Remainder.remainder(result, st0, st1, false, c);
            case "fprem1" -> codes = X87Remainder.remainder(result, st0, st1, true, c);
            case "fabs" -> result.se &= 0x7fff;
            case "fchs" -> result.se ^= 0x8000;
            case "fxtract" -> {
                X87Arith.extract(second, result, st0, c);
                if (!c.discardsResult()) {
                    st0.set(second);
                    push(result);
                }
                return true;
            }
            default -> {
                return false;
            }
        }
        if (!c.discardsResult()) {
            st0.set(result);
        } else {
            codes = 0;
        }
        return true;
    }

    private boolean compare(String op) {
        switch (op) {
            case "fcom" -> codes = X87Compare.compare(st0, st1, false, c);
            case "fucom" -> codes = X87Compare.compare(st0, st1, true, c);
            case "fcomi", "fucomi" -> {
                int flags = X87Compare.eflags(X87Compare.compare(st0, st1, op.equals("fucomi"), c));
                eflags = flags;
            }
            case "fcom32" -> codes = X87Compare.compare(st0, f32(), false, c);
            case "fcom64" -> codes = X87Compare.compare(st0, f64(), false, c);
            case "ficom16" -> codes = X87Compare.compare(st0, integer(16), false, c);
            case "ficom32" -> codes = X87Compare.compare(st0, integer(32), false, c);
            case "ftst" -> codes = X87Compare.compare(st0, new F80(), false, c);
            case "fxam" -> codes = X87Compare.exam(st0);
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean load(String op) {
        switch (op) {
            case "fld32" -> X87Convert.loadF32(result, (int) mem.sig, c);
            case "fld64" -> X87Convert.loadF64(result, mem.sig, c);
            case "fild16" -> result.set(integer(16));
            case "fild32" -> result.set(integer(32));
            case "fild64" -> result.set(integer(64));
            case "fbld" -> X87Convert.fromBcd(result, mem.sig, mem.se);
            case "fldpi" -> X87Convert.pi(result, c);
            case "fldl2t" -> X87Convert.log2Of10(result, c);
            case "fldl2e" -> X87Convert.log2OfE(result, c);
            case "fldlg2" -> X87Convert.log10Of2(result, c);
            case "fldln2" -> X87Convert.lnOf2(result, c);
            default -> {
                return false;
            }
        }
        if (!c.discardsLoad()) {
            push(result);
        }
        return true;
    }

    private boolean store(String op) {
        result.set(mem);
        boolean pops = false;
        switch (op) {
            case "fst32" -> setLow(32, X87Convert.toF32(st0, c));
            case "fst64" -> setLow(64, X87Convert.toF64(st0, c));
            case "fist16" -> setLow(16, X87Convert.toInteger(st0, 16, false, c));
            case "fist32" -> setLow(32, X87Convert.toInteger(st0, 32, false, c));
            default -> {
                pops = true;
                switch (op) {
                    case "fistp64" -> setLow(64, X87Convert.toInteger(st0, 64, false, c));
                    case "fisttp16" -> setLow(16, X87Convert.toInteger(st0, 16, true, c));
                    case "fisttp32" -> setLow(32, X87Convert.toInteger(st0, 32, true, c));
                    case "fisttp64" -> setLow(64, X87Convert.toInteger(st0, 64, true, c));
                    case "fbstp" -> X87Convert.toBcd(result, st0, c);
                    default -> {
                        return false;
                    }
                }
            }
        }
        if (!c.discardsStore()) {
            mem.set(result);
            if (pops) {
                pop();
            }
        }
        return true;
    }

    private void setLow(int bits, long value) {
        long mask = bits == 64 ? -1L : (1L << bits) - 1;
        result.sig = result.sig & ~mask | value & mask;
    }

    private boolean transcendental(String op) {
        boolean pops = false;
        boolean pushesOne = false;
        result.set(st0);
        switch (op) {
            case "f2xm1" -> X87Transcendental.exp2Minus1(result, st0, c);
            case "fsin" -> codes = X87Transcendental.sin(result, st0, c);
            case "fcos" -> codes = X87Transcendental.cos(result, st0, c);
            case "fptan" -> {
                codes = X87Transcendental.tan(result, st0, c);
                pushesOne = codes == 0;
            }
            case "fsincos" -> {
                codes = X87Transcendental.sinCos(result, second, st0, c);
                if (codes == 0 && !c.discardsResult()) {
                    st0.set(result);
                    push(second);
                }
                return true;
            }
            default -> {
                pops = true;
                switch (op) {
                    case "fyl2x" -> X87Transcendental.yLog2(result, st0, st1, c);
                    case "fyl2xp1" -> X87Transcendental.yLog2Plus1(result, st0, st1, c);
                    case "fpatan" -> X87Transcendental.arctan(result, st1, st0, c);
                    default -> {
                        return false;
                    }
                }
            }
        }
        if (c.discardsResult()) {
            return true;
        }
        if (pops) {
            pop();
        }
        st0.set(result);
        if (pushesOne) {
            if (!result.isNan()) {
                X87Convert.one(result);
            }
            push(result);
        }
        return true;
    }

    private F80 f32() {
        X87Convert.operandF32(operand, (int) mem.sig, c);
        return operand;
    }

    private F80 f64() {
        X87Convert.operandF64(operand, mem.sig, c);
        return operand;
    }

    private F80 integer(int bits) {
        X87Convert.fromInteger(operand, mem.sig << 64 - bits >> 64 - bits);
        return operand;
    }

    private void push(F80 value) {
        st1.set(st0);
        st0.set(value);
        top--;
    }

    private void pop() {
        st0.set(st1);
        st1.set(EMPTY);
        top++;
    }
}
