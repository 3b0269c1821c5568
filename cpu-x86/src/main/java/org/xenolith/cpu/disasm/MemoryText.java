package org.xenolith.cpu.disasm;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;

/** A memory operand's address as text, without its size: {@code fs:[rax+rcx*4-0x10]}. */
final class MemoryText {
    private MemoryText() {
    }

    /** The address of the ModRM operand or of a direct offset. */
    static String address(Insn i) {
        boolean direct = i.modrm() < 0;
        StringBuilder b = new StringBuilder();
        if (i.segOverride() && overrides(i)) {
            b.append(Registers.segment(i.seg())).append(':');
        }
        if (direct || absolute(i)) {
            if (b.isEmpty()) {
                b.append("ds:");
            }
            return b.append(hex(cut(i.disp(), i))).toString();
        }
        b.append('[');
        boolean some = false;
        if (i.base() != CpuState.NONE) {
            b.append(Registers.base(i.base(), i.addressBits()));
            some = true;
        }
        if (hasIndex(i)) {
            b.append(some ? "+" : "").append(index(i));
        }
        displacement(b, i);
        return b.append(']').toString();
    }

    /** CS, DS, ES and SS overrides have no effect in 64-bit mode. */
    static boolean overrides(Insn i) {
        return i.codeBits() != 64 || i.seg() == CpuState.FS || i.seg() == CpuState.GS;
    }

    private static boolean hasSib(Insn i) {
        return i.addressBits() != 16 && (i.modrm() & 7) == 4;
    }

    /** No register takes part in the address. */
    private static boolean absolute(Insn i) {
        return i.base() == CpuState.NONE && !hasIndex(i);
    }

    /** An index that takes no part is shown as riz where it tells two encodings apart. */
    private static boolean hasIndex(Insn i) {
        if (i.indexRegister() != CpuState.NONE) {
            return true;
        }
        if (!hasSib(i)) {
            return false;
        }
        if (i.base() == CpuState.NONE) {
            return i.scale() != 0 || i.codeBits() == 32 || i.addressBits() == 32 && i.codeBits() == 64;
        }
        return i.scale() != 0 || (i.base() & 7) != CpuState.RSP;
    }

    private static String index(Insn i) {
        if (i.addressBits() == 16) {
            return Registers.general(i.indexRegister(), 16);
        }
        String name;
        if (i.indexRegister() == CpuState.NONE) {
            name = i.addressBits() == 64 ? "riz" : "eiz";
        } else if (i.def().vsib()) {
            name = Registers.vector(i.indexRegister(), i.vectorBits() == 256 && !narrowIndex(i) ? 256 : 128);
        } else {
            name = Registers.general(i.indexRegister(), i.addressBits());
        }
        return name + "*" + (1 << i.scale());
    }

    /** Doubleword indices of quadword elements fill half a vector. */
    private static boolean narrowIndex(Insn i) {
        String m = i.def().mnemonic();
        return m.endsWith("DPD") || m.endsWith("DQ");
    }

    private static void displacement(StringBuilder b, Insn i) {
        long disp = i.disp();
        if (i.base() == CpuState.IP) {
            b.append('+').append(hex(disp));
            return;
        }
        boolean encoded = i.modrm() >= 0x40 || i.base() == CpuState.NONE;
        if (!encoded) {
            return;
        }
        if (i.base() == CpuState.NONE && i.indexRegister() == CpuState.NONE && i.codeBits() == 64
                && i.addressBits() == 32) {
            b.append('+').append(hex(cut(disp, i)));
        } else if (disp < 0) {
            b.append('-').append(hex(-disp));
        } else {
            b.append('+').append(hex(disp));
        }
    }

    private static long cut(long v, Insn i) {
        int bits = i.codeBits() == 64 && i.addressBits() == 64 ? 64 : i.addressBits();
        return bits == 64 ? v : v & (1L << bits) - 1;
    }

    static String hex(long v) {
        return "0x" + Long.toHexString(v);
    }
}
