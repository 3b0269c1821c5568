package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian on the bare machine, as {@code fetch-debian.sh} has it:
 * <ul>
 * <li>from a CD by SeaBIOS and GRUB to its user space, and to power-off;</li>
 * <li>the first 300 ms of that, some 300 million instructions, are the same in both tiers;</li>
 * <li>by --kernel, without firmware, with what firmware would tell it.</li>
 * </ul>
 */
@Timeout(900)
final class DebianMachineTest {
    private static final String INIT = DebianRuns.HEAD + """
            echo "UP as $(cat /sys/class/dmi/id/product_name 2>/dev/null) on [$(cat /sys/hypervisor/type 2>/dev/null)]"
            echo "IRQS $(grep -c IO-APIC /proc/interrupts)"
            poweroff -f
            """;

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;
    private Path initrd;

    @BeforeEach
    void find_kernel() throws Exception {
        debian = new DebianRuns(folder);
        kernel = debian.cloudKernel();
        initrd = debian.initrd("init", INIT);
    }

    private Path disc() throws Exception {
        DebianRuns.needs(Files.exists(Path.of("/usr/share/seabios/bios-256k.bin")), "needs the package seabios");
        return debian.iso(kernel, initrd);
    }

    private void comesUp(int status) {
        String text = debian.all();
        assertEquals(0, status, text);
        assertTrue(text.contains("reboot: Power down"), text);
        assertTrue(text.matches("(?s).*IRQS [1-9].*"), text);
        assertTrue(!text.contains("Call Trace") && !text.contains("WARNING:") && !text.contains("Hypervisor detected"),
                text);
    }

    @Test
    void debian_comes_up_from_a_cd_by_seabios_and_grub() throws Exception {
        comesUp(debian.machine("--cdrom", disc().toString(), "--memory", "512M", "--pace", "max"));
        assertTrue(debian.printed().contains("UP as Xenolith PC on []"), debian.all());
    }

    @Test
    void debian_comes_up_without_firmware() {
        comesUp(debian.machine("--kernel", kernel.toString(), "--initrd", initrd.toString(), "--append",
                "console=ttyS0", "--memory", "256M", "--vcpus", "2", "--pace", "max"));
        assertTrue(debian.printed().contains("Brought up 1 node, 2 CPUs"), debian.all());
    }

    @Test
    void both_tiers_begin_alike() throws Exception {
        String disc = disc().toString();
        JsonNode fast = begin(disc, "native");
        JsonNode slow = begin(disc, "interpreter");
        for (String key : List.of("instructions", "virtual_ns", "domains", "unimplemented")) {
            assertEquals(slow.get(key), fast.get(key), key);
        }
    }

    private JsonNode begin(String disc, String tier) throws IOException {
        int status = debian.machine("--cdrom", disc, "--memory", "512M", "--pace", "max", "--tier", tier, "--timeout",
                "300ms", "--translation-cache", "off");
        assertEquals(ExitStatus.TIME_LIMIT, status, debian.all());
        return debian.statistics();
    }
}
