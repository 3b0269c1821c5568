package org.xenolith.cpu.disasm;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.OperandSpec;

/**
 * Names of the prefixes that the rest of the text does not show: those that change what an instruction does (LOCK,
 * REP), hints (bnd, notrack, xacquire), and those that have no effect (data16, addr32, cs, rex.W).
 */
final class PrefixText {
    private PrefixText() {
    }

    /** Words for LOCK and REP alone, known without the bytes. */
    static List<String> essential(Insn i) {
        List<String> words = new ArrayList<>();
        if (i.rep() != 0 && i.def().rep()) {
            words.add(repeat(i, i.rep()));
        }
        if (i.lock()) {
            words.add("lock");
        }
        return words;
    }

    /** Words for all prefixes of {@code code[at]} on, in their order. */
    static List<String> all(Insn i, byte[] code, int at) {
        List<String> words = new ArrayList<>();
        int end = at;
        while (end < at + i.length() && isLegacy(code[end] & 0xff, i.codeBits())) {
            end++;
        }
        for (int k = at; k < end; k++) {
            int p = code[k] & 0xff;
            String word = word(i, p, last(code, k + 1, end, p), contains(code, k + 1, end, p));
            if (!word.isEmpty()) {
                words.add(word);
            }
        }
        int rex = end > at ? code[end - 1] & 0xff : 0;
        if (i.codeBits() == 64 && (rex & 0xf0) == 0x40) {
            words.removeLast();
            String word = rex(i, rex);
            if (!word.isEmpty()) {
                words.add(word);
            }
        }
        return words;
    }

