package org.xenolith.cpu.disasm.check;

/**
 * Outcome of comparing one instruction.
 *
 * @param kind what it is
 * @param detail name of the unsupported extension or of the listed difference, or how the two differ
 */
record Verdict(Kind kind, String detail) {
    /** Kinds of outcome. */
    enum Kind {
        /** Length and text are the same. */
        SAME,
        /** objdump decodes an extension that no CPU model has. */
        UNSUPPORTED,
        /** One of the {@link KnownDifference}s. */
        LISTED,
        /** A fault of ours, or a difference that has to be listed. */
        DIFFERENT
    }

    static final Verdict SAME = new Verdict(Kind.SAME, "");

    static Verdict unsupported(String extension) {
        return new Verdict(Kind.UNSUPPORTED, extension);
    }

    static Verdict listed(KnownDifference d) {
        return new Verdict(Kind.LISTED, d.name());
    }

    static Verdict different(String how) {
        return new Verdict(Kind.DIFFERENT, how);
    }
}
