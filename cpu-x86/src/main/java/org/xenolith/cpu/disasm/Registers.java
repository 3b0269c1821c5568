package org.xenolith.cpu.disasm;

import java.util.List;
import org.xenolith.cpu.CpuState;

/** Names of registers in Intel syntax. */
final class Registers {
    private static final List<String> LOW = List.of("ax", "cx", "dx", "bx", "sp", "bp", "si", "di");
    private static final List<String> BYTES = List.of("al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil");
    private static final List<String> HIGH_BYTES = List.of("ah", "ch", "dh", "bh");
    private static final List<String> SEGMENTS = List.of("es", "cs", "ss", "ds", "fs", "gs");

    private Registers() {
    }

    /** General register 0 to 15 of 8, 16, 32 or 64 bits; with 8 bits 4 to 7 are SPL to DIL. */
    static String general(int reg, int bits) {
        if (reg >= 8) {
            return "r" + reg + switch (bits) {
                case 8 -> "b";
                case 16 -> "w";
                case 32 -> "d";
                default -> "";
            };
        }
        return switch (bits) {
            case 8 -> BYTES.get(reg);
            case 16 -> LOW.get(reg);
            case 32 -> "e" + LOW.get(reg);
            default -> "r" + LOW.get(reg);
        };
    }

    static String highByte(int reg) {
        return HIGH_BYTES.get(reg);
    }

    static String segment(int reg) {
        return reg < SEGMENTS.size() ? SEGMENTS.get(reg) : "?";
    }

    static String vector(int reg, int bits) {
        return (bits == 256 ? "ymm" : "xmm") + reg;
    }

    /** Base of an address: a general register or the instruction pointer. */
    static String base(int reg, int addressBits) {
        if (reg == CpuState.IP) {
            return addressBits == 64 ? "rip" : "eip";
        }
        return general(reg, addressBits);
    }
}
