package org.xenolith.cli;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code xenolith} command; {@link #commandLine} registers its subcommands. */
@Command(name = "xenolith", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, usageHelpWidth = 110,
        synopsisSubcommandLabel = "COMMAND",
        description = "A deterministic x86-64 emulator and Xen-compatible hypervisor.%n",
        commandListHeading = "%nCommands ('xenolith COMMAND --help' tells more):%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {ExitStatus.LIST_0, ExitStatus.LIST_124, ExitStatus.LIST_125, ExitStatus.LIST_126,
            ExitStatus.LIST_127, ExitStatus.LIST_130, ExitStatus.LIST_134, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith demo",
            "  xenolith run --kernel vmlinuz --initrd initrd.gz --append 'console=hvc0' --memory 1G",
            "  xenolith info --json"})
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    private Main() {
    }

    /**
     * Runs the command line and ends the process with its exit status.
     *
     * @param args the arguments as given to the process
     */
    public static void main(String[] args) {
        System.exit(execute(App.ofProcess(), args));
    }

    /** Runs the command line; never throws. */
    static int execute(App app, String... args) {
        Errors errors = new Errors(app.messages());
        try {
            return commandLine(app, errors).execute(args);
        } catch (Throwable e) {
            return errors.report(e, Errors.wantsDetails(List.of(args)));
        }
    }

    /** The command with all its subcommands. */
    static CommandLine commandLine(App app, Errors errors) {
        CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF); // it would warn of an option given twice
        CommandLine command = new CommandLine(new Main());
        command.addSubcommand(new RunCommand(app));
        command.addSubcommand(new MachineCommand(app));
        command.addSubcommand(new DemoCommand(app));
        command.addSubcommand(new InfoCommand(app));
        command.addSubcommand(ImageCommand.commandLine(app));
        command.addSubcommand(new CommandLine(new SelftestCommand(app)).addSubcommand(new HostileCommand(app)));
        command.setOut(new PrintWriter(new OutputStreamWriter(app.out(), StandardCharsets.UTF_8), true));
        command.setOverwrittenOptionsAllowed(true);
        command.setExpandAtFiles(false);
        command.setPosixClusteredShortOptionsAllowed(false);
        command.setParameterExceptionHandler(errors);
        command.setExecutionExceptionHandler(errors);
        return command;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given");
    }

    /** What the build wrote into the jar's manifest. */
    static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "(not packaged)" : version;
    }

    /** Gives the version that the build wrote into the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[]{"xenolith " + version()};
        }
    }
}
