package org.xenolith.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.emulator.Restarts;
import org.xenolith.guests.net.NicSpec;
import picocli.CommandLine.Option;

/** Options on what every guest and the bare machine have: memory, CPUs, disks and networks; a mixin. */
final class HardwareOptions {
    @Option(names = {"-m", "--memory"}, paramLabel = "SIZE", converter = Values.Size.class, defaultValue = "512M",
            description = "Memory, such as 512M (default), 1G or 131072K; a bare number is MiB.")
    long memory;

    @Option(names = {"--vcpus", "-smp"}, paramLabel = "N", converter = Values.Vcpus.class, defaultValue = "1",
            description = "Virtual CPUs, 1 (default) to 32.")
    int vcpus;

    @Option(names = "--disk", paramLabel = "FILE[,KEY…]",
            description = "A disk, any number of times: FILE[,format=raw|qcow2|vhd][,vdev=xvda][,ro][,snapshot]; snapshot forgets at the end what was written.")
    private List<String> disks = new ArrayList<>();

    @Option(names = {"--net", "-net"}, paramLabel = "nat|bridge=NAME|none[,…]",
            description = "A network interface (repeatable; default: none), with mac=, model=vif|e1000|rtl8139, pcap=FILE; nat also with hostfwd=tcp:127.0.0.1:2222-:22.")
    private List<String> nets = new ArrayList<>();

    @Option(names = "--pcap", paramLabel = "F.pcap",
            description = "Write the frames of a --net to a file that Wireshark opens; the first is of the first --net, and so on.")
    private List<Path> captures = new ArrayList<>();

    @Option(names = {"--no-reboot", "-no-reboot"},
            description = "A reboot of the guest ends it; otherwise it is started again.")
    boolean noReboot;

    @Option(names = {"--name", "-name"}, paramLabel = "N", defaultValue = "guest",
            description = "The guest's name; 'guest' by default.")
    String name;

    /** Checks what a converter could not. */
    void check() throws UserError {
        String complaint = Limits.complaintAboutName(name);
        if (complaint != null) {
            throw UserError.usage("--name: " + complaint);
        }
        complaint = Limits.complaintAboutMemory(memory);
        if (complaint != null) {
            throw UserError.usage("--memory: " + complaint + " ('xenolith info' lists the limits)");
        }
    }

    List<DiskConfig> disks() throws UserError {
        return GuestDevices.disks("--disk", disks);
    }

    /** The interfaces; the first --pcap is of the first one, and so on. */
    List<NicSpec> nics() throws UserError {
        List<NicSpec> nics = GuestDevices.nics("--net", nets);
        if (captures.size() > nics.size()) {
            throw UserError.usage("--pcap: there is no --net for " + captures.get(nics.size()));
        }
        for (int i = 0; i < captures.size(); i++) {
            nics.set(i, nics.get(i).withPcap(captures.get(i)));
        }
        return nics;
    }

    Restarts restarts() {
        return Restarts.onReboot(!noReboot);
    }
}
