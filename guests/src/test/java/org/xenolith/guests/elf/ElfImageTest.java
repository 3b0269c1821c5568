package org.xenolith.guests.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.TestElf;

/** Headers of both classes, Xen's notes and the section they replaced, and what is refused with which words. */
class ElfImageTest {
    private static ElfImage parse(TestElf elf) throws ImageException {
        return ElfImage.parse("vmlinux", elf.build());
    }

    private static String refusal(byte[] bytes) {
        return assertThrows(ImageException.class, () -> ElfImage.parse("vmlinux", bytes)).getMessage();
    }

    @Test
    void segments_of_both_classes_are_read() throws Exception {
        for (TestElf elf : new TestElf[]{TestElf.elf64(), TestElf.elf32()}) {
            ElfImage image = parse(elf.load(0x20_0000, new byte[]{1, 2, 3}, 100));
            ElfSegment segment = image.segments().getFirst();
            assertEquals(0x20_0000, segment.paddr());
            assertEquals(3, segment.fileSize());
            assertEquals(100, segment.memorySize());
            assertEquals(2, image.bytes()[(int) segment.offset() + 1]);
        }
    }

    @Test
    void numbers_and_texts_are_read_from_notes_of_owner_xen_only() throws Exception {
        XenGuestInfo info = XenGuestInfo.of(parse(TestElf.elf64()
                .note("GNU", 18, TestElf.number(7, 4))
                .note(18, TestElf.number(0x100_0850, 8))
                .note(6, TestElf.text("linux"))
                .note(16, TestElf.number(1, 1))));
        assertEquals(OptionalLong.of(0x100_0850), info.number(XenElfNote.PHYS32_ENTRY));
        assertEquals(Optional.of("linux"), info.text(XenElfNote.GUEST_OS));
        assertEquals(OptionalLong.of(1), info.number(XenElfNote.MOD_START_PFN));
        assertEquals(OptionalLong.empty(), info.number(XenElfNote.ENTRY));
        assertFalse(info.isLegacy());
    }

    @Test
    void notes_are_found_by_section_where_no_segment_has_them() throws Exception {
        byte[] note = {4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 0, 0x50, 8, 0, 1};
        XenGuestInfo info = XenGuestInfo.of(parse(TestElf.elf32().section(".notes", 7, note, 0, 0)));
        assertEquals(OptionalLong.of(0x100_0850), info.number(XenElfNote.PHYS32_ENTRY));
    }

    @Test
    void features_are_known_by_name_and_by_bit() throws Exception {
        XenGuestInfo byName = XenGuestInfo.of(parse(
                TestElf.elf64().note(10, TestElf.text("!writable_page_tables|pae_pgdir_above_4gb"))));
        assertTrue(byName.supports("writable_page_tables", 0));
        assertTrue(byName.supports("pae_pgdir_above_4gb", 4));
        assertFalse(byName.supports("auto_translated_physmap", 2));
        XenGuestInfo byBit = XenGuestInfo.of(parse(TestElf.elf64().note(17, TestElf.number(0x8801, 4))));
        assertTrue(byBit.supports("linux_rsdp_unrestricted", 15));
        assertFalse(byBit.supports("dom0", 10));
    }

    @Test
    void the_legacy_section_is_read_where_there_are_no_xen_notes() throws Exception {
        byte[] text = "GUEST_OS=Mach,VIRT_BASE=0xC0000000,PAE=yes[extended-cr3],HYPERCALL_PAGE=0x2\0"
                .getBytes(StandardCharsets.US_ASCII);
        XenGuestInfo info = XenGuestInfo.of(parse(TestElf.elf32().section("__xen_guest", 1, text, 0, 0)));
        assertTrue(info.isLegacy());
        assertEquals(OptionalLong.of(0xc000_0000L), info.number(XenElfNote.VIRT_BASE));
        assertEquals(Optional.of("yes[extended-cr3]"), info.text(XenElfNote.PAE_MODE));
        assertEquals(OptionalLong.of(2), info.number(XenElfNote.HYPERCALL_PAGE));
    }

    @Test
    void a_note_of_odd_size_or_a_legacy_number_that_is_none_is_refused() throws Exception {
        ElfImage note = parse(TestElf.elf64().note(18, new byte[3]));
        assertTrue(assertThrows(ImageException.class, () -> XenGuestInfo.of(note)).reason().contains("PHYS32_ENTRY"));
        byte[] text = "VIRT_BASE=base\0".getBytes(StandardCharsets.US_ASCII);
        ElfImage legacy = parse(TestElf.elf32().section("__xen_guest", 1, text, 0, 0));
        assertTrue(assertThrows(ImageException.class, () -> XenGuestInfo.of(legacy)).reason().contains("base"));
    }

    @Test
    void other_machines_are_named() {
        assertEquals(
                "vmlinux: is built for AArch64, 64 bits; a kernel for x86 is needed",
                refusal(TestElf.elf64For(183).build()));
    }

    @Test
    void big_endian_objects_and_core_dumps_are_refused() {
        byte[] bytes = TestElf.elf64().build();
        bytes[5] = 2;
        assertTrue(refusal(bytes).contains("big-endian"));
        bytes[5] = 1;
        bytes[16] = 1;
        assertTrue(refusal(bytes).contains("object file"));
        bytes[16] = 4;
        assertTrue(refusal(bytes).contains("core dump"));
    }

    @Test
    void every_truncation_of_a_kernel_is_refused_or_only_loses_its_sections() throws Exception {
        byte[] whole = TestElf.pvhKernel().build();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThrows(ImageException.class, () -> ElfImage.parse("cut", cut), "length " + length);
        }
    }

    @Test
    void a_segment_larger_in_the_file_than_in_memory_is_refused() {
        assertTrue(
                refusal(TestElf.elf64().load(0x10_0000, new byte[10], 9).build()).contains("more bytes in the file"));
    }
}
