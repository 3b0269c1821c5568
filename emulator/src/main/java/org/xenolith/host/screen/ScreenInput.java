package org.xenolith.host.screen;

import java.util.ArrayDeque;
import java.util.Deque;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;
import org.xenolith.devices.input.PointerSink;

/** What people do at a screen, on its way from host threads to the emulation thread; bounded. */
final class ScreenInput {
    private static final int LIMIT = 1024;

    private final Deque<Event> events = new ArrayDeque<>();
    private volatile boolean some;

    private sealed interface Event {
    }

    private record KeyEvent(Key key, boolean down) implements Event {
    }

    private record PointerEvent(int x, int y, int width, int height, int wheel, int buttons) implements Event {
    }

    /** A key goes down or up; false when too much waits already, so that it is lost. */
    synchronized boolean key(Key key, boolean down) {
        return add(new KeyEvent(key, down));
    }

    /** The pointer moved; of movements that differ in the place only, the last counts. */
    synchronized boolean pointer(int x, int y, int width, int height, int wheel, int buttons) {
        if (wheel == 0 && events.peekLast() instanceof PointerEvent last && last.wheel == 0
                && last.buttons == buttons) {
            events.removeLast();
        }
        return add(new PointerEvent(x, y, width, height, wheel, buttons));
    }

    private boolean add(Event e) {
        if (events.size() >= LIMIT) {
            return false;
        }
        events.add(e);
        some = true;
        return true;
    }

    /** Hands over what has come since the last call; true when there was something. On the emulation thread. */
    boolean deliver(KeySink keyboard, PointerSink pointer) {
        if (!some) {
            return false;
        }
        while (true) {
            Event e;
            synchronized (this) {
                e = events.poll();
                if (e == null) {
                    some = false;
                    return true;
                }
            }
            switch (e) {
                case KeyEvent k when k.down -> keyboard.press(k.key);
                case KeyEvent k -> keyboard.release(k.key);
                case PointerEvent p -> pointer.pointer(p.x, p.y, p.width, p.height, p.wheel, p.buttons);
            }
        }
    }
}
