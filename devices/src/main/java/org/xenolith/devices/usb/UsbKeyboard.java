package org.xenolith.devices.usb;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;
import org.xenolith.time.VirtualClock;

/** A USB keyboard whose reports are those of the boot protocol (HID 1.11, appendix B): modifiers and up to six keys. */
public final class UsbKeyboard extends UsbHid implements KeySink {
    private static final int REPORT_BYTES = 8;
    private static final int KEYS = 6;
    private static final int ROLL_OVER = 1;
    private static final int FIRST_MODIFIER = 0xe0;
    private static final int MAX_PENDING = 64;
    private static final byte[] DESCRIPTOR = descriptor(
            // keyboard: eight modifiers, a reserved byte
            0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01,
            0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0x95, 0x01, 0x75, 0x08, 0x81, 0x01,
            // five lights
            0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
            // six keys
            0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x26, 0xff, 0x00, 0x05, 0x07, 0x19, 0x00, 0x2a, 0xff, 0x00, 0x81, 0x00,
            0xc0);

    private final List<Key> down = new ArrayList<>();
    private final ArrayDeque<byte[]> pending = new ArrayDeque<>();
    private int lights;

    public UsbKeyboard(VirtualClock clock) {
        super(clock, "Xenolith USB Keyboard", DESCRIPTOR, 1, REPORT_BYTES, 8);
    }

    static byte[] descriptor(int... bytes) {
        byte[] d = new byte[bytes.length];
        for (int i = 0; i < d.length; i++) {
            d[i] = (byte) bytes[i];
        }
        return d;
    }

    @Override
    public void press(Key key) {
        if (!down.contains(key)) {
            down.add(key);
            queue();
        }
    }

    @Override
    public void release(Key key) {
        if (down.remove(key)) {
            queue();
        }
    }

    private void queue() {
        if (pending.size() == MAX_PENDING) {
            // what keys are down in the end is never lost
            pending.removeLast();
        }
        pending.add(current());
        changed();
    }

    /** The host's lights: bit 0 Num Lock, 1 Caps Lock, 2 Scroll Lock. */
    public int lights() {
        return lights;
    }

    @Override
    byte[] current() {
        byte[] r = new byte[REPORT_BYTES];
        int n = 0;
        for (Key k : down) {
            int usage = k.usage();
            if (usage >= FIRST_MODIFIER) {
                r[0] |= (byte) (1 << usage - FIRST_MODIFIER);
            } else if (n++ < KEYS) {
                r[1 + n] = (byte) usage;
            }
        }
        for (int i = 0; n > KEYS && i < KEYS; i++) {
            r[2 + i] = ROLL_OVER;
        }
        return r;
    }

    @Override
    byte[] next() {
        return pending.poll();
    }

    @Override
    void output(byte[] sent) {
        lights = sent.length > 0 ? sent[0] & 0x1f : lights;
    }

    @Override
    void forget() {
        pending.clear();
        lights = 0;
    }
}
