package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.jit.Translations;

/** Hostile programs in a child JVM. {@code -Dxenolith.hostile.programs=N -Dxenolith.hostile.seed=S} runs more, or others. */
@Timeout(3600)
final class HostileCommandTest {
    private static final long PROGRAMS = Long.getLong("xenolith.hostile.programs", 20_000);
    private static final long SEED = Long.getLong("xenolith.hostile.seed", 1);

    @TempDir
    Path folder;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);

    private int run(String... options) {
        App app = new App(InputStream.nullInputStream(), out, messages, Optional.empty(), MachineFactory.real());
        return Main.execute(app, options);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "both"})
    void hostile_programs_end_no_jvm(String tier) {
        assumeTrue(tier.equals("interpreter") || Translations.obstacle().isEmpty(),
                "this host cannot run emitted code");
        int status = run("selftest", "hostile", "--programs", Long.toString(PROGRAMS), "--seed", Long.toString(SEED),
                "--tier", tier);
        assertEquals(0, status, () -> err.toString(StandardCharsets.UTF_8));
        String json = out.toString(StandardCharsets.UTF_8);
        assertTrue(json.startsWith("{\"programs\":" + PROGRAMS + ",\"instructions\":"), json);
        assertTrue(json.contains("\"crashes\":0,\"failures\":0"), json);
    }

    @Test
    void program_that_ends_the_jvm_is_named_and_the_ones_behind_it_run() throws Exception {
        HostileRun run = new HostileRun(folder, messages, List.of(Child.class.getName()));
        run.run(10, 10, program -> List.of("it is number " + program));
        assertEquals(1, run.crashes());
        assertEquals(10, run.programs());
        String said = err.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("program 14 ended the JVM with status 3"), said);
        assertTrue(said.contains("it is number 14"), said);
    }

    @Test
    void child_that_cannot_start_is_an_error() {
        HostileRun run = new HostileRun(folder, messages, List.of("org.xenolith.NoSuchClass"));
        IOException e = assertThrows(IOException.class, () -> run.run(0, 10, program -> List.of()));
        assertTrue(e.getMessage().contains("before its first program"), e::getMessage);
    }

    /** Dies in program 14. */
    static final class Child {
        private Child() {
        }

        public static void main(String[] args) throws IOException {
            try (HostileProgress progress = new HostileProgress(Path.of(args[1]))) {
                long first = Long.parseLong(args[3]);
                for (long i = first; i < first + Long.parseLong(args[5]); i++) {
                    progress.at(i);
                    if (i == 14) {
                        Runtime.getRuntime().halt(3);
                    }
                }
                progress.done(1, 0);
            }
        }
    }
}
