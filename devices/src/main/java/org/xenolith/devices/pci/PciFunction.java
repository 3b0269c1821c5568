package org.xenolith.devices.pci;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.MmioHandler;
import org.xenolith.bus.PortBus;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.memory.GuestMemory;

/**
 * A PCI function with a type 0 header (PCI Local Bus 3.0, chapter 6): 256 bytes of configuration space of which each byte has a mask of the
 * bits that a guest may write, base address registers that move handlers about, and an interrupt pin.
 *
 * <p>A subclass describes its registers in its constructor and is then given to {@link PciBus#add}.
 */
public abstract class PciFunction implements Device {
    protected static final int COMMAND = 4;
    protected static final int STATUS = 6;
    protected static final int BAR0 = 0x10;
    protected static final int ROM_BAR = 0x30;
    protected static final int CAPABILITIES = 0x34;
    protected static final int INTERRUPT_LINE = 0x3c;
    protected static final int INTERRUPT_PIN = 0x3d;

    protected static final int COMMAND_IO = 1;
    protected static final int COMMAND_MEMORY = 2;
    protected static final int COMMAND_MASTER = 4;
    private static final int COMMAND_INTX_OFF = 1 << 10;
    private static final int STATUS_INTX = 1 << 3;
    private static final int BARS = 6;

    protected final Board board;
    private final byte[] config = new byte[256];
    private final byte[] initial = new byte[256];
    private final byte[] writable = new byte[256];
    private final byte[] clearedByOne = new byte[256];
    private final Bar[] bars = new Bar[BARS];
    private ExpansionRom rom;
    private PciBus bus;
    private int devfn;
    private boolean asserted;
    private boolean driven;

    private final class Bar {
        private final int register;
        private final boolean io;
        private final long size;
        private final MmioHandler handler;
        private PortBus.Mapping ports;
        private MmioBus.Mapping memory;
        private long base = -1;

        Bar(int register, boolean io, long size, MmioHandler handler) {
            this.register = register;
            this.io = io;
            this.size = size;
            this.handler = handler;
        }

        void update() {
            boolean on = (config16(COMMAND) & (io ? COMMAND_IO : COMMAND_MEMORY)) != 0;
            long now = on ? config32(register) & (io ? 0xffff_fffcL : 0xffff_fff0L) : -1;
            // a BAR being sized, left at 0, or at a port that there is not decodes nothing
            if (now == 0 || now == (0xffff_ffffL & -size) || io && now > 0xffff) {
                now = -1;
            }
            if (now == base) {
                return;
            }
            if (ports != null) {
                ports.unmap();
                ports = null;
            }
            if (memory != null) {
                memory.unmap();
                memory = null;
            }
            base = now;
            if (now >= 0 && handler != null) {
                if (io) {
                    ports = board.ports().map((int) now, (int) size, relative((int) now));
                } else {
                    memory = board.mmio().map(now, size, handler);
                }
            }
            barMoved((register - BAR0) / 4, now);
        }

        private PortHandler relative(int first) {
            return new PortHandler() {
                @Override
                public long in(int port, int accessSize) {
                    return handler.read(port - first, accessSize);
                }

                @Override
                public void out(int port, int accessSize, long value) {
                    handler.write(port - first, accessSize, value);
                }
            };
        }
    }

    protected PciFunction(Board board, PciIdentity id) {
        this.board = board;
        init(0, 2, id.vendor(), 0);
        init(2, 2, id.device(), 0);
        init(COMMAND, 2, 0, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | 1 << 6 | 1 << 8 | COMMAND_INTX_OFF);
        init(8, 1, id.revision(), 0);
        init(9, 1, id.classCode(), 0);
        init(10, 2, id.classCode() >>> 8, 0);
        init(0x2c, 2, id.subsystemVendor(), 0);
        init(0x2e, 2, id.subsystem(), 0);
        init(0x0c, 1, 0, 0xff);
        init(0x0d, 1, 0, 0xff);
        init(INTERRUPT_LINE, 1, 0, 0xff);
        clearOnOne(STATUS, 0xf900);
    }

    // ---- description, for constructors ----

    /** Defines a register: its value after reset and the bits that a guest may write. */
    protected final void init(int offset, int size, long value, long mask) {
        for (int i = 0; i < size; i++) {
            initial[offset + i] = (byte) (value >>> 8 * i);
            config[offset + i] = initial[offset + i];
            writable[offset + i] = (byte) (mask >>> 8 * i);
        }
    }

    /** Bits of a 16-bit register that a guest clears by writing 1. */
    protected final void clearOnOne(int offset, int mask) {
        clearedByOne[offset] = (byte) mask;
        clearedByOne[offset + 1] = (byte) (mask >>> 8);
    }

    /** Uses pin INTA# (1) to INTD# (4). */
    protected final void interruptPin(int pin) {
        init(INTERRUPT_PIN, 1, pin, 0);
    }

