package org.xenolith.devices.irq;

import java.util.function.Consumer;
import org.xenolith.bus.PortBus;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Device;

/**
 * The two cascaded 8259A of a PC: master at ports 20h and 21h, slave, on its input 2, at A0h and A1h, and their edge/level control registers
 * at 4D0h and 4D1h (82371SB, 2.5.6).
 */
public final class PicPair implements Device, PortHandler.Bytes {
    private static final int CASCADE = 2;
    private static final int ELCR = 0x4d0;

    private final Pic8259 master;
    private final Pic8259 slave;
    private final Runnable rises;
    private boolean output;

    /**
     * @param rises called when INTR goes from inactive to active
     */
    public PicPair(PortBus ports, Consumer<String> unimplemented, Runnable rises) {
        // IRQ 0 to 2, 8 and 13 are always edge-triggered
        master = new Pic8259(true, 0xf8, unimplemented);
        slave = new Pic8259(false, 0xde, unimplemented);
        this.rises = rises;
        ports.map(0x20, 2, this);
        ports.map(0xa0, 2, this);
        ports.map(ELCR, 2, this);
    }

    /** Drives an input: 0 to 15 except 2. */
    void line(int irq, boolean level) {
        if (irq < 8) {
            master.line(irq, level);
        } else {
            slave.line(irq - 8, level);
        }
        update();
    }

    private void update() {
        master.line(CASCADE, slave.request() >= 0);
        boolean now = master.request() >= 0;
        if (now != output) {
            output = now;
            if (now) {
                rises.run();
            }
        }
    }

    /** The level of INTR: an interrupt waits for {@link #acknowledge}. */
    public boolean pending() {
        return output;
    }

    /** The processor's interrupt-acknowledge cycle: the vector, which is that of IRQ 7 or 15 when the request has gone. */
    public int acknowledge() {
        int n = master.acknowledge();
        int vector;
        if (n == CASCADE && !master.single()) {
            vector = slave.vector(slave.acknowledge());
        } else {
            vector = master.vector(n);
        }
        // a further interrupt is a new edge of INTR
        output = false;
        update();
        return vector;
    }

    @Override
    public int in8(int port) {
        if (port >= ELCR) {
            return port == ELCR ? master.elcr() : slave.elcr();
        }
        int v = (port < 0x80 ? master : slave).read((port & 1) != 0);
        update();
        return v;
    }

    @Override
    public void out8(int port, int value) {
        if (port >= ELCR) {
            (port == ELCR ? master : slave).setElcr(value);
        } else {
            (port < 0x80 ? master : slave).write((port & 1) != 0, value);
        }
        update();
    }

    @Override
    public void reset() {
        master.reset();
        slave.reset();
        output = false;
    }
}
