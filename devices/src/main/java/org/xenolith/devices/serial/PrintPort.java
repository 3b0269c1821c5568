package org.xenolith.devices.serial;

import org.xenolith.bus.PortBus;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.CharBackend;

/** A port that takes bytes to print: 402h, SeaBIOS's and OVMF's debug output, and E9h, as in Bochs. It reads as what tells a guest that it is there. */
public final class PrintPort implements PortHandler.Bytes {
    /** What a guest reads from a debug port that exists. */
    private static final int PRESENT = 0xe9;

    private final CharBackend backend;

    public PrintPort(PortBus ports, int port, CharBackend backend) {
        this.backend = backend;
        ports.map(port, 1, this);
    }

    @Override
    public int in8(int port) {
        return PRESENT;
    }

    @Override
    public void out8(int port, int value) {
        backend.send(value);
    }
}
