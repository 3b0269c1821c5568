package org.xenolith.cpu.jit;

/** Ends a run of {@link LockstepTier}: the tiers differ. The message is one line, the report has states and code of both sides. */
public final class LockstepDifference extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String report;

    LockstepDifference(String message, String report) {
        super(message, null, false, false);
        this.report = report;
    }

    /** Several lines for the user. */
    public String report() {
        return report;
    }
}
