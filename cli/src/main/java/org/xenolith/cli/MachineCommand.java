package org.xenolith.cli;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.GuestType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code xenolith machine}: the PC itself, firmware first, without a hypervisor. */
@Command(name = "machine", sortOptions = false, usageHelpWidth = 110,
        customSynopsis = "xenolith machine [--firmware F] [--cdrom F.iso] [--disk F] [OPTION…]%n"
                + "       xenolith machine --kernel F [--initrd F] [--append S] [OPTION…]",
        description = "Starts a bare PC: firmware, then what it boots from disk, CD-ROM or network. No hypervisor is under it, and it can"
                + " run one (--cpu intel has VT-x, --cpu amd has AMD-V). The serial port is on standard input and output.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ExitStatus.LIST_0, ExitStatus.LIST_GUEST, ExitStatus.LIST_124, ExitStatus.LIST_125,
            ExitStatus.LIST_126, ExitStatus.LIST_127, ExitStatus.LIST_130, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith machine --cdrom debian.iso --memory 1G --vnc :1",
            "  xenolith machine --kernel vmlinuz --initrd initrd.img --append 'console=ttyS0 root=/dev/sda1' --disk root.img",
            "  xenolith machine --cdrom memtest.iso --memory 64M --timeout 90s --screen-text screen.txt"})
final class MachineCommand implements Callable<Integer> {
    private final App app;

    @Mixin
    private HardwareOptions hardware;

    @Mixin
    private KernelOptions kernel;

    @Mixin
    private PcOptions pc;

    @Mixin
    private MachineOptions machine;

    MachineCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws Exception {
        return machine.run(app, () -> {
            hardware.check();
            if (kernel.kernel().isPresent()) {
                pc.refuseFirmware();
            }
            return List.of(new DomainConfig(hardware.name, GuestType.MACHINE, kernel.kernel(), Optional.empty(),
                    kernel.commandLine(),
                    hardware.memory, hardware.memory, hardware.vcpus, hardware.vcpus, hardware.restarts(),
                    hardware.nics(), hardware.disks(), Optional.of(pc.hardware(kernel.modules())), Optional.empty()));
        });
    }
}
