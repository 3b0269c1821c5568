package org.xenolith.cpu.disasm.check;

import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.decode.Insn;

/**
 * Everything about one instruction on which objdump and the decoder do not agree.
 *
 * @param insn what the decoder says; null where it wants more bytes than there are
 * @param undefined the decoder rejects the encoding
 * @param length in bytes, as objdump has it
 * @param bad objdump rejects the encoding
 */
record Disagreement(Fields fields, @Nullable Insn insn, boolean undefined, int codeBits, int length, boolean bad,
        String theirs, String ours) {

    /** Neither length nor validity is at issue. */
    boolean sameLength() {
        return !bad && !undefined && insn != null && insn.length() == length;
    }

    /** objdump's text has nothing but names of prefixes. */
    boolean onlyPrefixes() {
        for (String word : theirs.split(" ", -1)) {
            if (!Comparison.isPrefixName(word)) {
                return false;
            }
        }
        return true;
    }

    String mnemonic() {
        return insn == null || undefined ? "" : insn.def().mnemonic();
    }
}
