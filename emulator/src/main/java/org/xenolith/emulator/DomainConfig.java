package org.xenolith.emulator;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One guest to run.
 *
 * @param name domain name, unique in the machine
 * @param type kind of guest
 * @param kernel kernel image: bzImage or ELF
 * @param initrd initial ramdisk
 * @param commandLine kernel command line
 * @param memoryBytes RAM in bytes, a multiple of 4096
 * @param vcpus number of virtual CPUs, 1 to 32
 * @param reboot start the guest again when it reboots; otherwise that ends it with {@link Outcome#REBOOT}
 */
public record DomainConfig(String name, GuestType type, Path kernel, Optional<Path> initrd, String commandLine,
        long memoryBytes,
        int vcpus, boolean reboot) {
}
