package org.xenolith.guests.config;

import java.util.Locale;
import java.util.Optional;

/** What becomes of a domain that has shut down (on_poweroff, on_reboot, on_crash of xl.cfg(5)). */
public enum ShutdownAction {
    /** It goes. */
    DESTROY,
    /** It is built and started again. */
    RESTART,
    /** The same here: what is left of the old one goes. */
    RENAME_RESTART,
    /** It stays to be looked at; a run ends all the same. */
    PRESERVE,
    /** Its memory is written to a file first. */
    COREDUMP_DESTROY,
    /** The same, and then it is started again. */
    COREDUMP_RESTART;

    /** {@return the name in configuration files} */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** {@return whether the domain is started again} */
    public boolean restarts() {
        return this == RESTART || this == RENAME_RESTART || this == COREDUMP_RESTART;
    }

    /** {@return whether a core dump is asked for} */
    public boolean dumps() {
        return this == COREDUMP_DESTROY || this == COREDUMP_RESTART;
    }

    static Optional<ShutdownAction> named(String label) {
        for (ShutdownAction action : values()) {
            if (action.label().equals(label)) {
                return Optional.of(action);
            }
        }
        return Optional.empty();
    }
}
