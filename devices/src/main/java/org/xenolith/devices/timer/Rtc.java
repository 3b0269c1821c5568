package org.xenolith.devices.timer;

import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * MC146818 real-time clock with CMOS memory at ports 70h to 73h (Motorola MC146818 data sheet; 82371SB, 2.5.7; the second bank of 128 bytes at
 * 72h and 73h). Interrupts are IRQ 8. The century is at 32h, and at 37h as on PS/2. Daylight saving and the square-wave output are not built.
 */
public final class Rtc implements Device, PortHandler.Bytes {
    private static final int FIRST = 0x70;
    private static final int A = 0x0a;
    private static final int B = 0x0b;
    private static final int C = 0x0c;
    private static final int D = 0x0d;
    private static final int CENTURY = 0x32;
    private static final int CENTURY_PS2 = 0x37;

    private static final int A_UIP = 0x80;
    private static final int B_SET = 0x80;
    private static final int B_PIE = 0x40;
    private static final int B_AIE = 0x20;
    private static final int B_UIE = 0x10;
    private static final int B_24 = 2;
    private static final int C_IRQF = 0x80;
    private static final int C_PF = 0x40;
    private static final int C_AF = 0x20;
    private static final int C_UF = 0x10;
    private static final int D_VALID = 0x80;

    private static final long SECOND = 1_000_000_000L;
    /** Update in progress begins so long before an update ends: 244 us and the update's 1984 us. */
    private static final long UIP_NS = 2_228_000;

    private final VirtualClock clock;
    private final IrqLine irq;
    private final Timers.Timer timer;
    private final byte[] cmos = new byte[256];
    private int index;
    private int bankIndex;

    /** Calendar seconds, as of {@link #baseNs}; both stand still while {@link #frozen}. */
    private long baseSeconds;
    private long baseNs;
    private boolean frozen;
    /** Updates (since {@link #baseNs}) and periodic ticks that flags have been set for. */
    private long seenUpdates;
    private long seenPeriods;
    private int flags;

    /** @param epochSeconds what the clock shows at power-on, in seconds since 1970-01-01 */
    public Rtc(Board board, IrqLine irq8, long epochSeconds) {
        clock = board.clock();
        irq = irq8;
        timer = board.timers().timer(this::expired);
        baseSeconds = epochSeconds;
        cmos[A] = 0x26;
        cmos[B] = B_24;
        board.ports().map(FIRST, 4, this);
        reset();
    }

    /** RESET# clears interrupt enables and flags; time and memory stay. */
    @Override
    public void reset() {
        cmos[B] &= (byte) ~(B_PIE | B_AIE | B_UIE | 8);
        sync();
        flags = 0;
        irq.set(false);
        timer.cancel();
    }

    /** Writes CMOS memory for firmware to find: sizes, boot order; not for clock registers. */
    public void setNvram(int at, int value) {
        cmos[at & 0xff] = (byte) value;
    }

    private int b() {
        return cmos[B] & 0xff;
    }

    // ---- time ----

    private long updates() {
        return frozen ? 0 : Math.max(0, clock.now() - baseNs) / SECOND;
    }

    private long seconds() {
        return baseSeconds + updates();
    }

    private boolean updateInProgress() {
        return !frozen && SECOND - Math.floorMod(clock.now() - baseNs, SECOND) <= UIP_NS;
    }

    private boolean periodic() {
        return (cmos[A] & 15) != 0;
    }

    /** Period of the periodic interrupt in ticks of 32768 Hz. */
    private long period() {
        int rate = cmos[A] & 15;
        return 1L << (rate < 3 ? rate + 6 : rate - 1);
    }

    private long periods() {
        return periodic() ? Frequency.RTC.ticks(clock.now()) / period() : 0;
    }

    /** Sets the flags of everything that happened up to now. */
    private void sync() {
        long periods = periods();
        if (periods != seenPeriods) {
            seenPeriods = periods;
            flags |= C_PF;
        }
        long updates = updates();
        if (updates > seenUpdates) {
            if (RtcCalendar.nextAlarm(baseSeconds + seenUpdates, alarm(5), alarm(3), alarm(1)) <= baseSeconds
                    + updates) {
                flags |= C_AF;
            }
            seenUpdates = updates;
            flags |= C_UF;
        }
    }

    /** An alarm register as a number, or -1 for any. */
    private int alarm(int at) {
        int v = cmos[at] & 0xff;
        if (v >= 0xc0) {
            return -1;
        }
        return at == 5 ? RtcCalendar.hour(v, b()) : RtcCalendar.number(v, b());
    }

