package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian's cloud kernel, unmodified, in HVM guests on VT-x and on AMD-V; skipped where {@code test-images/fetch-debian.sh cloud busybox} has
 * not been run.
 * <ul>
 * <li>started directly, with two vCPUs, it finds its disk by the PV driver;</li>
 * <li>from a CD-ROM by SeaBIOS and GRUB, it does so too; skipped where {@code grub-mkrescue}, {@code xorriso} or SeaBIOS are missing.</li>
 * </ul>
 */
@Timeout(900)
final class DebianHvmTest {
    private static final String INIT = DebianRuns.HEAD + """
            echo "UP on $(cat /sys/hypervisor/type) with $(grep -c ^processor /proc/cpuinfo) CPUs"
            insmod /xen-blkfront.ko
            echo "DISK $(head -c 20 /dev/xvda)"
            dmesg | grep -E 'Hypervisor detected'
            poweroff -f
            """;

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;
    private Path initrd;
    private Path disk;

    @BeforeEach
    void find_kernel_and_busybox() throws IOException, InterruptedException {
        debian = new DebianRuns(folder);
        kernel = debian.cloudKernel();
        initrd = debian.initrd("init", INIT, DebianRuns.module(kernel, "xen-blkfront.ko") + ":/xen-blkfront.ko");
        byte[] bytes = new byte[1 << 20];
        byte[] mark = "first sector of disk".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(mark, 0, bytes, 0, mark.length);
        disk = Files.write(folder.resolve("disk.img"), bytes);
    }

    private void check(String cpu, int vcpus) throws IOException {
        assertTrue(debian.printed().contains("UP on xen with " + vcpus + " CPUs"), debian::all);
        assertTrue(debian.printed().contains("DISK first sector of disk"), debian::all);
        assertTrue(debian.printed().contains("Xen HVM"), debian::all);
        assertFalse(debian.printed().matches("(?s).*(BUG:|WARNING: CPU|Call Trace|unchecked MSR).*"), debian::all);
        JsonNode exits = debian.statistics().get("exits");
        for (String name : new String[]{cpu.equals("amd") ? "npf" : "ept_violation", "io", "cpuid", "hlt"}) {
            assertTrue(exits.path(name).asLong() > 0, name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel", "amd"})
    void debian_starts_directly_with_two_vcpus(String cpu) throws IOException {
        assertEquals(0,
                debian.run(kernel, initrd, "256M", "console=ttyS0 quiet", "--type", "hvm", "--cpu", cpu, "--vcpus",
                        "2", "--disk", disk.toString(), "--net", "nat", "--translation-cache", "off"),
                debian::all);
        check(cpu, 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"intel"})
    void debian_starts_from_cd_by_seabios_and_grub(String cpu) throws Exception {
        DebianRuns.needs(Files.exists(Path.of("/usr/share/seabios/bios-256k.bin")), "needs the package seabios");
        for (String tool : new String[]{"grub-mkrescue", "xorriso", "mformat"}) {
            DebianRuns.needs(Files.exists(Path.of("/usr/bin", tool)), "needs " + tool);
        }
        Path tree = folder.resolve("cd");
        Files.createDirectories(tree.resolve("boot/grub"));
        Files.copy(kernel, tree.resolve("vmlinuz"));
        Files.copy(initrd, tree.resolve("rd"));
        Files.writeString(tree.resolve("boot/grub/grub.cfg"), """
                set timeout=0
                menuentry x {
                 linux /vmlinuz console=ttyS0 quiet
                 initrd /rd
                }
                """);
        Path iso = folder.resolve("cd.iso");
        assertEquals(0, new ProcessBuilder("grub-mkrescue", "-o", iso.toString(), tree.toString())
                .redirectErrorStream(true).redirectOutput(folder.resolve("mkrescue.log").toFile()).start().waitFor());
        assertEquals(0, debian.runOnly("--type", "hvm", "--cpu", cpu, "--memory", "256M", "--cdrom", iso.toString(),
                "--disk", disk.toString(), "--translation-cache", "off"), debian::all);
        check(cpu, 1);
    }
}
