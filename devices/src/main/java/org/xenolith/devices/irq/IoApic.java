package org.xenolith.devices.irq;

import java.util.Arrays;
import java.util.function.Consumer;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.MmioHandler;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.Device;

/**
 * 82093AA I/O APIC (data sheet 290566) with 24 inputs. Inputs are active whatever the polarity bit says: polarity is the board's affair.
 */
public final class IoApic implements Device, MmioHandler {
    /** Where a PC has its first I/O APIC, a gpa. */
    public static final long ADDRESS = 0xfec0_0000L;
    public static final int PINS = 24;

    private static final int BYTES = 0x1000;
    private static final int IOREGSEL = 0;
    private static final int IOWIN = 0x10;
    private static final int ID = 0;
    private static final int VERSION = 1;
    private static final int ARBITRATION = 2;
    private static final int TABLE = 0x10;
    private static final int VERSION_VALUE = PINS - 1 << 16 | 0x11;

    private static final long MASKED = 1 << 16;
    private static final long LEVEL = 1 << 15;
    private static final long REMOTE_IRR = 1 << 14;
    private static final long LOGICAL = 1 << 11;
    private static final long READ_ONLY = REMOTE_IRR | 1 << 12;
    private static final long WRITABLE = 0xff00_0000_0001_afffL;
    private static final int MODE_STARTUP = 6;
    private static final int MODE_EXTINT = 7;

    private final ApicBus bus;
    private final Consumer<String> unimplemented;
    private final long[] entries = new long[PINS];
    private int lines;
    private int select;
    private int id;

    public IoApic(MmioBus mmio, ApicBus bus, Consumer<String> unimplemented) {
        this.bus = bus;
        this.unimplemented = unimplemented;
        bus.setEoiListener(this::endOfInterrupt);
        mmio.map(ADDRESS, BYTES, this);
        reset();
    }

    @Override
    public void reset() {
        Arrays.fill(entries, MASKED);
        lines = 0;
        select = 0;
        id = 0;
    }

    /** Drives an input, 0 to 23. */
    void line(int pin, boolean level) {
        int bit = 1 << pin;
        boolean was = (lines & bit) != 0;
        lines = level ? lines | bit : lines & ~bit;
        if (!level) {
            return;
        }
        long e = entries[pin];
        if ((e & LEVEL) != 0) {
            serviceLevel(pin);
        } else if (!was && (e & MASKED) == 0) {
            send(e, false);
        }
    }

    private void serviceLevel(int pin) {
        long e = entries[pin];
        if ((lines >>> pin & 1) != 0 && (e & (MASKED | LEVEL | REMOTE_IRR)) == LEVEL && send(e, true)) {
            entries[pin] |= REMOTE_IRR;
        }
    }

    private boolean send(long e, boolean level) {
        int mode = (int) (e >>> 8) & 7;
        if (mode == MODE_EXTINT || mode == MODE_STARTUP || mode == 3) {
            unimplemented.accept("ioapic:mode" + mode);
            return false;
        }
        return bus.deliver((int) (e >>> 56), (e & LOGICAL) != 0, false, mode, (int) e & 0xff, level && mode < 2);
    }

    private void endOfInterrupt(int vector) {
        for (int pin = 0; pin < PINS; pin++) {
            if ((entries[pin] & (LEVEL | REMOTE_IRR)) == (LEVEL | REMOTE_IRR) && (entries[pin] & 0xff) == vector) {
                entries[pin] &= ~REMOTE_IRR;
                serviceLevel(pin);
            }
        }
    }

    /** A redirection table entry, 64 bits, as a guest reads it. */
    public long entry(int pin) {
        return entries[pin];
    }

    @Override
    public long read(long offset, int size) {
        if ((offset & 0xff) == IOREGSEL) {
            return select;
        }
        if ((offset & 0xff) != IOWIN) {
            return 0;
        }
        int n = select - TABLE;
        if (n >= 0 && n < 2 * PINS) {
            return entries[n >>> 1] >>> 32 * (n & 1) & 0xffff_ffffL;
        }
        return switch (select) {
            case ID, ARBITRATION -> (long) id << 24;
            case VERSION -> VERSION_VALUE;
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        if ((offset & 0xff) == IOREGSEL) {
            select = (int) value & 0xff;
        } else if ((offset & 0xff) == IOWIN && size >= 4) {
            int n = select - TABLE;
            if (n >= 0 && n < 2 * PINS) {
                writeEntry(n >>> 1, (n & 1) != 0, value & 0xffff_ffffL);
            } else if (select == ID) {
                id = (int) (value >>> 24) & 15;
            }
        }
    }

    private void writeEntry(int pin, boolean high, long value) {
        long old = entries[pin];
        long merged = high ? old & 0xffff_ffffL | value << 32 : old & ~0xffff_ffffL | value;
        long e = merged & WRITABLE | old & READ_ONLY;
        if ((e & LEVEL) == 0) {
            // how software without an EOI register ends a level-triggered interrupt
            e &= ~REMOTE_IRR;
        }
        entries[pin] = e;
        serviceLevel(pin);
    }
}
