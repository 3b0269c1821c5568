package org.xenolith.emulator;

import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.KeySink;
import org.xenolith.devices.input.PointerSink;
import org.xenolith.devices.ps2.I8042;
import org.xenolith.devices.usb.UsbKeyboard;
import org.xenolith.devices.usb.UsbTablet;

/**
 * Keyboard and pointer of a PC that has them twice. The pointer is the USB tablet as soon as a driver polls it, and before that the PS/2 mouse; keys
 * are those of the PS/2 keyboard, unless the guest has turned it off and polls the USB keyboard.
 */
final class GuestInput implements KeySink, PointerSink {
    private final I8042 ps2;
    private final UsbKeyboard keyboard;
    private final UsbTablet tablet;

    GuestInput(I8042 ps2, UsbKeyboard keyboard, UsbTablet tablet) {
        this.ps2 = ps2;
        this.keyboard = keyboard;
        this.tablet = tablet;
    }

    @Override
    public void press(Key key) {
        if (!ps2.keyboardOn() && keyboard.listened()) {
            keyboard.press(key);
        } else {
            ps2.keyboard().press(key);
        }
    }

    /** A key that is up stays up, so that both may hear of it. */
    @Override
    public void release(Key key) {
        keyboard.release(key);
        ps2.keyboard().release(key);
    }

    @Override
    public void pointer(int x, int y, int width, int height, int wheel, int buttons) {
        PointerSink to = tablet.listened() ? tablet : ps2.mouse();
        to.pointer(x, y, width, height, wheel, buttons);
    }
}
