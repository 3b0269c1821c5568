package org.xenolith.devices.net;

import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** Lets things arrive a fixed virtual time after they were sent, in the order in which they were sent. */
public final class DelayLine<T> {
    private record Item<T>(T what, long due) {
    }

    private final VirtualClock clock;
    private final long latencyNs;
    private final int limit;
    private final Consumer<T> arrival;
    private final Timers.Timer timer;
    private final ArrayDeque<Item<T>> items = new ArrayDeque<>();

    /**
     * An empty line.
     *
     * @param latencyNs virtual nanoseconds under way, above 0
     * @param limit most things under way; more are lost
     * @param arrival gets what arrives
     */
    public DelayLine(VirtualClock clock, Timers timers, long latencyNs, int limit, Consumer<T> arrival) {
        this.clock = clock;
        this.latencyNs = latencyNs;
        this.limit = limit;
        this.arrival = arrival;
        this.timer = timers.timer(this::arrive);
    }

    /** Sends; false when the line is full and the thing lost. */
    public boolean send(T what) {
        if (items.size() >= limit) {
            return false;
        }
        long due = clock.now() + latencyNs;
        items.add(new Item<>(what, due));
        if (items.size() == 1) {
            timer.arm(due);
        }
        return true;
    }

    private void arrive() {
        long now = clock.now();
        while (!items.isEmpty() && items.peek().due <= now) {
            arrival.accept(items.poll().what);
        }
        if (!items.isEmpty()) {
            timer.arm(items.peek().due);
        }
    }

    /** Loses what is under way. */
    public void clear() {
        items.clear();
        timer.cancel();
    }
}
