package org.xenolith.emulator;

/** How idle virtual time passes. */
public enum Pace {
    /** Idle time takes no time. */
    MAX,
    /** Virtual time waits for the wall clock. */
    REAL
}
