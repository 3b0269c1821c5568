package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * Debian's cloud kernel, unmodified, with busybox; skipped where {@code test-images/fetch-debian.sh cloud busybox} has not
 * been run. A boot takes some 20 s on a core of its own.
 * <ul>
 * <li>user space runs, knows that it is on Xen, powers off, and the same run comes out twice;</li>
 * <li>four vCPUs come up;</li>
 * <li>a panic is a crash.</li>
 * </ul>
 */
@Timeout(900)
final class DebianBootTest {
    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
            echo "UP on $(cat /sys/hypervisor/type) with $(grep -c ^processor /proc/cpuinfo) CPUs"
            head -c 100000 /dev/zero | sha256sum
            poweroff -f
            """;

    @TempDir
    Path folder;
    private Path kernel;
    private Path initrd;
    private Path stats;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);

    @BeforeEach
    void find_kernel_and_busybox() throws IOException, InterruptedException {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.exists(root.resolve("test-images").resolve("make-initrd.sh"))) {
            root = root.getParent();
        }
        System.setProperty("xenolith.home", root.toString());
        DebianGuest debian = DebianGuest.find(messages).orElseThrow();
        if (!debian.cached()) {
            LoggerFactory.getLogger(DebianBootTest.class)
                    .warn("SKIPPED: Debian's cloud kernel or busybox is not in .cache/debian");
        }
        assumeTrue(debian.cached(), "needs test-images/fetch-debian.sh cloud busybox");
        kernel = debian.kernel().orElseThrow();
        stats = folder.resolve("stats.json");
        initrd = folder.resolve("initrd.gz");
        Path init = Files.writeString(folder.resolve("init"), INIT);
        Process make = new ProcessBuilder(root.resolve("test-images").resolve("make-initrd.sh").toString(),
                initrd.toString(),
                init.toString()).inheritIO().start();
        assertEquals(0, make.waitFor());
    }

    private int run(String append, String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString(), "--initrd", initrd.toString(),
                "--memory", "256M", "--append", append, "--stats", stats.toString(), "--translation-cache", "off"));
        args.addAll(List.of(options));
        out.reset();
        err.reset();
        return Main.execute(
                new App(InputStream.nullInputStream(), out, messages, Optional.empty(), MachineFactory.real()),
                args.toArray(String[]::new));
    }

    private JsonNode statistics() throws IOException {
        return new ObjectMapper().readTree(stats.toFile());
    }

    private String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String all() {
        return printed() + err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void debian_reaches_user_space_and_powers_off_twice_the_same() throws Exception {
        assertEquals(0, run("console=hvc0 loglevel=5"), this::all);
        assertTrue(printed().contains("UP on xen with 1 CPUs"), this::all);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(new byte[100_000]);
        assertTrue(printed().contains(HexFormat.of().formatHex(digest)), this::all);
        assertFalse(printed().matches("(?s).*(BUG:|WARNING: CPU|Call Trace|unchecked MSR).*"), this::all);
        JsonNode first = statistics();
        assertEquals("poweroff", first.get("outcome").asText());
        assertEquals(0, run("console=hvc0 loglevel=5"), this::all);
        for (String key : List.of("instructions", "virtual_ns", "domains", "exits", "unimplemented")) {
            assertEquals(first.get(key), statistics().get(key), key);
        }
    }

    @Test
    void four_vcpus_come_up() {
        assertEquals(0, run("console=hvc0 quiet", "--vcpus", "4"), this::all);
        assertTrue(printed().contains("UP on xen with 4 CPUs"), this::all);
    }

    @Test
    void a_panic_is_a_crash() throws IOException {
        assertEquals(134, run("console=hvc0 rdinit=/nosuch root=/dev/none panic=-1"), this::all);
        assertTrue(printed().contains("Kernel panic"), this::all);
        assertEquals("crash", statistics().get("domains").get(0).get("outcome").asText());
    }
}
