package org.xenolith.devices.chipset;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.bus.PortBus;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.devices.timer.Frequency;
import org.xenolith.time.Timers;

/**
 * 82371AB (PIIX4) function 3, power management (Intel 290562): PM1 event and control, the 24-bit ACPI timer, general-purpose events, and the
 * APM ports B2h and B3h. Its SCI is IRQ 9. There is no SMM: what would be an SMI only switches ACPI on (F1h) and off (F0h), as QEMU's firmware
 * tables say. The SMBus has no host controller behind its registers. General-purpose events also answer at AFE0h, as those tables say.
 */
public final class PowerManagement extends PciFunction {
    private static final int PM_BASE = 0x40;
    private static final int DEVICE_ACTIVITY_B = 0x58;
    private static final int PM_REGS = 0x80;
    private static final int PM_BYTES = 64;
    private static final int APM_CONTROL = 0xb2;
    private static final int QEMU_GPE = 0xafe0;
    private static final int ACPI_ENABLE = 0xf1;
    private static final int ACPI_DISABLE = 0xf0;

    private static final int TIMER_STATUS = 1;
    private static final int GLOBAL = 1 << 5;
    private static final int POWER_BUTTON = 1 << 8;
    private static final int RTC = 1 << 10;
    private static final int WAKE = 1 << 15;
    private static final int SCI_EVENTS = TIMER_STATUS | GLOBAL | POWER_BUTTON | RTC;
    private static final int SCI_ENABLE = 1;
    private static final int SLEEP_ENABLE = 1 << 13;
    /** TMR_STS is set when this bit of the timer changes. */
    private static final long TIMER_TOP = 1 << 23;

    private final IrqLine sci;
    private final Runnable powerOff;
    private final Timers.Timer overflow;
    private PortBus.Mapping ports;
    private long base = -1;
    private int status;
    private int enable;
    private int control;
    private int gpeStatus;
    private int gpeEnable;
    private int globalStatus;
    private int globalEnable;
    private int globalControl;
    private int apmCommand;
    private int apmStatus;
    /** Changes of the timer's top bit that status knows of. */
    private long seenOverflows;

    /**
     * @param sci IRQ 9
     * @param powerOff soft off, S5
     */
    public PowerManagement(Board board, IrqLine sci, Runnable powerOff) {
        super(board, new PciIdentity(0x8086, 0x7113, 3, 0x06_8000, 0x1af4, 0x1100));
        this.sci = sci;
        this.powerOff = powerOff;
        overflow = board.timers().timer(this::update);
        init(STATUS, 2, 0x0280, 0);
        interruptPin(1);
        init(PM_BASE, 4, 1, 0xffc0);
        // APMC_EN: firmware takes SMM for set up, and does not wait for SMIs
        init(DEVICE_ACTIVITY_B, 4, 0x0200_0000L, 0xffff_ffffL);
        init(0x5c, 4, 0, 0xffff_ffffL);
        init(0x60, 4, 0x9000_0000L, 0xffff_ffffL);
        init(PM_REGS, 1, 0, 1);
        init(0x90, 4, 1, 0xfff0);
        init(0xd2, 1, 0, 0x0f);
        init(0xd3, 4, 0, 0xffff_ffffL);
        board.ports().map(APM_CONTROL, 2, new Apm());
        board.ports().map(QEMU_GPE, 4, new Gpe());
    }

    // ---- events ----

    private long timer() {
        return Frequency.ACPI.ticks(board.clock().now());
    }

    /** The ACPI timer: 24 bits of 3.579545 MHz. */
    public int timerValue() {
        return (int) timer() & 0xff_ffff;
    }

    /** First port of the power-management registers; -1 while firmware has not switched them on. */
    public int ioBase() {
        return (int) base;
    }

    private void update() {
        long overflows = timer() / TIMER_TOP;
        if (overflows != seenOverflows) {
            seenOverflows = overflows;
            status |= TIMER_STATUS;
        }
        boolean event = (status & enable & SCI_EVENTS) != 0 || (gpeStatus & gpeEnable) != 0;
        sci.set(event && (control & SCI_ENABLE) != 0);
        if ((enable & TIMER_STATUS) != 0 && (status & TIMER_STATUS) == 0) {
            overflow.arm(Frequency.ACPI.nanos((overflows + 1) * TIMER_TOP));
        } else {
            overflow.cancel();
        }
    }

    /** The power button is pressed and let go. */
    public void pressPowerButton() {
        status |= POWER_BUTTON;
        update();
    }

    /** A general-purpose event, 0 to 15. */
    public void generalPurposeEvent(int n) {
        gpeStatus |= 1 << n;
        update();
    }

