package org.xenolith.cpu.disasm.check;

import java.util.Set;
import java.util.regex.Pattern;
import org.xenolith.cpu.decode.Decoder;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.disasm.Disassembler;

/**
 * Compares what objdump says of an instruction with the decoder's length and the disassembler's text.
 *
 * <p>Only this is evened out before two texts are compared: runs of spaces are one; symbols ({@code <main+0x4>}) and
 * remarks such as "(8087 only)" are dropped; the target of a branch or of a RIP-relative operand has 0x before it
 * (objdump leaves it out where it has a symbol).
 */
final class Comparison {
    private static final Pattern SYMBOL = Pattern.compile(" <[^>]*>");
    private static final Pattern BARE_TARGET = Pattern
            .compile("^((?:[a-zA-Z0-9.]+ )*(?:call|j[a-z]+|loop[a-z]*)[wd]? )([0-9a-f]+)$");
    private static final Pattern NO_WAIT_FORM = Pattern
            .compile("\\bf((?:st[cs]w|stenv|save|init|clex|eni|disi|setpm)\\b)");
    private static final Pattern SPACES = Pattern.compile("\\s+");
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
        boolean undefined = i != null && decoder.isUndefined(i);
        if (bad && (i == null || undefined)) {
            return Verdict.SAME;
        }
        String theirs = normalize(text);
        String ours = i == null ? "(cut off)" : undefined ? "(bad)" : normalize(format(i, code, at, address));
        if (i != null && i.length() == length && ours.equals(theirs)) {
            return Verdict.SAME;
        }
        Fields f = Fields.of(code, at, limit, codeBits);
        if (undefined) {
            String extension = Unsupported.extension(f, theirs);
            if (!extension.isEmpty()) {
                return Verdict.unsupported(extension);
            }
        }
        Disagreement d = new Disagreement(f, i, undefined, codeBits, length, bad, theirs, ours);
        for (KnownDifference known : KnownDifference.values()) {
            if (known.explains(d)) {
                return Verdict.listed(known);
            }
        }
        if (f.is(0, 0x9b) && i != null && !undefined && i.length() < length) {
            return withoutWait(code, at, limit, codeBits, address, length, text, i.length());
        }
        if (undefined && f.lock()) {
            return withoutLock(code, at, limit, codeBits, address, length, text);
        }
        return Verdict.different("here " + (i == null || undefined ? "" : i.length() + " ") + ours);
    }

    /** Where LOCK makes an instruction invalid, all the rest must still be as objdump says. */
    private Verdict withoutLock(byte[] code, int at, int limit, int codeBits, long address, int length, String text) {
        byte[] rest = new byte[Math.min(limit - at, 30)];
        int n = 0;
        int locks = 0;
        boolean prefix = true;
        for (int k = at; k < limit && n < rest.length; k++) {
            prefix &= Fields.isLegacy(code[k] & 0xff) || codeBits == 64 && (code[k] & 0xf0) == 0x40;
            if (prefix && (code[k] & 0xff) == 0xf0) {
                locks++;
            } else {
                rest[n++] = code[k];
            }
        }
        Insn i = decoder.decode(rest, 0, n, codeBits, null);
        if (i == null) {
            return Verdict.different("cut off after lock");
        }
        if (i.def().lock() && i.operandCount() > 0 && i.isMem(0)) {
            return Verdict.different("here LOCK is rejected");
        }
        Verdict v = compare(rest, 0, n, codeBits, address + locks, length - locks, text.replace("lock ", ""));
        return v.kind() == Verdict.Kind.SAME ? Verdict.listed(KnownDifference.LOCK_INVALID) : v;
    }

    /** Where objdump joins WAIT to an x87 instruction, that instruction must be the one that we decode after WAIT. */
    private Verdict withoutWait(byte[] code, int at, int limit, int codeBits, long address, int length, String text,
            int wait) {
        if (wait > 1) {
            // objdump gives WAIT's prefixes to the other instruction, which may then look different
            return Verdict.listed(KnownDifference.WAIT_JOINED);
        }
        String alone = NO_WAIT_FORM.matcher(text).replaceFirst("fn$1");
        Verdict v = compare(code, at + wait, limit, codeBits, address + wait, length - wait, alone);
        return v.kind() == Verdict.Kind.SAME ? Verdict.listed(KnownDifference.WAIT_JOINED) : v;
    }

    private static String format(Insn i, byte[] code, int at, long address) {
        return Disassembler.format(i, code, at, address);
    }

    private static String normalize(String text) {
        String s = SPACES.matcher(SYMBOL.matcher(text).replaceAll("")).replaceAll(" ").trim();
        int comment = s.indexOf(" # ");
        if (comment >= 0 && !s.startsWith("0x", comment + 3)) {
            s = s.substring(0, comment + 3) + "0x" + s.substring(comment + 3);
        }
        s = s.replace("(8087 only)", "").replace("(287 only)", "");
        return BARE_TARGET.matcher(s).replaceFirst("$10x$2");
    }

    /** Leaves out the names of prefixes without effect. */
    static String strip(String s) {
        while (true) {
            int space = s.indexOf(' ');
            if (space < 0) {
                return s;
            }
            String word = s.substring(0, space);
            if (word.equals("lock") || !isPrefixName(word)) {
                return s;
            }
            s = s.substring(space + 1);
        }
    }

    static boolean isPrefixName(String word) {
        return NO_EFFECT.contains(word) || word.equals("lock") || word.equals("rex") || word.startsWith("rex.");
    }
}
