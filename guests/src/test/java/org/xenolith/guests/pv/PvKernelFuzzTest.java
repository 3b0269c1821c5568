package org.xenolith.guests.pv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.TestElf;

/** Kernels that ask for what cannot be. */
final class PvKernelFuzzTest {
    private static final long MIB = 1 << 20;
    private static final long BASE = 0xffff_ffff_8000_0000L;
    private static final long[] CORNERS = {0, 1, 0xfff, 0x1000, 0x10_0000, 0x40_0000, 0x7fff_f000L, 0x8000_0000L,
        0xc000_0000L, 0xf57f_f000L, 0xf580_0000L, 0xffff_f000L, 1L << 32, 0x80_0000_0000L, 0x7fff_ffff_f000L, 1L << 47,
        0xffff_8000_0000_0000L, 0xffff_87ff_ffff_f000L, 0xffff_8800_0000_0000L, BASE, BASE + 0x10_0000, -0x1000, -1,
        Long.MIN_VALUE, Long.MAX_VALUE};
    private static final int[] NOTES = {1, 2, 3, 4, 12, 13, 14, 15, 16, 17};

    private static long value(Random random) {
        long v = CORNERS[random.nextInt(CORNERS.length)];
        return switch (random.nextInt(4)) {
            case 0 -> v + random.nextInt(0x20_0000);
            case 1 -> v + ((random.nextInt(0x400) - 0x200L) << 12);
            case 2 -> random.nextLong();
            default -> v;
        };
    }

    private static TestElf hostile(Random random) {
        boolean wide = random.nextBoolean();
        TestElf elf = wide ? TestElf.elf64() : TestElf.elf32();
        for (int i = random.nextInt(3); i >= 0; i--) {
            long paddr = random.nextInt(3) > 0 ? 0x10_0000 + random.nextInt(0x40_0000) : value(random);
            long size = random.nextInt(4) > 0 ? 4096 + random.nextInt(0x20_0000) : value(random);
            elf.load(paddr, new byte[100], size);
        }
        if (random.nextInt(4) > 0) {
            elf.note(3, TestElf.number(wide ? BASE : 0xc000_0000L, 8));
            elf.note(1, TestElf.number((wide ? BASE : 0xc000_0000L) + 0x10_0000, 8));
        }
        if (random.nextInt(4) > 0) {
            elf.note(9, TestElf.text("yes"));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            elf.note(NOTES[random.nextInt(NOTES.length)], TestElf.number(value(random), 1 << random.nextInt(4)));
        }
        return elf;
    }

    private static boolean tryBuild(byte[] image, long memory) {
        try {
            KernelImage kernel = KernelImage.parse("hostile", image, 64 * MIB);
            try (BuiltGuest guest = new BuiltGuest(kernel, Optional.empty(), "", memory)) {
                PvBuilderTest.check(guest);
            }
            return true;
        } catch (ImageException e) {
            assertTrue(e.getMessage().startsWith("hostile: "), e.getMessage());
            assertEquals(-1, e.getMessage().indexOf('\n'));
            return false;
        }
    }

    @Test
    void random_notes_and_segments_are_refused_or_built_whole() {
        Random random = new Random(6);
        int built = 0;
        for (int i = 0; i < 4000; i++) {
            if (tryBuild(hostile(random).build(), 12 * MIB)) {
                built++;
            }
        }
        assertTrue(built > 200, built + " were built");
    }

    @Test
    void random_bytes_in_the_legacy_section_are_refused_or_built_whole() {
        Random random = new Random(7);
        byte[] good = TestElf.text("XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xC0100000,"
                + "HYPERCALL_PAGE=0x100,PAE=yes,LOADER=generic,FEATURES=pae_pgdir_above_4gb");
        int built = 0;
        for (int i = 0; i < 1000; i++) {
            byte[] strings = good.clone();
            for (int n = random.nextInt(3); n > 0; n--) {
                strings[random.nextInt(strings.length)] = (byte) random.nextInt(128);
            }
            byte[] image = TestElf.elf32().load(0x10_0000, new byte[4096], 8192)
                    .section("__xen_guest", 1, strings, 0, 0).build();
            if (tryBuild(image, 12 * MIB)) {
                built++;
            }
        }
        assertTrue(built > 200, built + " were built");
    }

    @ParameterizedTest
    @CsvSource({
        "3, 0xffff800000000000, XEN_ELFNOTE_VIRT_BASE",
        "3, 0xffffffff80000001, XEN_ELFNOTE_VIRT_BASE",
        "3, 0x7ffffffff000, XEN_ELFNOTE_VIRT_BASE",
        "1, 0xffffffff90000000, XEN_ELFNOTE_ENTRY",
        "2, 0xffffffff80200000, XEN_ELFNOTE_HYPERCALL_PAGE",
        "2, 0xffffffff80100008, XEN_ELFNOTE_HYPERCALL_PAGE",
        "4, 0x200000, XEN_ELFNOTE_PADDR_OFFSET",
        "15, 0xffffffff7ffff000, XEN_ELFNOTE_INIT_P2M",
    })
    void a_field_that_cannot_be_is_named(int note, String value, String field) throws Exception {
        TestElf elf = TestElf.elf64().load(0x10_0000, new byte[4096], 8192).note(3, TestElf.number(BASE, 8))
                .note(1, TestElf.number(BASE + 0x10_0000, 8))
                .note(note, TestElf.number(Long.parseUnsignedLong(value.substring(2), 16), 8));
        KernelImage image = KernelImage.parse("kernel", elf.build(), 64 * MIB);
        ImageException e = assertThrows(ImageException.class, () -> PvLayout.of(image, Optional.empty(), "", 16 * MIB));
        assertTrue(e.getMessage().contains("kernel: has ") && e.getMessage().contains(field), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "5, xen-2.0, XEN_ELFNOTE_XEN_VERSION",
        "8, hand-made, XEN_ELFNOTE_LOADER",
        "9, no, XEN_ELFNOTE_PAE_MODE",
        "10, '!supervisor_mode_kernel', supervisor_mode_kernel",
        "10, 'a|!auto_translated_physmap', auto_translated_physmap",
    })
    void a_wish_that_is_not_granted_is_named(int note, String value, String field) throws Exception {
        TestElf elf = TestElf.elf32().load(0x10_0000, new byte[4096], 8192).note(3, TestElf.number(0xc000_0000L, 4))
                .note(1, TestElf.number(0xc010_0000L, 4)).note(9, TestElf.text("yes")).note(note, TestElf.text(value));
        KernelImage image = KernelImage.parse("kernel", elf.build(), 64 * MIB);
        ImageException e = assertThrows(ImageException.class, () -> PvLayout.of(image, Optional.empty(), "", 16 * MIB));
        assertTrue(e.getMessage().startsWith("kernel: ") && e.getMessage().contains(field), e.getMessage());
    }

    @Test
    void a_kernel_that_says_nothing_to_xen_is_refused_with_advice() throws Exception {
        KernelImage image = KernelImage.parse(
                "kernel", TestElf.elf64().load(0x10_0000, new byte[4096], 4096).build(), 64 * MIB);
        ImageException e = assertThrows(ImageException.class, () -> PvLayout.of(image, Optional.empty(), "", 16 * MIB));
        assertTrue(e.getMessage().contains("CONFIG_XEN_PV"), e.getMessage());
    }
}
