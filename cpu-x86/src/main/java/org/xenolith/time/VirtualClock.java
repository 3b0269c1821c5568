package org.xenolith.time;

/** Reads virtual time in nanoseconds since power-on; never goes backwards in the order of execution. */
@FunctionalInterface
public interface VirtualClock {
    long now();
}
