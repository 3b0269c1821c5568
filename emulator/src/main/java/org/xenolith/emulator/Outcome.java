package org.xenolith.emulator;

import java.util.Locale;

/** How a domain, or a whole run, ended. */
public enum Outcome {
    /** The guest powered off. */
    POWEROFF,
    /** The guest asked for a reboot and was not started again. */
    REBOOT,
    /** The guest crashed or panicked (SHUTDOWN_crash), or a vCPU can no longer run. */
    CRASH,
    /** A time limit was reached: virtual, wall-clock or idle. */
    TIMEOUT,
    /** Stopped from outside: Ctrl-C, a signal, or a closed console. */
    DESTROYED;

    /** The name in statistics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
