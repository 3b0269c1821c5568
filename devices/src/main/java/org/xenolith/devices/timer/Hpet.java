package org.xenolith.devices.timer;

import java.util.List;
import java.util.function.Consumer;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.time.VirtualClock;

/**
 * High Precision Event Timer with three comparators (IA-PC HPET specification 1.0a): 100 MHz, 64 bits, each comparator one-shot or periodic,
 * legacy replacement of IRQ 0 and IRQ 8. Interrupts by FSB messages are not offered.
 */
public final class Hpet implements Device, MmioHandler {
    /** Where a PC has it, a gpa. */
    public static final long ADDRESS = 0xfed0_0000L;
    /** I/O APIC inputs that comparators may drive: 16 to 23. */
    public static final int ROUTES = 0x00ff_0000;
    /** Nanoseconds of a tick. */
    static final long TICK_NS = 10;
    static final int COMPARATORS = 3;

    private static final int BYTES = 0x400;
    private static final long CAPABILITIES = TICK_NS * 1_000_000L << 32 | 0x8086L << 16 | 1 << 15 | 1 << 13
            | COMPARATORS - 1 << 8 | 1;
    private static final int CONFIG = 0x10;
    private static final int STATUS = 0x20;
    private static final int COUNTER = 0xf0;
    private static final int TIMERS = 0x100;
    private static final int ENABLE = 1;
    private static final int LEGACY = 2;

    private final VirtualClock clock;
    private final Consumer<String> unimplemented;
    private final HpetComparator[] comparators = new HpetComparator[COMPARATORS];
    private final List<IrqLine> legacyLines;
    private final boolean[] legacyInput = new boolean[2];
    private final IrqLine[] routes;
    private int config;
    private int status;
    /** Counter while it stands still; what is added to time's ticks while it runs. */
    private long offset;

    /**
     * @param irq0 ISA IRQ 0, which the 82C54 drives through {@link #legacyInput} 0
     * @param irq8 ISA IRQ 8, which the clock drives through {@link #legacyInput} 1
     * @param routes lines by I/O APIC input, null where a comparator may not be routed to
     */
    public Hpet(Board board, IrqLine irq0, IrqLine irq8, IrqLine[] routes) {
        clock = board.clock();
        unimplemented = board.unimplemented();
        legacyLines = List.of(irq0, irq8);
        this.routes = routes.clone();
        for (int n = 0; n < COMPARATORS; n++) {
            comparators[n] = new HpetComparator(this, n, board.timers());
        }
        board.mmio().map(ADDRESS, BYTES, this);
    }

    /** The line through which the 82C54 (0) or the real-time clock (1) drives its IRQ while legacy replacement is off. */
    public IrqLine legacyInput(int n) {
        return level -> {
            legacyInput[n] = level;
            if (!legacy()) {
                legacyLines.get(n).set(level);
            }
        };
    }

    private boolean legacy() {
        return (config & LEGACY) != 0;
    }

    boolean running() {
        return (config & ENABLE) != 0;
    }

    long counter() {
        return running() ? ticks() + offset : offset;
    }

    private long ticks() {
        return clock.now() / TICK_NS;
    }

    /** The first nanosecond at which the running counter is {@code distance} ticks from now; at most the largest time. */
    long timeIn(long distance) {
        long ticks = ticks();
        return distance < 0 || distance > Long.MAX_VALUE / TICK_NS - ticks
                ? Long.MAX_VALUE
                : (ticks + distance)
                        * TICK_NS;
    }

    /** Where a comparator's interrupt goes. */
    IrqLine line(int n, int route) {
        if (legacy() && n < 2) {
            return legacyLines.get(n);
        }
        IrqLine line = route < routes.length ? routes[route] : null;
        return line == null ? IrqLine.NONE : line;
    }

    boolean statusOf(int n) {
        return (status >>> n & 1) != 0;
    }

    void setStatus(int n) {
        status |= 1 << n;
    }

    @Override
    public long read(long offset, int size) {
        int at = (int) offset & ~7;
        long v = register(at);
        return size == 8 ? v : v >>> 8 * (offset & 7);
    }

    private long register(int at) {
        if (at >= TIMERS) {
            int n = at - TIMERS >>> 5;
            return n < COMPARATORS ? comparators[n].read(at & 0x1f) : 0;
        }
        return switch (at) {
            case 0 -> CAPABILITIES;
            case CONFIG -> config;
            case STATUS -> status;
            case COUNTER -> counter();
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        if (size < 4 || (offset & size - 1) != 0) {
            unimplemented.accept("hpet:write" + 8 * size);
            return;
        }
        int at = (int) offset & ~7;
        int shift = 8 * ((int) offset & 7);
        long mask = size == 8 ? -1L : 0xffff_ffffL << shift;
        long v = value << shift;
        if (at >= TIMERS) {
            int n = at - TIMERS >>> 5;
            if (n < COMPARATORS) {
                comparators[n].write(at & 0x1f, v, mask);
            }
            return;
        }
        switch (at) {
            case CONFIG -> setConfig((int) (config & ~mask | v & mask) & (ENABLE | LEGACY));
            case STATUS -> {
                status &= (int) ~(v & mask);
                for (HpetComparator c : comparators) {
                    c.update();
                }
            }
            case COUNTER -> {
                long merged = counter() & ~mask | v & mask;
                for (HpetComparator c : comparators) {
                    c.settle();
                }
                this.offset = running() ? merged - ticks() : merged;
                for (HpetComparator c : comparators) {
                    c.arm();
                }
            }
            default -> {
            }
        }
    }

    private void setConfig(int to) {
        boolean was = running();
        long counter = counter();
        for (HpetComparator c : comparators) {
            c.settle();
            c.release();
        }
        config = to;
        if (was != running()) {
            offset = running() ? counter - ticks() : counter;
        }
        for (int n = 0; n < 2; n++) {
            legacyLines.get(n).set(!legacy() && legacyInput[n]);
        }
        for (HpetComparator c : comparators) {
            c.update();
            c.arm();
        }
    }

    @Override
    public void reset() {
        for (HpetComparator c : comparators) {
            c.reset();
        }
        config = 0;
        status = 0;
        offset = 0;
        for (int n = 0; n < 2; n++) {
            legacyLines.get(n).set(legacyInput[n]);
        }
    }
}
