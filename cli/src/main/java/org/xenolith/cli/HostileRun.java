package org.xenolith.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/** Runs hostile programs in child JVMs: when one ends before its time, tells at which program, and goes on behind it. */
final class HostileRun {
    /** A child that stays at one program for so long hangs. */
    private static final long HANG_SECONDS = 30;
    private static final long LOOK_MILLISECONDS = 200;
    private static final int MOST_CRASHES = 20;

    private final Path folder;
    private final Messages messages;
    private final List<String> options;
    private long programs;
    private long instructions;
    private long failures;
    private long crashes;

    /** @param options of the child: its main class and that class's arguments; where to begin and to note progress is added to them */
    HostileRun(Path folder, Messages messages, List<String> options) {
        this.folder = folder;
        this.messages = messages;
        this.options = options;
    }

    long programs() {
        return programs;
    }

    long instructions() {
        return instructions;
    }

    long failures() {
        return failures;
    }

    long crashes() {
        return crashes;
    }

    /**
     * Runs programs {@code first} to {@code first + count - 1}.
     *
     * @param describe says what a program is
     */
    void run(long first, long count, LongFunction<List<String>> describe) throws IOException, InterruptedException {
        long next = first;
        long end = first + count;
        Path file = folder.resolve("progress");
        Path output = folder.resolve("output");
        try (HostileProgress progress = new HostileProgress(file)) {
            while (next < end && crashes < MOST_CRASHES) {
                progress.clear();
                Process process = start(file, output, next, end - next);
                boolean hung = !watch(process, progress, first, count);
                Files.readAllLines(output).forEach(messages::say);
                if (progress.isDone()) {
                    programs += end - next;
                    instructions += progress.instructions();
                    failures += progress.failures();
                    return;
                }
                long program = progress.program();
                if (program < next) {
                    throw new IOException(
                            "the child JVM ended with status " + process.exitValue() + " before its first program");
                }
                crashes++;
                messages.say(
                        "program " + program + (hung ? " hangs" : " ended the JVM with status " + process.exitValue())
                                + "; what is known is in " + folder);
                describe.apply(program).forEach(messages::say);
                programs += program + 1 - next;
                next = program + 1;
            }
        }
    }

    private Process start(Path file, Path output, long first, long count) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC", "-Xmx512m", "-XX:-CreateCoredumpOnCrash",
                        "-XX:ErrorFile=" + folder.resolve("hs_err_%p.log"),
                        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
        command.addAll(options);
        command.addAll(List.of("--child", file.toString(), "--first", Long.toString(first), "--programs",
                Long.toString(count)));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
    }

    /** Waits for the end of a child; false if it had to be ended. */
    private boolean watch(Process process, HostileProgress progress, long first, long count)
            throws InterruptedException {
        long last = -1;
        long since = System.nanoTime();
        try {
            while (!process.waitFor(LOOK_MILLISECONDS, TimeUnit.MILLISECONDS)) {
                long now = progress.program();
                if (now != last) {
                    last = now;
                    since = System.nanoTime();
                    messages.progress(now - first + " of " + count + " programs");
                } else if (System.nanoTime() - since > TimeUnit.SECONDS.toNanos(HANG_SECONDS)) {
                    process.destroyForcibly().waitFor();
                    return progress.isDone();
                }
            }
            return true;
        } finally {
            process.destroyForcibly();
        }
    }
}
