package org.xenolith.devices.input;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenolith.time.Timers;

/**
 * Keys that are typed by themselves, at virtual times that follow from the text: a second after power-on, then a key each 60 ms.
 *
 * <p>The text is what is typed on a US keyboard. {@code \n}, {@code \t}, {@code \\} and {@code \<} stand for Enter, Tab, backslash and less-than;
 * {@code <enter>}, {@code <f2>}, {@code <esc>}, {@code <ctrl-alt-del>} for keys, held together; {@code <wait:2s>} and {@code <wait:500ms>} wait.
 */
public final class TypedKeys {
    private static final long NS_PER_MS = 1_000_000;
    private static final long START_NS = 1_000 * NS_PER_MS;
    /** How long a key is down, and how long then none is. */
    private static final long HOLD_NS = 30 * NS_PER_MS;
    private static final Pattern WAIT = Pattern.compile("wait:([0-9]{1,9})(ms|s|m)");
    private static final int MAX_TEXT = 65_536;

    private final List<Step> steps;

    /** After {@code delayNs}, keys go down or up; none for a mere wait. */
    private record Step(long delayNs, List<Key> keys, boolean down) {
    }

    private TypedKeys(List<Step> steps) {
        this.steps = steps;
    }

    /**
     * Reads a text.
     *
     * @throws IllegalArgumentException when it cannot be typed; the message says what and where
     */
    public static TypedKeys of(String text) {
        if (text.length() > MAX_TEXT) {
            throw new IllegalArgumentException("more than " + MAX_TEXT + " characters");
        }
        List<Step> steps = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '<') {
                int end = text.indexOf('>', at);
                if (end < 0) {
                    throw new IllegalArgumentException("'<' at " + at + " has no '>'; write \\< for the character");
                }
                bracket(text.substring(at + 1, end), steps);
                at = end + 1;
            } else if (c == '\\') {
                char escaped = at + 1 < text.length() ? text.charAt(at + 1) : 0;
                character(switch (escaped) {
                    case 'n' -> '\n';
                    case 't' -> '\t';
                    case '\\', '<' -> escaped;
                    default -> throw new IllegalArgumentException(
                            "'\\' at " + at + " is followed by none of n, t, \\ and <");
                }, at, steps);
                at += 2;
            } else {
                character(c, at, steps);
                at++;
            }
        }
        return new TypedKeys(steps);
    }

    private static void character(char c, int at, List<Step> steps) {
        Keys.Stroke s = Keys.ofCharacter(c).orElseThrow(
                () -> new IllegalArgumentException("'" + c + "' at " + at + " is not on a US keyboard"));
        stroke(s.shift() ? List.of(Key.SHIFT_LEFT, s.key()) : List.of(s.key()), steps);
    }

    private static void bracket(String what, List<Step> steps) {
        Matcher m = WAIT.matcher(what);
        if (m.matches()) {
            long unit = switch (m.group(2)) {
                case "ms" -> 1;
                case "s" -> 1000;
                default -> 60_000;
            };
            steps.add(new Step(Long.parseLong(m.group(1)) * unit * NS_PER_MS, List.of(), true));
            return;
        }
        List<Key> keys = new ArrayList<>();
        for (String name : what.split("-", -1)) {
            Optional<Key> key = Keys.ofName(name);
            keys.add(key.orElseThrow(() -> new IllegalArgumentException("<" + what + ">: '" + name
                    + "' is no key; enter, esc, tab, f1 to f12, up, ctrl, alt, shift, del and others are, or wait:2s")));
        }
        stroke(keys, steps);
    }

    private static void stroke(List<Key> keys, List<Step> steps) {
        steps.add(new Step(HOLD_NS, keys, true));
        steps.add(new Step(HOLD_NS, keys.reversed(), false));
    }

    /** Starts to type. */
    public void start(Timers timers, KeySink keyboard) {
        new Feeder(timers, keyboard, steps).next(START_NS);
    }

    /** One pass through the steps. */
    private static final class Feeder {
        private final Timers.Timer timer;
        private final KeySink keyboard;
        private final List<Step> steps;
        private int at;
        private long due;

        private Feeder(Timers timers, KeySink keyboard, List<Step> steps) {
            timer = timers.timer(this::step);
            this.keyboard = keyboard;
            this.steps = steps;
        }

        private void next(long from) {
            if (at < steps.size()) {
                due = from + steps.get(at).delayNs();
                timer.arm(due);
            }
        }

        private void step() {
            Step s = steps.get(at++);
            for (Key k : s.keys()) {
                if (s.down()) {
                    keyboard.press(k);
                } else {
                    keyboard.release(k);
                }
            }
            next(due);
        }
    }
}
