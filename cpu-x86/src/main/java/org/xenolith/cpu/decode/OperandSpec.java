package org.xenolith.cpu.decode;

import java.util.Locale;

/**
 * One operand of a table row: addressing letter and size code (SDM vol. 2, appendix A.2), or a fixed register; see {@link InsnDef}.
 */
public final class OperandSpec {
    private static final OperandSpec[] EMPTY = {};

    /** Addressing method letter, or '!' for a fixed register, '1' for a constant, 's' for a sign-extended immediate byte, 'T' for x87. */
    final char method;
    /** Size code, such as {@code b}, {@code v}, {@code dq}; empty for no access. */
    final String size;
    /** Register number for a fixed operand, the value for a constant. */
    final int fixed;
    final Operand.Kind fixedKind;
    final boolean read;
    final boolean write;
    private final int sizeCode;

    private OperandSpec(char method, String size, int fixed, Operand.Kind fixedKind, boolean read, boolean write) {
        this.method = method;
        this.size = size;
        this.fixed = fixed;
        this.fixedKind = fixedKind;
        this.read = read;
        this.write = write;
        this.sizeCode = code(size);
    }

    static OperandSpec[] parseAll(String text) {
        if (text.isEmpty()) {
            return EMPTY;
        }
        String[] parts = text.split(",", -1);
        OperandSpec[] r = new OperandSpec[parts.length];
        for (int i = 0; i < parts.length; i++) {
            r[i] = parse(parts[i].trim(), i == 0);
        }
        return r;
    }

    private static OperandSpec parse(String text, boolean first) {
        boolean read = true;
        boolean write = first;
        int colon = text.indexOf(':');
        if (colon >= 0) {
            read = text.indexOf('r', colon) >= 0;
            write = text.indexOf('w', colon) >= 0;
            text = text.substring(0, colon);
        }
        switch (text) {
            case "AL":
                return new OperandSpec('!', "b", 0, Operand.Kind.GPR, read, write);
            case "CL":
                return new OperandSpec('!', "b", 1, Operand.Kind.GPR, read, write);
            case "AX":
                return new OperandSpec('!', "w", 0, Operand.Kind.GPR, read, write);
            case "DX":
                return new OperandSpec('!', "w", 2, Operand.Kind.GPR, read, write);
            case "eAX":
                return new OperandSpec('!', "z", 0, Operand.Kind.GPR, read, write);
            case "rAX":
                return new OperandSpec('!', "v", 0, Operand.Kind.GPR, read, write);
            case "XMM0":
                return new OperandSpec('!', "dq", 0, Operand.Kind.XMM, read, write);
            case "ES", "CS", "SS", "DS", "FS", "GS":
                return new OperandSpec('!', "w", "ECSDFG".indexOf(text.charAt(0)), Operand.Kind.SEG, read, write);
            case "ST0":
                return new OperandSpec('!', "t", 0, Operand.Kind.ST, read, write);
            case "STi":
                return new OperandSpec('T', "t", 0, Operand.Kind.ST, read, write);
            case "1", "3":
                return new OperandSpec('1', "b", text.charAt(0) - '0', Operand.Kind.IMM, true, false);
            default:
                break;
        }
        if (text.startsWith("sI")) {
            return new OperandSpec('s', "b", 0, null, true, false);
        }
        char method = text.charAt(0);
        if ("EGMRIJAOSCDXYPQNVWHULBZ".indexOf(method) < 0) {
            throw new IllegalArgumentException("operand " + text);
        }
        return new OperandSpec(method, text.substring(1), 0, null, read, write);
    }

    private static int code(String size) {
        return switch (size) {
            case "" -> 0;
            case "b" -> 8;
            case "w" -> 16;
            case "d", "ss" -> 32;
            case "q", "sd" -> 64;
            case "dq", "o" -> 128;
            case "qq" -> 256;
            case "t" -> 80;
            case "x", "ps", "pd" -> -1;
            case "v" -> -2;
            case "z" -> -3;
            case "y" -> -4;
            case "p" -> -5;
            case "s" -> -6;
            case "a" -> -7;
            // half and quarter of x (VPMOVSX, VCVTPS2PD)
            case "h" -> -8;
            case "f" -> -9;
            case "e" -> -10;
            default -> Integer.parseInt(size.toLowerCase(Locale.ROOT));
        };
    }

    /** Width of the access in bits for an effective operand size and vector length. */
    public int bits(int operandBits, int vectorBits, boolean code64) {
        return switch (sizeCode) {
            case -1 -> vectorBits;
            case -2 -> operandBits;
            case -3 -> Math.min(operandBits, 32);
            case -4 -> operandBits == 64 ? 64 : 32;
            case -5 -> operandBits + 16;
            case -6 -> code64 ? 80 : 48;
            case -7 -> 2 * operandBits;
            case -8 -> vectorBits / 2;
            case -9 -> vectorBits / 4;
            case -10 -> vectorBits / 8;
            default -> sizeCode;
        };
    }

    boolean usesModrm() {
        return "EGMRSCDPQNVWU".indexOf(method) >= 0 || method == 'T';
    }

    int modConstraint() {
        return switch (method) {
            case 'M' -> 0;
            case 'R', 'N', 'U' -> 3;
            default -> -1;
        };
    }

    /** Addressing letter; '!' fixed register, '1' constant, 's' sign-extended immediate byte, 'T' x87 stack register. */
    public char method() {
        return method;
    }

    public String size() {
        return size;
    }

    public boolean read() {
        return read;
    }

    public boolean write() {
        return write;
    }
}
