package org.xenolith.cli;

import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.xenolith.emulator.PcHardware;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.testimages.EmbeddedFirmware;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options on what only a whole PC has: firmware, CD-ROM drive, display; a mixin. */
final class PcOptions {
    private static final List<String> ONLY_A_PC = List.of("--firmware", "--cdrom", "--boot", "--vga", "--serial",
            "--vnc",
            "--screenshot", "--screen-text", "--type-keys", "--screen");

    @Option(names = {"--firmware", "-bios"}, paramLabel = "F",
            description = "Firmware: SeaBIOS's bios-256k.bin or OVMF.fd; the SeaBIOS that the distribution has installed by default, else 'builtin', which boots from the first disk.")
    private Path firmware;

    @Option(names = {"--cdrom", "-cdrom"}, paramLabel = "F.iso", description = "Disc in the CD-ROM drive.")
    private Path cdrom;

    @Option(names = {"--boot", "-boot"}, paramLabel = "ORDER", defaultValue = PcHardware.DEFAULT_BOOT,
            description = "What firmware boots from, in this order: c disk, d CD-ROM, n network; cdn by default.")
    private String boot;

    @Option(names = {"--vga", "-vga"}, paramLabel = "std|none", defaultValue = "std",
            description = "Display adapter: std (default) or none.")
    private String vga;

    @Option(names = {"--serial", "-serial"}, paramLabel = "-", defaultValue = "-",
            description = "The serial port is the console: '-' (default) is standard input and output, see --console.")
    private String serial;

    @Mixin
    private ScreenOptions screen;

    /**
     * Complains of options that only a guest with a PC has.
     *
     * @throws UserError when one was given
     */
    static void refuse(CommandSpec command, String type) throws UserError {
        for (String option : ONLY_A_PC) {
            if (command.commandLine().getParseResult().hasMatchedOption(option)) {
                throw UserError.usage(option + ": a " + type + " guest has no PC around it; --type hvm has");
            }
        }
    }

    /** Complains of firmware beside a kernel, which starts without. */
    void refuseFirmware() throws UserError {
        if (firmware != null) {
            throw UserError.usage("--firmware: --kernel starts without it; give one of them");
        }
    }

    PcHardware hardware(List<PcHardware.Module> modules) throws UserError, ImageException, NoSuchFileException {
        if (firmware != null && !firmware.equals(PcHardware.BUILT_IN)) {
            ImageFile.open(firmware);
        }
        if (cdrom != null) {
            ImageFile.open(cdrom);
        }
        if (!boot.matches("[acdn]{1,3}")) {
            throw UserError.usage("--boot: '" + boot + "' is not up to three of c, d and n");
        }
        if (!vga.equals("std") && !vga.equals("none")) {
            throw UserError.usage("--vga: '" + vga + "' is not std or none");
        }
        if (!serial.equals("-") && !serial.equals("stdio")) {
            throw UserError.usage("--serial: '" + serial + "' is not '-'; --console F writes to a file");
        }
        return new PcHardware(Optional.ofNullable(firmware), EmbeddedFirmware.BIOS::image, Optional.ofNullable(cdrom),
                vga.equals("std"), boot,
                screen.config(), modules);
    }
}
