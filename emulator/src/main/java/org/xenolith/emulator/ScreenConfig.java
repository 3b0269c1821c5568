package org.xenolith.emulator;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Optional;
import org.xenolith.devices.input.TypedKeys;

/**
 * What is done with the screen and the keyboard of a guest that has them. Only what is typed reaches the guest.
 *
 * @param vnc where a VNC server listens
 * @param screenshot PNG file that is written at the end of the run
 * @param text file of the characters on the screen that is written at the end of the run
 * @param typedKeys keys that are typed by themselves after the first power-on
 * @param terminal whether the guest's console is its screen and its keyboard, in place of its serial port
 */
public record ScreenConfig(Optional<InetSocketAddress> vnc, Optional<Path> screenshot, Optional<Path> text,
        Optional<TypedKeys> typedKeys, boolean terminal) {
    /** Nobody looks. */
    public static final ScreenConfig NONE = new ScreenConfig(Optional.empty(), Optional.empty(), Optional.empty(),
            Optional.empty(), false);
}
