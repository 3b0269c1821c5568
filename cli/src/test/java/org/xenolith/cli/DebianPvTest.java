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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/**
 * Debian's cloud kernel, unmodified, as a PV guest; skipped where {@code test-images/fetch-debian.sh cloud busybox} has not been run. A boot
 * executes some 2.7 thousand million instructions, most of them in one loop over a list of pages that are not there.
 */
@Timeout(1800)
final class DebianPvTest {
    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
            echo "UP on $(cat /sys/hypervisor/type) $(cat /sys/hypervisor/guest_type) with $(grep -c ^processor /proc/cpuinfo)"
            echo "features $(cat /sys/hypervisor/properties/features)"
            seq 1 20000 | sort -rn | md5sum
            poweroff -f
            """;
    /** Of the numbers 1 to 20000, falling, one a line. */
    private static final String SORTED = "d29c9b2130d81144350e794f0423148c";

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
            LoggerFactory.getLogger(DebianPvTest.class)
                    .warn("SKIPPED: Debian's cloud kernel or busybox is not in .cache/debian");
        }
        assumeTrue(debian.cached(), "needs test-images/fetch-debian.sh cloud busybox");
        kernel = debian.kernel().orElseThrow();
        stats = folder.resolve("stats.json");
        initrd = folder.resolve("initrd.gz");
        Path init = Files.writeString(folder.resolve("init"), INIT);
        Process make = new ProcessBuilder(root.resolve("test-images").resolve("make-initrd.sh").toString(),
                initrd.toString(), init.toString()).inheritIO().start();
        assertEquals(0, make.waitFor());
    }

    private JsonNode run(String... options) throws IOException {
        return run(kernel, "256M", options);
    }

    private JsonNode run(Path image, String memory, String... options) throws IOException {
        List<String> args = new ArrayList<>(List.of("run", "--type", "pv", "--kernel", image.toString(), "--initrd",
                initrd.toString(), "--memory", memory, "--append", "console=hvc0 loglevel=5", "--stats",
                stats.toString(), "--translation-cache", "off"));
        args.addAll(List.of(options));
        out.reset();
        err.reset();
        int status = Main.execute(
                new App(InputStream.nullInputStream(), out, messages, Optional.empty(), MachineFactory.real()),
                args.toArray(String[]::new));
        assertEquals(0, status, this::all);
        assertFalse(printed().matches("(?s).*(BUG:|WARNING: CPU|Call Trace|unchecked MSR).*"), this::all);
        return new ObjectMapper().readTree(stats.toFile());
    }

    private String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String all() {
        return printed() + err.toString(StandardCharsets.UTF_8);
    }

    @Test
    void debian_reaches_user_space_as_pv_with_the_same_instructions_in_both_tiers() throws IOException {
        JsonNode first = run("--tier", "auto");
        assertTrue(printed().contains("UP on xen PV with 1"), this::all);
        assertTrue(printed().contains("features 000220f0"), this::all);
        assertTrue(printed().contains(SORTED), this::all);
        JsonNode second = run("--tier", "interpreter");
        for (String key : List.of("instructions", "virtual_ns", "domains", "unimplemented")) {
            assertEquals(first.get(key), second.get(key), key);
        }
    }

    @Test
    void two_vcpus_come_up() throws IOException {
        run("--vcpus", "2");
        assertTrue(printed().contains("UP on xen PV with 2"), this::all);
        assertTrue(printed().contains(SORTED), this::all);
    }

    @ParameterizedTest
    @CsvSource({"128M, 1", "4G, 1", "512M, 4"})
    void memory_and_vcpus_may_be_few_or_many(String memory, int vcpus) throws IOException {
        run(kernel, memory, "--vcpus", Integer.toString(vcpus));
        assertTrue(printed().contains("UP on xen PV with " + vcpus), this::all);
        assertTrue(printed().contains(SORTED), this::all);
    }

    @Test
    void debians_generic_kernel_boots_as_pv_as_well() throws IOException {
        Path boot = kernel.getParent().getParent().getParent().resolve("linux-generic").resolve("boot");
        Optional<Path> generic = Optional.empty();
        if (Files.isDirectory(boot)) {
            try (Stream<Path> files = Files.list(boot)) {
                generic = files.filter(p -> p.getFileName().toString().startsWith("vmlinuz-")).findFirst();
            }
        }
        if (generic.isEmpty()) {
            LoggerFactory.getLogger(DebianPvTest.class)
                    .warn("SKIPPED: Debian's generic kernel is not in .cache/debian");
        }
        assumeTrue(generic.isPresent(), "needs test-images/fetch-debian.sh generic");
        run(generic.orElseThrow(), "256M");
        assertTrue(printed().contains("UP on xen PV with 1"), this::all);
    }
}
