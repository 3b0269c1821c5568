package org.xenolith.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code xenolith image}: disk images without a guest. */
@Command(name = "image", sortOptions = false, usageHelpWidth = 110, synopsisSubcommandLabel = "COMMAND",
        description = "Looks at, checks, converts and makes disk images: raw, qcow2, vhd. Options mean what they mean to qemu-img.%n",
        commandListHeading = "%nCommands ('xenolith image COMMAND --help' tells more):%n",
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith image create -f qcow2 disk.qcow2 20G",
            "  xenolith image convert -O qcow2 -c disk.raw disk.qcow2",
            "  xenolith image info --json disk.qcow2"})
final class ImageCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    /** The command with its subcommands. */
    static CommandLine commandLine(App app) {
        return new CommandLine(new ImageCommand()).addSubcommand(new ImageInfoCommand(app))
                .addSubcommand(new ImageCheckCommand(app)).addSubcommand(new ImageConvertCommand(app))
                .addSubcommand(new ImageCreateCommand(app)).addSubcommand(new ImageSnapshotCommand(app));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given");
    }
}
