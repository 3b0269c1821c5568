package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.testimages.EmbeddedGuest;

/**
 * The whole of Xenolith in this process, with the guest that comes with it:
 * <ul>
 * <li>it prints what its text says, and the same run comes out twice;</li>
 * <li>its ends (power-off, reboot, crash, triple fault, running on) have their statuses and outcomes;</li>
 * <li>its console reads what is typed;</li>
 * <li>damaged images are refused in one line.</li>
 * </ul>
 */
@Timeout(300)
final class EmbeddedGuestRunTest {
    @TempDir
    Path folder;
    private Path kernel;
    private Path stats;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private InputStream in = InputStream.nullInputStream();

    @BeforeEach
    void write_the_kernel() throws IOException {
        kernel = EmbeddedGuest.HELLO.copyInto(folder);
        stats = folder.resolve("stats.json");
    }

    private int run(String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString(), "--memory", "16M", "--stats",
                stats.toString(), "--translation-cache", "off"));
        args.addAll(List.of(options));
        out.reset();
        err.reset();
        Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);
        return Main.execute(new App(in, out, messages, Optional.empty(), MachineFactory.real()),
                args.toArray(String[]::new));
    }

    private JsonNode statistics() throws IOException {
        return new ObjectMapper().readTree(stats.toFile());
    }

    private String printed() {
        return out.toString(StandardCharsets.ISO_8859_1);
    }

    private String said() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void the_guest_prints_its_text_and_statistics_describe_it() throws Exception {
        assertEquals(0, run(), this::said);
        assertEquals(EmbeddedGuest.HELLO.expectedText(), printed());
        assertEquals("", said());
        JsonNode domain = statistics().get("domains").get(0);
        assertEquals("poweroff", domain.get("outcome").asText());
        assertEquals(printed().length(), domain.get("console_bytes").asInt());
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(out.toByteArray());
        assertEquals(HexFormat.of().formatHex(digest), domain.get("console_sha256").asText());
        assertEquals("{}", statistics().get("unimplemented").toString());
        assertTrue(statistics().get("instructions").asLong() > 10_000);
        assertTrue(statistics().get("virtual_ns").asLong() > 50_000_000, "five timer ticks of 10 ms");
    }

    @Test
    void no_attempt_of_an_attacking_pv_guest_is_allowed_in_either_tier() throws Exception {
        kernel = EmbeddedGuest.ATTACK.copyInto(folder);
        for (String tier : List.of("interpreter", "native")) {
            assertEquals(0, run("--type", "pv", "--tier", tier), this::said);
            assertEquals(EmbeddedGuest.ATTACK.expectedText(), printed());
            JsonNode refused = statistics().get("refused");
            assertTrue(refused.get("pv.mm:writable_refused").asInt() > 5, refused::toString);
        }
    }

    @Test
    void a_pv_guest_runs_in_lockstep_and_a_spoiled_instruction_is_found() throws Exception {
        Assumptions.assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        kernel = EmbeddedGuest.ATTACK.copyInto(folder);
        assertEquals(0, run("--type", "pv", "--tier", "interpreter"), this::said);
        JsonNode alone = statistics();
        assertEquals(0, run("--type", "pv", "--tier", "lockstep"), this::said);
        assertEquals(EmbeddedGuest.ATTACK.expectedText(), printed());
        JsonNode both = statistics();
        for (String key : List.of("instructions", "virtual_ns", "domains", "unimplemented", "refused")) {
            assertEquals(alone.get(key), both.get(key), key);
        }
        assertTrue(both.get("exits").get("lockstep_compared").asLong() > 1000, both::toString);
        assertEquals(125, run("--type", "pv", "--tier", "lockstep", "--inject-fault", "translator@1000"), this::said);
        assertTrue(said().contains("interpreter and host code differ after instruction 1,"), this::said);
    }

    @Test
    void the_same_run_comes_out_twice() throws IOException {
        assertEquals(0, run("--seed", "7"));
        JsonNode first = statistics();
        assertEquals(0, run("--seed", "7"));
        JsonNode second = statistics();
        for (String key : List.of("outcome", "instructions", "virtual_ns", "domains", "exits", "unimplemented")) {
            assertEquals(first.get(key), second.get(key), key);
        }
    }

    @Test
    void translations_of_the_first_run_are_used_by_the_second_and_change_nothing() throws IOException {
        Assumptions.assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        String cache = folder.resolve("kept").toString();
        assertEquals(0, run("--translation-cache", cache), this::said);
        JsonNode first = statistics();
        assertEquals(0, run("--translation-cache", cache), this::said);
        JsonNode second = statistics();
        assertEquals("", said());
        for (String key : List.of("outcome", "instructions", "virtual_ns", "domains", "interpreted", "unimplemented")) {
            assertEquals(first.get(key), second.get(key), key);
        }
        assertEquals(0, second.get("exits").get("translation_made").asLong());
        assertEquals(first.get("exits").get("translation_stored"), first.get("exits").get("translation_made"));
        assertTrue(second.get("exits").get("translation_loaded").asLong() > 0);
    }

    @Test
    void the_epoch_is_the_date_that_the_guest_sees() {
        assertEquals(0, run("--epoch", "2001-09-09T01:46:40Z"));
        assertTrue(printed().contains("date: 1000000000 s after 1970"), this::printed);
    }

    @ParameterizedTest
    @CsvSource({"crash, 134, crash", "'reboot', 0, reboot", "fault, 0, reboot"})
    void ends_of_a_guest_have_their_status_and_outcome(String word, int status, String outcome) throws IOException {
        assertEquals(status, run("--append", word, "--no-reboot"), this::said);
        assertEquals(outcome, statistics().get("outcome").asText());
        assertEquals(outcome, statistics().get("domains").get(0).get("outcome").asText());
        if (outcome.equals("crash")) {
            assertTrue(said().startsWith("xenolith: guest 'guest' crashed:\n"), this::said);
            assertTrue(said().contains("rip"), this::said);
        }
    }

    @Test
    void a_guest_that_reboots_is_started_again() throws IOException {
        assertEquals(124, run("--append", "reboot", "--timeout", "180ms"));
        assertEquals(3, printed().split("Again", -1).length - 1, "50 ms a turn");
        assertEquals("timeout", statistics().get("domains").get(0).get("outcome").asText());
    }

    @ParameterizedTest
    @CsvSource({"spin, --timeout, 1s, 1000000000", "spin, --wall-timeout, 1s, 0", "idle, --timeout, 30s, 30000000000",
        "idle, --idle-timeout, 1m, 60000000000", "wait, --timeout, 1h, 0"})
    void limits_of_time_end_with_124(String word, String option, String value, long leastVirtualNs) throws IOException {
        assertEquals(124, run("--append", word, option, value), this::said);
        assertEquals("timeout", statistics().get("outcome").asText());
        assertTrue(statistics().get("virtual_ns").asLong() >= leastVirtualNs, () -> "" + leastVirtualNs);
        assertTrue(said().startsWith("xenolith: ") && said().indexOf('\n') == said().length() - 1, this::said);
    }

    @Test
    void the_console_reads_what_is_typed() {
        in = new ByteArrayInputStream("what is typed\nq".getBytes(StandardCharsets.US_ASCII));
        assertEquals(0, run("--append", "echo"), this::said);
        assertTrue(printed().contains("what is typed\r\nGood bye"), this::printed);
    }

    @Test
    void a_guest_with_more_memory_says_so() {
        assertEquals(0, run("--memory", "6G", "--vcpus", "3"), this::said);
        assertTrue(printed().contains("memory: 6144 MiB"), this::printed);
    }

    @Test
    void damaged_images_are_refused_in_one_line() throws IOException {
        byte[] image = EmbeddedGuest.HELLO.image();
        for (int length : new int[]{1, 63, 64, 200, 0x1000, 0x17e0}) {
            Files.write(kernel, java.util.Arrays.copyOf(image, length));
            assertEquals(126, run(), () -> length + " bytes: " + said());
            assertTrue(said().startsWith("xenolith: " + kernel + ": "), this::said);
            assertEquals(said().length() - 1, said().indexOf('\n'), this::said);
            assertEquals("error", statistics().get("outcome").asText());
        }
    }
}
