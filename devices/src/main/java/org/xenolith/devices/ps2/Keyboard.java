package org.xenolith.devices.ps2;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * A PS/2 keyboard (IBM PS/2 Hardware Interface Technical Reference, Keyboard): scan code sets 1 to 3, typematic keys, LEDs. Grey keys send no
 * shift codes around them, except for Print Screen.
 */
public final class Keyboard implements Ps2Port, KeySink {
    private static final int ACK = 0xfa;
    private static final int RESEND = 0xfe;
    private static final int PASSED = 0xaa;
    private static final int ECHO = 0xee;

    private static final int SET_LEDS = 0xed;
    private static final int SCAN_CODE_SET = 0xf0;
    private static final int READ_ID = 0xf2;
    private static final int TYPEMATIC = 0xf3;
    private static final int ENABLE = 0xf4;
    private static final int DISABLE = 0xf5;
    private static final int DEFAULTS = 0xf6;
    private static final int ALL_TYPEMATIC = 0xf7;
    private static final int ALL_DEFAULT = 0xfa;
    private static final int KEY_TYPEMATIC = 0xfb;
    private static final int KEY_MAKE = 0xfd;
    private static final int RESET = 0xff;

    /** How long the self-test takes. */
    private static final long SELF_TEST_NS = 5_000_000;
    private static final int DEFAULT_RATE = 0x2b;
    /** Step of the typematic period (8 of them are 33.4 ms). */
    private static final long RATE_STEP_NS = 4_170_000;
    private static final long DELAY_STEP_NS = 250_000_000;

    private static final int REPEATS = 1;
    private static final int BREAKS = 2;
    private static final int[] PAUSE = {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77};
    private static final int[] CONTROL_PAUSE = {0xe0, 0x7e, 0xe0, 0xf0, 0x7e};

    private final VirtualClock clock;
    private final ByteQueue queue = new ByteQueue();
    private final Timers.Timer selfTest;
    private final Timers.Timer repeat;
    private final Set<Key> down = EnumSet.noneOf(Key.class);
    /** What keys do in set 3, by code: {@link #REPEATS} and {@link #BREAKS}. */
    private final int[] keyTypes = new int[256];
    private final int[] sequence = new int[16];
    private Runnable listener = () -> {};
    private boolean scanning;
    private int set;
    private int rate;
    private int leds;
    private int command;
    private int lastSent;
    private Key repeating;

    Keyboard(Timers timers, VirtualClock clock) {
        this.clock = clock;
        selfTest = timers.timer(() -> {
            answer(PASSED);
            listener.run();
        });
        repeat = timers.timer(this::repeatKey);
        powerOn();
    }

    /** Power-on: defaults, and no key is down. */
    void powerOn() {
        selfTest.cancel();
        queue.clear();
        down.clear();
        leds = 0;
        command = 0;
        lastSent = 0;
        defaults();
        scanning = true;
    }

    private void defaults() {
        repeat.cancel();
        repeating = null;
        queue.clearEvents();
        set = 2;
        rate = DEFAULT_RATE;
        Arrays.fill(keyTypes, REPEATS | BREAKS);
    }

    @Override
    public void setListener(Runnable l) {
        listener = l;
    }

    /** The lights: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
    public int leds() {
        return leds;
    }

    // ---- keys ----

    @Override
    public void press(Key key) {
        if (!down.add(key) || !scanning) {
            return;
        }
        emit(key, true, true);
        if (key != Key.PAUSE && (set != 3 || (keyTypes[key.set3()] & REPEATS) != 0)) {
            repeating = key;
            repeat.arm(clock.now() + ((rate >> 5 & 3) + 1) * DELAY_STEP_NS);
        }
        listener.run();
    }

    @Override
    public void release(Key key) {
        if (!down.remove(key)) {
            return;
        }
        if (repeating == key) {
            repeating = null;
            repeat.cancel();
        }
        if (scanning) {
            emit(key, false, true);
            listener.run();
        }
    }

    private void repeatKey() {
        if (repeating == null || !scanning) {
            return;
        }
        emit(repeating, true, false);
        repeat.arm(clock.now() + (8 + (rate & 7)) * RATE_STEP_NS << (rate >> 3 & 3));
        listener.run();
    }

    /** Queues the codes of a key, or the sign that they did not fit when they must not get lost unseen. */
    private void emit(Key key, boolean make, boolean important) {
        int n = set == 3 ? third(key, make) : second(key, make);
        if (set == 1) {
            n = first(n);
        }
        if (!queue.hasRoom(n)) {
            if (important) {
                queue.overrun(set == 1 ? 0xff : 0);
            }
            return;
        }
        for (int i = 0; i < n; i++) {
            queue.event(sequence[i]);
        }
    }

