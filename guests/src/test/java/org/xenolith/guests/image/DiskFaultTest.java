package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.image.qcow2.Qcow2Check;
import org.xenolith.guests.image.qcow2.Qcow2Creator;
import org.xenolith.guests.image.qcow2.Qcow2Disk;
import org.xenolith.guests.image.qcow2.Qcow2Images;
import org.xenolith.guests.image.qcow2.Qcow2Options;
import org.xenolith.guests.image.qcow2.Qcow2Snapshots;
import org.xenolith.guests.image.vhd.VhdImages;

/**
 * No acknowledged write is lost: the layer below a format stops, tears or fails at every single write of a workload, and the file that is left, as the
 * host's cache or a disk without power would have it, is opened again. It has no corruption, every flushed byte is there, and it can be worked with.
 *
 * <p>{@code -Dxenolith.disk.fault.rounds=N} does N workloads of each kind instead of one, {@code -Dxenolith.disk.fault.seed} says which.
 */
class DiskFaultTest {
    private static final int SECTOR = 512;
    private static final int SECTORS = 320;
    private static final int SIZE = SECTORS * SECTOR;
    private static final int REQUESTS = 30;
    /** qemu-img is a process: it looks at every so many files. */
    private static final int QEMU_EVERY = 97;

    @TempDir
    Path folder;

    private boolean qemu;
    private int files;

    @BeforeEach
    void look_for_qemu() throws Exception {
        try {
            qemu = QemuImg.run(folder, "--version").status() == 0;
        } catch (IOException e) {
            qemu = false;
        }
    }

    private static Qcow2Options options(int version, int clusterBits, int refcountBits, String base) {
        return new Qcow2Options(version, clusterBits, refcountBits, false, Optional.ofNullable(base),
                Optional.ofNullable(base == null ? null : "raw"), Optional.empty(), false);
    }

    private byte[] qcow2(Qcow2Options options) throws Exception {
        FaultyStore store = new FaultyStore("new", new byte[0], Integer.MAX_VALUE, FaultyStore.Fault.STOP, 0);
        Qcow2Creator.create(store, SIZE, options);
        return store.afterKill();
    }

    @Test
    void small_clusters_and_wide_counts_whose_table_must_grow() throws Exception {
        everyFault(qcow2(options(3, 9, 64, null)), new long[SECTORS], DiskFormat.QCOW2);
    }

    @Test
    void large_clusters_over_a_backing_file() throws Exception {
        long[] tags = base();
        everyFault(qcow2(options(3, 12, 16, "base.raw")), tags, DiskFormat.QCOW2);
    }

    @Test
    void version_2_with_counts_of_one_bit_elsewhere() throws Exception {
        everyFault(qcow2(options(2, 10, 16, null)), new long[SECTORS], DiskFormat.QCOW2);
        everyFault(qcow2(options(3, 10, 1, null)), new long[SECTORS], DiskFormat.QCOW2);
    }

    @Test
    void clusters_shared_with_an_internal_snapshot() throws Exception {
        FaultyStore store = new FaultyStore("top", qcow2(options(3, 10, 16, null)), Integer.MAX_VALUE,
                FaultyStore.Fault.STOP, 0);
        Qcow2Disk disk = (Qcow2Disk) open(store, DiskFormat.QCOW2, true);
        long[] tags = new long[SECTORS];
        byte[] bytes = new byte[SIZE / 2];
        for (int i = 0; i < SECTORS / 2; i++) {
            tags[i] = i + 1L;
            FaultModel.fill(bytes, i * SECTOR, tags[i]);
        }
        disk.write(0, bytes, 0, bytes.length);
        new Qcow2Snapshots(disk).create("before", 1);
        disk.close();
        everyFault(store.afterKill(), tags, DiskFormat.QCOW2);
    }

    @Test
    void dynamic_vhd() throws Exception {
        FaultyStore store = new FaultyStore("new", new byte[0], Integer.MAX_VALUE, FaultyStore.Fault.STOP, 0);
        VhdImages.create(store, SIZE, VhdImages.Subformat.DYNAMIC, 4096, 0, new byte[16]);
        everyFault(store.afterKill(), new long[SECTORS], DiskFormat.VHD);
    }