    private void expired() {
        sync();
        update();
    }

    /** Drives IRQ 8 and sets the timer for what comes next. */
    private void update() {
        // interrupt flags and their enables have the same places
        boolean on = (flags & b() & (C_PF | C_AF | C_UF)) != 0;
        irq.set(on);
        if (on) {
            // nothing changes before register C is read
            timer.cancel();
            return;
        }
        long at = Timers.NEVER;
        if ((b() & B_PIE) != 0 && periodic()) {
            at = Frequency.RTC.nanos((periods() + 1) * period());
        }
        if (!frozen) {
            if ((b() & B_UIE) != 0) {
                at = Math.min(at, baseNs + (updates() + 1) * SECOND);
            }
            if ((b() & B_AIE) != 0) {
                long alarm = RtcCalendar.nextAlarm(seconds(), alarm(5), alarm(3), alarm(1));
                if (alarm != Long.MAX_VALUE) {
                    at = Math.min(at, baseNs + (alarm - baseSeconds) * SECOND);
                }
            }
        }
        timer.arm(at);
    }

    // ---- registers ----

    @Override
    public int in8(int port) {
        return switch (port - FIRST) {
            case 1 -> read(index);
            case 3 -> cmos[0x80 | bankIndex] & 0xff;
            default -> 0xff;
        };
    }

    @Override
    public void out8(int port, int value) {
        switch (port - FIRST) {
            case 0 -> index = value & 0x7f;
            case 1 -> write(index, value);
            case 2 -> bankIndex = value & 0x7f;
            default -> cmos[0x80 | bankIndex] = (byte) value;
        }
    }

    private static boolean shows(int at) {
        return at < A && (at >= 6 || (at & 1) == 0) || at == CENTURY || at == CENTURY_PS2;
    }

    private int read(int at) {
        if (shows(at)) {
            return frozen ? cmos[at == CENTURY_PS2 ? CENTURY : at] & 0xff : RtcCalendar.register(at, seconds(), b());
        }
        return switch (at) {
            case A -> cmos[A] & 0x7f | (updateInProgress() ? A_UIP : 0);
            case C -> {
                sync();
                int v = flags | ((flags & b() & (C_PF | C_AF | C_UF)) != 0 ? C_IRQF : 0);
                flags = 0;
                update();
                yield v;
            }
            case D -> D_VALID;
            default -> cmos[at] & 0xff;
        };
    }

    private void write(int at, int value) {
        sync();
        if (shows(at)) {
            if (frozen) {
                cmos[at == CENTURY_PS2 ? CENTURY : at] = (byte) value;
            } else {
                storeTime();
                cmos[at == CENTURY_PS2 ? CENTURY : at] = (byte) value;
                takeTime(Math.floorMod(clock.now() - baseNs, SECOND));
            }
        } else if (at == A || at == B) {
            boolean wasReset = (cmos[A] & 0x60) == 0x60;
            if (at == B && (value & B_SET) != 0) {
                value &= ~B_UIE;
            }
            boolean stop = at == A ? (value & 0x60) == 0x60 || (b() & B_SET) != 0 : wasReset || (value & B_SET) != 0;
            if (stop && !frozen) {
                storeTime();
                baseNs = Math.floorMod(clock.now() - baseNs, SECOND);
                frozen = true;
            }
            cmos[at] = (byte) (at == A ? value & 0x7f : value);
            seenPeriods = periods();
            if (!stop && frozen) {
                frozen = false;
                // the first update comes half a second after the divider starts
                takeTime(wasReset ? SECOND / 2 : baseNs);
            }
        } else if (at != C && at != D) {
            cmos[at] = (byte) value;
        }
        update();
    }

    /** Puts the time into the registers, which then can be written one by one. */
    private void storeTime() {
        long t = seconds();
        for (int at = 0; at < A; at++) {
            if (shows(at)) {
                cmos[at] = (byte) RtcCalendar.register(at, t, b());
            }
        }
        cmos[CENTURY] = (byte) RtcCalendar.register(CENTURY, t, b());
        seenUpdates = 0;
        baseSeconds = t;
    }

    /** Starts the clock with what the registers say, so many nanoseconds into a second. */
    private void takeTime(long phase) {
        baseSeconds = RtcCalendar.seconds(cmos, b());
        baseNs = clock.now() - phase;
        seenUpdates = 0;
    }
}
