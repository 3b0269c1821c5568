package org.xenolith.devices.usb;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/**
 * USB host controller of the PIIX3, PCI 8086:7020 (Universal Host Controller Interface 1.1; 82371SB data sheet, 2.4), with two ports.
 *
 * <p>While it runs, each millisecond of virtual time is a frame, whose list is worked off at its start. A frame is never skipped: the lists are in
 * memory, and a guest may put something into them without telling. A controller that is stopped or suspended costs nothing.
 *
 * <p>Not built: legacy support (LEGSUP's traps of ports 60h and 64h), single-step debugging.
 */
public final class Uhci extends PciFunction implements MmioHandler {
    /** Root ports. */
    public static final int PORTS = 2;

    private static final long FRAME_NS = 1_000_000;
    private static final int USBCMD = 0;
    private static final int USBSTS = 2;
    private static final int USBINTR = 4;
    private static final int FRNUM = 6;
    private static final int FLBASEADD = 8;
    private static final int SOFMOD = 12;
    private static final int PORTSC = 16;
    private static final int LEGSUP = 0xc0;

    private static final int CMD_RS = 1;
    private static final int CMD_HCRESET = 1 << 1;
    private static final int CMD_GRESET = 1 << 2;
    private static final int CMD_EGSM = 1 << 3;
    private static final int STS_INTERRUPT = 1;
    private static final int STS_ERROR = 1 << 1;
    private static final int STS_RESUME = 1 << 2;
    private static final int STS_HOST_ERROR = 1 << 3;
    private static final int STS_PROCESS_ERROR = 1 << 4;
    private static final int STS_HALTED = 1 << 5;
    private static final int INTR_ERROR = 1;
    private static final int INTR_RESUME = 1 << 1;
    private static final int INTR_COMPLETE = 1 << 2;
    private static final int INTR_SHORT = 1 << 3;
    private static final int PORT_CONNECTED = 1;
    private static final int PORT_CONNECT_CHANGE = 1 << 1;
    private static final int PORT_ENABLED = 1 << 2;
    private static final int PORT_ENABLE_CHANGE = 1 << 3;
    private static final int PORT_IDLE_LINE = 1 << 4;
    private static final int PORT_RESUME = 1 << 6;
    private static final int PORT_ONE = 1 << 7;
    private static final int PORT_RESET = 1 << 9;
    private static final int PORT_SUSPENDED = 1 << 12;
    private static final int PORT_WRITABLE = PORT_ENABLED | PORT_RESUME | PORT_RESET | PORT_SUSPENDED;
    private static final int PORT_CHANGES = PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE;

    private final UsbFunction[] devices = new UsbFunction[PORTS];
    private final int[] ports = new int[PORTS];
    private final UhciSchedule schedule = new UhciSchedule(this::find);
    private final Timers.Timer frame;
    private final IrqLine line = intx();
    private int command;
    private int status;
    /** Why USBINT is on: bits of {@link UhciSchedule}. */
    private int reasons;
    private int enables;
    private int frameNumber;
    private long base;
    private int sofModify;
    private long nextFrame;

    /** Makes the controller; the caller adds it to a bus. */
    public Uhci(Board board) {
        super(board, new PciIdentity(0x8086, 0x7020, 1, 0x0c_0300, 0, 0));
        frame = board.timers().timer(this::frame);
        ioBar(4, 32, this);
        interruptPin(4);
        init(0x60, 1, 0x10, 0);
        init(LEGSUP, 2, 0x2000, 0);
        resetController();
    }

    /**
     * Plugs a device into a port.
     *
     * @param port 0 or 1
     * @throws IllegalStateException when the port is taken
     */
    public void attach(int port, UsbFunction device) {
        if (devices[port] != null) {
            throw new IllegalStateException("USB port " + port + " is taken");
        }
        devices[port] = device;
        device.setWake(() -> wake(port));
        device.busReset();
        ports[port] = PORT_CONNECTED | PORT_CONNECT_CHANGE;
    }

    @Override
    public void reset() {
        super.reset();
        resetController();
    }

    @Override
    public void unplug() {
        super.unplug();
        resetController();
    }

    private void resetController() {
        frame.cancel();
        command = 0;
        status = STS_HALTED;
        reasons = 0;
        enables = 0;
        frameNumber = 0;
        base = 0;
        sofModify = 0x40;
        resetPorts();
        updateLine();
    }

    private void resetPorts() {
        for (int i = 0; i < PORTS; i++) {
            ports[i] = devices[i] == null ? 0 : PORT_CONNECTED | PORT_CONNECT_CHANGE;
            if (devices[i] != null) {
                devices[i].busReset();
            }
        }
    }

    // ---- registers ----

    @Override
    public long read(long offset, int size) {
        long v = 0;
        for (int i = 0; i < size; i++) {
            int at = (int) offset + i;
            v |= (long) (register(at & ~1) >>> 8 * (at & 1) & 0xff) << 8 * i;
        }
        return v;
    }

