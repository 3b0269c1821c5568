package org.xenolith.cpu.disasm.check;

import java.util.Set;
import java.util.regex.Pattern;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.disasm.Disassembler;

/** Compares what objdump says of an instruction with the decoder's length and the disassembler's text. */
final class Comparison {
    private static final Pattern SYMBOL = Pattern.compile(" <[^>]*>");
    private static final Pattern BARE_TARGET = Pattern.compile("^((?:[a-z0-9.]+ )*(?:call|j[a-z]+|loop[a-z]*|xbegin)[wd]? )([0-9a-f]+)$");
    private static final Pattern SPACES = Pattern.compile("\\s+");
    /** Prefixes that change nothing, in whatever order they are named. */
    private static final Set<String> NO_EFFECT = Set.of("data16", "data32", "addr16", "addr32", "cs", "ds", "es", "ss",
            "fs", "gs", "bnd", "notrack", "xacquire", "xrelease", "repz", "repnz", "rep");

    private final Decoder decoder;

    Comparison(InstructionTable table) {
        decoder = new Decoder(table, null);
    }

    /**
     * @param code the instruction and what follows it, at least 15 bytes where there are as many
     * @param length as objdump has it
     * @param text as objdump has it
     */
    Verdict compare(byte[] code, int at, int limit, int codeBits, long address, int length, String text) {
        Insn i = decoder.decode(code, at, limit, codeBits, null);
        boolean bad = text.contains("(bad)");
        if (i == null) {
            return bad ? Verdict.SAME : Verdict.different("ends early");
        }
        boolean undefined = decoder.isUndefined(i);
        if (bad) {
            return undefined ? Verdict.SAME : Verdict.different("objdump: (bad), here " + format(i, code, at, address));
        }
        String theirs = normalize(text);
        if (undefined) {
            String extension = Unsupported.extension(code, at, codeBits, theirs);
            if (!extension.isEmpty()) {
                return Verdict.unsupported(extension);
            }
            return Verdict.different("here (bad)");
        }
        String ours = normalize(format(i, code, at, address));
        if (i.length() == length && (ours.equals(theirs) || strip(ours).equals(strip(theirs)))) {
            return Verdict.SAME;
        }
        return Verdict.different("here " + i.length() + " " + ours);
    }

    private static String format(Insn i, byte[] code, int at, long address) {
        return Disassembler.format(i, code, at, address);
    }

    private static String normalize(String text) {
        int comment = text.indexOf("        #");
        if (comment >= 0) {
            text = text.substring(0, comment);
        }
        String s = SPACES.matcher(SYMBOL.matcher(text).replaceAll("")).replaceAll(" ").trim();
        return BARE_TARGET.matcher(s).replaceFirst("$10x$2");
    }

    /** Leaves out the names of prefixes without effect. */
    private static String strip(String s) {
        while (true) {
            int space = s.indexOf(' ');
            if (space < 0) {
                return s;
            }
            String word = s.substring(0, space);
            if (!NO_EFFECT.contains(word) && !word.startsWith("rex")) {
                return s;
            }
            s = s.substring(space + 1);
        }
    }
}
