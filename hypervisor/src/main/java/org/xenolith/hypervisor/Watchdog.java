package org.xenolith.hypervisor;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.time.Timers;

/** The watchdog timers that a guest may set on itself (public/sched.h, SCHEDOP_watchdog). */
public final class Watchdog {
    private static final int COUNT = 2;
    private static final long SECOND = 1_000_000_000L;

    private final Host host;
    private final Timers.Timer[] timers = new Timers.Timer[COUNT];
    private final boolean[] used = new boolean[COUNT];

    Watchdog(Host host, Runnable expired) {
        this.host = host;
        for (int i = 0; i < COUNT; i++) {
            timers[i] = host.timers().timer(expired);
        }
    }

    /**
     * Starts, restarts or ends a watchdog.
     *
     * @param id 0 for a new one, else one that this gave
     * @param seconds until the domain is shut down; 0 ends the watchdog
     * @return its id when new, else 0
     */
    public int set(int id, long seconds) {
        if (id < 0 || id > COUNT) {
            throw new ErrnoException(Errno.EINVAL);
        }
        if (id == 0) {
            if (seconds == 0) {
                throw new ErrnoException(Errno.EINVAL);
            }
            for (int i = 0; i < COUNT; i++) {
                if (!used[i]) {
                    start(i, seconds);
                    return i + 1;
                }
            }
            throw new ErrnoException(Errno.ENOSPC);
        }
        if (!used[id - 1]) {
            throw new ErrnoException(Errno.EINVAL);
        }
        if (seconds == 0) {
            used[id - 1] = false;
            timers[id - 1].cancel();
        } else {
            start(id - 1, seconds);
        }
        return 0;
    }

    private void start(int i, long seconds) {
        used[i] = true;
        timers[i].arm(host.clock().now() + seconds * SECOND);
    }

    void stop() {
        for (int i = 0; i < COUNT; i++) {
            used[i] = false;
            timers[i].cancel();
        }
    }
}
