package org.xenolith.cpu.fpu;

/** Runs one measured vector of {@code src/test/c/sse-vectors.c} and compares result, flags and trap. */
final class SseVectors {
    private final Mxcsr mxcsr = new Mxcsr();

    /** Null if our result agrees with the measured one, else what differs. */
    String difference(String op, int control, long a, long b, long c, long result, int status, boolean trapped) {
        mxcsr.load(control);
        long ours = run(op, a, b, c);
        boolean fault = mxcsr.commit();
        if (fault == trapped && mxcsr.value() == status && (fault || ours == result)) {
            return null;
        }
        return String.format("%s mxcsr=%x a=%x b=%x c=%x: result %x, status %x, trap %b; measured %x, %x, %b", op,
                control, a, b, c, ours, mxcsr.value(), fault, result, status, trapped);
    }

    private long run(String op, long a, long b, long c) {
        int x = (int) a;
        int y = (int) b;
        return switch (op) {
            case "add32" -> u(SseFloat.add32(x, y, mxcsr));
            case "add64" -> SseFloat.add64(a, b, mxcsr);
            case "sub32" -> u(SseFloat.sub32(x, y, mxcsr));
            case "sub64" -> SseFloat.sub64(a, b, mxcsr);
            case "mul32" -> u(SseFloat.mul32(x, y, mxcsr));
            case "mul64" -> SseFloat.mul64(a, b, mxcsr);
            case "div32" -> u(SseFloat.div32(x, y, mxcsr));
            case "div64" -> SseFloat.div64(a, b, mxcsr);
            case "sqrt32" -> u(SseFloat.sqrt32(x, mxcsr));
            case "sqrt64" -> SseFloat.sqrt64(a, mxcsr);
            case "min32" -> u(SseCompare.min32(x, y, mxcsr));
            case "min64" -> SseCompare.min64(a, b, mxcsr);
            case "max32" -> u(SseCompare.max32(x, y, mxcsr));
            case "max64" -> SseCompare.max64(a, b, mxcsr);
            case "comi32" -> SseCompare.comi32(x, y, false, mxcsr);
            case "comi64" -> SseCompare.comi64(a, b, false, mxcsr);
            case "ucomi32" -> SseCompare.comi32(x, y, true, mxcsr);
            case "ucomi64" -> SseCompare.comi64(a, b, true, mxcsr);
            case "f32to64" -> SseConvert.f32ToF64(x, mxcsr);
            case "f64to32" -> u(SseConvert.f64ToF32(a, mxcsr));
            case "f32toi32" -> u(SseConvert.f32ToI32(x, false, mxcsr));
            case "f32toi64" -> SseConvert.f32ToI64(x, false, mxcsr);
            case "f64toi32" -> u(SseConvert.f64ToI32(a, false, mxcsr));
            case "f64toi64" -> SseConvert.f64ToI64(a, false, mxcsr);
            case "f32toi32t" -> u(SseConvert.f32ToI32(x, true, mxcsr));
            case "f32toi64t" -> SseConvert.f32ToI64(x, true, mxcsr);
            case "f64toi32t" -> u(SseConvert.f64ToI32(a, true, mxcsr));
            case "f64toi64t" -> SseConvert.f64ToI64(a, true, mxcsr);
            case "i32tof32" -> u(SseConvert.i32ToF32(x, mxcsr));
            case "i64tof32" -> u(SseConvert.i64ToF32(a, mxcsr));
            case "i32tof64" -> SseConvert.i32ToF64(x);
            case "i64tof64" -> SseConvert.i64ToF64(a, mxcsr);
            case "f16to32" -> u(SseConvert.f16ToF32(x, mxcsr));
            default -> runWithImmediate(op, a, b, c);
        };
    }

    private long runWithImmediate(String op, long a, long b, long c) {
        int split = op.indexOf('_');
        int imm = Integer.parseInt(op, split + 1, op.length(), 10);
        if (op.startsWith("f32to16")) {
            return SseConvert.f32ToF16((int) a, imm, mxcsr);
        }
        if (op.startsWith("f")) {
            return runFma(op, a, b, c, imm == 32);
        }
        return switch (op.substring(0, split)) {
            case "cmp32" -> u(SseCompare.cmp32((int) a, (int) b, imm, mxcsr));
            case "cmp64" -> SseCompare.cmp64(a, b, imm, mxcsr);
            case "round32" -> u(SseConvert.round32((int) a, imm, mxcsr));
            case "round64" -> SseConvert.round64(a, imm, mxcsr);
            default -> throw new IllegalArgumentException(op);
        };
    }

    /** Operands 1 to 3 of the instruction are a, b, c; the digits of its name say which are multiplied. */
    private long runFma(String op, long a, long b, long c, boolean single) {
        boolean negateProduct = op.startsWith("fn");
        boolean negateAddend = op.contains("sub");
        long first = a;
        long second = c;
        long addend = b;
        if (op.contains("213")) {
            first = b;
            second = a;
            addend = c;
        } else if (op.contains("231")) {
            first = b;
            addend = a;
        }
        return single
                ? u(SseFloat.fma32((int) first, (int) second, (int) addend, negateProduct, negateAddend, mxcsr))
                : SseFloat.fma64(first, second, addend, negateProduct, negateAddend, mxcsr);
    }

    private static long u(int bits) {
        return bits & 0xffff_ffffL;
    }
}
