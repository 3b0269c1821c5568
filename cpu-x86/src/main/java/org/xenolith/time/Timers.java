package org.xenolith.time;

import java.util.Comparator;
import java.util.TreeSet;

/**
 * The timers of one machine, ordered by deadline and then by creation, so that expiry order never depends on the host.
 *
 * <p>Times are virtual nanoseconds since power-on.
 */
public final class Timers {
    /** A deadline that never comes. */
    public static final long NEVER = Long.MAX_VALUE;

    private final TreeSet<Timer> armed = new TreeSet<>(
            Comparator.comparingLong((Timer t) -> t.deadline).thenComparingLong(t -> t.sequence));
    private long created;
    private Runnable onChange = () -> {};

    /** A one-shot timer; its action may arm it again. */
    public final class Timer {
        private final long sequence;
        private final Runnable action;
        private long deadline = NEVER;

        private Timer(long sequence, Runnable action) {
            this.sequence = sequence;
            this.action = action;
        }

        /** Fires at the given time, at once if it is past; replaces an earlier deadline; {@link #NEVER} cancels. */
        public void arm(long at) {
            cancel();
            if (at != NEVER) {
                deadline = at;
                armed.add(this);
                onChange.run();
            }
        }

        public void cancel() {
            if (deadline != NEVER) {
                armed.remove(this);
                deadline = NEVER;
            }
        }

        /** The deadline, or {@link #NEVER} when not armed. */
        public long deadline() {
            return deadline;
        }
    }

    public Timer timer(Runnable action) {
        return new Timer(created++, action);
    }

    /** Called whenever a timer is armed, so that a running CPU can shorten its budget. */
    public void setOnChange(Runnable listener) {
        onChange = listener;
    }

    public long next() {
        return armed.isEmpty() ? NEVER : armed.first().deadline;
    }

    /** Runs the actions of all timers due at {@code now}, in order. */
    public void expire(long now) {
        while (!armed.isEmpty() && armed.first().deadline <= now) {
            Timer t = armed.pollFirst();
            t.deadline = NEVER;
            t.action.run();
        }
    }
}