    private long[] base() throws IOException {
        long[] tags = new long[SECTORS];
        byte[] bytes = new byte[SIZE];
        for (int i = 0; i < SECTORS; i++) {
            tags[i] = 500_000L + i;
            FaultModel.fill(bytes, i * SECTOR, tags[i]);
        }
        Files.write(folder.resolve("base.raw"), bytes);
        return tags;
    }

    private DiskImage open(ByteStore store, DiskFormat format, boolean writable) throws IOException {
        Path top = folder.resolve("top");
        if (!Files.exists(top)) {
            Files.createFile(top);
        }
        ImageOpener opener = new ImageOpener((path, w) -> path.equals(top) ? store : FileStore.open(path, w),
                notice -> {
                });
        return opener.open(top, Optional.of(format), writable);
    }

    private void everyFault(byte[] image, long[] tags, DiskFormat format) throws Exception {
        int rounds = Integer.getInteger("xenolith.disk.fault.rounds", 1);
        long first = Long.getLong("xenolith.disk.fault.seed", 1);
        int runs = 0;
        for (long seed = first; seed < first + rounds; seed++) {
            for (FaultyStore.Fault fault : FaultyStore.Fault.values()) {
                int writes = Integer.MAX_VALUE;
                for (int at = 0; at < writes; at++, runs++) {
                    FaultyStore store = new FaultyStore("top", image, at, fault, seed * 1000 + at);
                    String what = fault + " at write " + at + ", seed " + seed;
                    FaultModel model = run(store, format, tags, seed, what);
                    if (store.writes() <= at) {
                        writes = at; // that was the workload without a fault
                    }
                    reopen(store.afterKill(), format, model, what + ", killed");
                    reopen(store.afterPowerLoss(), format, model, what + ", power lost");
                }
            }
        }
        assertTrue(runs > 100, "only " + runs + " runs");
    }

    private FaultModel run(FaultyStore store, DiskFormat format, long[] tags, long seed, String what)
            throws IOException {
        FaultModel model = new FaultModel(tags, seed);
        DiskImage disk;
        try {
            disk = open(store, format, true);
        } catch (IOException e) {
            return model;
        }
        for (int i = 0; i < REQUESTS && !store.stopped(); i++) {
            model.step(disk, 24);
        }
        if (!store.stopped()) {
            model.check(disk, false, what);
        }
        return model;
    }

    private void reopen(byte[] left, DiskFormat format, FaultModel model, String what) throws Exception {
        if (format == DiskFormat.QCOW2) {
            checkQcow2(left, what);
        }
        FaultyStore store = new FaultyStore("top", left, Integer.MAX_VALUE, FaultyStore.Fault.STOP, 0);
        try (DiskImage disk = open(store, format, false)) {
            model.check(disk, true, what);
        }
        if (Arrays.hashCode(left) % 4 != 0) {
            return; // every fourth is worked with
        }
        FaultModel next = new FaultModel(new long[SECTORS], what.hashCode());
        try (DiskImage disk = open(store, format, true)) {
            next.settle(disk);
            for (int i = 0; i < 20; i++) {
                next.step(disk, 24);
            }
            next.check(disk, false, what + ", used again");
        }
        try (DiskImage disk = open(store, format, false)) {
            next.check(disk, false, what + ", used again and reopened");
        }
        if (format == DiskFormat.QCOW2) {
            checkQcow2(store.afterKill(), what + ", used again");
        }
    }

    private void checkQcow2(byte[] file, String what) throws Exception {
        FaultyStore store = new FaultyStore("top", file, Integer.MAX_VALUE, FaultyStore.Fault.STOP, 0);
        ImageOpener opener = new ImageOpener((path, w) -> store, notice -> {
        });
        Qcow2Disk disk = Qcow2Images.openForCheck(opener, folder.resolve("top"), store, false);
        CheckReport report = new Qcow2Check(disk).run(CheckReport.Repair.NONE);
        assertEquals(0, report.corruptions(), () -> what + ": " + report.findings());
        if (qemu && files++ % QEMU_EVERY == 0) {
            Path copy = folder.resolve("crashed.qcow2");
            Files.write(copy, file);
            QemuImg.Result check = QemuImg.run(folder, "check", "-f", "qcow2", copy.toString());
            assertTrue(check.status() == 0 || check.status() == 3, () -> what + ": " + check.output());
            assertEquals(check.status() == 3, report.leaks() > 0,
                    () -> what + ": " + report.findings() + check.output());
        }
    }
}
