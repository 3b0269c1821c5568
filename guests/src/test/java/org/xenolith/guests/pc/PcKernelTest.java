package org.xenolith.guests.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.SparseMemory;
import org.xenolith.guests.TestBzImage;
import org.xenolith.guests.TestElf;
import org.xenolith.guests.acpi.PcTables;

/** What each boot protocol says where things are, read back from memory as a kernel would. */
final class PcKernelTest {
    private static final long MIB = 1 << 20;
    private static final int MULTIBOOT = 0x1bad_b002;
    private static final int MULTIBOOT2 = 0xe852_50d6;

    @TempDir
    private Path folder;

    private final SparseMemory memory = new SparseMemory();

    private static PcMap map(long mebibytes) {
        return new PcMap(mebibytes * MIB, 0, new PcTables(1, 1, 0xc000_0000L, 0x600));
    }

    private ImageFile file(String name, byte[] content) throws Exception {
        return ImageFile.open(Files.write(folder.resolve(name), content));
    }

    private PcBoot build(byte[] kernel, long mebibytes, String line, BootModule... modules) throws Exception {
        PcBoot boot = PcKernel.build(file("kernel", kernel), List.of(modules), line, map(mebibytes));
        boot.load(memory);
        assertEquals(0x00cf_9b00_0000_ffffL, memory.u64(boot.gdt() + 0x10), "the code segment");
        assertEquals(0x00cf_9300_0000_ffffL, memory.u64(boot.gdt() + 0x18), "the data segment");
        assertEquals("RSD PTR ", new String(memory.bytes(map(mebibytes).rsdp(), 8), StandardCharsets.US_ASCII));
        return boot;
    }

    private static byte[] linux() {
        byte[] image = TestBzImage.wrap(new byte[8192]);
        image[0x201] = 0x66;
        image[0x211] = 1;
        image[0x234] = 1;
        put32(image, 0x22c, 0x7fff_ffff);
        put32(image, 0x238, 2047);
        put64(image, 0x258, 16 * MIB);
        put32(image, 0x260, (int) (32 * MIB));
        image[1024] = 0x5a;
        return image;
    }

    private static byte[] multiboot(int flags, int... rest) {
        byte[] image = new byte[4096];
        put32(image, 64, MULTIBOOT);
        put32(image, 68, flags);
        put32(image, 72, -(MULTIBOOT + flags));
        for (int i = 0; i < rest.length; i++) {
            put32(image, 76 + 4 * i, rest[i]);
        }
        return image;
    }

    private static byte[] multiboot2(int... tags) {
        byte[] image = new byte[4096];
        int length = 16 + 4 * tags.length;
        put32(image, 64, MULTIBOOT2);
        put32(image, 72, length);
        put32(image, 76, -(MULTIBOOT2 + length));
        for (int i = 0; i < tags.length; i++) {
            put32(image, 80 + 4 * i, tags[i]);
        }
        return image;
    }

    @Test
    void linux_finds_command_line_initrd_and_memory_map_in_its_boot_parameters() throws Exception {
        byte[] first = {1, 2, 3, 4, 5};
        byte[] second = {6, 7};
        PcBoot boot = build(linux(), 128, "console=ttyS0", new BootModule(file("a", first), ""),
                new BootModule(file("b", second), ""));
        assertEquals(MIB, boot.eip());
        assertEquals(0x5a, memory.bytes(MIB, 1)[0]);
        long p = boot.esi();
        assertEquals(0x5372_6448, memory.u32(p + 0x202), "the setup header");
        assertEquals("console=ttyS0", memory.text(Integer.toUnsignedLong(memory.u32(p + 0x228))));
        assertEquals(0xff, memory.bytes(p + 0x210, 1)[0] & 0xff);
        assertEquals(0xf_0000, memory.u64(p + 0x70));
        long initrd = memory.u32(p + 0x218);
        assertEquals(10, memory.u32(p + 0x21c), "two files, the second at a multiple of 4");
        assertEquals(0x0706_0000_0005L, memory.u64(initrd + 4) & 0xffff_ffff_ffffL);
        assertTrue(initrd >= 48 * MIB && initrd + 10 <= 128 * MIB, Long.toHexString(initrd));
        assertEquals(5, memory.bytes(p + 0x1e8, 1)[0]);
        long e = p + 0x2d0;
        assertEquals(0x9_fc00, memory.u64(e + 8));
        assertEquals(MIB, memory.u64(e + 3 * 20));
        assertEquals(1, memory.u32(e + 3 * 20 + 16));
        long acpi = memory.u64(e + 4 * 20);
        assertEquals(128 * MIB, acpi + memory.u64(e + 4 * 20 + 8));
        assertEquals("FACS", new String(memory.bytes(acpi, 4), StandardCharsets.US_ASCII));
    }

