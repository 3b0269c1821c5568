package org.xenolith.devices;

/** A device on a {@link Board}. Its constructor maps its ports and memory; nothing but RESET# is common to all. */
public interface Device {
    /** RESET#: the state after power-on. Timers are cancelled and interrupt lines released. */
    void reset();
}
