package org.xenolith.cli;

import java.util.concurrent.Callable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.jit.host.HostException;
import org.xenolith.cpu.oracle.Oracle;
import org.xenolith.cpu.oracle.OracleResult;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code xenolith selftest}: the interpreter against the CPU of this host. */
@Command(name = "selftest", sortOptions = false, usageHelpWidth = 110,
        description = "Runs random instructions on this host's CPU and in the interpreter and compares registers, flags,"
                + " memory and faults. The last line on standard output is JSON.%n",
        exitCodeListHeading = ExitStatus.LIST_HEADING,
        exitCodeList = {"0:no difference", "125:a difference; please report it with its seed", ExitStatus.LIST_126,
            ExitStatus.LIST_130, ExitStatus.LIST_143},
        footerHeading = "%nExamples:%n",
        footer = {"  xenolith selftest", "  xenolith selftest --seed 42 --cases 5000000"})
final class SelftestCommand implements Callable<Integer> {
    private final App app;

    @Option(names = "--seed", paramLabel = "N", converter = Values.Seed.class,
            description = "Which cases; the same seed gives the same cases. Another one each time by default.")
    private Long seed;

    @Option(names = "--cases", paramLabel = "N", converter = Values.Count.class, defaultValue = "200000",
            description = "How many; 200000 by default.")
    private long cases;

    @Option(names = {"-v", "--verbose"}, description = "Also say which instructions were left out, and why.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Print this help.")
    private boolean help;

    SelftestCommand(App app) {
        this.app = app;
    }

    @Override
    public Integer call() throws UserError {
        long chosen = seed != null ? seed : System.nanoTime() >>> 16 & 0x7fff_ffff;
        Messages messages = app.messages();
        messages.progress("opening this host's CPU…");
        OracleResult result;
        try (Oracle oracle = new Oracle(InstructionSet.create())) {
            result = oracle.run(chosen, cases, messages::say, done -> messages
                    .progress("seed " + chosen + ": " + done * 100 / cases + " % of " + cases + " cases"));
        } catch (HostException e) {
            throw UserError.usage("selftest needs a host that can run x86-64 code in process: " + e.getMessage());
        } finally {
            messages.clear();
        }
        if (verbose) {
            result.excluded().forEach((row, reason) -> messages.say("left out: " + row + ": " + reason));
            result.uncovered().forEach((row, reason) -> messages.say("not covered: " + row + ": " + reason));
        }
        result.failing().forEach((row, n) -> messages.say(n + " mismatches of " + row));
        app.text().println(result.toJson());
        return result.mismatches() == 0 ? ExitStatus.OK : ExitStatus.INTERNAL;
    }
}
