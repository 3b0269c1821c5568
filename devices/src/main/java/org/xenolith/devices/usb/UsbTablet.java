package org.xenolith.devices.usb;

import org.xenolith.devices.input.PointerSink;
import org.xenolith.time.VirtualClock;

/** A USB tablet: an absolute position from 0 to 32767 on both axes, three buttons and a wheel. */
public final class UsbTablet extends UsbHid implements PointerSink {
    private static final int REPORT_BYTES = 6;
    private static final int MAX_POSITION = 0x7fff;
    private static final int MAX_WHEEL = 127;
    private static final byte[] DESCRIPTOR = UsbKeyboard.descriptor(
            // mouse: three buttons
            0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00,
            0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01,
            // position
            0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f, 0x75, 0x10,
            0x95, 0x02, 0x81, 0x02,
            // wheel
            0x05, 0x01, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01, 0x81, 0x06,
            0xc0, 0xc0);

    private int x;
    private int y;
    private int wheel;
    private int buttons;
    private int reportedButtons;
    /** Buttons that were down since the last report, so that a quick click is seen. */
    private int clicked;
    private boolean pending;

    public UsbTablet(VirtualClock clock) {
        super(clock, "Xenolith USB Tablet", DESCRIPTOR, 0, REPORT_BYTES, 4);
    }

    @Override
    public void pointer(int atX, int atY, int width, int height, int clicks, int pressed) {
        x = scale(atX, width);
        y = scale(atY, height);
        wheel = Math.clamp((long) wheel - clicks, -MAX_WHEEL, MAX_WHEEL);
        buttons = pressed & (LEFT | RIGHT | MIDDLE);
        clicked |= buttons & ~reportedButtons;
        pending = true;
        changed();
    }

    private static int scale(int at, int size) {
        return size <= 1 ? 0 : Math.clamp((long) at * MAX_POSITION / (size - 1), 0, MAX_POSITION);
    }

    private byte[] bytes(int down, int turn) {
        return new byte[]{(byte) down, (byte) x, (byte) (x >>> 8), (byte) y, (byte) (y >>> 8), (byte) turn};
    }

    @Override
    byte[] current() {
        return bytes(buttons, 0);
    }

    @Override
    byte[] next() {
        if (!pending) {
            return null;
        }
        int down = buttons | clicked;
        byte[] r = bytes(down, wheel);
        wheel = 0;
        clicked = 0;
        reportedButtons = down;
        pending = down != buttons;
        return r;
    }

    @Override
    void forget() {
        wheel = 0;
        clicked = 0;
        pending = false;
    }
}
