package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What qemu-img makes opens here and is the same disk; what we do to it satisfies qemu-img. */
class QemuInterchangeTest {
    private static final int SIZE = 3 << 20;

    @TempDir
    Path folder;

    @BeforeEach
    void qemu() {
        QemuImg.require();
    }

    /** Text, noise and holes, so that some clusters compress, some do not, and some are not there. */
    private byte[] content(int size, long seed) {
        byte[] bytes = new byte[size];
        Random random = new Random(seed);
        for (int at = 0; at < size; at += 8192) {
            int n = Math.min(8192, size - at);
            switch (random.nextInt(3)) {
                case 0 -> {
                    byte[] noise = new byte[n];
                    random.nextBytes(noise);
                    System.arraycopy(noise, 0, bytes, at, n);
                }
                case 1 -> {
                    for (int i = 0; i < n; i++) {
                        bytes[at + i] = (byte) ('a' + i * 7 / 13 % 23);
                    }
                }
                default -> {
                    // a hole
                }
            }
        }
        return bytes;
    }

    private byte[] raw(long seed) throws IOException {
        byte[] bytes = content(SIZE, seed);
        Files.write(folder.resolve("d.raw"), bytes);
        return bytes;
    }

    private void checkAndCompare(String image, String format, byte[] expected, String what) throws Exception {
        if (format.equals("qcow2")) {
            QemuImg.Result check = QemuImg.run(folder, "check", image);
            assertEquals(0, check.status(), () -> what + ": " + check.output());
        }
        Path raw = folder.resolve("expected.raw");
        Files.write(raw, expected);
        QemuImg.Result compare = QemuImg.run(folder, "compare", "-f", format, "-F", "raw", image, "expected.raw");
        assertEquals(0, compare.status(), () -> what + ": " + compare.output());
    }

    /** Reads all, does random requests, and has qemu-img look at the result. */
    private void exercise(String image, DiskFormat format, byte[] expected, String what) throws Exception {
        DiskModel model = new DiskModel(expected.clone(), new Random(what.hashCode()), 400);
        try (DiskImage disk = DiskImages.open(new DiskSpec(folder.resolve(image), Optional.of(format), true, false))) {
            model.compareAll(disk);
        }
        try (DiskImage disk = DiskImages.open(new DiskSpec(folder.resolve(image), Optional.of(format), false, false))) {
            for (int i = 0; i < 150; i++) {
                model.step(disk);
            }
            model.compareAll(disk);
        }
        try (DiskImage disk = DiskImages.open(new DiskSpec(folder.resolve(image), Optional.of(format), true, false))) {
            model.compareAll(disk);
        }
        checkAndCompare(image, format == DiskFormat.VHD ? "vpc" : "qcow2", model.bytes, what);
    }

    private static List<String> qcow2Options() {
        List<String> options = new ArrayList<>();
        for (String size : List.of("512", "4k", "64k", "2M")) {
            options.add("cluster_size=" + size);
        }
        for (String bits : List.of("1", "2", "4", "8", "32", "64")) {
            options.add("cluster_size=1k,refcount_bits=" + bits);
        }
        options.addAll(List.of("compat=0.10", "lazy_refcounts=on", "preallocation=metadata", "preallocation=falloc"));
        return options;
    }

    @Test
    void qcow2_of_every_cluster_size_and_refcount_width() throws Exception {
        byte[] bytes = raw(1);
        for (String options : qcow2Options()) {
            QemuImg.ok(folder, "convert", "-f", "raw", "-O", "qcow2", "-o", options, "d.raw", "i.qcow2");
            exercise("i.qcow2", DiskFormat.QCOW2, bytes, options);
        }
    }

    @Test
    void compressed_clusters_are_read_and_overwritten() throws Exception {
        byte[] bytes = raw(2);
        for (String options : List.of("compression_type=zlib", "compression_type=zstd",
                "cluster_size=4k,compression_type=zstd",
                "cluster_size=2M,compression_type=zlib", "cluster_size=512")) {
            QemuImg.ok(folder, "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, "d.raw", "i.qcow2");
            exercise("i.qcow2", DiskFormat.QCOW2, bytes, "compressed " + options);
        }
    }

    @Test
    void backing_chains_of_all_formats() throws Exception {
        byte[] bytes = raw(3);
        QemuImg.ok(folder, "convert", "-c", "-f", "raw", "-O", "qcow2", "d.raw", "base.qcow2");
        QemuImg.ok(folder, "convert", "-f", "raw", "-O", "vpc", "-o", "force_size=on", "d.raw", "base.vhd");
        List<String[]> bases = List.of(new String[]{"d.raw", "raw"}, new String[]{"base.qcow2", "qcow2"},
                new String[]{"base.vhd", "vpc"});
        for (String[] base : bases) {
            byte[] before = Files.readAllBytes(folder.resolve(base[0]));
            QemuImg.ok(folder, "create", "-f", "qcow2", "-b", base[0], "-F", base[1], "mid.qcow2");
            QemuImg.ok(folder, "create", "-f", "qcow2", "-o", "cluster_size=4k", "-b",
                    folder.resolve("mid.qcow2").toString(),
                    "-F", "qcow2", "top.qcow2", SIZE + 70_000 / 512 * 512 + "");
            exercise("top.qcow2", DiskFormat.QCOW2, Arrays.copyOf(bytes, SIZE + 70_000 / 512 * 512), base[0]);
            assertArrayEquals(before, Files.readAllBytes(folder.resolve(base[0])));
        }
        QemuImg.ok(folder, "create", "-f", "qcow2", "-o", "compat=0.10", "-b", "d.raw", "-F", "raw", "old.qcow2");
        exercise("old.qcow2", DiskFormat.QCOW2, bytes, "version 2 over raw");
    }

    @Test
    void external_data_files() throws Exception {
        byte[] bytes = raw(4);
        for (String more : List.of("", ",data_file_raw=on")) {
            QemuImg.ok(folder, "create", "-f", "qcow2", "-o", "data_file=data.bin" + more, "i.qcow2", SIZE + "");
            QemuImg.ok(folder, "convert", "-n", "-f", "raw", "-O", "qcow2", "d.raw", "i.qcow2");
            exercise("i.qcow2", DiskFormat.QCOW2, bytes, "data file" + more);
        }
    }

    @Test
    void vhd_of_every_kind() throws Exception {
        byte[] bytes = raw(5);
        for (String options : List.of("subformat=dynamic,force_size=on", "subformat=fixed,force_size=on",
                "subformat=dynamic",
                "subformat=fixed")) {
            QemuImg.ok(folder, "convert", "-f", "raw", "-O", "vpc", "-o", options, "d.raw", "v.vhd");
            int size;
            try (DiskImage disk = DiskImages
                    .open(new DiskSpec(folder.resolve("v.vhd"), Optional.of(DiskFormat.VHD), true, false))) {
                size = (int) disk.size(); // without force_size, QEMU rounds it up to whole cylinders
            }
            exercise("v.vhd", DiskFormat.VHD, Arrays.copyOf(bytes, size), options);
        }
    }
}
