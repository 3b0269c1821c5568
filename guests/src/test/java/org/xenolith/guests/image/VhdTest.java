package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.vhd.VhdImages;

/** VHD images of ours: all kinds, parents, damaged footers. */
class VhdTest {
    private static final int SIZE = 5 << 20;

    @TempDir
    Path folder;

    private Path make(String name, VhdImages.Subformat subformat, int id) throws IOException, ImageException {
        Path path = folder.resolve(name);
        try (ByteStore store = FileStore.create(path)) {
            byte[] unique = new byte[16];
            unique[0] = (byte) id;
            VhdImages.create(store, SIZE, subformat, 1, unique);
        }
        return path;
    }

    private static DiskImage open(Path path, boolean readOnly) throws IOException, ImageException {
        return DiskImages.open(new DiskSpec(path, Optional.of(DiskFormat.VHD), readOnly, false));
    }

    private static void exercise(Path path, DiskModel model) throws IOException, ImageException {
        try (DiskImage disk = open(path, false)) {
            for (int i = 0; i < 200; i++) {
                model.step(disk);
            }
            model.compareAll(disk);
        }
        try (DiskImage disk = open(path, true)) {
            model.compareAll(disk);
        }
    }

    @Test
    void fixed_and_dynamic_disks_keep_what_is_written() throws Exception {
        for (VhdImages.Subformat subformat : VhdImages.Subformat.values()) {
            exercise(make("v.vhd", subformat, 1), new DiskModel(new byte[SIZE], new Random(1), 300));
        }
    }

    @Test
    void a_differencing_disk_shows_its_parent_and_leaves_it_alone() throws Exception {
        Path base = make("base.vhd", VhdImages.Subformat.DYNAMIC, 1);
        DiskModel model = new DiskModel(new byte[SIZE], new Random(2), 300);
        exercise(base, model);
        byte[] before = Files.readAllBytes(base);
        Path child = folder.resolve("child.vhd");
        try (ByteStore store = FileStore.create(child)) {
            VhdImages.createDifferencing(store, base, "base.vhd", 2, new byte[16]);
        }
        exercise(child, new DiskModel(model.bytes.clone(), new Random(3), 300));
        assertArrayEquals(before, Files.readAllBytes(base));
        make("base.vhd", VhdImages.Subformat.DYNAMIC, 9);
        assertTrue(assertThrows(ImageException.class, () -> open(child, true)).getMessage().contains("unique id"));
        Files.delete(base);
        assertTrue(assertThrows(ImageException.class, () -> open(child, true)).getMessage().contains("parent"));
    }

    @Test
    void a_footer_that_a_crash_cut_off_is_replaced_by_its_copy() throws Exception {
        Path path = make("v.vhd", VhdImages.Subformat.DYNAMIC, 1);
        DiskModel model = new DiskModel(new byte[SIZE], new Random(4), 300);
        exercise(path, model);
        byte[] file = Files.readAllBytes(path);
        Files.write(path, Arrays.copyOf(file, file.length - 100));
        exercise(path, model);
        byte[] repaired = Files.readAllBytes(path);
        assertEquals("conectix", new String(repaired, repaired.length - 512, 8, StandardCharsets.US_ASCII));
    }

    @Test
    void a_damaged_footer_or_copy_is_written_anew() throws Exception {
        Path path = make("v.vhd", VhdImages.Subformat.DYNAMIC, 1);
        DiskModel model = new DiskModel(new byte[SIZE], new Random(5), 300);
        exercise(path, model);
        byte[] whole = Files.readAllBytes(path);
        for (int at : new int[]{whole.length - 512, 0}) {
            byte[] damaged = whole.clone();
            damaged[at + 20] ^= 1;
            Files.write(path, damaged);
            open(path, false).close();
            assertArrayEquals(whole, Files.readAllBytes(path));
        }
    }

    @Test
    void what_lies_behind_the_table_is_neither_cut_off_nor_overwritten() throws Exception {
        Path base = make("base.vhd", VhdImages.Subformat.DYNAMIC, 1);
        Path child = folder.resolve("child.vhd");
        try (ByteStore store = FileStore.create(child)) {
            VhdImages.createDifferencing(store, base, "base.vhd", 2, new byte[16]);
        }
        // as other writers have it: the parent's name behind the table, and room in the table for more blocks
        byte[] file = Files.readAllBytes(child);
        byte[] moved = Arrays.copyOf(file, file.length + 1024);
        int locator = 512 + 1024;
        System.arraycopy(file, file.length - 512, moved, moved.length - 512, 512);
        System.arraycopy(file, locator, moved, file.length, 512);
        Arrays.fill(moved, locator, locator + 512, (byte) 0);
        Arrays.fill(moved, file.length - 512, file.length, (byte) 0xff);
        BigEndian.put64(moved, 512 + 576 + 16, file.length);
        BigEndian.put32(moved, 512 + 28, 1024 / 4);
        BigEndian.put32(moved, 512 + 36, 0);
        int sum = 0;
        for (int i = 512; i < 512 + 1024; i++) {
            sum += moved[i] & 0xff;
        }
        BigEndian.put32(moved, 512 + 36, ~sum);
        Files.write(child, moved);
        open(child, false).close();
        assertArrayEquals(moved, Files.readAllBytes(child));
        exercise(child, new DiskModel(new byte[SIZE], new Random(6), 300));
        byte[] after = Files.readAllBytes(child);
        assertArrayEquals(Arrays.copyOfRange(moved, file.length - 512, file.length + 512),
                Arrays.copyOfRange(after, file.length - 512, file.length + 512));
    }
}
