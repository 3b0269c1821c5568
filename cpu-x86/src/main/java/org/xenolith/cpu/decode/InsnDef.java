package org.xenolith.cpu.decode;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.virt.Intercept;

/**
 * One row of the instruction table: everything that decoder, interpreter, translator, disassembler and oracle know of a form.
 *
 * <p><b>encoding</b> is in the manual's notation: {@code "00 /r"}, {@code "80 /0"}, {@code "50+r"}, {@code "66 0F 6F /r"},
 * {@code "F3 REX.W 0F 2A /r"}, {@code "NP 0F 01 D0"} (fixed ModRM byte), {@code "D8 C0+i"}, {@code "VEX.128.66.0F38.W0 00 /r"}. A leading
 * 66, F2, F3 or NP is a mandatory prefix; without one every prefix is accepted (66 is then the operand-size prefix). REX.W and REX.0
 * restrict W. VEX lengths: 128, 256, LIG (ignored), L0/LZ (0), L1; W0, W1, WIG.
 *
 * <p><b>operands</b>, separated by commas, in the letters of the manual's opcode map (SDM vol. 2, appendix A.2): E G M R (general), I sI J A
 * O, S C D, X Y, P Q N (MMX), V W H U L (XMM/YMM; L is the register in imm8[7:4]), B (general register in VEX.vvvv), Z (register in the
 * opcode), ST0 and STi (x87); then the size: b w d q dq(128) qq(256) x(128 or 256 by VEX.L) ss sd ps pd v(16/32/64) z(16/32)
 * y(32/64) p(far pointer) s(descriptor-table pointer) a(bound pair) t(80-bit) or a number of bits (E512); none means no access (LEA). Fixed
 * operands: AL CL AX DX eAX rAX ES CS SS DS FS GS 1 3. A trailing {@code :r}, {@code :w}, {@code :rw} gives the access; the
 * default is rw for the first operand and r for the others.
 *
 * <p><b>attributes</b>, separated by spaces: {@code lock} LOCK is allowed with a memory destination; {@code w:OSZAPC} flags written, {@code
 * r:C} flags read, {@code u:A} flags left undefined (D for DF); {@code end} ends a block (branches do), {@code alone} is a block of its own;
 * {@code priv} CPL 0 only; {@code i64} invalid in 64-bit mode, {@code o64} only there, {@code d64} operand size defaults to 64 there, {@code f64}
 * is always 64 there; {@code pm} #UD in real and virtual-8086 mode; {@code x87 mmx sse avx} state that must be enabled; {@code
 * vm vmoften} may cause a VM exit ({@code cpu.virt.GuestMode}); {@code
 * rep} takes REP/REPE/REPNE; {@code nouser} cannot run under the host oracle; {@code align} alignment of the memory operand to its
 * size (#GP(0) otherwise); {@code vsib} the index is a vector register; {@code norexb} only without REX.B (NOP); {@code
 * norep} #UD with F2 or F3 (MOVBE); any {@link Feature} name: #UD unless the CPU model has it.
 */
public final class InsnDef {
    /** Mandatory prefix of a row. */
    public enum Prefix {
        ANY, NP, P66, PF3, PF2
    }

    /** Bits of {@link #needs}, compared with {@code Cpu.denied()}. */
    public static final int NEEDS_CPL0 = 1;
    public static final int NEEDS_PROTECTED = 2;
    public static final int NEEDS_X87 = 4;
    public static final int NEEDS_MMX = 8;
    public static final int NEEDS_SSE = 16;
    public static final int NEEDS_AVX = 32;
    /** Asks a CPU in guest mode before it executes. */
    public static final int NEEDS_VM = 64;
    /** As {@link #NEEDS_VM}, but only where such a frequent instruction is intercepted at all. */
    public static final int NEEDS_VM_OFTEN = 128;

    final String mnemonic;
    final String encoding;
    final String operandText;
    final Exec exec;
    final OperandSpec[] operands;

    Prefix prefix = Prefix.ANY;
    /** 0 one-byte, 1 0F, 2 0F38, 3 0F3A. */
    int map;
    int opcode;
    boolean opcodeReg;
    boolean modrm;
    /** ModRM.reg, or -1. */
    int digit = -1;
    /** Whole ModRM byte, or -1. */
    int fixedModrm = -1;
    boolean fixedModrmReg;
    boolean vex;
    /** VEX.L: 0, 1, or -1 for any. */
    int vexL = -1;
    /** W: 0, 1, or -1 for any. */
    int w = -1;
    /** 3 register only, 0 memory only, -1 both. */
    int mod = -1;

    boolean usesVvvv;

