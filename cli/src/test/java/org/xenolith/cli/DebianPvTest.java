package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Debian's cloud kernel, unmodified, as a PV guest; skipped where {@code test-images/fetch-debian.sh cloud busybox} has not been run. A boot
 * executes some 2.7 thousand million instructions, most of them in one loop over a list of pages that are not there.
 */
@Timeout(1800)
final class DebianPvTest {
    private static final String INIT = DebianRuns.HEAD + """
            echo "UP on $(cat /sys/hypervisor/type) $(cat /sys/hypervisor/guest_type) with $(grep -c ^processor /proc/cpuinfo)"
            echo "features $(cat /sys/hypervisor/properties/features)"
            seq 1 20000 | sort -rn | md5sum
            poweroff -f
            """;
    /** Of the numbers 1 to 20000, falling, one a line. */
    private static final String SORTED = "d29c9b2130d81144350e794f0423148c";

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

    private JsonNode run(String... options) throws IOException {
        return run(kernel, "256M", options);
    }

    private JsonNode run(Path image, String memory, String... options) throws IOException {
        int status = debian.run(image, initrd, memory, "console=hvc0 loglevel=5", Stream.concat(
                Stream.of("--type", "pv", "--translation-cache", "off"), Stream.of(options)).toArray(String[]::new));
        assertEquals(0, status, debian::all);
        assertFalse(debian.printed().matches("(?s).*(BUG:|WARNING: CPU|Call Trace|unchecked MSR).*"), debian::all);
        return debian.statistics();
    }

    @Test
    void debian_reaches_user_space_as_pv_with_the_same_instructions_in_both_tiers() throws IOException {
        JsonNode first = run("--tier", "auto");
        assertTrue(debian.printed().contains("UP on xen PV with 1"), debian::all);
        assertTrue(debian.printed().contains("features 000220f0"), debian::all);
        assertTrue(debian.printed().contains(SORTED), debian::all);
        JsonNode second = run("--tier", "interpreter");
        for (String key : List.of("instructions", "virtual_ns", "domains", "unimplemented")) {
            assertEquals(first.get(key), second.get(key), key);
        }
    }

    @Test
    void both_tiers_agree_on_200_million_instructions_and_then_a_spoiled_one_is_found() {
        int status = debian.run(kernel, initrd, "256M", "console=hvc0 loglevel=5", "--type", "pv", "--tier", "lockstep",
                "--inject-fault", "translator@200000000");
        assertEquals(125, status, debian::all);
        assertTrue(debian.all().contains("interpreter and host code differ after instruction 200,"), debian::all);
    }

    @Test
    void two_vcpus_come_up() throws IOException {
        run("--vcpus", "2");
        assertTrue(debian.printed().contains("UP on xen PV with 2"), debian::all);
        assertTrue(debian.printed().contains(SORTED), debian::all);
    }

    @ParameterizedTest
    @CsvSource({"128M, 1", "4G, 1", "512M, 4"})
    void memory_and_vcpus_may_be_few_or_many(String memory, int vcpus) throws IOException {
        run(kernel, memory, "--vcpus", Integer.toString(vcpus));
        assertTrue(debian.printed().contains("UP on xen PV with " + vcpus), debian::all);
        assertTrue(debian.printed().contains(SORTED), debian::all);
    }

    @Test
    void debians_generic_kernel_boots_as_pv_as_well() throws IOException {
        Path boot = kernel.getParent().getParent().getParent().resolve("linux-generic").resolve("boot");
        DebianRuns.needs(Files.isDirectory(boot), "needs test-images/fetch-debian.sh generic");
        run(DebianRuns.image(boot), "256M");
        assertTrue(debian.printed().contains("UP on xen PV with 1"), debian::all);
    }
}