    @Test
    void pvh_kernel_gets_a_start_info_with_modules_and_memory_map() throws Exception {
        byte[] module = {9, 8, 7};
        PcBoot boot = build(TestElf.pvhKernel().build(), 32, "quiet", new BootModule(file("m", module), "x y"));
        assertEquals(MIB, boot.eip());
        long i = boot.ebx();
        assertEquals(0x336e_c578, memory.u32(i));
        assertEquals(1, memory.u32(i + 12));
        long list = memory.u64(i + 16);
        assertEquals(0x07_0809, memory.u32(memory.u64(list)) & 0xff_ffff);
        assertEquals(3, memory.u64(list + 8));
        assertEquals("x y", memory.text(memory.u64(list + 16)));
        assertEquals("quiet", memory.text(memory.u64(i + 24)));
        assertEquals(0xf_0000, memory.u64(i + 32));
        assertEquals(5, memory.u32(i + 48));
        assertEquals(1, memory.u32(memory.u64(i + 40) + 16));
    }

    @Test
    void multiboot_kernel_with_addresses_is_loaded_where_they_say() throws Exception {
        byte[] image = multiboot(0x1_0003, 0x10_0040, 0x10_0000, 0, 0x10_4000, 0x10_0010);
        image[0x10] = 0x77;
        PcBoot boot = build(image, 32, "a=b", new BootModule(file("mod 1", new byte[]{5, 6, 7, 8}), "arg"));
        assertEquals(0x2bad_b002L, boot.eax());
        assertEquals(0x10_0010, boot.eip());
        assertEquals(0x77, memory.bytes(0x10_0010, 1)[0]);
        long i = boot.ebx();
        assertEquals(0x24d, memory.u32(i));
        assertEquals(639, memory.u32(i + 4));
        assertEquals("kernel a=b", memory.text(memory.u32(i + 16)));
        assertEquals(1, memory.u32(i + 20));
        long list = memory.u32(i + 24);
        long start = memory.u32(list);
        assertEquals(0x10_4000, start, "behind the kernel and its zeros");
        assertEquals(start + 4, memory.u32(list + 4));
        assertEquals(0x0807_0605, memory.u32(start));
        assertEquals("mod_1 arg", memory.text(memory.u32(list + 8)));
        assertEquals(5 * 24, memory.u32(i + 44));
        long map = memory.u32(i + 48);
        assertEquals(20, memory.u32(map));
        assertEquals(0x9_fc00, memory.u64(map + 12));
        assertEquals("Xenolith", memory.text(memory.u32(i + 64)));
    }

    @Test
    void multiboot_elf_enters_at_the_physical_address_of_its_entry() throws Exception {
        byte[] content = multiboot(0);
        PcBoot boot = build(TestElf.elf32().load(MIB, content, 8192).build(), 32, "");
        assertEquals("Multiboot 1", boot.protocol());
        // the entry is virtual, and its segment is 2 GiB further up than where it is loaded
        assertEquals(MIB, boot.eip());
        assertEquals("kernel", memory.text(memory.u32(boot.ebx() + 16)));
    }

