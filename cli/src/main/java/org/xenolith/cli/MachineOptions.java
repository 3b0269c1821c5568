package org.xenolith.cli;

import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.emulator.Diagnostics;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.MemorySet;
import org.xenolith.emulator.Pace;
import org.xenolith.emulator.Tier;
import org.xenolith.guests.ImageException;
import picocli.CommandLine.Option;

/** Options on the machine as a whole and on how it runs, which all commands that run something have; a mixin. */
final class MachineOptions {
    private static final long NS_PER_MS = 1_000_000;

    @Option(names = {"--cpu", "-cpu"}, paramLabel = "NAME[,+F,-F]", defaultValue = CpuModels.DEFAULT,
            description = "CPU model and features to add or take away: x86-64-v2 (default), x86-64-v3, intel, amd; 'xenolith info' lists the features.")
    private String cpu;

    @Option(names = "--tier", paramLabel = "TIER", converter = Values.TierName.class, defaultValue = "auto",
            description = "What executes: auto (default), native, interpreter, lockstep (both, compared). All give the same run.")
    private Tier tier;

    @Option(names = "--code-cache", paramLabel = "SIZE", converter = Values.Size.class, defaultValue = "256M",
            description = "Most host code that the native tier keeps, 4M to 1G; 256M by default.")
    private long codeCache;

    @Option(names = "--translation-cache", paramLabel = "DIR|off",
            description = "Where host code is kept for the next start; ~/.cache/xenolith by default, with --tier auto and native.")
    private String translationCache;

    @Option(names = "--pace", paramLabel = "PACE", converter = Values.PaceName.class,
            description = "Idle time takes no time (max), or as long as on a clock (real; default on a terminal).")
    private Pace pace;

    @Option(names = "--seed", paramLabel = "N", converter = Values.Seed.class, defaultValue = "0",
            description = "Where random numbers, MAC addresses and uuids come from; 0 by default.")
    private long seed;

    @Option(names = "--epoch", paramLabel = "ISO-8601", converter = Values.Epoch.class,
            description = "The guest's date at power-on, or 'now'; 2026-01-01T00:00:00Z by default.")
    private Values.Epoch.Choice epoch;

    @Option(names = "--timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most virtual time, such as 500ms, 90s, 5m or 1h.")
    private Long timeout;

    @Option(names = "--wall-timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most time on the host's clock.")
    private Long wallTimeout;

    @Option(names = "--idle-timeout", paramLabel = "TIME", converter = Values.Duration.class,
            description = "Most virtual time in which only timers run; 10m by default, 'none' for no limit.")
    private Long idleTimeout;

    @Option(names = "--console", paramLabel = "F",
            description = "Write the guest's console to a file; '-' (default) is standard input and output.")
    private Path console;

    @Option(names = "--console-dir", paramLabel = "DIR",
            description = "Write each guest's console to DIR/NAME.log; otherwise each line of several guests begins with [NAME].")
    private Path consoleDirectory;

    @Option(names = "--stats", paramLabel = "F.json", description = "Write statistics of the run, however it ends.")
    private Path stats;

    @Option(names = "--trace", paramLabel = "WHAT[=F]",
            description = "Write down what is done, to a file or standard error: translation, the host code made of each block of guest code (--tier native, lockstep).")
    private String trace;

    @Option(names = "--inject-fault", paramLabel = "WHAT@N",
            description = "Go wrong on purpose once N instructions are done: translator, one translated instruction (--tier lockstep finds it).")
    private String injectFault;

    @Option(names = {"-v", "--verbose"},
            description = "Say each step, and at the end what was done, on standard error.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    @Option(names = "-nographic", hidden = true)
    private boolean nographic;

    /** What runs on the machine; made once the options on the machine itself are known to be right. */
    interface Guests {
        List<DomainConfig> domains() throws UserError, ImageException, NoSuchFileException;

        default List<MemorySet> memorySets(List<DomainConfig> domains) throws UserError {
            return List.of();
        }
    }

    /** Runs what the options describe; returns the exit status. */
    int run(App app, Guests guests) throws Exception {
        if (verbose && System.getProperty(LogSetup.LEVEL_PROPERTY) == null) {
            System.setProperty(LogSetup.LEVEL_PROPERTY, "INFO");
        }
        Optional<StatsFile> statsFile = stats == null ? Optional.empty() : Optional.of(StatsFile.at(stats));
        ConsoleTarget target = ConsoleTarget.of(console, consoleDirectory);
        try (DiagnosticOptions aids = new DiagnosticOptions(trace, injectFault, tier, app.messages())) {
            MachineConfig config = configuration(app, guests, aids.diagnostics());
            return ExitStatus.of(new Session(app, config, target, statsFile, verbose).run());
        }
    }

    /** Checks everything that can be checked before anything is built. */
    private MachineConfig configuration(App app, Guests guests, Diagnostics diagnostics)
            throws UserError, ImageException, NoSuchFileException {
        if (codeCache < 4L << 20 || codeCache > 1L << 30) {
            throw UserError.usage("--code-cache: must be 4M to 1G");
        }
        try {
            CpuModels.parse(cpu);
        } catch (IllegalArgumentException e) {
            throw new UserError("--cpu: " + e.getMessage(), e);
        }
        List<DomainConfig> domains = guests.domains();
        if (epoch != null && epoch.now()) {
            app.messages().say("power-on at " + epoch.moment() + "; --epoch " + epoch.moment() + " repeats this run");
        }
        Pace chosen = pace != null ? pace : app.terminal().isPresent() ? Pace.REAL : Pace.MAX;
        return new MachineConfig(domains, cpu, tier, chosen, seed,
                epoch == null ? MachineConfig.DEFAULT_EPOCH : epoch.moment(),
                timeout == null ? Long.MAX_VALUE : timeout, milliseconds(wallTimeout),
                idleTimeout == null ? MachineConfig.DEFAULT_IDLE_TIMEOUT_NS : idleTimeout, codeCache,
                TranslationCache.of(translationCache, tier), guests.memorySets(domains), diagnostics);
    }

    private static long milliseconds(Long nanos) {
        if (nanos == null || nanos == Long.MAX_VALUE) {
            return Long.MAX_VALUE;
        }
        return Math.max(1, nanos / NS_PER_MS);
    }
}
