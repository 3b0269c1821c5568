package org.xenolith.devices.chipset;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;

/** FERR# of the processor on IRQ 13, cleared by a write to port F0h (82371SB, 2.5.9). */
public final class CoprocessorError implements Device, PortHandler.Bytes {
    private static final int PORT = 0xf0;

    private final IrqLine irq13;

    public CoprocessorError(Board board, IrqLine irq13) {
        this.irq13 = irq13;
        board.ports().map(PORT, 2, this);
    }

    /** The processor asserts FERR#. */
    public void assertError() {
        irq13.set(true);
    }

    @Override
    public int in8(int port) {
        return 0xff;
    }

    @Override
    public void out8(int port, int value) {
        irq13.set(false);
    }

    @Override
    public void reset() {
        irq13.set(false);
    }
}
