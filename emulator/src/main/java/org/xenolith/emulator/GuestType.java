package org.xenolith.emulator;

import java.util.Locale;

/** Kinds of guests, by xl's names. */
public enum GuestType {
    PVH, PV, HVM;

    /** The name as on the command line and in statistics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
