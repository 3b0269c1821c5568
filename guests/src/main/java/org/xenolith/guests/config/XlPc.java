package org.xenolith.guests.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a configuration file says of the PC around an HVM guest.
 *
 * @param firmware the firmware's file; empty for the SeaBIOS that is installed
 * @param boot letters of what is booted from, where they are given
 * @param vga whether there is a display adapter
 */
public record XlPc(Optional<Path> firmware, Optional<String> boot, boolean vga) {
}