    private int register(int at) {
        return switch (at) {
            case USBCMD -> command;
            case USBSTS -> status;
            case USBINTR -> enables;
            case FRNUM -> frameNumber;
            case FLBASEADD -> (int) base & 0xffff;
            case FLBASEADD + 2 -> (int) (base >>> 16);
            case SOFMOD -> sofModify;
            case PORTSC, PORTSC + 2 -> ports[at - PORTSC >> 1] | PORT_ONE
                    | (devices[at - PORTSC >> 1] != null ? PORT_IDLE_LINE : 0);
            // ports beyond the second: bit 7 is not one there
            default -> at < PORTSC ? 0 : 0xff7f;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset;
        if (size == 1) {
            if (at == SOFMOD) {
                sofModify = (int) value & 0x7f;
            } else {
                // the other half as it is, but for bits that ones clear
                int keep = at >>> 1 == USBSTS >>> 1
                        ? 0
                        : (at & ~3) == PORTSC ? register(at & ~1) & ~PORT_CHANGES : register(at & ~1);
                int shift = 8 * (at & 1);
                writeWord(at & ~1, keep & ~(0xff << shift) | (int) value << shift);
            }
            return;
        }
        for (int i = 0; i < size; i += 2) {
            if ((at + i & 1) == 0) {
                writeWord(at + i, (int) (value >>> 8 * i) & 0xffff);
            }
        }
    }

    private void writeWord(int at, int value) {
        switch (at) {
            case USBCMD -> writeCommand(value & 0xff);
            case USBSTS -> {
                status &= ~(value & 0x1f);
                if ((status & STS_INTERRUPT) == 0) {
                    reasons = 0;
                }
                updateLine();
            }
            case USBINTR -> {
                enables = value & 0xf;
                updateLine();
            }
            case FRNUM -> {
                if ((status & STS_HALTED) != 0) {
                    frameNumber = value & 0x7ff;
                }
            }
            case FLBASEADD -> base = base & 0xffff_0000L | value & 0xf000;
            case FLBASEADD + 2 -> base = base & 0xffff | (long) value << 16;
            case SOFMOD -> sofModify = value & 0x7f;
            case PORTSC, PORTSC + 2 -> writePort(at - PORTSC >> 1, value);
            default -> {
            }
        }
    }

    private void writeCommand(int value) {
        if ((value & CMD_HCRESET) != 0) {
            resetController();
            return;
        }
        if ((value & CMD_GRESET) != 0 && (command & CMD_GRESET) == 0) {
            resetController();
        }
        boolean was = (command & CMD_RS) != 0;
        command = value;
        if ((value & CMD_RS) != 0 && !was) {
            status &= ~STS_HALTED;
            nextFrame = board.clock().now() + FRAME_NS;
            frame.arm(nextFrame);
        } else if ((value & CMD_RS) == 0 && was) {
            halt();
        }
    }

    private void halt() {
        command &= ~CMD_RS;
        status |= STS_HALTED;
        frame.cancel();
    }

    private void writePort(int n, int value) {
        int old = ports[n];
        int v = old & ~(value & PORT_CHANGES) & ~PORT_WRITABLE | value & PORT_WRITABLE;
        if ((v & PORT_CONNECTED) == 0) {
            v &= ~PORT_ENABLED;
        }
        if ((v & PORT_RESET) != 0) {
            v &= ~PORT_ENABLED;
            if ((old & PORT_RESET) == 0 && devices[n] != null) {
                devices[n].busReset();
            }
        }
        ports[n] = v;
    }

    // ---- frames ----

    private UsbFunction find(int address) {
        for (int i = 0; i < PORTS; i++) {
            boolean on = (ports[i] & (PORT_ENABLED | PORT_SUSPENDED | PORT_RESET)) == PORT_ENABLED;
            if (on && devices[i] != null && devices[i].address() == address) {
                return devices[i];
            }
        }
        return null;
    }

    private void frame() {
        GuestMemory memory = dma();
        int did = UhciSchedule.HOST_ERROR;
        if (memory != null && (command & (CMD_EGSM | CMD_GRESET)) == 0) {
            did = schedule.frame(memory, base + 4L * (frameNumber & 0x3ff));
        } else if (memory != null) {
            did = 0;
        }
        frameNumber = frameNumber + 1 & 0x7ff;
        reasons |= did & (UhciSchedule.INTERRUPT | UhciSchedule.SHORT);
        if ((did & (UhciSchedule.INTERRUPT | UhciSchedule.SHORT)) != 0) {
            status |= STS_INTERRUPT;
        }
        if ((did & UhciSchedule.ERROR) != 0) {
            status |= STS_ERROR;
        }
        if ((did & UhciSchedule.HOST_ERROR) != 0) {
            status |= STS_HOST_ERROR;
            board.unimplemented().accept("uhci: lists that are not in RAM or not valid");
            halt();
        } else {
            nextFrame += FRAME_NS;
            frame.arm(nextFrame);
        }
        updateLine();
    }

    /** A device has something to say and may wake a host that sleeps. */
    private void wake(int port) {
        boolean asleep = (command & CMD_EGSM) != 0 || (ports[port] & PORT_SUSPENDED) != 0;
        if (asleep && (ports[port] & PORT_ENABLED) != 0) {
            ports[port] |= PORT_RESUME;
            status |= STS_RESUME;
            updateLine();
        }
    }

    private void updateLine() {
        boolean done = (reasons & UhciSchedule.INTERRUPT) != 0 && (enables & INTR_COMPLETE) != 0
                || (reasons & UhciSchedule.SHORT) != 0 && (enables & INTR_SHORT) != 0;
        line.set((status & STS_INTERRUPT) != 0 && done
                || (status & STS_ERROR) != 0 && (enables & INTR_ERROR) != 0
                || (status & STS_RESUME) != 0 && (enables & INTR_RESUME) != 0
                || (status & (STS_HOST_ERROR | STS_PROCESS_ERROR)) != 0);
    }
}
