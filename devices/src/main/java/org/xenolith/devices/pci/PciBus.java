package org.xenolith.devices.pci;

import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;

/**
 * PCI bus 0 behind configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2): ports CF8h and CFCh to CFFh.
 */
public final class PciBus implements Device, PortHandler {
    private static final int ADDRESS = 0xcf8;
    private static final int DATA = 0xcfc;
    private static final long ENABLE = 0x8000_0000L;

    /** Hears of interrupt pins. */
    @FunctionalInterface
    public interface Router {
        /**
         * @param device 0 to 31
         * @param pin 1 (INTA#) to 4 (INTD#)
         */
        void pin(int device, int pin, boolean asserted);
    }

    private final PciFunction[] functions = new PciFunction[256];
    private PortHandler bytes = new PortHandler() {
        @Override
        public long in(int port, int size) {
            return -1L;
        }

        @Override
        public void out(int port, int size, long value) {
        }
    };
    /** How many functions assert a pin, by device and pin: the functions of one device may share it. */
    private final int[] asserting = new int[32 * 5];
    private Router router = (device, pin, asserted) -> {};
    private long address;

    public PciBus(Board board) {
        board.ports().map(ADDRESS, 4, this);
        board.ports().map(DATA, 4, this);
    }

    /** Who routes interrupt pins: the chipset. */
    public void setRouter(Router to) {
        router = to;
    }

    /** Who answers accesses to CF8h to CFBh that are not of a doubleword, such as the reset control register at CF9h. */
    public void setByteHandler(PortHandler handler) {
        bytes = handler;
    }

    /**
     * Plugs a function in.
     *
     * @param devfn device number times 8 plus function number, 0 to 255
     * @throws IllegalStateException when the place is taken
     */
    public void add(int devfn, PciFunction f) {
        if (functions[devfn] != null) {
            throw new IllegalStateException("PCI device " + (devfn >>> 3) + "." + (devfn & 7) + " is taken");
        }
        functions[devfn] = f;
        f.plug(this, devfn);
    }

    void remove(int devfn) {
        functions[devfn] = null;
    }

    /** The function at a place, or null. */
    public PciFunction function(int devfn) {
        return functions[devfn];
    }

    /** A function changes the level of its pin. */
    void pin(int devfn, int pin, boolean asserted) {
        int device = devfn >>> 3;
        int n = asserting[device * 5 + pin] += asserted ? 1 : -1;
        if (n == (asserted ? 1 : 0)) {
            router.pin(device, pin, asserted);
        }
    }

    @Override
    public long in(int port, int size) {
        if (port < DATA) {
            return port == ADDRESS && size == 4 ? address : bytes.in(port, size);
        }
        PciFunction f = selected();
        return f == null ? -1L : f.readConfig((int) address & 0xfc | port & 3, size);
    }

    @Override
    public void out(int port, int size, long value) {
        if (port < DATA) {
            if (port == ADDRESS && size == 4) {
                address = value & ~3L;
            } else {
                bytes.out(port, size, value);
            }
            return;
        }
        PciFunction f = selected();
        if (f != null) {
            f.writeConfig((int) address & 0xfc | port & 3, size, value);
        }
    }

    private PciFunction selected() {
        return (address & ENABLE) != 0 && (address >>> 16 & 0xff) == 0 ? functions[(int) address >>> 8 & 0xff] : null;
    }

    @Override
    public void reset() {
        address = 0;
        for (PciFunction f : functions) {
            if (f != null) {
                f.reset();
            }
        }
    }
}
