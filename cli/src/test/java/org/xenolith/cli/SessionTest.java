package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.Outcome;

/**
 * A run around its machine:
 * <ul>
 * <li>console bytes pass both ways as they are;</li>
 * <li>a closed input ends nothing, a closed output ends the run without a word;</li>
 * <li>statistics appear whole at every kind of end, and never replace a device;</li>
 * <li>a fault of ours is one line and a file.</li>
 * </ul>
 */
@Timeout(60)
final class SessionTest {
    private static final List<String> KEYS = List.of("outcome", "instructions", "virtual_ns", "wall_ms", "tier",
            "interpreted_share", "peak_rss_mb", "exits", "interpreted", "domains", "unimplemented", "refused");
    private static final List<String> DOMAIN_KEYS = List.of("id", "name", "type", "vcpus", "outcome", "instructions",
            "memory_kib", "memory_limit_kib", "on_demand", "console_sha256", "console_bytes", "disks", "nics");

    @TempDir
    Path folder;
    private Path kernel;
    private Path stats;
    private final FakeMachine machine = new FakeMachine();

    @BeforeEach
    void make_a_kernel() throws IOException {
        kernel = Files.writeString(folder.resolve("vmlinuz"), "not looked into here");
        stats = folder.resolve("stats.json");
    }

