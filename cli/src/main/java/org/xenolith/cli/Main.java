package org.xenolith.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code xenolith} command; subcommands are registered in its annotation. */
@Command(name = "xenolith", mixinStandardHelpOptions = true, versionProvider = Main.Version.class,
        description = "A deterministic x86-64 emulator and Xen-compatible hypervisor.")
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    /**
     * Runs the command line and ends the process with its exit status.
     *
     * @param args the arguments as given to the process
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command; see 'xenolith --help'");
    }

    /** Gives the version that the build wrote into the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[]{"xenolith " + (version == null ? "(not packaged)" : version)};
        }
    }
}
