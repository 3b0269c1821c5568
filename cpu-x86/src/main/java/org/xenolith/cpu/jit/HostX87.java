package org.xenolith.cpu.jit;

/**
 * In what the host's x87 may differ from the interpreter's, which is like Zen 4's.
 *
 * @param sourceFirst FLD ST(i) looks at its source before it looks for a free register, and C1 says so
 * @param keepsCodes condition codes that the manual calls undefined are left alone
 */
record HostX87(boolean sourceFirst, boolean keepsCodes) {
    /** @param probed the result of {@link X87Stub#probe}'s function */
    static HostX87 of(int probed) {
        return new HostX87((probed & 0xffff) == 0, probed >>> 16 == 0);
    }

    /** A number for hosts that are alike. */
    int kind() {
        return (sourceFirst ? 1 : 0) | (keepsCodes ? 2 : 0);
    }
}
