package org.xenolith.guests.pc;

import org.xenolith.guests.ImageFile;

/**
 * A file that is loaded beside the kernel: an initial RAM disk, or a Multiboot module.
 *
 * @param file the file
 * @param arguments its command line without the name; empty for none
 */
public record BootModule(ImageFile file, String arguments) {
    /** Name and arguments in one, as Multiboot passes them. */
    String commandLine() {
        return PcKernel.named(file, arguments);
    }
}