    private static boolean isLegacy(int b, int codeBits) {
        return switch (b) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> codeBits == 64 && (b & 0xf0) == 0x40;
        };
    }

    /** No later prefix of the same group takes the place of {@code p}. */
    private static boolean last(byte[] code, int from, int end, int p) {
        for (int k = from; k < end; k++) {
            int q = code[k] & 0xff;
            if (q == p || isSegment(q) && isSegment(p) || (q | 1) == 0xf3 && (p | 1) == 0xf3) {
                return false;
            }
        }
        return true;
    }

    private static boolean contains(byte[] code, int from, int end, int p) {
        for (int k = from; k < end; k++) {
            if ((code[k] & 0xff) == p) {
                return true;
            }
        }
        return false;
    }

    private static boolean isSegment(int b) {
        return b == 0x64 || b == 0x65 || (b & 0xe7) == 0x26;
    }

    private static String word(Insn i, int p, boolean last, boolean repeated) {
        InsnDef d = i.def();
        return switch (p) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 -> segment(i, p, last);
            case 0x66 -> last && usesOperandSize(i) ? "" : i.codeBits() == 16 ? "data32" : "data16";
            case 0x67 -> last && usesAddressSize(i) ? "" : i.codeBits() == 32 ? "addr16" : "addr32";
            case 0xf0 -> "lock";
            case 0xf2, 0xf3 -> repeatWord(i, d, p, last, repeated);
            default -> "rex" + (p == 0x40 ? "" : "." + rexLetters(p & 15));
        };
    }

    private static String repeatName(int p) {
        return p == 0xf2 ? "repnz" : "repz";
    }

    private static String repeat(Insn i, int p) {
        if (p == 0xf2) {
            return "repnz";
        }
        return switch (i.def().mnemonic()) {
            case "CMPS", "SCAS" -> "repz";
            default -> "rep";
        };
    }

    private static String repeatWord(Insn i, InsnDef d, int p, boolean last, boolean repeated) {
        if (repeated) {
            return repeatName(p);
        }
        if (d.rep()) {
            return repeat(i, p);
        }
        if (last && d.prefix() == (p == 0xf2 ? InsnDef.Prefix.PF2 : InsnDef.Prefix.PF3)) {
            return "";
        }
        if (p == 0xf2 && isNearBranch(i)) {
            return "bnd";
        }
        if (i.lock() || d.mnemonic().equals("XCHG") && i.operandCount() > 0 && i.isMem(0)) {
            return p == 0xf2 ? "xacquire" : "xrelease";
        }
        if (last && p == 0xf3 && d.mnemonic().equals("MOV") && i.operandCount() > 0 && i.isMem(0) && i.modrm() >= 0
                && !Disassembler.storesSelector(i)) {
            return "xrelease";
        }
        return repeatName(p);
    }

    private static boolean isNearBranch(Insn i) {
        String m = i.def().mnemonic();
        return m.equals("JMP") || m.equals("CALL") || m.equals("RET")
                || m.startsWith("J") && !m.equals("JCXZ") && !m.equals("JMP FAR");
    }

    private static String segment(Insn i, int p, boolean last) {
        int reg = p == 0x64 ? CpuState.FS : p == 0x65 ? CpuState.GS : p >> 3 & 3;
        if (last && p == 0x3e && isNearBranch(i) && i.def().modrm()) {
            return "notrack";
        }
        if (last && i.codeBits() == 64 && usesStringSource(i)) {
            return "";
        }
        boolean shown = last && i.segOverride() && MemoryText.overrides(i) && usesSegment(i);
        return shown ? "" : Registers.segment(reg);
    }

    private static boolean usesSegment(Insn i) {
        for (int k = 0; k < i.operandCount(); k++) {
            if (i.isMem(k)) {
                return true;
            }
        }
        return usesStringSource(i);
    }

    /** The segment of DS:rSI or DS:rBX is always in the text. */
    private static boolean usesStringSource(Insn i) {
        for (int k = 0; k < i.operandCount(); k++) {
            if (i.operand(k).kind() == Operand.Kind.SRC_STRING) {
                return true;
            }
        }
        return i.def().mnemonic().equals("XLATB");
    }

    private static boolean usesAddressSize(Insn i) {
        for (int k = 0; k < i.operandCount(); k++) {
            Operand o = i.operand(k);
            if (o.isMem() && i.modrm() >= 0 && !(i.codeBits() == 16 && i.base() == CpuState.NONE
                    && i.indexRegister() == CpuState.NONE) || o.kind() == Operand.Kind.SRC_STRING
                    || o.kind() == Operand.Kind.DST_STRING) {
                return true;
            }
        }
        return switch (i.def().mnemonic()) {
            case "XLATB", "JCXZ" -> true;
            default -> false;
        };
    }

    private static boolean usesOperandSize(Insn i) {
        InsnDef d = i.def();
        if (d.prefix() == InsnDef.Prefix.P66 || Spelling.usesOperandSize(i)) {
            return true;
        }
        if (i.codeBits() == 64 && (i.rexW() || d.always64())) {
            return false;
        }
        if (Disassembler.storesSelector(i)) {
            return false;
        }
        for (OperandSpec s : d.operands()) {
            switch (s.size()) {
                case "v", "z", "p", "a" -> {
                    return true;
                }
                default -> {
                }
            }
            boolean selector = s.method() == 'S' && !i.isMem(1);
            if (s.method() == 's' || s.method() == 'A' || selector) {
                return true;
            }
        }
        return false;
    }

    private static String rex(Insn i, int rex) {
        int unused = rex & 15 & ~used(i);
        if (unused == 0 && ((rex & 15) != 0 || usesByteRegister(i))) {
            return "";
        }
        return "rex" + ((rex & 15) == 0 ? "" : "." + rexLetters(rex & 15));
    }

    /** REX bits that the operands depend on. */
    private static int used(Insn i) {
        InsnDef d = i.def();
        int used = d.w() >= 0 || d.prefix() == InsnDef.Prefix.ANY && Spelling.sized(d) ? 8 : 0;
        for (OperandSpec s : d.operands()) {
            used |= switch (s.method()) {
                case 'G', 'V', 'C', 'D' -> 4;
                case 'E', 'R', 'W', 'U' -> i.modrm() >= 0xc0 ? 1 : 3;
                case 'M' -> 3;
                case 'Q' -> i.modrm() >= 0xc0 ? 0 : 3;
                case 'Z' -> 1;
                default -> 0;
            };
            used |= switch (s.size()) {
                case "v", "y", "p" -> 8;
                case "z" -> s.method() == 'I' ? 8 : 0;
                default -> 0;
            };
        }
        if (i.modrm() >= 0 && i.modrm() < 0xc0 && (i.modrm() & 7) != 4) {
            used &= ~2;
        }
        return used;
    }

    private static boolean usesByteRegister(Insn i) {
        OperandSpec[] specs = i.def().operands();
        for (int k = 0; k < i.operandCount(); k++) {
            Operand o = i.operand(k);
            if (o.kind() == Operand.Kind.GPR && o.bits() == 8 && specs[k].method() != '!') {
                return true;
            }
        }
        return false;
    }

    private static String rexLetters(int bits) {
        StringBuilder b = new StringBuilder();
        for (int k = 3; k >= 0; k--) {
            if ((bits >> k & 1) != 0) {
                b.append("BXRW".charAt(k));
            }
        }
        return b.toString();
    }
}
