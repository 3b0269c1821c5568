package org.xenolith.devices.chipset;

import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;

/**
 * System control port A at 92h (82371SB, 2.5.8): fast A20 in bit 1, fast reset in bit 0. Port 92h and the keyboard controller share one A20 gate; whoever wrote
 * last rules, where the 82371SB would take the OR of both: so firmware that opens the gate here leaves it to be closed there.
 */
public final class SystemControlA implements Device, PortHandler.Bytes {
    private static final int PORT = 0x92;

    /** The gate of address line 20. */
    @FunctionalInterface
    public interface A20Gate {
        /** @param open false when address bit 20 is 0 for every access of a CPU */
        void set(boolean open);
    }

    private final A20Gate gate;
    private final Runnable reset;
    private int value;
    private boolean open = true;

    public SystemControlA(Board board, A20Gate gate, Runnable reset) {
        this.gate = gate;
        this.reset = reset;
        board.ports().map(PORT, 1, this);
    }

    /** Opens or closes the A20 gate: the keyboard controller does so too. */
    public void a20(boolean to) {
        if (to != open) {
            open = to;
            gate.set(to);
        }
    }

    /** Whether A20 is open. */
    public boolean a20() {
        return open;
    }

    @Override
    public int in8(int port) {
        return value & ~2 | (open ? 2 : 0);
    }

    @Override
    public void out8(int port, int v) {
        boolean rises = (v & ~value & 1) != 0;
        value = v;
        a20((v & 2) != 0);
        if (rises) {
            reset.run();
        }
    }

    /** Reset opens the gate. */
    @Override
    public void reset() {
        value = 0;
        a20(true);
    }
}
