package org.xenolith.devices.nic;

import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** Puts an interrupt off: each event starts a packet timer anew, and the first one an absolute timer that bounds the wait. */
final class Mitigation {
    /** Unit of the delay registers: 1.024 microseconds. */
    static final long UNIT_NS = 1024;

    private final VirtualClock clock;
    private final Timers.Timer timer;
    private final Runnable raise;
    private long bound = Timers.NEVER;

    Mitigation(VirtualClock clock, Timers timers, Runnable raise) {
        this.clock = clock;
        this.raise = raise;
        timer = timers.timer(this::fire);
    }

    /**
     * Something happened.
     *
     * @param delay of the packet timer in units; 0 raises the interrupt at once
     * @param most of the absolute timer in units; 0 for no bound
     */
    void event(int delay, int most) {
        if (delay == 0) {
            fire();
            return;
        }
        long now = clock.now();
        if (most != 0 && bound == Timers.NEVER) {
            bound = now + most * UNIT_NS;
        }
        timer.arm(Math.min(now + delay * UNIT_NS, bound));
    }

    void fire() {
        cancel();
        raise.run();
    }

    void cancel() {
        timer.cancel();
        bound = Timers.NEVER;
    }
}
