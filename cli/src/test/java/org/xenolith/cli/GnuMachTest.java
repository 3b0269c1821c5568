package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian's GNU Mach for Xen, a 32-bit PV kernel that {@code __xen_guest} strings describe: it sets up its memory, looks for disks and
 * interfaces, and gives up because no Hurd was loaded with it. Skipped where {@code test-images/fetch-debian.sh gnumach} has not been run.
 */
@Timeout(600)
final class GnuMachTest {
    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;

    @BeforeEach
    void find_kernel() throws IOException {
        debian = new DebianRuns(folder);
        try (Stream<Path> files = Files.list(debian.fetched("gnumach").resolve("boot"))) {
            kernel = files.filter(f -> f.toString().endsWith(".gz")).findFirst().orElseThrow();
        }
    }

    private JsonNode run(String tier) throws IOException {
        int status = debian.runOnly("--type", "pv", "--kernel", kernel.toString(), "--memory", "256M", "--tier", tier,
                "--pace", "max", "--timeout", "20s", "--translation-cache", "off");
        String text = debian.all();
        assertTrue(text.contains("GNU Mach 1.8"), text);
        assertTrue(text.contains("Running on xen-3.0-x86_32p."), text);
        assertTrue(text.contains("000010000000, available"), text);
        assertTrue(text.contains("No bootstrap code loaded with the kernel!"), text);
        // its panic shuts the domain down with a reason that Xen has no name for
        assertEquals(134, status, text);
        return debian.statistics();
    }

    @Test
    void gnu_mach_comes_up_as_32_bit_pv_with_the_same_instructions_in_both_tiers() throws IOException {
        JsonNode fast = run("auto");
        JsonNode slow = run("interpreter");
        for (String key : List.of("instructions", "virtual_ns", "domains", "unimplemented")) {
            assertEquals(slow.get(key), fast.get(key), key);
        }
    }
}
