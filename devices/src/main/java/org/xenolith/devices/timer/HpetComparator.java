package org.xenolith.devices.timer;

import org.xenolith.bus.IrqLine;
import org.xenolith.time.Timers;

/** One comparator of an {@link Hpet} (IA-PC HPET specification 1.0a, 2.3.8). */
final class HpetComparator {
    private static final int LEVEL = 1 << 1;
    private static final int INTERRUPT = 1 << 2;
    private static final int PERIODIC = 1 << 3;
    private static final int SET_VALUE = 1 << 6;
    private static final int BITS_32 = 1 << 8;
    private static final int WRITABLE = LEVEL | INTERRUPT | PERIODIC | SET_VALUE | BITS_32 | 0x3e00;
    /** Periodic, 64 bits, and the routes. */
    private static final long CAPABILITIES = (long) Hpet.ROUTES << 32 | 1 << 4 | 1 << 5;
    /** Interrupts of one comparator come no faster than this many nanoseconds: a bound on what a guest can ask of the host. */
    private static final long SHORTEST_NS = 10_000;

    private final Hpet hpet;
    private final int n;
    private final Timers.Timer timer;
    private int config;
    private long comparator;
    private long period;
    private IrqLine driven = IrqLine.NONE;

    HpetComparator(Hpet hpet, int n, Timers timers) {
        this.hpet = hpet;
        this.n = n;
        this.timer = timers.timer(this::expired);
        this.comparator = -1;
    }

    void reset() {
        timer.cancel();
        release();
        config = 0;
        comparator = -1;
        period = 0;
    }

    private long mask() {
        return (config & BITS_32) != 0 ? 0xffff_ffffL : -1L;
    }

    private boolean periodic() {
        return (config & PERIODIC) != 0 && (period & mask()) != 0;
    }

    /** Moves the comparator of a periodic timer past the counter. */
    void settle() {
        if (!hpet.running() || !periodic()) {
            return;
        }
        // while the comparator is ahead, the distance is at most the period, or what software set it to at first
        long behind = hpet.counter() - comparator & mask();
        long p = period & mask();
        if (timer.deadline() == Timers.NEVER && Long.compareUnsigned(behind, mask() >>> 1) < 0) {
            comparator += (Long.divideUnsigned(behind, p) + 1) * p;
            comparator &= mask();
        }
    }

    void arm() {
        if (!hpet.running() || (config & INTERRUPT) == 0) {
            timer.cancel();
            return;
        }
        long at = hpet.timeIn(comparator - hpet.counter() & mask());
        timer.arm(at == Long.MAX_VALUE ? Timers.NEVER : at);
    }

    private void expired() {
        if ((config & LEVEL) != 0) {
            hpet.setStatus(n);
            update();
        } else {
            hpet.line(n, route()).pulse();
        }
        if (periodic()) {
            settle();
            long wait = comparator - hpet.counter() & mask();
            if (Long.compareUnsigned(wait, SHORTEST_NS / Hpet.TICK_NS) < 0) {
                timer.arm(hpet.timeIn(SHORTEST_NS / Hpet.TICK_NS));
            } else {
                arm();
            }
        } else {
            // the same value comes again when the counter has gone round
            long round = (config & BITS_32) != 0 ? 1L << 32 : -1;
            long at = hpet.timeIn(round);
            timer.arm(at == Long.MAX_VALUE ? Timers.NEVER : at);
        }
    }

    private int route() {
        return config >>> 9 & 0x1f;
    }

    /** Drives the line of a level-triggered interrupt as status and enable say. */
    void update() {
        if ((config & LEVEL) == 0) {
            return;
        }
        driven = hpet.line(n, route());
        driven.set(hpet.statusOf(n) && (config & INTERRUPT) != 0);
    }

    void release() {
        driven.set(false);
        driven = IrqLine.NONE;
    }

    long read(int at) {
        return switch (at) {
            case 0 -> CAPABILITIES | config & ~SET_VALUE;
            case 8 -> {
                if ((config & INTERRUPT) == 0) {
                    settle();
                }
                yield comparator & mask();
            }
            default -> 0;
        };
    }

    void write(int at, long value, long mask) {
        if (at == 0) {
            settle();
            release();
            config = (int) (config & ~mask | value & mask) & WRITABLE;
            comparator &= mask();
            update();
            arm();
        } else if (at == 8) {
            settle();
            if ((config & PERIODIC) == 0 || (config & SET_VALUE) != 0) {
                comparator = (comparator & ~mask | value & mask) & mask();
            }
            if ((config & PERIODIC) != 0) {
                period = period & ~mask | value & mask;
            }
            config &= ~SET_VALUE;
            arm();
        }
    }
}
