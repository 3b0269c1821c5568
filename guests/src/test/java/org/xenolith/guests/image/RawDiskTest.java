package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.ImageException;

/** Raw images and what {@link DiskImages} does for all of them: formats by name or magic, locks, overlays, read-only disks. */
class RawDiskTest {
    private static final int SECTOR = 512;

    @TempDir
    Path folder;

    private Path image(int bytes) throws IOException {
        byte[] content = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            content[i] = (byte) (i / SECTOR + i);
        }
        return Files.write(folder.resolve("d.raw"), content);
    }

    private static byte[] sector(String start) {
        byte[] sector = new byte[SECTOR];
        byte[] bytes = start.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(bytes, 0, sector, 0, bytes.length);
        return sector;
    }

    @Test
    void a_file_without_magic_is_raw_with_a_notice_that_names_the_option() throws Exception {
        List<String> notices = new ArrayList<>();
        try (DiskImage disk = DiskImages.open(DiskSpec.of(image(4096)), SnapshotMemory.ofHeap(),
                notices::add)) {
            assertEquals(DiskFormat.RAW, disk.format());
            assertEquals(4096, disk.size());
        }
        assertEquals(1, notices.size());
        assertTrue(notices.getFirst().contains("format=raw"));
    }

    @Test
    void a_cdrom_is_raw_and_read_only_whatever_it_begins_with_and_two_may_have_it() throws Exception {
        Path iso = image(4096);
        Files.write(iso, "QFI\u00fb".getBytes(StandardCharsets.ISO_8859_1), StandardOpenOption.WRITE);
        try (DiskImage one = DiskImages.openCdrom(iso); DiskImage two = DiskImages.openCdrom(iso)) {
            assertEquals(4096, one.size());
            assertTrue(two.readOnly());
        }
        assertThrows(NoSuchFileException.class, () -> DiskImages.openCdrom(folder.resolve("no.iso")));
        ImageException e = assertThrows(ImageException.class, () -> DiskImages.openCdrom(folder));
        assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
        Files.write(iso, new byte[0]);
        assertThrows(ImageException.class, () -> DiskImages.openCdrom(iso));
    }

    @Test
    void what_is_written_is_read_again_and_in_the_file() throws Exception {
        Path file = image(8192);
        byte[] written = sector("hello");
        byte[] back = new byte[SECTOR];
        try (DiskImage disk = DiskImages.open(DiskSpec.of(file))) {
            disk.write(1024, written, 0, SECTOR);
            disk.read(1024, back, 0, SECTOR);
            disk.writeZeroes(2048, 1024);
            disk.flush();
        }
        assertArrayEquals(written, back);
        byte[] content = Files.readAllBytes(file);
        assertEquals('h', content[1024]);
        assertTrue(Zeroes.all(content, 2048, 1024));
        assertFalse(Zeroes.all(content, 3072, 512));
        assertEquals(8192, content.length);
    }

    @Test
    void a_guest_cannot_turn_a_raw_image_into_another_format() throws Exception {
        Path file = image(8192);
        for (Optional<DiskFormat> format : List.of(Optional.<DiskFormat> empty(), Optional.of(DiskFormat.RAW))) {
            try (DiskImage disk = DiskImages.open(new DiskSpec(file, format, false, false))) {
                for (String magic : List.of("QFI\u00fb", "conectix", "KDMV", "vhdxfile")) {
                    byte[] two = new byte[2 * SECTOR];
                    System.arraycopy(sector(magic), 0, two, 0, SECTOR);
                    assertThrows(DiskException.class, () -> disk.write(0, two, 0, two.length), magic);
                    disk.write(SECTOR, two, 0, two.length);
                }
                disk.write(0, sector("an MBR"), 0, SECTOR);
            }
        }
        assertEquals(Optional.empty(), DiskImages.recognise(file));
    }

    @Test
    void an_image_in_use_by_a_writer_is_refused_to_all_others() throws Exception {
        DiskSpec spec = DiskSpec.of(image(4096));
        DiskSpec reader = new DiskSpec(spec.path(), Optional.empty(), true, false);
        try (DiskImage disk = DiskImages.open(spec)) {
            assertTrue(assertThrows(ImageException.class, () -> DiskImages.open(spec)).getMessage().contains("in use"));
            assertThrows(ImageException.class, () -> DiskImages.open(reader));
            assertFalse(disk.readOnly());
        }
        try (DiskImage one = DiskImages.open(reader); DiskImage two = DiskImages.open(reader)) {
            assertEquals(one.size(), two.size());
            assertThrows(ImageException.class, () -> DiskImages.open(spec));
        }
        DiskImages.open(spec).close();
    }

    @Test
    void a_snapshot_disk_takes_writes_and_leaves_the_file_alone() throws Exception {
        Path file = image(300 << 10);
        byte[] before = Files.readAllBytes(file);
        try (DiskImage disk = DiskImages.open(new DiskSpec(file, Optional.of(DiskFormat.RAW), false, true))) {
            byte[] expected = before.clone();
            byte[] written = new byte[70 << 10];
            Arrays.fill(written, (byte) 0x5a);
            disk.write(60 << 10, written, 0, written.length);
            System.arraycopy(written, 0, expected, 60 << 10, written.length);
            disk.writeZeroes(299 << 10, 1024);
            Arrays.fill(expected, 299 << 10, 300 << 10, (byte) 0);
            disk.flush();
            byte[] all = new byte[before.length];
            disk.read(0, all, 0, all.length);
            assertArrayEquals(expected, all);
        }
        assertArrayEquals(before, Files.readAllBytes(file));
    }

    @Test
    void snapshot_disks_share_their_memory() throws Exception {
        DiskSpec spec = new DiskSpec(image(1 << 20), Optional.of(DiskFormat.RAW), false, true);
        SnapshotMemory memory = new SnapshotMemory(300 << 10);
        byte[] written = new byte[128 << 10];
        try (DiskImage one = DiskImages.open(spec, memory)) {
            one.write(0, written, 0, written.length);
            try (DiskImage two = DiskImages.open(spec, memory)) {
                two.write(0, written, 0, written.length);
                assertThrows(DiskException.class, () -> two.write(512 << 10, written, 0, SECTOR));
                assertThrows(DiskException.class, () -> one.write(512 << 10, written, 0, SECTOR));
                one.write(0, written, 0, written.length);
            }
            one.write(512 << 10, written, 0, SECTOR);
        }
    }

    @Test
    void a_read_only_disk_refuses_every_change() throws Exception {
        Path file = image(4096);
        byte[] before = Files.readAllBytes(file);
        try (DiskImage disk = DiskImages.open(new DiskSpec(file, Optional.empty(), true, false))) {
            assertTrue(disk.readOnly());
            assertThrows(DiskException.class, () -> disk.write(0, new byte[SECTOR], 0, SECTOR));
            assertThrows(DiskException.class, () -> disk.writeZeroes(0, SECTOR));
            assertThrows(DiskException.class, () -> disk.discard(0, SECTOR));
        }
        assertArrayEquals(before, Files.readAllBytes(file));
    }

    @Test
    void what_cannot_be_a_disk_is_refused_by_name() throws Exception {
        assertThrows(NoSuchFileException.class, () -> DiskImages.open(DiskSpec.of(folder.resolve("none"))));
        assertThrows(ImageException.class, () -> DiskImages.open(DiskSpec.of(folder)));
        Path empty = Files.createFile(folder.resolve("empty"));
        assertTrue(assertThrows(ImageException.class, () -> DiskImages.open(DiskSpec.of(empty))).getMessage()
                .startsWith(empty + ": is empty"));
        try (DiskImage disk = DiskImages.open(DiskSpec.of(image(4096)))) {
            assertThrows(DiskException.class, () -> disk.read(4096, new byte[SECTOR], 0, SECTOR));
            assertThrows(DiskException.class, () -> disk.read(Long.MAX_VALUE & ~511, new byte[SECTOR], 0, SECTOR));
            assertThrows(DiskException.class, () -> disk.read(1, new byte[SECTOR], 0, SECTOR));
        }
    }
}
