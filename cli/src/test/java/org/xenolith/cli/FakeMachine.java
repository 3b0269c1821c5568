package org.xenolith.cli;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.DiskConfig;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.NicCounts;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Progress;
import org.xenolith.emulator.RunResult;
import org.xenolith.emulator.Tier;
import org.xenolith.hypervisor.OnDemandUse;
import org.xenolith.hypervisor.blkback.DiskCounts;

/** A machine that does what a test says, and the command line around it with its streams in memory. */
final class FakeMachine implements MachineFactory {
    /** What the machine's run does with its console; the outcome of the run. */
    interface Body {
        Outcome run(FakeMachine machine, Console console);
    }

    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final List<MachineConfig> configs = new ArrayList<>();
    /** The consoles of the last machine's guests. */
    final List<Console> guests = new ArrayList<>();
    InputStream in = InputStream.nullInputStream();
    OutputStream stdout = out;
    Body body = (machine, console) -> Outcome.POWEROFF;
    String crashReport = "";
    volatile String stopped;
    boolean closed;

    /** Runs the command line on this machine; its exit status. */
    int execute(String... args) {
        PrintStream messages = new PrintStream(err, true, StandardCharsets.UTF_8);
        return Main.execute(new App(in, stdout, new Messages(messages, false), Optional.empty(), this), args);
    }

    /** The configuration that the command line asked for. */
    MachineConfig config() {
        return configs.getLast();
    }

    String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Override
    public Handle create(MachineConfig config, Function<DomainConfig, Console> consoles, Progress progress) {
        configs.add(config);
        guests.clear();
        config.domains().forEach(d -> guests.add(consoles.apply(d)));
        Console console = guests.getFirst();
        DomainConfig domain = config.domains().getFirst();
        progress.step(domain.name(), "loading " + domain.kernel().orElseThrow());
        return new Handle() {
            @Override
            public RunResult run() {
                Outcome outcome = body.run(FakeMachine.this, console);
                return result(config, outcome, crashReport);
            }

            @Override
            public void stop(String reason) {
                stopped = reason;
                console.interrupt();
            }

            @Override
            public void close() {
                closed = true;
            }
        };
    }

    /** A result with numbers that can be recognised. */
    static RunResult result(MachineConfig config, Outcome outcome, String crashReport) {
        String reason = outcome == Outcome.POWEROFF ? "" : "because of " + outcome.label();
        return new RunResult(outcome, 0, reason, 1_234_567_890_123L, 5_000_000_000L, 25_000, Tier.INTERPRETER, 1.0, 321,
                Map.of("hlt", 7L), Map.of("CPUID", 9L),
                config.domains().stream().map(d -> domain(d, outcome, crashReport)).toList(),
                Map.of("msr:0x611", 3L), Map.of("pv.mm:bad_owner", 2L));
    }

    private static RunResult.DomainResult domain(DomainConfig d, Outcome outcome, String crashReport) {
        return new RunResult.DomainResult(1, d.name(), d.type(), d.vcpus(), outcome, 1_234_567_890_000L,
                new RunResult.MemoryUse(d.memoryBytes() >> 10, d.maxMemoryBytes() >> 10, OnDemandUse.NONE),
                "ab".repeat(32), 42, crashReport, disks(d),
                List.of(new NicCounts(0, "00:16:3e:01:02:03", "nat", 1, 64, 0, 0, 2, 128, 3)));
    }

    private static List<RunResult.DiskResult> disks(DomainConfig d) {
        DiskCounts counts = new DiskCounts(1, 2, 3, 4, 5 << 10, 6 << 10, 7,
                new TreeMap<>(Map.of("unknown operation", 7L)));
        List<RunResult.DiskResult> all = new ArrayList<>();
        for (int i = 0; i < d.disks().size(); i++) {
            all.add(new RunResult.DiskResult(DiskConfig.devices(d.disks()).get(i).name(),
                    d.disks().get(i).image().path().toString(), counts, "could not be closed"));
        }
        return all;
    }
}
