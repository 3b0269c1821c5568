package org.xenolith.cpu.jit;

import java.util.Locale;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.disasm.Disassembler;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.memory.RawMemory;

/** Writes a translation down: each guest instruction with its address, below it the host code made of it, with offsets in the code cache. */
final class CodeText {
    private final Translations translations;
    private final Decoder host;

    CodeText(InstructionTable table, Translations translations) {
        this.translations = translations;
        host = new Decoder(table, CpuModels.parse("x86-64-v3"));
    }

    String of(Translation t) {
        StringBuilder b = new StringBuilder();
        int denied = Mode.denied(t.mode);
        b.append(String.format(Locale.ROOT,
                "block %016x, %d-bit, %s rights, denied %x: %d instructions, %d bytes of host code at %x%n", t.rip,
                t.block.codeBits(), Mode.rightsName(t.mode), denied, t.insnCount, t.codeBytes, t.code));
        byte[] code = new byte[t.codeBytes];
        RawMemory.copyOut(translations.address(t.code), code, 0, code.length);
        lines(b, code, 0, t.at[0], t.code);
        for (int k = 0; k < t.insnCount; k++) {
            Insn i = t.block.insns()[k];
            b.append(String.format(Locale.ROOT, "%016x  %s%s%n", t.ripOf(k), Disassembler.format(i, t.ripOf(k)),
                    (t.interpreted >>> k & 1) != 0 ? "    ; left to the interpreter" : ""));
            lines(b, code, t.at[k], t.at[k + 1], t.code);
        }
        b.append("end and exits\n");
        lines(b, code, t.at[t.insnCount], code.length, t.code);
        return b.toString();
    }

    private void lines(StringBuilder b, byte[] code, int from, int to, int place) {
        int at = from;
        while (at < to) {
            Insn i = host.decode(code, at, code.length, 64, null);
            int n = i == null ? to - at : i.length();
            StringBuilder hex = new StringBuilder();
            for (int k = 0; k < n; k++) {
                hex.append(String.format(Locale.ROOT, "%02x ", code[at + k]));
            }
            b.append(String.format(Locale.ROOT, "    %8x  %-36s %s%n", place + at, hex,
                    i == null ? "(bad)" : Disassembler.format(i, code, at, place + at)));
            at += n;
        }
    }
}
