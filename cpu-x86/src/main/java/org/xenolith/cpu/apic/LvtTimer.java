package org.xenolith.cpu.apic;

import org.xenolith.cpu.Cpu;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * The local APIC's timer in one-shot, periodic and TSC-deadline mode (SDM vol. 3, 11.5.4), counting at the crystal clock of CPUID.15h,
 * 25 MHz: a tick is 40 ns before the divider.
 */
final class LvtTimer {
    static final int ONE_SHOT = 0;
    static final int PERIODIC = 1;
    static final int TSC_DEADLINE = 2;
    private static final long TICK_NS = 40;

    private final Cpu cpu;
    private final VirtualClock clock;
    private final Timers.Timer alarm;
    private final Runnable fire;

    private int mode;
    private int divide;
    private int initial;
    /** Virtual time at which the running count started, in nanoseconds. */
    private long started;
    /** Deadline in TSC ticks, 0 when there is none. */
    private long deadline;

    LvtTimer(Cpu cpu, VirtualClock clock, Timers timers, Runnable fire) {
        this.cpu = cpu;
        this.clock = clock;
        this.fire = fire;
        this.alarm = timers.timer(this::expired);
    }

    void reset() {
        alarm.cancel();
        mode = ONE_SHOT;
        divide = 0;
        initial = 0;
        deadline = 0;
    }

    /** Nanoseconds of one count. */
    private long period() {
        int code = divide & 3 | divide >>> 1 & 4;
        return TICK_NS << (code == 7 ? 0 : code + 1);
    }

    private long count() {
        return initial & 0xffff_ffffL;
    }

    private void expired() {
        if (mode == PERIODIC) {
            started = started + count() * period();
            alarm.arm(started + count() * period());
        } else if (mode == TSC_DEADLINE) {
            deadline = 0;
        }
        fire.run();
    }

    /** A change to or from TSC-deadline mode disarms the timer. */
    void setMode(int to) {
        if (to == mode) {
            return;
        }
        boolean disarm = to == TSC_DEADLINE || mode == TSC_DEADLINE;
        mode = to;
        if (disarm) {
            alarm.cancel();
            deadline = 0;
            initial = 0;
        }
    }

    int initial() {
        return initial;
    }

    void setInitial(int v) {
        if (mode == TSC_DEADLINE) {
            return;
        }
        initial = v;
        started = clock.now();
        if (v == 0) {
            alarm.cancel();
        } else {
            alarm.arm(started + count() * period());
        }
    }

    int current() {
        if (mode == TSC_DEADLINE || initial == 0 || alarm.deadline() == Timers.NEVER) {
            return 0;
        }
        long left = alarm.deadline() - clock.now();
        return left <= 0 ? 0 : (int) ((left + period() - 1) / period());
    }

    int divide() {
        return divide;
    }

    /** The count goes on from where it is at the new rate. */
    void setDivide(int v) {
        long left = current() & 0xffff_ffffL;
        boolean running = mode != TSC_DEADLINE && alarm.deadline() != Timers.NEVER;
        divide = v & 0xb;
        if (running) {
            long now = clock.now();
            started = now - (count() - left) * period();
            alarm.arm(now + left * period());
        }
    }

    long deadline() {
        return mode == TSC_DEADLINE ? deadline : 0;
    }

    /** In other modes the write is ignored. */
    void setDeadline(long tsc) {
        if (mode != TSC_DEADLINE) {
            return;
        }
        deadline = tsc;
        armDeadline();
    }

    void tscChanged() {
        if (mode == TSC_DEADLINE && deadline != 0) {
            armDeadline();
        }
    }

    private void armDeadline() {
        alarm.cancel();
        if (deadline == 0) {
            return;
        }
        long now = clock.now();
        long left = deadline - cpu.tsc();
        if (Long.compareUnsigned(deadline, cpu.tsc()) <= 0) {
            deadline = 0;
            fire.run();
            return;
        }
        long at = left < 0 ? Timers.NEVER : cpu.model().nanoseconds(cpu.model().ticks(now) + left);
        if (at < 0) {
            at = Timers.NEVER;
        }
        alarm.arm(at);
    }
}
