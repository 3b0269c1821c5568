package org.xenolith.bus;

/**
 * An interrupt line, seen by the device that drives it. An edge is a change from false to true; setting the level that the line already has
 * does nothing.
 */
@FunctionalInterface
public interface IrqLine {
    /** A line that leads nowhere. */
    IrqLine NONE = asserted -> {};

    /** Drives the line: true asserts it, whatever its polarity on the board. */
    void set(boolean asserted);

    /** Asserts the line and lets it go: an edge-triggered interrupt. */
    default void pulse() {
        set(true);
        set(false);
    }
}
