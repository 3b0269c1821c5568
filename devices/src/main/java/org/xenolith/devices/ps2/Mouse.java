package org.xenolith.devices.ps2;

import org.xenolith.devices.input.PointerSink;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * A PS/2 mouse (IBM PS/2 Hardware Interface Technical Reference, Mouse) that becomes Microsoft's IntelliMouse with a wheel (identity 3) or with
 * two more buttons (identity 4), when a driver sets its sample rates to 200, 100, 80 or 200, 200, 80.
 */
public final class Mouse implements Ps2Port, PointerSink {
    private static final int ACK = 0xfa;
    private static final int RESEND = 0xfe;
    private static final int ERROR = 0xfc;
    private static final int PASSED = 0xaa;

    private static final int SCALING_1_1 = 0xe6;
    private static final int SCALING_2_1 = 0xe7;
    private static final int RESOLUTION = 0xe8;
    private static final int STATUS = 0xe9;
    private static final int STREAM = 0xea;
    private static final int READ_DATA = 0xeb;
    private static final int RESET_WRAP = 0xec;
    private static final int WRAP = 0xee;
    private static final int REMOTE = 0xf0;
    private static final int READ_ID = 0xf2;
    private static final int SAMPLE_RATE = 0xf3;
    private static final int ENABLE = 0xf4;
    private static final int DISABLE = 0xf5;
    private static final int DEFAULTS = 0xf6;
    private static final int RESET = 0xff;

    private static final long SELF_TEST_NS = 5_000_000;
    private static final long NS_PER_S = 1_000_000_000;
    private static final int WHEEL_ID = 3;
    private static final int FIVE_BUTTONS_ID = 4;
    private static final int MAX_STEP = 255;
    private static final int MAX_PENDING = 1 << 20;
    /** Movements of up to five counts in scaling 2:1; larger ones are doubled. */
    private static final int[] SCALED = {0, 1, 1, 3, 6, 9};

    private final VirtualClock clock;
    private final ByteQueue queue = new ByteQueue();
    private final Timers.Timer selfTest;
    private final Timers.Timer report;
    private Runnable listener = () -> {};
    private boolean reporting;
    private boolean remote;
    private boolean wrap;
    private boolean doubled;
    private int resolution;
    private int rate;
    private int rateHistory;
    private int id;
    private int command;
    private int lastSent;
    private int dx;
    private int dy;
    private int dz;
    private int buttons;
    private int reportedButtons;
    private long lastReport;
    private int lastX = -1;
    private int lastY = -1;

    Mouse(Timers timers, VirtualClock clock) {
        this.clock = clock;
        selfTest = timers.timer(() -> {
            queue.answer(PASSED);
            queue.answer(0);
            listener.run();
        });
        report = timers.timer(this::report);
        powerOn();
    }

    void powerOn() {
        selfTest.cancel();
        queue.clear();
        command = 0;
        lastSent = 0;
        id = 0;
        rateHistory = 0;
        wrap = false;
        lastReport = clock.now() - NS_PER_S;
        defaults();
    }

    private void defaults() {
        report.cancel();
        queue.clearEvents();
        reporting = false;
        remote = false;
        doubled = false;
        resolution = 2;
        rate = 100;
        forget();
    }

    private void forget() {
        dx = 0;
        dy = 0;
        dz = 0;
        reportedButtons = buttons;
    }

    @Override
    public void setListener(Runnable l) {
        listener = l;
    }

    // ---- movement ----

    @Override
    public void pointer(int x, int y, int width, int height, int wheel, int down) {
        int right = lastX < 0 ? 0 : x - lastX;
        int up = lastY < 0 ? 0 : lastY - y;
        lastX = x;
        lastY = y;
        move(right, up, wheel, down);
    }

    /**
     * The mouse has been moved or clicked.
     *
     * @param right counts to the right
     * @param up counts away from the user
     * @param wheel clicks of the wheel towards the user
     * @param down buttons that are down: the sum of 1 for the left one, 2 right, 4 middle, 8 and 16 for two at the side
     */
    public void move(int right, int up, int wheel, int down) {
        dx = Math.clamp((long) dx + right, -MAX_PENDING, MAX_PENDING);
        dy = Math.clamp((long) dy + up, -MAX_PENDING, MAX_PENDING);
        dz = Math.clamp((long) dz + wheel, -MAX_PENDING, MAX_PENDING);
        buttons = down & 0x1f;
        if (!reporting) {
            forget();
        } else if (!remote) {
            schedule();
        }
    }

    private boolean somethingToReport() {
        return (dx | dy | dz) != 0 || buttons != reportedButtons;
    }

