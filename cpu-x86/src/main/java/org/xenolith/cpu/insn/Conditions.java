package org.xenolith.cpu.insn;

/** The sixteen conditions of Jcc, SETcc and CMOVcc by the low nibble of their opcodes (SDM vol. 1, appendix B). */
final class Conditions {
    private static final String[] SUFFIXES = {"O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L",
        "GE", "LE", "G"};
    /** A condition and its opposite read the same flags. */
    private static final String[] READS = {"O", "C", "Z", "CZ", "S", "P", "SO", "ZSO"};

    private Conditions() {
    }

    static String suffix(int cc) {
        return SUFFIXES[cc];
    }

    /** The row attribute that names the flags read. */
    static String reads(int cc) {
        return "r:" + READS[cc >> 1];
    }
}