    boolean lock;
    boolean end;
    boolean alone;
    boolean i64;
    boolean o64;
    boolean d64;
    boolean f64;
    boolean rep;
    boolean nouser;
    boolean align;
    boolean vsib;
    boolean norexb;
    boolean norep;
    int needs;
    int flagsWritten;
    int flagsRead;
    int flagsUndefined;
    final List<Feature> features = new ArrayList<>();
    private final String statisticsName;
    private final String accessName;
    private final Intercept intercept;

    InsnDef(String mnemonic, String encoding, String operandText, String attributes, Exec exec) {
        this.mnemonic = mnemonic;
        this.encoding = encoding;
        this.operandText = operandText;
        this.exec = exec;
        operands = OperandSpec.parseAll(operandText);
        parseEncoding();
        for (OperandSpec o : operands) {
            modrm |= o.usesModrm();
            usesVvvv |= o.method == 'H' || o.method == 'B';
            if (o.modConstraint() >= 0) {
                mod = o.modConstraint();
            }
        }
        if (accessesControlRegister()) {
            // MOV to and from CR and DR ignores mod
            mod = -1;
        }
        statisticsName = mnemonic + kindOfRegister();
        accessName = mnemonic + " (access)";
        intercept = Intercept.of(mnemonic, operandText);
        for (String word : attributes.trim().split("\\s+", -1)) {
            if (!word.isEmpty()) {
                attribute(word);
            }
        }
    }

    /** MOV to or from a control or debug register, whose ModRM always names a general register. */
    boolean accessesControlRegister() {
        for (OperandSpec o : operands) {
            if (o.method == 'C' || o.method == 'D') {
                return true;
            }
        }
        return false;
    }

    private String kindOfRegister() {
        for (OperandSpec o : operands) {
            switch (o.method) {
                case 'C' -> {
                    return " CR";
                }
                case 'D' -> {
                    return " DR";
                }
                case 'S' -> {
                    return " Sreg";
                }
                default -> {
                }
            }
        }
        return "";
    }

    private void parseEncoding() {
        String[] words = encoding.trim().split("\\s+", -1);
        int at = 0;
        if (words[0].startsWith("VEX.")) {
            parseVex(words[0]);
            at = 1;
        } else {
            switch (words[0]) {
                case "NP" -> prefix = Prefix.NP;
                case "66" -> prefix = words.length > 1 ? Prefix.P66 : Prefix.ANY;
                case "F3" -> prefix = words.length > 1 ? Prefix.PF3 : Prefix.ANY;
                case "F2" -> prefix = words.length > 1 ? Prefix.PF2 : Prefix.ANY;
                default -> {
                }
            }
            if (prefix != Prefix.ANY) {
                at++;
            }
            if (words[at].equals("REX.W")) {
                w = 1;
                at++;
            } else if (words[at].equals("REX.0")) {
                w = 0;
                at++;
            }
            if (words[at].equals("0F") && words.length > at + 1) {
                map = 1;
                at++;
                if ((words[at].equals("38") || words[at].equals("3A")) && words.length > at + 1
                        && isHex(words[at + 1])) {
                    map = words[at].equals("38") ? 2 : 3;
                    at++;
                }
            }
        }
        String op = words[at++];
        if (op.endsWith("+r")) {
            opcodeReg = true;
            op = op.substring(0, op.length() - 2);
        }
        opcode = Integer.parseInt(op, 16);
        while (at < words.length) {
            String word = words[at++];
            if (word.equals("/r")) {
                modrm = true;
            } else if (word.startsWith("/")) {
                modrm = true;
                digit = Integer.parseInt(word.substring(1));
            } else if (word.endsWith("+i")) {
                modrm = true;
                fixedModrm = Integer.parseInt(word.substring(0, 2), 16);
                fixedModrmReg = true;
            } else {
                modrm = true;
                fixedModrm = Integer.parseInt(word, 16);
            }
        }
    }

    private static boolean isHex(String s) {
        return s.length() >= 2 && Character.digit(s.charAt(0), 16) >= 0 && Character.digit(s.charAt(1), 16) >= 0;
    }

    private void parseVex(String text) {
        vex = true;
        prefix = Prefix.NP;
        for (String part : text.substring(4).split("\\.", -1)) {
            switch (part) {
                case "128", "L0", "LZ" -> vexL = 0;
                case "256", "L1" -> vexL = 1;
                case "LIG", "WIG", "NP", "NDS", "NDD", "DDS" -> {
                }
                case "66" -> prefix = Prefix.P66;
                case "F3" -> prefix = Prefix.PF3;
                case "F2" -> prefix = Prefix.PF2;
                case "0F" -> map = 1;
                case "0F38" -> map = 2;
                case "0F3A" -> map = 3;
                case "W0" -> w = 0;
                case "W1" -> w = 1;
                default -> throw new IllegalArgumentException(encoding + ": " + part);
            }
        }
    }

