package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

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
    private static final String INIT = DebianRuns.HEAD + """
            echo "UP on $(cat /sys/hypervisor/type) with $(grep -c ^processor /proc/cpuinfo) CPUs"
            head -c 100000 /dev/zero | sha256sum
            poweroff -f
            """;

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;
    private Path initrd;

    @BeforeEach
    void find_kernel_and_busybox() throws IOException, InterruptedException {
        debian = new DebianRuns(folder);
        kernel = debian.cloudKernel();
        initrd = debian.initrd("init", INIT);
    }

    private int run(String append, String... options) {
        return debian.run(kernel, initrd, "256M", append, Stream.concat(Stream.of("--translation-cache", "off"),
                Stream.of(options)).toArray(String[]::new));
    }

    @Test
    void debian_reaches_user_space_and_powers_off_twice_the_same() throws Exception {
        assertEquals(0, run("console=hvc0 loglevel=5"), debian::all);
        assertTrue(debian.printed().contains("UP on xen with 1 CPUs"), debian::all);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(new byte[100_000]);
        assertTrue(debian.printed().contains(HexFormat.of().formatHex(digest)), debian::all);
        assertFalse(debian.printed().matches("(?s).*(BUG:|WARNING: CPU|Call Trace|unchecked MSR).*"), debian::all);
        JsonNode first = debian.statistics();
        assertEquals("poweroff", first.get("outcome").asText());
        assertEquals(0, run("console=hvc0 loglevel=5"), debian::all);
        for (String key : List.of("instructions", "virtual_ns", "domains", "exits", "unimplemented")) {
            assertEquals(first.get(key), debian.statistics().get(key), key);
        }
    }

    @Test
    void four_vcpus_come_up() {
        assertEquals(0, run("console=hvc0 quiet", "--vcpus", "4"), debian::all);
        assertTrue(debian.printed().contains("UP on xen with 4 CPUs"), debian::all);
    }

    @Test
    void a_panic_is_a_crash() throws IOException {
        assertEquals(134, run("console=hvc0 rdinit=/nosuch root=/dev/none panic=-1"), debian::all);
        assertTrue(debian.printed().contains("Kernel panic"), debian::all);
        assertEquals("crash", debian.statistics().get("domains").get(0).get("outcome").asText());
    }
}
