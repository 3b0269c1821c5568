package org.xenolith.host;

import java.util.concurrent.TimeUnit;

/** The host's clocks. Nothing read here may reach a guest except through the pace at which idle time passes. */
public final class HostClock {
    private final long start = System.nanoTime();

    /** Nanoseconds since this clock was made; never goes back. */
    public long nanos() {
        return System.nanoTime() - start;
    }

    /** Milliseconds since this clock was made; never goes back. */
    public long millis() {
        return TimeUnit.NANOSECONDS.toMillis(nanos());
    }
}
