package org.xenolith.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code xenolith image}: what it makes, and what it says and exits with, also of damaged images. */
final class ImageCommandTest {
    private static final int SIZE = 1 << 20;

    @TempDir
    Path folder;
    private FakeMachine machine = new FakeMachine();
    private byte[] disk;
    private String raw;

    @BeforeEach
    void make_a_disk() throws IOException {
        disk = new byte[SIZE];
        Random random = new Random(7);
        byte[] noise = new byte[200_000];
        random.nextBytes(noise);
        System.arraycopy(noise, 0, disk, 70_000, noise.length);
        Arrays.fill(disk, 600_000, 700_000, (byte) 'x');
        raw = Files.write(folder.resolve("d.raw"), disk).toString();
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private int image(String... args) {
        machine = new FakeMachine();
        String[] all = new String[args.length + 1];
        all[0] = "image";
        System.arraycopy(args, 0, all, 1, args.length);
        return machine.execute(all);
    }

    private void ok(String... args) {
        assertEquals(0, image(args), () -> String.join(" ", args) + ": " + machine.err());
    }

    private JsonNode json(String... args) throws IOException {
        ok(args);
        return new ObjectMapper().readTree(machine.out());
    }

    private void assertSameDisk(String image, String format) throws IOException {
        ok("convert", "-f", format, "-O", "raw", image, path("back.raw"));
        assertArrayEquals(disk, Files.readAllBytes(folder.resolve("back.raw")));
    }

    private void assertQemuAgrees(String image, String format) throws Exception {
        try {
            assertEquals(0, qemu("compare", "-f", format, "-F", "raw", image, raw));
            assertTrue(!format.equals("qcow2") || qemu("check", "-q", image) == 0);
        } catch (IOException e) {
            Assumptions.abort("SKIPPED: qemu-img is not installed (Debian's package qemu-utils)");
        }
    }

    private static int qemu(String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    @Test
    void every_format_converts_to_every_other_and_back() throws Exception {
        for (List<String> options : List.of(List.of("-O", "qcow2"), List.of("-O", "qcow2", "-c"),
                List.of("-O", "qcow2", "-c", "-o", "cluster_size=512,refcount_bits=1"),
                List.of("-O", "qcow2", "-o", "compat=0.10,cluster_size=2M"),
                List.of("-O", "qcow2", "-c", "-o", "refcount_bits=64,lazy_refcounts=on"), List.of("-O", "vhd"),
                List.of("-O", "vpc", "-o", "subformat=fixed"))) {
            List<String> args = new ArrayList<>(List.of("convert"));
            args.addAll(options);
            args.addAll(List.of(raw, path("i")));
            ok(args.toArray(String[]::new));
            String format = options.get(1).equals("qcow2") ? "qcow2" : "vpc";
            assertSameDisk(path("i"), format);
            assertQemuAgrees(path("i"), format);
        }
    }

    @Test
    void a_backing_file_keeps_what_is_the_same() throws Exception {
        ok("convert", "-O", "qcow2", raw, path("base.qcow2"));
        disk[300_000] ^= 1;
        Files.write(folder.resolve("d.raw"), disk);
        ok("convert", "-O", "qcow2", "-B", "base.qcow2", "-F", "qcow2", raw, path("top.qcow2"));
        assertTrue(Files.size(folder.resolve("top.qcow2")) < Files.size(folder.resolve("base.qcow2")));
        assertSameDisk(path("top.qcow2"), "qcow2");
        assertQemuAgrees(path("top.qcow2"), "qcow2");
        JsonNode chain = json("info", "--json", "--backing-chain", path("top.qcow2"));
        assertEquals(2, chain.size());
        assertEquals("base.qcow2", chain.get(0).get("backing-filename").asText());
        assertEquals(126, image("create", "-f", "qcow2", "-b", "base.qcow2", path("x.qcow2")));
        assertTrue(machine.err().contains("-F"));
    }

    @Test
    void snapshots_are_made_read_applied_and_deleted() throws Exception {
        ok("convert", "-O", "qcow2", "-o", "cluster_size=4k", raw, path("s.qcow2"));
        ok("snapshot", "-c", "first", path("s.qcow2"));
        assertQemuAgrees(path("s.qcow2"), "qcow2");
        JsonNode list = json("snapshot", "--json", path("s.qcow2"));
        assertEquals("first", list.get(0).get("name").asText());
        ok("convert", "-l", "first", path("s.qcow2"), path("back.raw"));
        assertArrayEquals(disk, Files.readAllBytes(folder.resolve("back.raw")));
        ok("snapshot", "-a", "first", path("s.qcow2"));
        assertQemuAgrees(path("s.qcow2"), "qcow2");
        assertEquals(126, image("snapshot", "-c", "first", path("s.qcow2")));
        ok("snapshot", "-d", "1", path("s.qcow2"));
        assertEquals(0, json("snapshot", "--json", path("s.qcow2")).size());
        assertQemuAgrees(path("s.qcow2"), "qcow2");
    }

    @Test
    void check_finds_and_repairs_with_qemus_exit_statuses() throws Exception {
        ok("convert", "-O", "qcow2", raw, path("c.qcow2"));
        ok("check", path("c.qcow2"));
        assertTrue(machine.out().startsWith("no errors"));
        assertEquals(63, image("check", raw));
        // the count of the last cluster but a few, 16 bits each in the block at 2 clusters: one too many is a leak, none is corrupt
        for (int[] damage : new int[][]{{200, 1, 3}, {4, 0, 2}}) {
            try (RandomAccessFile file = new RandomAccessFile(path("c.qcow2"), "rw")) {
                file.seek(0x20000 + damage[0] * 2L);
                file.writeShort(damage[1]);
            }
            assertEquals(damage[2], image("check", path("c.qcow2")), machine.err());
            assertTrue(machine.err().contains("cluster " + damage[0]), machine.err());
            ok("check", "-r", "all", path("c.qcow2"));
            assertTrue(machine.out().startsWith("repaired"));
            ok("check", "-q", path("c.qcow2"));
            assertEquals("", machine.out());
            assertQemuAgrees(path("c.qcow2"), "qcow2");
        }
    }

    @Test
    void info_names_format_and_size() throws Exception {
        JsonNode plain = json("info", "--json", raw);
        assertEquals("raw", plain.get("format").asText());
        assertEquals(SIZE, plain.get("virtual-size").asLong());
        ok("create", "-f", "qcow2", "-o", "refcount_bits=8", path("n.qcow2"), "3G");
        JsonNode info = json("info", "--json", path("n.qcow2"));
        assertEquals(3L << 30, info.get("virtual-size").asLong());
        assertEquals(8, info.get("format-specific").get("refcount-bits").asInt());
        ok("info", path("n.qcow2"));
        assertTrue(machine.out().contains("virtual size: 3"), machine.out());
    }

    @Test
    void mistakes_are_told_in_one_line_and_leave_no_file() throws Exception {
        assertEquals(127, image("info", path("none")));
        assertEquals(126, image("convert", raw, raw));
        assertArrayEquals(disk, Files.readAllBytes(folder.resolve("d.raw")));
        assertEquals(126, image("create", "-f", "qcow2", "-o", "cluster_size=3k", path("x"), "1M"));
        assertEquals(126, image("create", "-f", "qcow2", "-o", "encrypt=on", path("x"), "1M"));
        assertEquals(126, image("create", "-f", "vmdk", path("x"), "1M"));
        assertEquals(126, image("create", path("x")));
        assertEquals(126, image("convert", "-c", "-O", "raw", raw, path("x")));
        assertFalse(Files.exists(folder.resolve("x")));
        Files.write(folder.resolve("bad.qcow2"), "QFI\u00fb and nothing else".getBytes(StandardCharsets.ISO_8859_1));
        assertEquals(126, image("info", path("bad.qcow2")));
        assertTrue(machine.err().contains("version"), machine.err());
        assertEquals(1, machine.err().lines().count());
    }
}