    private void writeControl(int v) {
        control = v & 0x1c07 & ~4;
        if ((v & SLEEP_ENABLE) != 0) {
            switch (v >>> 10 & 7) {
                // soft off of the 82371AB; hibernation and S5 in tables of other firmware
                case 0, 2, 6, 7 -> powerOff.run();
                case 5 -> {
                }
                default -> {
                    board.unimplemented().accept("pm:suspend" + (v >>> 10 & 7));
                    status |= WAKE;
                }
            }
        }
        update();
    }

    // ---- registers ----

    private int register(int at) {
        int word = switch (at & ~1) {
            case 0 -> status;
            case 2 -> enable;
            case 4 -> control;
            case 0x0c -> gpeStatus;
            case 0x0e -> gpeEnable;
            case 0x18 -> globalStatus;
            case 0x20 -> globalEnable;
            case 0x28 -> globalControl;
            default -> 0;
        };
        return word >>> 8 * (at & 1) & 0xff;
    }

    private void setRegister(int at, int v, int mask) {
        switch (at) {
            case 0 -> status &= ~(v & (SCI_EVENTS | WAKE | 1 << 4 | 1 << 11));
            case 2 -> enable = enable & ~mask | v & SCI_EVENTS;
            case 4 -> writeControl(control & ~mask | v);
            case 0x0c -> gpeStatus &= ~v;
            case 0x0e -> gpeEnable = gpeEnable & ~mask | v;
            case 0x18 -> globalStatus &= ~v;
            case 0x20 -> globalEnable = globalEnable & ~mask | v;
            case 0x28 -> globalControl = globalControl & ~mask | v;
            default -> {
            }
        }
    }

    private final class Registers implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            update();
            long timer = timerValue();
            long v = 0;
            for (int i = 0; i < size; i++) {
                int at = (int) offset + i;
                long b = at >= 8 && at < 12 ? timer >>> 8 * (at - 8) & 0xff : register(at);
                v |= b << 8 * i;
            }
            return v;
        }

        @Override
        public void write(long offset, int size, long value) {
            update();
            for (int i = 0; i < size;) {
                int at = (int) offset + i;
                int shift = 8 * (at & 1);
                int n = Math.min(size - i, 2 - (at & 1));
                int mask = (n == 2 ? 0xffff : 0xff) << shift;
                setRegister(at & ~1, (int) (value >>> 8 * i) << shift & mask, mask);
                i += n;
            }
            update();
        }
    }

    /** GPE0 at the place that QEMU's tables give: two bytes of status, two of enable. */
    private final class Gpe implements PortHandler.Bytes {
        @Override
        public int in8(int port) {
            return register(0x0c + port - QEMU_GPE);
        }

        @Override
        public void out8(int port, int value) {
            int at = 0x0c + port - QEMU_GPE;
            setRegister(at & ~1, value << 8 * (at & 1), 0xff << 8 * (at & 1));
            update();
        }
    }

    private final class Apm implements PortHandler.Bytes {
        @Override
        public int in8(int port) {
            return port == APM_CONTROL ? apmCommand : apmStatus;
        }

        @Override
        public void out8(int port, int value) {
            if (port != APM_CONTROL) {
                apmStatus = value;
                return;
            }
            apmCommand = value;
            if (value == ACPI_ENABLE) {
                control |= SCI_ENABLE;
            } else if (value == ACPI_DISABLE) {
                control &= ~SCI_ENABLE;
            } else {
                board.unimplemented().accept("pm:smi");
            }
            update();
        }
    }

    // ---- configuration ----

    private void move() {
        long now = (config8(PM_REGS) & 1) != 0 ? config32(PM_BASE) & 0xffc0 : -1;
        if (now == base) {
            return;
        }
        if (ports != null) {
            ports.unmap();
            ports = null;
        }
        base = now;
        if (now > 0) {
            Registers r = new Registers();
            ports = board.ports().map((int) now, PM_BYTES, new PortHandler() {
                @Override
                public long in(int port, int size) {
                    return r.read(port - now, size);
                }

                @Override
                public void out(int port, int size, long value) {
                    r.write(port - now, size, value);
                }
            });
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        move();
    }

    @Override
    public void reset() {
        super.reset();
        move();
        status = 0;
        enable = 0;
        control = 0;
        gpeStatus = 0;
        gpeEnable = 0;
        globalStatus = 0;
        globalEnable = 0;
        globalControl = 0;
        apmCommand = 0;
        apmStatus = 0;
        seenOverflows = timer() / TIMER_TOP;
        overflow.cancel();
        sci.set(false);
    }
}
