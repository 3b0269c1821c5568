package org.xenolith.cpu.disasm;

import java.util.List;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;
import org.xenolith.cpu.decode.OperandSpec;

/**
 * Writes decoded instructions in Intel syntax, spelled as {@code objdump -d -M intel} spells them: {@code mov eax,DWORD
 * PTR [rbx+0x8]}.
 *
 * <p>Mnemonic, operands and sizes come from the instruction's table row; an invalid encoding is {@code (bad)}.
 */
public final class Disassembler {
    private static final int MNEMONIC_WIDTH = 6;

    private Disassembler() {
    }

    /**
     * Text of an instruction whose bytes are not at hand: prefixes without effect are not shown.
     *
     * @param address where the instruction is, for branch targets and RIP-relative operands
     */
    public static String format(Insn i, long address) {
        return format(i, PrefixText.essential(i), address);
    }

    /**
     * Text of the instruction at {@code code[at]}, with words for prefixes that have no effect.
     *
     * @param address where the instruction is, for branch targets and RIP-relative operands
     */
    public static String format(Insn i, byte[] code, int at, long address) {
        return format(i, PrefixText.all(i, code, at), address);
    }

    private static String format(Insn i, List<String> prefixes, long address) {
        StringBuilder b = new StringBuilder();
        for (String p : prefixes) {
            b.append(p).append(' ');
        }
        b.append(Spelling.name(i));
        OperandSpec[] specs = i.def().operands();
        int start = b.length();
        boolean ipRelative = false;
        for (int k = 0; k < i.operandCount(); k++) {
            Operand o = i.operand(k);
            if (k == i.operandCount() - 1 && o.kind() == Operand.Kind.IMM && Spelling.absorbsImmediate(i)) {
                break;
            }
            b.append(k == 0 ? "" : ",").append(operand(i, o, specs[k], address));
            ipRelative |= o.isMem() && i.base() == CpuState.IP;
        }
        if (Spelling.isSizedNop(i)) {
            String register = Registers.general(CpuState.RAX, i.operandBits());
            b.append(register).append(',').append(register);
        }
        if (i.def().mnemonic().equals("XLATB")) {
            b.append("BYTE PTR ").append(stringSegment(i)).append(":[").append(general(CpuState.RBX, i)).append(']');
        }
        if (b.length() > start) {
            b.insert(start, " ".repeat(Math.max(1, MNEMONIC_WIDTH + 1 - start)));
        }
        if (ipRelative) {
            long target = address + i.length() + i.disp();
            b.append("        # ").append(MemoryText.hex(i.addressBits() == 64 ? target : target & 0xffff_ffffL));
        }
        return b.toString();
    }

    private static String general(int reg, Insn i) {
        return Registers.general(reg, i.addressBits());
    }

    private static String operand(Insn i, Operand o, OperandSpec s, long address) {
        return switch (o.kind()) {
            case GPR -> Registers.general(o.reg(), registerBits(i, o, s));
            case GPR8H -> Registers.highByte(o.reg());
            case MEM -> memorySize(i, o, s) + MemoryText.address(i);
            case IMM -> s.method() == '1' ? Long.toString(i.imm()) : MemoryText.hex(cut(i.imm(), o.bits()));
            case IMM2 -> MemoryText.hex(i.imm2());
            case REL -> MemoryText.hex(target(i, address));
            case FAR -> MemoryText.hex(i.imm2()) + ":" + MemoryText.hex(i.imm());
            case SEG -> Registers.segment(o.reg());
            case CR -> "cr" + o.reg();
            case DR -> "dr" + o.reg();
            case SRC_STRING ->
                size(o.bits()) + stringSegment(i) + ":[" + general(CpuState.RSI, i) + "]";
            case DST_STRING -> size(o.bits()) + "es:[" + general(CpuState.RDI, i) + "]";
            case XMM -> Registers.vector(o.reg(), o.bits());
            case MMX -> "mm" + o.reg();
            case ST -> s.method() == 'T' ? "st(" + o.reg() + ")" : "st";
        };
    }

    private static String stringSegment(Insn i) {
        return i.segOverride() && MemoryText.overrides(i) ? Registers.segment(i.seg()) : "ds";
    }

    /** A selector's source is written with the register that the operand size names, of which the low 16 bits count. */
    private static int registerBits(Insn i, Operand o, OperandSpec s) {
        if (s.method() == 'E' && s.size().equals("w")) {
            switch (i.def().mnemonic()) {
                case "MOV", "LAR", "LSL" -> {
                    return Math.min(i.operandBits(), 64);
                }
                default -> {
                }
            }
        }
        return o.bits();
    }

    private static String memorySize(Insn i, Operand o, OperandSpec s) {
        return switch (i.def().mnemonic()) {
            case "CMPXCHG16B", "INVEPT", "INVVPID" -> "OWORD PTR ";
            default -> size(memoryBits(i, o, s));
        };
    }

    /** A selector is stored to memory as a word whatever the operand size. */
    static boolean storesSelector(Insn i) {
        return i.operandCount() > 0 && i.isMem(0) && switch (i.def().mnemonic()) {
            case "SLDT", "STR", "SMSW" -> true;
            case "MOV" -> i.operand(1).kind() == Operand.Kind.SEG;
            default -> false;
        };
    }

    private static int memoryBits(Insn i, Operand o, OperandSpec s) {
        if (storesSelector(i)) {
            return 16;
        }
        switch (i.def().mnemonic()) {
            case "INVLPG", "PREFETCH", "PREFETCHW", "PREFETCHWT1", "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1",
                    "PREFETCHT2" -> {
                return 8;
            }
            case "INVPCID", "LDDQU", "VLDDQU" -> {
                return 0;
            }
            case "NOP" -> {
                return i.operandBits();
            }
            default -> {
                return s.size().equals("s") || s.method() == 'O' ? 0 : o.bits();
            }
        }
    }

    private static String size(int bits) {
        return switch (bits) {
            case 0 -> "";
            case 8 -> "BYTE PTR ";
            case 16 -> "WORD PTR ";
            case 32 -> "DWORD PTR ";
            case 48 -> "FWORD PTR ";
            case 64 -> "QWORD PTR ";
            case 80 -> "TBYTE PTR ";
            case 128 -> "XMMWORD PTR ";
            case 256 -> "YMMWORD PTR ";
            default -> "";
        };
    }

    /**
     * Target of a relative branch; with 16-bit operands in 16-bit code it stays within the 64 KiB around the
     * instruction.
     */
    private static long target(Insn i, long address) {
        long next = address + i.length();
        long target = next + i.imm();
        if (i.codeBits() == 64) {
            return target;
        }
        if (i.operandBits() == 16) {
            return target & 0xffff | (i.codeBits() == 16 ? next & 0xffff_0000L : 0);
        }
        return target & 0xffff_ffffL;
    }

    private static long cut(long v, int bits) {
        return bits >= 64 ? v : v & (1L << bits) - 1;
    }
}
