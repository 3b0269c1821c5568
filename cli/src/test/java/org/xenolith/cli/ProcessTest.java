package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.testimages.EmbeddedGuest;

/**
 * The command as a process of its own:
 * <ul>
 * <li>signals end it with 128 plus their number, after the statistics are written;</li>
 * <li>a reader that goes away ends it quietly;</li>
 * <li>on a terminal, keys reach the guest raw, Ctrl-] leaves, and the terminal is afterwards as it was before.</li>
 * </ul>
 */
@Timeout(300)
final class ProcessTest {
    @TempDir
    Path folder;
    private Path kernel;
    private Path stats;
    private Process process;

    @BeforeEach
    void write_the_kernel() throws IOException {
        kernel = EmbeddedGuest.HELLO.copyInto(folder);
        stats = folder.resolve("stats.json");
    }

    @AfterEach
    void end_the_process() {
        if (process != null) {
            process.destroyForcibly();
        }
    }

    private List<String> command(String... options) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "run", "--kernel", kernel.toString(), "-m", "16M", "--stats", stats.toString(),
                "--translation-cache", "off"));
        command.addAll(List.of(options));
        return command;
    }

    private void start(String... options) throws IOException {
        process = new ProcessBuilder(command(options)).start();
    }

    private JsonNode statistics() throws IOException {
        return new ObjectMapper().readTree(stats.toFile());
    }

    private static String readUntil(InputStream in, String mark) throws IOException {
        StringBuilder seen = new StringBuilder();
        while (seen.indexOf(mark) < 0) {
            int b = in.read();
            assertTrue(b >= 0, () -> "the output ended before '" + mark + "': " + seen);
            seen.append((char) b);
        }
        return seen.toString();
    }

    private int status() throws InterruptedException {
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it does not end");
        return process.exitValue();
    }

    @ParameterizedTest
    @CsvSource({"INT, 130, idle", "TERM, 143, spin", "HUP, 129, wait"})
    void signals_end_it_with_statistics_written(String signal, int status, String word) throws Exception {
        start("--append", word, "--pace", "real");
        readUntil(process.getInputStream(), "arrived\r\n");
        assertEquals(0, new ProcessBuilder("sh", "-c", "kill -" + signal + " " + process.pid()).start().waitFor());
        assertEquals(status, status());
        assertEquals("destroyed", statistics().get("outcome").asText());
        assertEquals("", new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
    }

    @Test
    void a_reader_that_goes_away_ends_it_quietly() throws Exception {
        start("--append", "flood");
        readUntil(process.getInputStream(), "lazy dog\r\n");
        process.getInputStream().close();
        assertEquals(0, status());
        assertEquals("destroyed", statistics().get("outcome").asText());
        assertEquals("", new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
    }

    @Test
    void on_a_terminal_keys_are_raw_and_the_escape_key_leaves_and_all_is_restored() throws Exception {
        Path before = folder.resolve("before");
        Path during = folder.resolve("during");
        Path after = folder.resolve("after");
        String line = "stty -a >" + before + "; (sleep 1; until [ -e " + folder
                + "/look ]; do sleep 0.1; done; stty -a >" + during
                + ") & " + quoted(command("--append", "echo")) + "; echo status=$?; stty -a >" + after;
        startInTerminal(line);
        InputStream screen = process.getInputStream();
        OutputStream keys = process.getOutputStream();
        readUntil(screen, "Ctrl-] leaves");
        readUntil(screen, "arrived\r\n");
        Files.createFile(folder.resolve("look"));
        keys.write("a\u0003b\u001a".getBytes(StandardCharsets.US_ASCII));
        keys.flush();
        assertEquals("a\u0003b\u001a", readUntil(screen, "\u001a"), "no echo, no signals: only what the guest prints");
        for (int i = 0; i < 600 && (!Files.exists(during) || Files.size(during) == 0); i++) {
            Thread.sleep(50);
        }
        keys.write(0x1d);
        keys.flush();
        readUntil(screen, "status=0");
        assertEquals(0, status());
        assertTrue(Files.readString(during).contains("-icanon") && Files.readString(during).contains("-echo "),
                () -> "the terminal was not raw");
        assertEquals(Files.readString(before), Files.readString(after));
        assertEquals("destroyed", statistics().get("outcome").asText());
    }

    @Test
    void a_signal_on_a_terminal_restores_it() throws Exception {
        Path before = folder.resolve("before");
        Path after = folder.resolve("after");
        startInTerminal("stty -a >" + before + "; " + quoted(command("--append", "idle")) + " & echo $! >" + folder
                + "/pid; fg %1 2>/dev/null; wait $!; echo status=$?; stty -a >" + after);
        InputStream screen = process.getInputStream();
        readUntil(screen, "arrived\r\n");
        String pid = Files.readString(folder.resolve("pid")).strip();
        assertEquals(0, new ProcessBuilder("sh", "-c", "kill -TERM " + pid).start().waitFor());
        readUntil(screen, "status=");
        status();
        assertEquals(Files.readString(before), Files.readString(after));
    }

    /** A shell command in a pseudo-terminal, by util-linux's script. */
    private void startInTerminal(String line) throws IOException, InterruptedException {
        boolean there = new ProcessBuilder("sh", "-c", "script --version && stty --version").start().waitFor() == 0;
        assumeTrue(there, "SKIPPED: no script or stty here (packages bsdutils, coreutils)");
        Path shell = Files.writeString(folder.resolve("shell"), line.replace("; ", "\n"));
        process = new ProcessBuilder("script", "-qec", "bash -m " + shell, "/dev/null").start();
    }

    private static String quoted(List<String> command) {
        StringBuilder line = new StringBuilder();
        command.forEach(word -> line.append('\'').append(word).append("' "));
        return line.toString();
    }
}