    private int third(Key key, boolean make) {
        if (make) {
            sequence[0] = key.set3();
            return 1;
        }
        if ((keyTypes[key.set3()] & BREAKS) == 0) {
            return 0;
        }
        sequence[0] = ScanCodes.BREAK;
        sequence[1] = key.set3();
        return 2;
    }

    private int second(Key key, boolean make) {
        boolean control = down.contains(Key.CONTROL_LEFT) || down.contains(Key.CONTROL_RIGHT);
        boolean shift = down.contains(Key.SHIFT_LEFT) || down.contains(Key.SHIFT_RIGHT);
        boolean alt = down.contains(Key.ALT_LEFT) || down.contains(Key.ALT_RIGHT);
        if (key == Key.PAUSE) {
            int[] codes = control ? CONTROL_PAUSE : PAUSE;
            System.arraycopy(codes, 0, sequence, 0, codes.length);
            return make ? codes.length : 0;
        }
        if (key == Key.PRINT_SCREEN && alt) {
            return code(0, 0x84, make);
        }
        if (key != Key.PRINT_SCREEN || control || shift) {
            return code(0, key.set2(), make);
        }
        int n = code(0, make ? 0xe012 : 0xe07c, make);
        return code(n, make ? 0xe07c : 0xe012, make);
    }

    private int code(int at, int code, boolean make) {
        int n = at;
        if (code > 0xff) {
            sequence[n++] = ScanCodes.EXTENDED;
        }
        if (!make) {
            sequence[n++] = ScanCodes.BREAK;
        }
        sequence[n++] = code & 0xff;
        return n;
    }

    /** Turns a sequence of set 2 into set 1. */
    private int first(int length) {
        int n = 0;
        int released = 0;
        for (int i = 0; i < length; i++) {
            if (sequence[i] == ScanCodes.BREAK) {
                released = 0x80;
            } else {
                sequence[n++] = ScanCodes.translate(sequence[i]) | released;
                released = 0;
            }
        }
        return n;
    }

    // ---- the cable ----

    @Override
    public boolean hasData() {
        return !queue.isEmpty();
    }

    @Override
    public int send() {
        lastSent = queue.take();
        return lastSent;
    }

    private void answer(int value) {
        queue.answer(value);
    }

    @Override
    public void receive(int value) {
        if (command != 0) {
            parameter(value);
        } else {
            command(value);
        }
        listener.run();
    }

    private void command(int value) {
        switch (value) {
            case SET_LEDS, SCAN_CODE_SET, TYPEMATIC, KEY_TYPEMATIC, KEY_TYPEMATIC + 1, KEY_MAKE -> {
                command = value;
                answer(ACK);
            }
            case ECHO -> answer(ECHO);
            case READ_ID -> {
                answer(ACK);
                answer(0xab);
                answer(0x83);
            }
            case ENABLE -> {
                queue.clearEvents();
                scanning = true;
                answer(ACK);
            }
            case DISABLE -> {
                defaults();
                scanning = false;
                answer(ACK);
            }
            case DEFAULTS -> {
                defaults();
                answer(ACK);
            }
            case ALL_TYPEMATIC, ALL_TYPEMATIC + 1, ALL_TYPEMATIC + 2, ALL_DEFAULT -> {
                Arrays.fill(keyTypes, type(value - ALL_TYPEMATIC));
                answer(ACK);
            }
            case RESEND -> answer(lastSent);
            case RESET -> {
                powerOn();
                answer(ACK);
                selfTest.arm(clock.now() + SELF_TEST_NS);
            }
            default -> answer(RESEND);
        }
    }

    /** Typematic, make/break, make only, or both, as commands F7h to FAh and FBh to FDh count them. */
    private static int type(int n) {
        return switch (n) {
            case 0 -> REPEATS;
            case 1 -> BREAKS;
            case 2 -> 0;
            default -> REPEATS | BREAKS;
        };
    }

    private void parameter(int value) {
        int of = command;
        if (of >= KEY_TYPEMATIC && of <= KEY_MAKE && value < 0x90) {
            keyTypes[value] = type(of - KEY_TYPEMATIC);
            answer(ACK);
            return;
        }
        command = 0;
        if (value >= 0xed) {
            // a command in place of the parameter
            command(value);
            return;
        }
        switch (of) {
            case SET_LEDS -> leds = value & 7;
            case SCAN_CODE_SET -> {
                if (value == 0) {
                    answer(ACK);
                    answer(set);
                    return;
                }
                if (value > 3) {
                    answer(RESEND);
                    return;
                }
                queue.clearEvents();
                set = value;
            }
            case TYPEMATIC -> rate = value & 0x7f;
            default -> {
                answer(RESEND);
                return;
            }
        }
        answer(ACK);
    }
}
