package org.xenolith.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.hostile.HostilePrograms;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.cpu.oracle.TierFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** {@code xenolith selftest hostile}: programs that try to end the JVM, in a JVM of their own. */
@Command(name = "hostile", sortOptions = false, usageHelpWidth = 110, hidden = true,
        description = "Runs random bytes and mutated code in every ring and mode with random tables, in a child JVM, and tells the"
                + " program that ended it, if one does; with two tiers, also compares them. The last line on standard output is JSON.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {"0:nothing found", "125:a crash, a hang or a difference; please report it with its seed",
            ExitStatus.LIST_126,
            ExitStatus.LIST_130, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith selftest hostile --programs 10000000 --seed 1",
            "  xenolith selftest hostile --seed 1 --first 4711 --programs 1"})
final class HostileCommand implements Callable<Integer> {
    /** What runs the programs. */
    enum Tiers {
        INTERPRETER, NATIVE, BOTH
    }

    private static final long CODE_CACHE = 16L << 20;

    private final App app;

    @Option(names = "--seed", paramLabel = "N", converter = Values.Seed.class, defaultValue = "1",
            description = "Which programs; 1 by default.")
    private long seed;

    @Option(names = "--first", paramLabel = "N", converter = Values.Seed.class, defaultValue = "0",
            description = "Number of the first program; 0 by default.")
    private long first;

    @Option(names = "--programs", paramLabel = "N", converter = Values.Count.class, defaultValue = "100000",
            description = "How many; 100000 by default.")
    private long programs;

    @Option(names = "--tier", paramLabel = "NAME", converter = TiersName.class, defaultValue = "interpreter",
            description = "interpreter, native, or both, which are then compared; interpreter by default.")
    private Tiers tiers = Tiers.INTERPRETER;

    @Option(names = "--cpu", paramLabel = "MODEL", defaultValue = "x86-64-v3",
            description = "CPU model and features, as of 'run'; x86-64-v3 by default.")
    private String model = "x86-64-v3";

    @Option(names = "--child", hidden = true, paramLabel = "FILE",
            description = "Run the programs here, telling the file how far they are.")
    private @Nullable Path child;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    HostileCommand(App app) {
        this.app = app;
    }

    /** One of the choices of tiers. */
    static final class TiersName implements ITypeConverter<Tiers> {
        @Override
        public Tiers convert(String text) {
            return Values.oneOf(Tiers.class, text, "interpreter, native, both");
        }
    }

    @Override
    public Integer call() throws UserError, IOException {
        try {
            CpuModels.parse(model);
        } catch (IllegalArgumentException e) {
            throw new UserError("--cpu: " + e.getMessage(), e);
        }
        Optional<String> obstacle = tiers == Tiers.INTERPRETER ? Optional.empty() : Translations.obstacle();
        if (obstacle.isPresent()) {
            throw UserError.usage("--tier " + tiers.name().toLowerCase(Locale.ROOT) + ": " + obstacle.get());
        }
        return child != null ? runHere(child) : supervise();
    }

    private HostilePrograms open(@Nullable Translations translations) {
        TierFactory host = translations == null ? null : TierFactory.host(translations);
        return new HostilePrograms(CpuModels.parse(model), InstructionSet.create(),
                tiers == Tiers.NATIVE && host != null ? host : Interpreter::new, tiers == Tiers.BOTH ? host : null);
    }

    private @Nullable Translations translations() {
        return tiers == Tiers.INTERPRETER ? null : new Translations(CODE_CACHE);
    }

    private int runHere(Path file) throws IOException {
        try (HostileProgress progress = new HostileProgress(file);
                Translations translations = translations();
                HostilePrograms hostile = open(translations)) {
            var out = app.text();
            HostilePrograms.Result result = hostile.run(seed, first, programs, progress::at, out::println);
            progress.done(result.instructions(), result.failures());
            return result.failures() == 0 ? ExitStatus.OK : ExitStatus.INTERNAL;
        }
    }

    private int supervise() throws IOException {
        Path folder = Files.createTempDirectory("xenolith-hostile");
        HostileRun run = new HostileRun(folder, app.messages(),
                List.of(Main.class.getName(), "selftest", "hostile", "--seed",
                        Long.toString(seed), "--tier", tiers.name().toLowerCase(Locale.ROOT), "--cpu", model));
        try {
            run.run(first, programs, crashed -> {
                try (HostilePrograms hostile = new HostilePrograms(CpuModels.parse(model), InstructionSet.create(),
                        Interpreter::new, null)) {
                    return hostile.describe(seed, crashed);
                }
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            app.messages().clear();
        }
        app.text()
                .println("{\"programs\":" + run.programs() + ",\"instructions\":" + run.instructions() + ",\"crashes\":"
                        + run.crashes()
                        + ",\"failures\":" + run.failures() + ",\"seed\":" + seed + "}");
        return run.crashes() + run.failures() == 0 ? ExitStatus.OK : ExitStatus.INTERNAL;
    }
}