    private int run(String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString()));
        args.addAll(List.of(options));
        return machine.execute(args.toArray(String[]::new));
    }

    private JsonNode statistics() throws IOException {
        return new ObjectMapper().readTree(stats.toFile());
    }

    @Test
    void console_output_reaches_standard_output_byte_by_byte() {
        byte[] all = new byte[100_000];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) (i * 31 + i / 256);
        }
        machine.body = (m, console) -> {
            for (int i = 0; i < all.length; i += 1000) {
                assertTrue(console.output(all, i, 1000));
            }
            return Outcome.POWEROFF;
        };
        assertEquals(0, run());
        org.junit.jupiter.api.Assertions.assertArrayEquals(all, machine.out.toByteArray());
    }

    @Test
    void standard_input_reaches_the_guest_and_its_end_ends_nothing() {
        byte[] typed = "ls\u001d\u00e9\n\u0000\u0003".getBytes(StandardCharsets.UTF_8);
        machine.in = new ByteArrayInputStream(typed);
        byte[] seen = new byte[100];
        int[] count = {0};
        machine.body = (m, console) -> {
            while (!console.inputEnded()) {
                int n = console.input(seen, count[0], 3);
                count[0] += n;
                if (n == 0) {
                    console.await(10);
                }
            }
            console.await(1);
            return m.stopped == null ? Outcome.POWEROFF : Outcome.DESTROYED;
        };
        assertEquals(0, run());
        assertEquals(new String(typed, StandardCharsets.UTF_8), new String(seen, 0, count[0], StandardCharsets.UTF_8));
    }

    @Test
    void a_console_file_gets_the_output_and_standard_output_nothing() throws IOException {
        machine.body = (m, console) -> {
            print(console, "hello\r\n");
            return Outcome.POWEROFF;
        };
        Path log = folder.resolve("console.log");
        assertEquals(0, run("--console", log.toString()));
        assertEquals("hello\r\n", Files.readString(log));
        assertEquals("", machine.out());
    }

    @Test
    void a_closed_standard_output_ends_the_run_quietly() throws IOException {
        machine.stdout = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        machine.body = (m, console) -> {
            while (print(console, "y\r\n") || m.stopped == null) {
                Thread.onSpinWait();
            }
            return Outcome.DESTROYED;
        };
        assertEquals(0, run("--stats", stats.toString()));
        assertEquals("", machine.err());
        assertEquals("the console was closed", machine.stopped);
        assertEquals("destroyed", statistics().get("outcome").asText());
    }

    @Test
    void a_full_disk_is_told() {
        machine.stdout = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        };
        machine.body = (m, console) -> {
            while (print(console, "y\r\n")) {
                Thread.onSpinWait();
            }
            return Outcome.DESTROYED;
        };
        assertEquals(126, run());
        assertEquals("xenolith: the console's output could not be written: No space left on device\n", machine.err());
    }

    @Test
    void statistics_have_the_documented_form() throws IOException {
        assertEquals(0, run("--stats", stats.toString()));
        JsonNode s = statistics();
        assertEquals(KEYS, names(s));
        assertEquals(DOMAIN_KEYS, names(s.get("domains").get(0)));
        assertEquals("poweroff", s.get("outcome").asText());
        assertEquals(1_234_567_890_123L, s.get("instructions").asLong());
        assertEquals(5_000_000_000L, s.get("virtual_ns").asLong());
        assertEquals(25_000, s.get("wall_ms").asInt());
        assertEquals("interpreter", s.get("tier").asText());
        assertEquals(321, s.get("peak_rss_mb").asInt());
        assertEquals("{\"hlt\":7}", s.get("exits").toString());
        assertEquals("{\"msr:0x611\":3}", s.get("unimplemented").toString());
        assertEquals("{\"pv.mm:bad_owner\":2}", s.get("refused").toString());
        assertEquals("{\"id\":1,\"name\":\"guest\",\"type\":\"pvh\",\"vcpus\":1,\"outcome\":\"poweroff\","
                + "\"instructions\":1234567890000,\"memory_kib\":524288,\"memory_limit_kib\":524288,"
                + "\"on_demand\":{\"pool_kib\":0,\"unbacked_kib\":0,\"populated\":0,\"reclaimed\":0},\"console_sha256\":\""
                + "ab".repeat(32) + "\",\"console_bytes\":42,"
                + "\"disks\":[],\"nics\":[{\"id\":0,\"mac\":\"00:16:3e:01:02:03\",\"network\":\"nat\",\"rx_frames\":1,"
                + "\"rx_bytes\":64,\"rx_dropped\":0,\"rx_errors\":0,\"tx_frames\":2,\"tx_bytes\":128,\"tx_errors\":3}]}",
                s.get("domains").get(0).toString());
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of("stats.json", "vmlinuz"),
                    files.map(f -> f.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void disks_are_in_the_statistics_and_in_the_report() throws IOException {
        Path disk = Files.writeString(folder.resolve("disk.raw"), "not looked into here");
        assertEquals(0, run("--stats", stats.toString(), "--disk", disk.toString(), "-v"));
        assertEquals("[{\"vdev\":\"xvda\",\"file\":\"" + disk + "\",\"requests\":24,\"reads\":1,\"writes\":2,"
                + "\"flushes\":3,\"discards\":4,\"bytes_read\":5120,\"bytes_written\":6144,\"errors\":7,"
                + "\"refused\":{\"unknown operation\":7}}]",
                statistics().get("domains").get(0).get("disks").toString());
        assertTrue(
                machine.err()
                        .contains("guest: xvda: 1 reads of 5 KiB, 2 writes of 6 KiB, 3 flushes, 4 discards, 7 errors"),
                machine.err());
        assertTrue(machine.err().contains(disk + ": could not be closed"), machine.err());
    }

    @Test
    void statistics_are_written_when_the_machine_fails() throws IOException {
        machine.body = (m, console) -> {
            throw new IllegalStateException("boom\nand more");
        };
        assertEquals(125, run("--stats", stats.toString()));
        assertEquals(KEYS, names(statistics()));
        assertEquals("error", statistics().get("outcome").asText());
        assertEquals("destroyed", statistics().get("domains").get(0).get("outcome").asText());
        assertTrue(machine.closed);
        assertTrue(
                machine.err().startsWith(
                        "xenolith: internal error (IllegalStateException: boom and more); please report it with "),
                machine.err());
        assertEquals(machine.err().length() - 1, machine.err().indexOf('\n'), machine.err());
        Path details = Path.of(machine.err().strip().replaceFirst(".* with ", ""));
        assertTrue(Files.readString(details).contains("SessionTest"));
        Files.delete(details);
    }

    @Test
    void an_error_of_the_jvm_is_a_fault_of_ours_too() {
        machine.body = (m, console) -> {
            throw new StackOverflowError();
        };
        assertEquals(125, run("-v"));
        assertTrue(machine.err().contains("xenolith: internal error (StackOverflowError); please report it\n"),
                machine.err());
        assertTrue(machine.err().contains("at org.xenolith.cli.SessionTest"), "details with -v");
    }

    @Test
    void a_configuration_that_the_machine_refuses_is_the_users_matter() {
        machine.body = null;
        FakeMachine refusing = new FakeMachine();
        MachineFactory factory = (config, console, progress) -> {
            throw new IllegalArgumentException("memory must be a multiple of 2M");
        };
        int status = Main.execute(
                new App(refusing.in, refusing.out, new Messages(new java.io.PrintStream(refusing.err, true,
                        StandardCharsets.UTF_8), false), java.util.Optional.empty(), factory),
                "run", "--kernel", kernel.toString());
        assertEquals(126, status);
        assertEquals("xenolith: memory must be a multiple of 2M\n", refusing.err());
    }

    @Test
    void statistics_replace_a_file_but_never_a_device_and_follow_a_link() throws IOException {
        Path real = Files.writeString(folder.resolve("real.json"), "old");
        stats = Files.createSymbolicLink(folder.resolve("link.json"), real);
        assertEquals(0, run("--stats", stats.toString()));
        assertTrue(Files.isSymbolicLink(stats));
        assertEquals("poweroff", new ObjectMapper().readTree(real.toFile()).get("outcome").asText());
        assertEquals(0, run("--stats", "/dev/null"));
        assertFalse(Files.isRegularFile(Path.of("/dev/null")));
    }

    private static boolean print(Console console, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return console.output(bytes, 0, bytes.length);
    }

    private static List<String> names(JsonNode node) {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
