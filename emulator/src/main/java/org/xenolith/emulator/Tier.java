package org.xenolith.emulator;

import java.util.Locale;

/** Execution tiers; all give the same run. */
public enum Tier {
    /** The fastest that this host has. */
    AUTO,
    /** Host machine code. */
    NATIVE,
    /** The portable reference. */
    INTERPRETER,
    /** Both, compared block by block. */
    LOCKSTEP;

    /** The name as on the command line and in statistics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
