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
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * Debian's kernel with its xen-blkfront on a disk with ext4; skipped where {@code test-images/fetch-debian.sh cloud busybox}
 * has not been run, or without {@code mkfs.ext4} and {@code debugfs} of e2fsprogs.
 */
@Timeout(900)
final class DebianDiskTest {
    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
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
    private Path kernel;
    private Path initrd;
    private Path pristine;
    private Path second;
    private byte[] data;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Messages messages = new Messages(new PrintStream(err, true, StandardCharsets.UTF_8), false);

    @BeforeEach
    void make_disks() throws IOException, InterruptedException {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.exists(root.resolve("test-images").resolve("make-initrd.sh"))) {
            root = root.getParent();
        }
        System.setProperty("xenolith.home", root.toString());
        DebianGuest debian = DebianGuest.find(messages).orElseThrow();
        boolean tools = Stream.of("mkfs.ext4", "debugfs").allMatch(t -> Files.isExecutable(Path.of("/sbin", t)));
        if (!debian.cached() || !tools) {
            LoggerFactory.getLogger(DebianDiskTest.class)
                    .warn("SKIPPED: needs Debian's cloud kernel and busybox in .cache/debian, and e2fsprogs");
        }
        assumeTrue(debian.cached(), "needs test-images/fetch-debian.sh cloud busybox");
        assumeTrue(tools, "needs e2fsprogs");
        kernel = debian.kernel().orElseThrow();
        Path module;
        try (Stream<Path> files = Files.walk(kernel.getParent().resolveSibling("lib"))) {
            module = files.filter(f -> f.endsWith("xen-blkfront.ko")).findFirst().orElseThrow();
        }
        Path init = Files.writeString(folder.resolve("init"), INIT);
        initrd = folder.resolve("initrd.gz");
        host(root.resolve("test-images").resolve("make-initrd.sh").toString(), initrd.toString(), init.toString(),
                module + ":/blkfront.ko");
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
        Path stats = folder.resolve("stats.json");
        out.reset();
        err.reset();
        List<String> args = Stream.concat(
                Stream.of("run", "--kernel", kernel.toString(), "--initrd", initrd.toString(), "--memory", "256M",
                        "--append", "console=hvc0 quiet", "--stats", stats.toString(), "--translation-cache", "off",
                        "--disk", second + ",format=raw,vdev=xvdd,ro", "--disk", disk + ",format=raw"),
                Stream.of(options)).toList();
        App app = new App(InputStream.nullInputStream(), out, messages, Optional.empty(), MachineFactory.real());
        assertEquals(0, Main.execute(app, args.toArray(String[]::new)), this::all);
        return new ObjectMapper().readTree(stats.toFile());
    }

    private String all() {
        return out.toString(StandardCharsets.UTF_8) + err.toString(StandardCharsets.UTF_8);
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
            assertTrue(all().contains(digest), this::all);
            assertTrue(all().contains("XVDD is 1 of 2048"), this::all);
            assertFalse(all().contains("WROTE TO READ-ONLY"), this::all);
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
