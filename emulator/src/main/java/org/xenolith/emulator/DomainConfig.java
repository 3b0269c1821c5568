package org.xenolith.emulator;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.net.NicSpec;

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
 * @param nics network interfaces, eth0 first
 * @param disks disks, of which those without a name get the first {@code xvd} names that are free
 */
public record DomainConfig(String name, GuestType type, Path kernel, Optional<Path> initrd, String commandLine,
        long memoryBytes,
        int vcpus, boolean reboot, List<NicSpec> nics, List<DiskConfig> disks) {
    public DomainConfig {
        nics = List.copyOf(nics);
        disks = List.copyOf(disks);
    }

    /** A guest without network interfaces and disks. */
    public DomainConfig(String name, GuestType type, Path kernel, Optional<Path> initrd, String commandLine,
            long memoryBytes, int vcpus, boolean reboot) {
        this(name, type, kernel, initrd, commandLine, memoryBytes, vcpus, reboot, List.of(), List.of());
    }
}
