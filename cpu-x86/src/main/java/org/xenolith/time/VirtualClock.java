package org.xenolith.time;

/** Reads virtual time in nanoseconds since power-on; never goes backwards in the order of execution. */
@FunctionalInterface
public interface VirtualClock {
    long now();

    /** True when each instruction that the running CPU retires advances the clock by 1 ns, so that emitted code can compute it. */
    default boolean perInstruction() {
        return false;
    }
}
