package org.xenolith.cpu.oracle;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.disasm.Disassembler;

/** A case in words: bytes, instruction, every part of the input that is not plain. */
final class CaseText {
    private CaseText() {
    }

    private static String text(TestCase c, Insn i) {
        return Disassembler.format(i, c.bytes, 0, c.input.rip) + "  [" + i.def() + "]";
    }

    static List<String> describe(TestCase c, Decoder decoder, Cpu cpu) {
        List<String> lines = new ArrayList<>();
        HexFormat hex = HexFormat.of();
        lines.add((c.compat ? "32-bit code " : "bytes ") + hex.formatHex(c.bytes, 0, c.length) + " at "
                + Long.toHexString(c.input.rip) + ": "
                + text(c, decoder.decode(c.bytes, 0, c.bytes.length, c.compat ? 32 : 64, cpu)));
        MachineState s = c.input;
        StringBuilder registers = new StringBuilder("input RFLAGS=" + Long.toHexString(s.rflags));
        for (int i = 0; i < 16; i++) {
            if (s.gpr[i] != 0) {
                registers.append(' ').append(Difference.register(i)).append('=').append(Long.toHexString(s.gpr[i]));
            }
        }
        lines.add(registers.toString());
        StringBuilder vectors = new StringBuilder("input MXCSR=" + Integer.toHexString(s.mxcsr));
        for (int i = 0; i < 16; i++) {
            if ((s.ymm[4 * i] | s.ymm[4 * i + 1] | s.ymm[4 * i + 2] | s.ymm[4 * i + 3]) != 0) {
                vectors.append(" YMM").append(i).append('=');
                for (int part = 3; part >= 0; part--) {
                    vectors.append(hex.toHexDigits(s.ymm[4 * i + part])).append(part > 0 ? "_" : "");
                }
            }
        }
        lines.add(vectors.toString());
        StringBuilder x87 = new StringBuilder("input FCW=" + Integer.toHexString(s.fcw) + " FSW="
                + Integer.toHexString(s.fsw) + " FTW=" + Integer.toHexString(s.tags));
        for (int i = 0; i < 8; i++) {
            if (s.exponent[i] != 0 || s.significand[i] != 0) {
                x87.append(" ST").append(i).append('=').append(Difference.stack(s, i));
            }
        }
        lines.add(x87.toString());
        if (s.fsBase != 0 || s.gsBase != 0) {
            lines.add("input FS base=" + Long.toHexString(s.fsBase) + " GS base=" + Long.toHexString(s.gsBase));
        }
        for (int i = 0; i < c.patches; i++) {
            lines.add("data +" + Integer.toHexString(c.patchOffset[i]) + ": " + hex.formatHex(c.patch[i]));
        }
        return lines;
    }
}
