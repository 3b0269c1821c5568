package org.xenolith.devices.usb;

import org.xenolith.time.VirtualClock;

/** A human interface device with one interface and one interrupt endpoint (Device Class Definition for HID 1.11). */
abstract class UsbHid extends UsbFunction {
    private static final int VENDOR = 0x0627;
    private static final int PRODUCT = 0x0001;
    private static final int HID = 0x21;
    private static final int REPORT = 0x22;
    private static final int IN = 0xa1;
    private static final int OUT = 0x21;
    private static final int GET_REPORT = 1;
    private static final int GET_IDLE = 2;
    private static final int GET_PROTOCOL = 3;
    private static final int SET_REPORT = 9;
    private static final int SET_IDLE = 10;
    private static final int SET_PROTOCOL = 11;
    private static final long IDLE_UNIT_NS = 4_000_000;
    private static final long LISTENED_NS = 1_000_000_000;

    private final VirtualClock clock;
    private final byte[] reportDescriptor;
    private final boolean boot;
    private final int bootProtocol;
    private final int packet;
    private final int interval;
    private int idle;
    private int protocol = 1;
    private long reported;
    private boolean polled;
    private long polledAt;

    /**
     * A device.
     *
     * @param bootProtocol of the interface: 1 keyboard, 2 mouse, 0 for a device without one
     * @param packet bytes of its longest report
     * @param interval milliseconds between two polls of it
     */
    UsbHid(VirtualClock clock, String product, byte[] reportDescriptor, int bootProtocol, int packet, int interval) {
        super("Xenolith", product, "1");
        this.clock = clock;
        this.reportDescriptor = reportDescriptor.clone();
        boot = bootProtocol != 0;
        this.bootProtocol = bootProtocol;
        this.packet = packet;
        this.interval = interval;
    }

    /** Whether a driver asks for reports: it has done so within the last second. */
    public final boolean listened() {
        return polled && clock.now() - polledAt < LISTENED_NS;
    }

    /** What keys and pointer are now. */
    abstract byte[] current();

    /** The next report that tells something new, or null. */
    abstract byte[] next();

    /** The host sets an output report. */
    void output(byte[] sent) {
    }

    /** Nothing is pending any more. */
    abstract void forget();

    @Override
    protected final byte[] deviceDescriptor() {
        return new byte[]{18, 1, 0x10, 0x01, 0, 0, 0, MAX_PACKET, VENDOR & 0xff, VENDOR >>> 8, PRODUCT & 0xff,
            PRODUCT >>> 8, 0, 0, 1, 2, 3, 1};
    }

    private byte[] hidDescriptor() {
        return new byte[]{9, HID, 0x11, 0x01, 0, 1, REPORT, (byte) reportDescriptor.length,
            (byte) (reportDescriptor.length >>> 8)};
    }

    @Override
    protected final byte[] configurationDescriptor() {
        byte[] d = new byte[9 + 9 + 9 + 7];
        byte[] head = {9, 2, (byte) d.length, 0, 1, 1, 0, (byte) 0xa0, 50};
        byte[] itf = {9, 4, 0, 0, 1, 3, (byte) (boot ? 1 : 0), (byte) bootProtocol, 0};
        byte[] endpoint = {7, 5, (byte) 0x81, 3, (byte) packet, 0, (byte) interval};
        System.arraycopy(head, 0, d, 0, 9);
        System.arraycopy(itf, 0, d, 9, 9);
        System.arraycopy(hidDescriptor(), 0, d, 18, 9);
        System.arraycopy(endpoint, 0, d, 27, 7);
        return d;
    }

    @Override
    protected final byte[] interfaceDescriptor(int type, int index) {
        return switch (type) {
            case HID -> hidDescriptor();
            case REPORT -> reportDescriptor;
            default -> null;
        };
    }

    @Override
    protected final byte[] classIn(Request r) {
        if (r.type() != IN) {
            return null;
        }
        return switch (r.code()) {
            case GET_REPORT -> current();
            case GET_IDLE -> new byte[]{(byte) idle};
            case GET_PROTOCOL -> new byte[]{(byte) protocol};
            default -> null;
        };
    }

    @Override
    protected final boolean classOut(Request r, byte[] sent) {
        if (r.type() != OUT) {
            return false;
        }
        switch (r.code()) {
            case SET_REPORT -> output(sent);
            case SET_IDLE -> idle = r.value() >>> 8;
            case SET_PROTOCOL -> protocol = r.value() & 1;
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    protected final byte[] report() {
        byte[] r = next();
        long now = clock.now();
        polled = true;
        polledAt = now;
        if (r == null && idle != 0 && now - reported >= idle * IDLE_UNIT_NS) {
            r = current();
        }
        if (r != null) {
            reported = now;
        }
        return r;
    }

    @Override
    protected final void restart() {
        idle = 0;
        protocol = 1;
        reported = clock.now();
        polled = false;
        forget();
    }
}