    @Test
    void multiboot2_information_has_all_its_tags() throws Exception {
        byte[] image = multiboot2(1, 20, 1, 6, 15, 0, 2, 24, 0x10_0040, -1, 0, 0, 3, 12, 0x10_0000, 0, 0, 8);
        PcBoot boot = build(image, 32, "x", new BootModule(file("m", new byte[]{1}), ""));
        assertEquals(0x36d7_6289L, boot.eax());
        assertEquals(0x10_0000, boot.eip());
        long total = memory.u32(boot.ebx());
        StringBuilder types = new StringBuilder();
        for (long at = boot.ebx() + 8; at < boot.ebx() + total;) {
            types.append(memory.u32(at)).append(' ');
            if (memory.u32(at) == 1) {
                assertEquals("kernel x", memory.text(at + 8));
            } else if (memory.u32(at) == 3) {
                assertEquals(memory.u32(at + 8) + 1, memory.u32(at + 12));
                assertEquals("m", memory.text(at + 16));
            } else if (memory.u32(at) == 15) {
                assertEquals("RSD PTR ", new String(memory.bytes(at + 8, 8), StandardCharsets.US_ASCII));
            }
            at += memory.u32(at + 4) + 7 & -8;
        }
        assertEquals("1 2 3 4 6 14 15 0 ", types.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "linux-small    | 16 | needs memory up to",
        "linux-z        | 64 | a bzImage is needed",
        "multiboot-flags| 64 | requires what is not known: flags 0x8",
        "multiboot-none | 64 | without addresses, and is no ELF file",
        "multiboot-entry| 64 | outside of what is loaded",
        "multiboot-low  | 64 | where a PC has no RAM",
        "multiboot-wild | 64 | addresses that are not right",
        "multiboot2-tag | 64 | Multiboot2 tag 77",
        "multiboot2-ask | 64 | Multiboot2 information 99",
        "multiboot2-cut | 64 | tags do not end",
        "elf            | 64 | no entry for a bare PC",
        "text           | 64 | is not a kernel"})
    void kernels_that_cannot_start_are_refused_in_words(String what, long mebibytes, String message) {
        byte[] kernel = switch (what) {
            case "linux-small" -> linux();
            case "linux-z" -> {
                byte[] z = linux();
                z[0x211] = 0;
                yield z;
            }
            case "multiboot-flags" -> multiboot(8);
            case "multiboot-none" -> multiboot(0);
            case "multiboot-entry" -> multiboot(0x1_0000, 0x10_0040, 0x10_0000, 0, 0, 0x20_0000);
            case "multiboot-low" -> multiboot(0x1_0000, 0x9_f040, 0x9_f000, 0, 0, 0x9_f000);
            case "multiboot-wild" -> multiboot(0x1_0000, 0x10_0000, 0x20_0000, 0x30_0000, 0, 0x20_0000);
            case "multiboot2-tag" -> multiboot2(77, 8, 0, 8);
            case "multiboot2-ask" -> multiboot2(1, 12, 99, 0, 0, 8);
            case "multiboot2-cut" -> multiboot2(6, 8);
            case "elf" -> TestElf.elf64().load(MIB, new byte[64], 64).build();
            default -> "not a kernel at all".getBytes(StandardCharsets.US_ASCII);
        };
        String said = assertThrows(ImageException.class, () -> build(kernel, mebibytes, "")).getMessage();
        assertTrue(said.contains(message) && said.contains("kernel: "), said);
    }

    @Test
    void random_damage_never_escapes_as_anything_but_an_image_error() throws IOException {
        Random random = new Random(7);
        List<byte[]> good = List.of(linux(), TestElf.pvhKernel().build(),
                multiboot(0x1_0003, 0x10_0040, 0x10_0000, 0, 0x10_4000, 0x10_0010),
                multiboot2(2, 24, 0x10_0040, -1, 0, 0, 3, 12, 0x10_0000, 0, 0, 8),
                TestElf.elf32().load(MIB, multiboot(0), 8192).build());
        int refused = 0;
        for (int n = 0; n < 3000; n++) {
            byte[] image = good.get(n % good.size()).clone();
            for (int i = random.nextInt(6); i >= 0; i--) {
                int at = random.nextInt(Math.min(image.length, 0x290));
                image[at] = (byte) (random.nextBoolean() ? random.nextInt(256) : image[at] ^ 1 << random.nextInt(8));
            }
            if (random.nextInt(4) == 0) {
                image = Arrays.copyOf(image, 1 + random.nextInt(image.length));
            } else if (n % good.size() == 2) {
                put16(image, 76 + 2 * random.nextInt(10), random.nextInt());
            }
            try {
                PcKernel.build(ImageFile.open(Files.write(folder.resolve("k"), image)), List.of(), "x", map(64))
                        .load(new SparseMemory());
            } catch (ImageException e) {
                refused++;
            }
        }
        assertTrue(refused > 500, "refused: " + refused);
    }
}
