package org.xenolith.hypervisor.xenbus;

/** The states of one end of a split device, with the numbers of {@code enum xenbus_state} (public/io/xenbus.h). */
public enum XenbusState {
    UNKNOWN, INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED, RECONFIGURING, RECONFIGURED;

    private static final XenbusState[] ALL = values();

    /** The number that the {@code state} node holds. */
    public int number() {
        return ordinal();
    }

    /** The state that a node's text means; {@link #UNKNOWN} for any other text. */
    public static XenbusState parse(String text) {
        if (text.length() != 1) {
            return UNKNOWN;
        }
        int n = text.charAt(0) - '0';
        return n >= 0 && n < ALL.length ? ALL[n] : UNKNOWN;
    }
}
