package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
 * Debian's kernel with its xen-blkfront on a disk with ext4; skipped where {@code test-images/fetch-debian.sh cloud busybox}
 * has not been run, or without {@code mkfs.ext4} and {@code debugfs} of e2fsprogs.
 */
@Timeout(900)
final class DebianDiskTest {
    private static final String INIT = DebianRuns.HEAD + """
            insmod /blkfront.ko
            while [ ! -b /dev/xvda -o ! -b /dev/xvdd ]; do sleep 0.1; done
            mount /dev/xvda /mnt && sha256sum </mnt/data
            seq 1 20000 >/mnt/written; sync; umount /mnt
            echo hello >/dev/xvdd && echo "WROTE TO READ-ONLY"
            echo "XVDD is $(cat /sys/block/xvdd/ro) of $(cat /sys/block/xvdd/size)"
            poweroff -f
            """;

    @TempDir
    Path folder;
    private DebianRuns debian;
    private Path kernel;
    private Path initrd;
    private Path pristine;
    private Path second;
    private byte[] data;
    @BeforeEach
    void make_disks() throws IOException, InterruptedException {
        debian = new DebianRuns(folder);
        DebianRuns.needs(Stream.of("mkfs.ext4", "debugfs").allMatch(t -> Files.isExecutable(Path.of("/sbin", t))),
                "needs e2fsprogs");
        kernel = debian.cloudKernel();
        initrd = debian.initrd("init", INIT, DebianRuns.module(kernel, "xen-blkfront.ko") + ":/blkfront.ko");
        data = new byte[300_000];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 7 + i / 4096);
        }
        Path files = Files.createDirectory(folder.resolve("files"));
        Files.write(files.resolve("data"), data);
        pristine = folder.resolve("pristine.raw");
        host("/sbin/mkfs.ext4", "-q", "-d", files.toString(), pristine.toString(), "8M");
        second = Files.write(folder.resolve("second.raw"), new byte[1 << 20]);
    }

    private static String host(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), String.join(" ", command));
        return output;
    }

    private JsonNode run(Path disk, String... options) throws IOException {
        int status = debian.run(kernel, initrd, "256M", "console=hvc0 quiet", Stream.concat(
                Stream.of("--translation-cache", "off", "--disk", second + ",format=raw,vdev=xvdd,ro", "--disk",
                        disk + ",format=raw"),
                Stream.of(options)).toArray(String[]::new));
        assertEquals(0, status, debian::all);
        return debian.statistics();
    }

    @Test
    void ext4_is_read_and_written_and_both_tiers_do_the_same() throws Exception {
        String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 20_000; i++) {
            lines.append(i).append('\n');
        }
        JsonNode[] stats = new JsonNode[2];
        for (int i = 0; i < 2; i++) {
            Path disk = Files.copy(pristine, folder.resolve("disk" + i + ".raw"));
            stats[i] = run(disk, "--tier", i == 0 ? "auto" : "interpreter");
            assertTrue(debian.all().contains(digest), debian::all);
            assertTrue(debian.all().contains("XVDD is 1 of 2048"), debian::all);
            assertFalse(debian.all().contains("WROTE TO READ-ONLY"), debian::all);
            assertEquals(lines.toString(), host("/sbin/debugfs", "-R", "cat written", disk.toString()));
            host("/sbin/e2fsck", "-fn", disk.toString());
        }
        assertEquals(stats[0].get("instructions"), stats[1].get("instructions"));
        assertEquals(stats[0].get("virtual_ns"), stats[1].get("virtual_ns"));
        JsonNode disks = stats[0].get("domains").get(0).get("disks");
        assertEquals("xvda", disks.get(1).get("vdev").asText());
        assertTrue(disks.get(1).get("flushes").asInt() > 0 && disks.get(1).get("bytes_written").asInt() > 100_000,
                disks::toString);
        assertEquals("{}", disks.get(1).get("refused").toString());
        JsonNode other = stats[1].get("domains").get(0).get("disks");
        for (String key : List.of("requests", "bytes_read", "bytes_written", "flushes")) {
            assertEquals(disks.get(1).get(key), other.get(1).get(key), key);
        }
    }
}
