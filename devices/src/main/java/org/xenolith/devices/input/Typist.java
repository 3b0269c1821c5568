package org.xenolith.devices.input;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * Types keys one after the other at virtual times, no faster than a keyboard can tell of them: what is pasted into a terminal arrives whole.
 */
public final class Typist {
    /** How long keys are down, and how long then none is. */
    private static final long STEP_NS = 8_000_000;
    /** Strokes that wait; more are lost. */
    private static final int LIMIT = 1 << 16;

    private final Deque<List<Key>> strokes = new ArrayDeque<>();
    private final Timers.Timer timer;
    private final VirtualClock clock;
    private final KeySink keyboard;
    private List<Key> down = List.of();

    public Typist(Timers timers, VirtualClock clock, KeySink keyboard) {
        this.timer = timers.timer(this::step);
        this.clock = clock;
        this.keyboard = keyboard;
    }

    /** Types keys that are held together, modifiers first; false when too much waits already. */
    public boolean type(List<Key> keys) {
        if (strokes.size() >= LIMIT) {
            return false;
        }
        strokes.add(keys);
        if (timer.deadline() == Timers.NEVER) {
            timer.arm(clock.now());
        }
        return true;
    }

    /** Strokes that wait. */
    public int waiting() {
        return strokes.size();
    }

    private void step() {
        if (down.isEmpty()) {
            down = strokes.remove();
            down.forEach(keyboard::press);
            timer.arm(clock.now() + STEP_NS);
        } else {
            down.reversed().forEach(keyboard::release);
            down = List.of();
            if (!strokes.isEmpty()) {
                timer.arm(clock.now() + STEP_NS);
            }
        }
    }
}