    private void schedule() {
        if (reporting && !remote && somethingToReport() && report.deadline() == Timers.NEVER) {
            report.arm(Math.max(clock.now(), lastReport + NS_PER_S / rate));
        }
    }

    private void report() {
        if (!reporting || remote || !somethingToReport()) {
            return;
        }
        lastReport = clock.now();
        if (queue.hasRoom(packetBytes())) {
            packet(false);
            listener.run();
        }
        schedule();
    }

    private int packetBytes() {
        return id == 0 ? 3 : 4;
    }

    /** Queues a packet with as much of the movement as it can tell. */
    private void packet(boolean answer) {
        int x = Math.clamp(dx, -MAX_STEP, MAX_STEP);
        int y = Math.clamp(dy, -MAX_STEP, MAX_STEP);
        dx -= x;
        dy -= y;
        if (doubled && !remote) {
            x = scale(x);
            y = scale(y);
        }
        int overflow = (Math.abs(x) > MAX_STEP ? 0x40 : 0) | (Math.abs(y) > MAX_STEP ? 0x80 : 0);
        x = Math.clamp(x, -MAX_STEP, MAX_STEP);
        y = Math.clamp(y, -MAX_STEP, MAX_STEP);
        put(answer, overflow | (y < 0 ? 0x20 : 0) | (x < 0 ? 0x10 : 0) | 8 | buttons & 7);
        put(answer, x & 0xff);
        put(answer, y & 0xff);
        if (id == 0) {
            dz = 0;
        } else {
            int z = Math.clamp(dz, -8, 7);
            dz -= z;
            put(answer, id == WHEEL_ID ? z & 0xff : z & 0x0f | (buttons & 0x18) << 1);
        }
        reportedButtons = buttons;
    }

    private static int scale(int v) {
        int n = Math.abs(v);
        return Integer.signum(v) * (n < SCALED.length ? SCALED[n] : 2 * n);
    }

    private void put(boolean answer, int value) {
        if (answer) {
            queue.answer(value);
        } else {
            queue.event(value);
        }
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

    @Override
    public void receive(int value) {
        if (wrap && value != RESET && value != RESET_WRAP) {
            queue.answer(value);
        } else if (command != 0) {
            parameter(value);
        } else {
            command(value);
        }
        listener.run();
    }

    private void command(int value) {
        if (value == RESEND) {
            queue.answer(lastSent);
            return;
        }
        queue.clearEvents();
        boolean known = (value >= SCALING_1_1 && value <= RESET_WRAP) || value == WRAP || value == REMOTE
                || (value >= READ_ID && value <= DEFAULTS);
        if (known) {
            queue.answer(ACK);
        }
        switch (value) {
            case SCALING_1_1 -> doubled = false;
            case SCALING_2_1 -> doubled = true;
            case RESOLUTION, SAMPLE_RATE -> command = value;
            case STATUS -> {
                queue.answer((remote ? 0x40 : 0) | (reporting ? 0x20 : 0) | (doubled ? 0x10 : 0)
                        | (buttons & 1) << 2 | buttons & 2 | buttons >> 2 & 1);
                queue.answer(resolution);
                queue.answer(rate);
            }
            case STREAM -> {
                remote = false;
                forget();
            }
            case READ_DATA -> packet(true);
            case RESET_WRAP -> wrap = false;
            case WRAP -> wrap = true;
            case REMOTE -> {
                remote = true;
                forget();
            }
            case READ_ID -> queue.answer(id);
            case ENABLE -> {
                reporting = true;
                forget();
            }
            case DISABLE -> {
                reporting = false;
                forget();
            }
            case DEFAULTS -> defaults();
            case RESET -> {
                powerOn();
                queue.answer(ACK);
                selfTest.arm(clock.now() + SELF_TEST_NS);
            }
            default -> queue.answer(RESEND);
        }
    }

    private void parameter(int value) {
        int of = command;
        command = 0;
        if (of == RESOLUTION) {
            if (value > 3) {
                queue.answer(ERROR);
                return;
            }
            resolution = value;
        } else {
            switch (value) {
                case 10, 20, 40, 60, 80, 100, 200 -> rate = value;
                default -> {
                    queue.answer(ERROR);
                    return;
                }
            }
            rateHistory = (rateHistory << 8 | value) & 0xff_ffff;
            if (rateHistory == (200 << 16 | 100 << 8 | 80)) {
                id = WHEEL_ID;
            } else if (rateHistory == (200 << 16 | 200 << 8 | 80)) {
                id = FIVE_BUTTONS_ID;
            }
        }
        queue.answer(ACK);
    }
}