    /** Base address register {@code n} (0 to 5) for {@code size} ports, a power of two from 4 to 256. */
    protected final void ioBar(int n, int size, MmioHandler handler) {
        bars[n] = new Bar(BAR0 + 4 * n, true, size, handler);
        // 32 bits, although there are 64 Ki ports: SeaBIOS takes the size from all of them
        init(BAR0 + 4 * n, 4, 1, -size & 0xffff_fffcL);
    }

    /**
     * Base address register {@code n} for {@code size} bytes of memory below 4 GiB, a power of two from 16.
     *
     * @param handler null for memory that the subclass maps itself in {@link #barMoved}
     */
    protected final void memoryBar(int n, long size, boolean prefetchable, MmioHandler handler) {
        bars[n] = new Bar(BAR0 + 4 * n, false, size, handler);
        init(BAR0 + 4 * n, 4, prefetchable ? 8 : 0, -size & 0xffff_fff0L);
    }

    /**
     * The expansion ROM, a device's own firmware.
     *
     * @param image at most 16 MiB
     * @throws IllegalArgumentException when it is empty or too long
     */
    protected final void expansionRom(byte[] image) {
        rom = new ExpansionRom(board.windows(), image, this::romLeft);
        init(ROM_BAR, 4, 0, rom.mask());
    }

    // ---- hooks ----

    /** A guest wrote to configuration space; the bytes have their new values. */
    protected void configWritten(int offset, int size) {
    }

    /** Where a BAR answers now: a gpa or port, or -1 when it does not. */
    protected void barMoved(int n, long base) {
    }

    /** The expansion ROM has left a place, where the guest's RAM shows again. */
    protected void romLeft() {
    }

    // ---- for subclasses at work ----

    protected final int config8(int offset) {
        return config[offset] & 0xff;
    }

    protected final int config16(int offset) {
        return config8(offset) | config8(offset + 1) << 8;
    }

    protected final long config32(int offset) {
        return config16(offset) | (long) config16(offset + 2) << 16;
    }

    /** Sets bytes of configuration space, whatever a guest may write. */
    protected final void setConfig(int offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            config[offset + i] = (byte) (value >>> 8 * i);
        }
    }

    /** Memory as the function's bus-master accesses see it, or null while COMMAND forbids them. */
    protected final GuestMemory dma() {
        return (config16(COMMAND) & COMMAND_MASTER) != 0 ? board.memory() : null;
    }

    /** The function's interrupt pin; level-triggered. */
    protected final IrqLine intx() {
        return level -> {
            asserted = level;
            updateInterrupt();
        };
    }

    private void updateInterrupt() {
        int status = config16(STATUS) & ~STATUS_INTX | (asserted ? STATUS_INTX : 0);
        setConfig(STATUS, 2, status);
        boolean drive = asserted && (config16(COMMAND) & COMMAND_INTX_OFF) == 0;
        if (drive != driven && bus != null && config8(INTERRUPT_PIN) != 0) {
            driven = drive;
            bus.pin(devfn, config8(INTERRUPT_PIN), drive);
        }
    }

    // ---- for the bus ----

    final void plug(PciBus on, int at) {
        bus = on;
        devfn = at;
    }

    /** Device number times 8 plus function number, once on a bus. */
    public final int devfn() {
        return devfn;
    }

    /** Takes the function off its bus (hot unplug, Xen's unplug): it answers nothing any more. */
    public void unplug() {
        setConfig(COMMAND, 2, 0);
        updateBars();
        asserted = false;
        updateInterrupt();
        if (bus != null) {
            bus.remove(devfn);
            bus = null;
        }
    }

    /** Reads configuration space; the access does not cross a doubleword. */
    public long readConfig(int offset, int size) {
        long v = 0;
        for (int i = 0; i < size; i++) {
            v |= (long) config8(offset + i) << 8 * i;
        }
        return v;
    }

    /** Writes configuration space as a guest does; the access does not cross a doubleword. */
    public void writeConfig(int offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            int at = offset + i;
            int v = (int) (value >>> 8 * i) & 0xff;
            config[at] = (byte) ((config[at] & ~writable[at] | v & writable[at]) & ~(v & clearedByOne[at]));
        }
        boolean bar = offset >= BAR0 && offset < BAR0 + 4 * BARS || offset >= ROM_BAR && offset < ROM_BAR + 4;
        if (offset < COMMAND + 2 || bar) {
            updateBars();
            updateInterrupt();
        }
        configWritten(offset, size);
    }

    private void updateBars() {
        for (Bar b : bars) {
            if (b != null) {
                b.update();
            }
        }
        if (rom != null) {
            rom.update(config32(ROM_BAR), (config16(COMMAND) & COMMAND_MEMORY) != 0);
        }
    }

    @Override
    public void reset() {
        System.arraycopy(initial, 0, config, 0, config.length);
        updateBars();
        asserted = false;
        updateInterrupt();
    }
}
