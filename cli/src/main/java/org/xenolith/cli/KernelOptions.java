package org.xenolith.cli;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.emulator.PcHardware;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import picocli.CommandLine.Option;

/** Options on a kernel that a PC starts without firmware; a mixin. */
final class KernelOptions {
    @Option(names = {"--kernel", "-kernel"}, paramLabel = "F",
            description = "Start this kernel without firmware: a Linux bzImage, or a kernel of Multiboot 1 or 2 or with a PVH entry.")
    private Path kernel;

    @Option(names = {"--initrd", "-initrd"}, paramLabel = "F[ ARGS]",
            description = "Initial RAM disk of --kernel; with Multiboot a module, with arguments for it, any number of times.")
    private List<String> initrds = new ArrayList<>();

    @Option(names = {"--append", "-append"}, paramLabel = "S", defaultValue = "",
            description = "The command line of --kernel. Linux wants console=ttyS0 in it.")
    private String append;

    Optional<Path> kernel() throws UserError, ImageException, NoSuchFileException {
        if (kernel == null) {
            if (!initrds.isEmpty() || !append.isEmpty()) {
                throw UserError.usage((initrds.isEmpty() ? "--append" : "--initrd") + ": there is no --kernel");
            }
            return Optional.empty();
        }
        ImageFile.open(kernel);
        return Optional.of(kernel);
    }

    String commandLine() throws UserError {
        if (append.indexOf('\0') >= 0) {
            throw UserError.usage("--append: has a zero byte in it");
        }
        return append;
    }

    List<PcHardware.Module> modules() throws UserError, ImageException, NoSuchFileException {
        List<PcHardware.Module> modules = new ArrayList<>();
        for (String text : initrds) {
            PcHardware.Module m = module(text);
            ImageFile.open(m.file());
            modules.add(m);
        }
        return modules;
    }

    /** A file's name may have blanks in it; otherwise arguments follow it. */
    private static PcHardware.Module module(String text) throws UserError {
        try {
            int blank = text.indexOf(' ');
            if (blank < 0 || Files.exists(Path.of(text))) {
                return new PcHardware.Module(Path.of(text), "");
            }
            return new PcHardware.Module(Path.of(text.substring(0, blank)), text.substring(blank + 1).strip());
        } catch (InvalidPathException e) {
            throw new UserError("--initrd: " + e.getMessage(), e);
        }
    }
}
