package org.xenolith.emulator;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a guest that sees a whole PC has beside CPUs, memory, disks and network cards.
 *
 * @param firmware image of the firmware; empty for the one that the distribution has installed
 * @param cdrom image in the CD-ROM drive; empty for an empty drive
 * @param vga whether there is a display adapter
 * @param bootOrder what firmware tries, in this order: up to three of {@code a} floppy, {@code c} disk, {@code d} CD, {@code n} network
 * @param screen what is done with the screen
 */
public record PcHardware(Optional<Path> firmware, Optional<Path> cdrom, boolean vga, String bootOrder,
        ScreenConfig screen) {
    /** Firmware's own choice, disk first; CD where there is one. */
    public static final String DEFAULT_BOOT = "cdn";
}
