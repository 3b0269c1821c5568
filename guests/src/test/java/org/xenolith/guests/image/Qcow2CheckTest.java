package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.image.qcow2.Qcow2Creator;
import org.xenolith.guests.image.qcow2.Qcow2Options;
import org.xenolith.guests.image.qcow2.Qcow2Tools;

/** Checks and repairs of qcow2 images with one fault each, which qemu-img finds too. */
class Qcow2CheckTest {
    private static final int CLUSTER = 1 << 16;
    private static final int AT_L1 = 40;

    @TempDir
    Path folder;

    @Test
    void an_entry_for_a_cluster_behind_the_end_of_the_file_is_a_corruption() throws Exception {
        Path path = folder.resolve("a.qcow2");
        try (ByteStore store = FileStore.create(path)) {
            Qcow2Creator.create(store, 4 * CLUSTER, new Qcow2Options(3, 16, 16, false, Optional.empty(),
                    Optional.empty(), Optional.empty(), false));
        }
        byte[] text = new byte[2 * CLUSTER];
        Arrays.fill(text, (byte) 'a');
        try (DiskImage disk = DiskImages.open(DiskSpec.of(path))) {
            disk.write(0, text, 0, text.length);
        }
        byte[] file = Files.readAllBytes(path);
        int l1 = (int) BigEndian.i64(file, AT_L1);
        int l2 = (int) (BigEndian.i64(file, l1) & 0x00ff_ffff_ffff_fe00L);
        BigEndian.put64(file, l2 + 8, 1L << 40);
        Files.write(path, file);
        assertEquals(1, Qcow2Tools.check(path, CheckReport.Repair.NONE).corruptions());
        QemuImg.require();
        assertEquals(2, QemuImg.run(folder, "check", "a.qcow2").status());
        CheckReport repaired = Qcow2Tools.check(path, CheckReport.Repair.ALL);
        assertEquals(1, repaired.corruptionsFixed());
        assertEquals(0, repaired.corruptions());
        assertEquals(0, QemuImg.run(folder, "check", "a.qcow2").status());
        Arrays.fill(text, CLUSTER, 2 * CLUSTER, (byte) 0);
        byte[] read = new byte[text.length];
        try (DiskImage disk = DiskImages.open(DiskSpec.of(path))) {
            disk.read(0, read, 0, read.length);
        }
        assertArrayEquals(text, read);
    }
}
