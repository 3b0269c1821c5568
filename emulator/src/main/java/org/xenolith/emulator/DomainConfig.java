package org.xenolith.emulator;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.xenolith.guests.net.NicSpec;

/**
 * One guest to run.
 *
 * @param name domain name, unique in the machine
 * @param type kind of guest
 * @param kernel kernel image: bzImage or ELF; empty where firmware finds one
 * @param initrd initial ramdisk
 * @param commandLine kernel command line
 * @param memoryBytes RAM at the start in bytes, a multiple of 4096
 * @param maxMemoryBytes most RAM that its balloon can be set to in bytes, a multiple of 4096, at least {@code memoryBytes}
 * @param vcpus number of virtual CPUs that are online at the start, 1 to 32
 * @param maxVcpus number of virtual CPUs that it has, at least {@code vcpus}
 * @param restarts after which ends the guest is started again
 * @param nics network interfaces, eth0 first
 * @param disks disks, of which those without a name get the first {@code xvd} names that are free
 * @param pc what else is in the PC that the guest sees; empty for one that sees none
 * @param uuid its handle; empty to derive one from the machine's seed and the guest's name
 */
public record DomainConfig(String name, GuestType type, Optional<Path> kernel, Optional<Path> initrd,
        String commandLine, long memoryBytes, long maxMemoryBytes, int vcpus, int maxVcpus, Restarts restarts,
        List<NicSpec> nics,
        List<DiskConfig> disks, Optional<PcHardware> pc, Optional<UUID> uuid) {
    public DomainConfig {
        if (maxMemoryBytes < memoryBytes || maxVcpus < vcpus) {
            throw new IllegalArgumentException("what " + name + " has at the start is more than its maximum");
        }
        nics = List.copyOf(nics);
        disks = List.copyOf(disks);
    }

    /** A guest without network interfaces and disks, which a reboot starts again or ends. */
    public DomainConfig(String name, GuestType type, Path kernel, Optional<Path> initrd, String commandLine,
            long memoryBytes, int vcpus, boolean reboot) {
        this(name, type, Optional.of(kernel), initrd, commandLine, memoryBytes, memoryBytes, vcpus, vcpus,
                Restarts.onReboot(reboot), List.of(), List.of(), Optional.empty(), Optional.empty());
    }
}
