package org.xenolith.guests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.guests.elf.XenElfNote;
import org.xenolith.guests.linux.BzImage;

/** What counts as a kernel, and with which words everything else is refused: file first, then what is wrong. */
class KernelImageTest {
    private static final long LIMIT = 64 << 20;

    private static KernelImage parse(byte[] bytes) throws ImageException {
        return KernelImage.parse("k", bytes, LIMIT);
    }

    private static void refused(byte[] bytes, String... words) {
        ImageException e = assertThrows(ImageException.class, () -> parse(bytes));
        assertTrue(e.getMessage().startsWith("k: "), e.getMessage());
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), e.getMessage());
        }
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    private static byte[] gzip(byte[] content) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(content);
        }
        return out.toByteArray();
    }

    @Test
    void elf_gzipped_elf_and_bzimage_give_the_same_kernel() throws Exception {
        byte[] elf = TestElf.pvhKernel().build();
        byte[][] wrapped = {elf, gzip(elf), TestBzImage.wrap(gzip(elf)),
            TestBzImage.wrap(TestBzImage.lz4(elf), elf.length)};
        for (byte[] image : wrapped) {
            KernelImage kernel = parse(image);
            assertArrayEquals(elf, kernel.elf().bytes());
            assertEquals(OptionalLong.of(0x10_0000), kernel.xen().number(XenElfNote.PHYS32_ENTRY));
        }
        BzImage header = parse(wrapped[2]).bzImage().orElseThrow();
        assertEquals(0x20f, header.protocol());
        assertEquals("6.1.0-test #1", header.version());
    }

    @Test
    void debian_kernels_are_read() throws Exception {
        KernelImage cloud = KernelImage.read(DebianKernels.cloud(), 512L << 20);
        assertTrue(cloud.bzImage().orElseThrow().version().contains("cloud-amd64"));
        KernelImage generic = KernelImage.read(DebianKernels.generic(), 512L << 20);
        assertEquals("linux", generic.xen().text(XenElfNote.GUEST_OS).orElseThrow());
        assertTrue(generic.xen().supports("linux_rsdp_unrestricted", 15));
    }

    @Test
    void a_debian_kernel_cut_at_100000_bytes_is_called_truncated() throws Exception {
        byte[] whole = DebianKernels.cloud().readAll(LIMIT);
        refused(Arrays.copyOf(whole, 100_000), "truncated", "100000");
    }

    @Test
    void other_architectures_are_named() {
        byte[] image = new byte[4096];
        System.arraycopy("ARM\u0064".getBytes(StandardCharsets.ISO_8859_1), 0, image, 0x38, 4);
        refused(image, "AArch64");
        Arrays.fill(image, (byte) 0);
        LittleEndian.put32(image, 0x24, 0x016f_2818);
        refused(image, "ARM", "zImage");
        refused(TestElf.elf64For(243).build(), "RISC-V");
    }

    @Test
    void what_people_take_for_a_kernel_is_named() throws Exception {
        byte[] cpio = Arrays.copyOf("070701".getBytes(StandardCharsets.US_ASCII), 4096);
        refused(cpio, "cpio", "initrd");
        refused(gzip(cpio), "cpio", "gzip");
        refused(Arrays.copyOf("#!/bin/sh".getBytes(StandardCharsets.US_ASCII), 2000), "script");
        refused(Arrays.copyOf("MZ".getBytes(StandardCharsets.US_ASCII), 2000), "EFI");
        refused(new byte[]{1, 2, 3}, "3 bytes");
        byte[] iso = new byte[0x9000];
        System.arraycopy("CD001".getBytes(StandardCharsets.US_ASCII), 0, iso, 0x8001, 5);
        refused(iso, "CD image");
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 1000, 5000, 100_000})
    void random_bytes_are_neither_elf_nor_bzimage(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        refused(bytes, "not a kernel");
    }

    @Test
    void bzimages_that_are_old_cut_or_oddly_packed_are_refused() throws Exception {
        byte[] elf = TestElf.pvhKernel().build();
        byte[] image = TestBzImage.wrap(gzip(elf));
        byte[] old = image.clone();
        LittleEndian.put16(old, 0x206, 0x207);
        refused(old, "protocol 2.7");
        refused(Arrays.copyOf(image, image.length - 1), "truncated");
        refused(Arrays.copyOf(image, 0x210), "truncated");
        byte[] unknown = image.clone();
        unknown[1024] ^= 1;
        refused(unknown, "unknown way");
        byte[] none = image.clone();
        LittleEndian.put32(none, 0x24c, 0);
        refused(none, "payload_length");
        refused(TestBzImage.wrap(TestBzImage.lz4(elf), elf.length + 1L), "damaged");
        refused(TestBzImage.wrap(TestBzImage.lz4(elf), elf.length - 1L), "damaged");
        refused(TestBzImage.wrap(TestBzImage.lz4(elf), LIMIT + 1), "memory");
        refused(TestBzImage.wrap(TestBzImage.lz4(new byte[500]), 500), "not an ELF file");
    }

    @Test
    void files_that_are_missing_empty_or_directories_are_told_apart(@TempDir Path dir) throws Exception {
        assertThrows(NoSuchFileException.class, () -> ImageFile.open(dir.resolve("nosuch")));
        ImageException directory = assertThrows(ImageException.class, () -> ImageFile.open(dir));
        assertTrue(directory.reason().contains("directory"));
        assertEquals(dir.toString(), directory.file());
        Path empty = Files.createFile(dir.resolve("empty"));
        assertTrue(assertThrows(ImageException.class, () -> ImageFile.open(empty)).reason().contains("empty"));
        Path small = Files.write(dir.resolve("small"), new byte[100]);
        assertTrue(
                assertThrows(ImageException.class, () -> ImageFile.open(small).readAll(99)).reason().contains("large"));
    }

    @Test
    void a_file_that_shrinks_after_it_was_opened_is_reported(@TempDir Path dir) throws Exception {
        Path path = Files.write(dir.resolve("initrd"), new byte[5000]);
        ImageFile file = ImageFile.open(path);
        Files.write(path, new byte[10]);
        assertTrue(assertThrows(ImageException.class, () -> file.readAll(LIMIT)).reason().contains("shorter"));
        assertTrue(
                assertThrows(ImageException.class, () -> file.copyTo(new SparseMemory(), 0)).reason()
                        .contains("shorter"));
    }
}
