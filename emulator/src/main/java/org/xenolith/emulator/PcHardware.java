package org.xenolith.emulator;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a guest that sees a whole PC has beside CPUs, memory, disks and network cards.
 *
 * @param firmware image of the firmware; empty for the one that the distribution has installed, or, where there is none, {@code builtIn}
 * @param builtIn firmware that comes with Xenolith, which {@link #BUILT_IN} names
 * @param cdrom image in the CD-ROM drive; empty for an empty drive
 * @param vga whether there is a display adapter
 * @param bootOrder what firmware tries, in this order: up to three of {@code a} floppy, {@code c} disk, {@code d} CD, {@code n} network
 * @param screen what is done with the screen
 * @param modules what is loaded beside a kernel that starts without firmware
 */
public record PcHardware(Optional<Path> firmware, Supplier<byte[]> builtIn, Optional<Path> cdrom, boolean vga,
        String bootOrder,
        ScreenConfig screen, List<Module> modules) {
    /** Firmware's own choice, disk first; CD where there is one. */
    public static final String DEFAULT_BOOT = "cdn";

    /** In place of a file of firmware: what comes with Xenolith. */
    public static final Path BUILT_IN = Path.of("builtin");

    public PcHardware {
        modules = List.copyOf(modules);
    }

    /** A file, and the arguments that a kernel of Multiboot gets with it; empty for none. */
    public record Module(Path file, String arguments) {
    }
}
