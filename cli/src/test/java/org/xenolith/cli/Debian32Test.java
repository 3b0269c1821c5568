package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.cpu.jit.Translations;

/**
 * 32-bit guests as host code: Debian's i386 busybox in compatibility mode under the amd64 cloud kernel, in both tiers, and under the i386
 * kernel with PAE paging. Skipped where {@code test-images/fetch-debian.sh cloud busybox busybox-i386 linux-686} has not been run.
 */
@Timeout(900)
final class Debian32Test {
    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            i=0; x=12345
            while [ $i -lt 500 ]; do x=$(( (x*1103515245+12345) ^ (x>>7) )); i=$((i+1)); done
            echo "UP on $(uname -m): $x, $(seq 1 3000 | gzip -9 | gunzip | sort -rn | md5sum | cut -c1-32),\
             $(awk 'BEGIN{x=2; for(i=0;i<9;i++) x=(x+2/x)/2; printf "%.15f", x}')"
            poweroff -f
            """;
    private static final String RESULT = ": 4801411123284112410, ae8dab360b20988887fe2c48f37d81aa, 1.414213562373095";

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path initrd;

    @BeforeEach
    void find_busybox() throws IOException, InterruptedException {
        debian = new DebianRuns(folder);
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        debian.fetched("busybox-static");
        initrd = debian.initrd("init", INIT,
                debian.fetched("busybox-i386").resolve("bin").resolve("busybox") + ":bin/busybox");
    }

    private JsonNode run(String kernel, String tier) throws IOException {
        Path image = DebianRuns.image(debian.fetched(kernel).resolve("boot"));
        assertEquals(0, debian.run(image, initrd, "256M", "console=hvc0 quiet", "--tier", tier), debian::all);
        assertTrue(debian.printed().contains(RESULT), debian::all);
        return debian.statistics();
    }

    @Test
    void a_32_bit_program_under_a_64_bit_kernel_is_the_same_run_in_both_tiers() throws Exception {
        JsonNode fast = run("linux-cloud", "native");
        assertTrue(debian.printed().contains("UP on x86_64"), debian::all);
        assertTrue(fast.get("interpreted_share").asDouble() < 0.001, fast::toString);
        JsonNode slow = run("linux-cloud", "interpreter");
        for (String key : List.of("instructions", "virtual_ns", "domains")) {
            assertEquals(slow.get(key), fast.get(key), key);
        }
    }

    @Test
    void a_32_bit_kernel_reaches_user_space_as_host_code() throws Exception {
        JsonNode stats = run("linux-686", "native");
        assertTrue(debian.printed().contains("UP on i686"), debian::all);
        assertTrue(stats.get("interpreted_share").asDouble() < 0.001, stats::toString);
    }
}
