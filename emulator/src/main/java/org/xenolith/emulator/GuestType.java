package org.xenolith.emulator;

import java.util.Locale;

/** Kinds of guests, by xl's names; and the bare machine. */
public enum GuestType {
    PVH, PV, HVM,
    /** The PC itself, without a hypervisor under what runs on it. */
    MACHINE;

    /** The name as on the command line and in statistics. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