    private void attribute(String word) {
        if (word.length() > 2 && word.charAt(1) == ':') {
            int bits = flagBits(word.substring(2));
            switch (word.charAt(0)) {
                case 'w' -> flagsWritten |= bits;
                case 'r' -> flagsRead |= bits;
                case 'u' -> flagsUndefined |= bits;
                default -> throw new IllegalArgumentException(mnemonic + ": " + word);
            }
            return;
        }
        switch (word) {
            case "lock" -> lock = true;
            case "end" -> end = true;
            case "alone" -> {
                alone = true;
                end = true;
            }
            case "priv" -> needs |= NEEDS_CPL0;
            case "pm" -> needs |= NEEDS_PROTECTED;
            case "x87" -> needs |= NEEDS_X87;
            case "mmx" -> needs |= NEEDS_MMX;
            case "sse" -> needs |= NEEDS_SSE;
            case "avx" -> needs |= NEEDS_AVX;
            case "vm" -> needs |= NEEDS_VM;
            case "vmoften" -> needs |= NEEDS_VM_OFTEN;
            case "i64" -> i64 = true;
            case "o64" -> o64 = true;
            case "d64" -> d64 = true;
            case "f64" -> f64 = true;
            case "rep" -> rep = true;
            case "nouser" -> nouser = true;
            case "align" -> align = true;
            case "vsib" -> vsib = true;
            case "norexb" -> norexb = true;
            case "norep" -> norep = true;
            default -> features.add(Feature.valueOf(word.toUpperCase(Locale.ROOT)));
        }
    }

    private static int flagBits(String letters) {
        int bits = 0;
        for (int k = 0; k < letters.length(); k++) {
            bits |= switch (letters.charAt(k)) {
                case 'C' -> 1;
                case 'P' -> 4;
                case 'A' -> 0x10;
                case 'Z' -> 0x40;
                case 'S' -> 0x80;
                case 'I' -> 0x200;
                case 'D' -> 0x400;
                case 'O' -> 0x800;
                default -> throw new IllegalArgumentException("flag " + letters.charAt(k));
            };
        }
        return bits;
    }

    public String mnemonic() {
        return mnemonic;
    }

    /** The mnemonic, told apart where one name stands for instructions of different kinds: {@code MOV CR}. */
    public String statisticsName() {
        return statisticsName;
    }

    /** {@link #statisticsName} for an access that an execution tier has to leave alone. */
    public String accessName() {
        return accessName;
    }

    /** The encoding in the manual's notation. */
    public String encoding() {
        return encoding;
    }

    public String operandText() {
        return operandText;
    }

    /** Which of the instructions that may cause a VM exit this is. */
    public Intercept intercept() {
        return intercept;
    }

    public OperandSpec[] operands() {
        return operands.clone();
    }

    public Exec exec() {
        return exec;
    }

    public Prefix prefix() {
        return prefix;
    }

    public int map() {
        return map;
    }

    public int opcode() {
        return opcode;
    }

    public boolean opcodeReg() {
        return opcodeReg;
    }

    public boolean modrm() {
        return modrm;
    }

    public int digit() {
        return digit;
    }

    public int fixedModrm() {
        return fixedModrm;
    }

    public boolean fixedModrmReg() {
        return fixedModrmReg;
    }

    public boolean vex() {
        return vex;
    }

    public int vexL() {
        return vexL;
    }

    public int w() {
        return w;
    }

    /** 3 register only, 0 memory only, -1 both. */
    public int mod() {
        return mod;
    }

    public boolean lock() {
        return lock;
    }

    /** Ends a block. */
    public boolean end() {
        return end;
    }

    public boolean alone() {
        return alone;
    }

    public boolean invalidIn64() {
        return i64;
    }

    public boolean only64() {
        return o64;
    }

    /** Operand size is always 64 bits in 64-bit mode. */
    public boolean always64() {
        return f64;
    }

    public boolean rep() {
        return rep;
    }

    /** The memory operand must be aligned to its size. */
    public boolean align() {
        return align;
    }

    /** The index of the memory operand is a vector register. */
    public boolean vsib() {
        return vsib;
    }

    public boolean privileged() {
        return (needs & NEEDS_CPL0) != 0;
    }

    /** Can run under the host oracle in user mode. */
    public boolean user() {
        return !nouser && !privileged();
    }

    public int needs() {
        return needs;
    }

    /** RFLAGS bits that the form always or conditionally writes. */
    public int flagsWritten() {
        return flagsWritten;
    }

    public int flagsRead() {
        return flagsRead;
    }

    public int flagsUndefined() {
        return flagsUndefined;
    }

    public List<Feature> features() {
        return List.copyOf(features);
    }

    @Override
    public String toString() {
        return mnemonic + " " + operandText + " (" + encoding + ")";
    }
}
