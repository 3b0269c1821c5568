package org.xenolith.cpu.disasm;

import java.util.List;
import java.util.Locale;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.decode.Operand;

/**
 * How the mnemonics of the table are spelled in text: names that carry a size, and pseudo-operations for an immediate.
 */
final class Spelling {
    private static final List<String> PREDICATES = List.of("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord",
            "eq_uq",
            "nge", "ngt", "false", "neq_oq", "ge", "gt", "true", "eq_os", "lt_oq", "le_oq", "unord_s", "neq_us",
            "nlt_uq", "nle_uq", "ord_s", "eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq", "gt_oq",
            "true_us");

    private Spelling() {
    }

    /** The immediate is part of the name. */
    static boolean absorbsImmediate(Insn i) {
        return !predicate(i).isEmpty();
    }

    /** The operand size shows in the name. */
    static boolean sized(InsnDef d) {
        return switch (d.mnemonic()) {
            case "CBW", "CWD", "IRET", "RETF", "PUSHF", "POPF", "PUSHA", "POPA", "LEAVE", "ENTER", "SYSRET", "SYSEXIT",
                    "FLDENV", "FNSTENV", "FNSAVE", "FRSTOR" ->
                true;
            default -> false;
        };
    }

    /** The operand-size prefix shows in the name, or in the operands that NOP has in text. */
    static boolean usesOperandSize(Insn i) {
        return switch (i.def().mnemonic()) {
            case "SYSRET", "SYSEXIT" -> false;
            case "PUSH", "POP" -> namesSize(i);
            case "RET", "LGDT", "LIDT", "SGDT", "SIDT" -> i.codeBits() != 64;
            case "NOP" -> isSizedNop(i);
            default -> sized(i.def());
        };
    }

    static String name(Insn i) {
        InsnDef d = i.def();
        String m = d.mnemonic();
        String lower = m.toLowerCase(Locale.ROOT);
        int space = lower.indexOf(' ');
        if (space >= 0) {
            lower = lower.substring(0, space);
        }
        String predicate = predicate(i);
        if (!predicate.isEmpty()) {
            return switch (m) {
                case "PCLMULQDQ" -> "pclmul" + predicate + "qdq";
                case "VPCLMULQDQ" -> "vpclmul" + predicate + "qdq";
                default -> lower.substring(0, lower.length() - 2) + predicate + lower.substring(lower.length() - 2);
            };
        }
        return switch (m) {
            case "MOV" -> isMovabs(i) ? "movabs" : "mov";
            case "CBW" -> bySize(i, "cbw", "cwde", "cdqe");
            case "CWD" -> bySize(i, "cwd", "cdq", "cqo");
            case "JCXZ" -> i.addressBits() == 16 ? "jcxz" : i.addressBits() == 32 ? "jecxz" : "jrcxz";
            case "PCMPESTRM", "PCMPESTRI", "VPCMPESTRM", "VPCMPESTRI" ->
                lower + (i.codeBits() == 64 && i.rexW() ? "q" : "");
            case "XLATB" -> "xlat";
            case "SYSRET", "SYSEXIT" -> i.codeBits() != 64 ? lower : lower + (i.rexW() ? "q" : "d");
            case "IRET", "RETF" -> lower + suffix(i, i.codeBits() == 16 ? 16 : 32);
            case "PUSHF", "POPF", "PUSHA", "POPA", "LEAVE", "ENTER" -> lower + suffix(i, i.codeBits());
            case "PUSH", "POP" -> lower + (namesSize(i) ? suffix(i, i.codeBits()) : "");
            case "CALL", "JMP" -> lower + (isNearRelative(i) ? suffix(i, i.codeBits()) : "");
            case "RET" -> lower + suffix(i, i.codeBits());
            case "LGDT", "LIDT", "SGDT", "SIDT" ->
                i.codeBits() == 64 ? lower : lower + (i.operandBits() == 16 ? "w" : "d");
            case "FLDENV", "FNSTENV", "FNSAVE", "FRSTOR" -> lower + environmentSuffix(i);
            case "NOP" -> isSizedNop(i) ? "xchg" : lower;
            default -> lower;
        };
    }

    /** NOP with an operand-size prefix is shown as the XCHG that it looks like. */
    static boolean isSizedNop(Insn i) {
        return i.def().mnemonic().equals("NOP") && i.operandCount() == 0 && i.operandSizePrefix() && i.def().map() == 0;
    }

    private static boolean isMovabs(Insn i) {
        if (i.codeBits() != 64 || i.modrm() >= 0) {
            return false;
        }
        if (i.operand(0).isMem() || i.operand(1).isMem()) {
            return i.addressBits() == 64;
        }
        return i.operand(1).kind() == Operand.Kind.IMM && i.operand(1).bits() == 64;
    }

    private static boolean isNearRelative(Insn i) {
        return i.operand(0).kind() == Operand.Kind.REL && !i.def().operandText().startsWith("Jb");
    }

    /** PUSH and POP of an immediate or a segment register show their size in no operand. */
    private static boolean namesSize(Insn i) {
        Operand.Kind kind = i.operand(0).kind();
        return kind == Operand.Kind.IMM || kind == Operand.Kind.SEG;
    }

    private static String suffix(Insn i, int usual) {
        return i.operandBits() == usual ? "" : bySize(i, "w", "d", "q");
    }

    private static String environmentSuffix(Insn i) {
        boolean wide = i.operandBits() != 16;
        return wide == (i.codeBits() != 16) ? "" : wide ? "d" : "w";
    }

    private static String bySize(Insn i, String b16, String b32, String b64) {
        return switch (i.operandBits()) {
            case 16 -> b16;
            case 32 -> b32;
            default -> b64;
        };
    }

    /** What an immediate means that has a name; empty if it has none. */
    private static String predicate(Insn i) {
        String m = i.def().mnemonic();
        int imm = (int) i.imm() & 0xff;
        switch (m) {
            case "CMPPS", "CMPPD", "CMPSS", "CMPSD" -> {
                return imm < 8 ? PREDICATES.get(imm) : "";
            }
            case "VCMPPS", "VCMPPD", "VCMPSS", "VCMPSD" -> {
                return imm < 32 ? PREDICATES.get(imm) : "";
            }
            case "PCLMULQDQ", "VPCLMULQDQ" -> {
                return switch (imm) {
                    case 0 -> "lql";
                    case 1 -> "hql";
                    case 0x10 -> "lqh";
                    case 0x11 -> "hqh";
                    default -> "";
                };
            }
            default -> {
                return "";
            }
        }
    }
}
