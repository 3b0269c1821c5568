package org.xenolith.guests.pv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.DebianKernels;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.TestElf;

final class PvBuilderTest {
    private static final long MIB = 1 << 20;
    private static final long BASE = 0xffff_ffff_8000_0000L;

    @TempDir
    private Path directory;

    /** A kernel of 2 pages at 1 MiB, whose hypercall page is the second one. */
    private static TestElf kernel64() {
        byte[] content = new byte[8192];
        Arrays.fill(content, (byte) 0x90);
        return TestElf.elf64().load(0x10_0000, content, 12_288)
                .note(3, TestElf.number(BASE, 8))
                .note(1, TestElf.number(BASE + 0x10_0010, 8))
                .note(2, TestElf.number(BASE + 0x10_1000, 8));
    }

    private static TestElf kernel32() {
        byte[] content = new byte[8192];
        Arrays.fill(content, (byte) 0x90);
        return TestElf.elf32().load(0x10_0000, content, 12_288)
                .note(3, TestElf.number(0xc000_0000L, 4))
                .note(1, TestElf.number(0xc010_0010L, 4))
                .note(9, TestElf.text("yes"));
    }

    private ImageFile initrd(int size) throws Exception {
        byte[] content = new byte[size];
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (i * 31 + 1);
        }
        Path path = directory.resolve("initrd");
        Files.write(path, content);
        return ImageFile.open(path);
    }

    private static BuiltGuest build(TestElf elf, Optional<ImageFile> initrd, long memory) throws Exception {
        return new BuiltGuest(KernelImage.parse("kernel", elf.build(), 64 * MIB), initrd, "console=hvc0", memory);
    }

    /** What holds for every guest. */
    static void check(BuiltGuest guest) {
        PvLayout layout = guest.layout;
        Set<Long> seen = new HashSet<>();
        for (long pfn = 0; pfn < layout.pages(); pfn++) {
            long mfn = guest.mfn(pfn);
            assertTrue(seen.add(mfn), "each frame once");
            assertNotEquals(pfn, mfn, "no frame is its own image");
            assertEquals(pfn, guest.domain.pv().pfn(mfn));
            assertEquals(guest.domain.domid(), guest.host.frames().owner(mfn));
        }
        long base = layout.kernel().virtBase();
        long tables = layout.topTablePfn();
        for (long pfn = 0; pfn < layout.mappedPages(); pfn++) {
            long va = base + (pfn << 12);
            assertEquals(guest.mfn(pfn), guest.machineAddress(va) >>> 12, "pfn " + pfn);
            boolean table = pfn >= tables && pfn < tables + layout.tableFrames();
            assertEquals(!table, guest.writable(va), "pfn " + pfn);
        }
        long end = base + (layout.mappedPages() << 12);
        assertEquals(0, end & 4 * MIB - 1, "the mapping ends at 4 MiB");
        assertTrue(layout.mappedPages() - layout.stackPfn() - 1 >= 128, "512 KiB are free");
        assertFalse(end != 0 && guest.mapped(end));
        assertEquals(guest.mfn(layout.topTablePfn()), guest.start.topMfn());
        assertEquals(0, guest.domain.pv().validateInitial(guest.domain.vcpu(0), guest.start.topMfn()),
                () -> String.valueOf(guest.domain.pv().lastFailure()));
    }

    /** The start info without the places of the modules and of the p2m list. */
    private static void checkStartInfo(BuiltGuest guest) {
        PvLayout layout = guest.layout;
        boolean wide = layout.kernel().wide();
        long info = guest.start.startInfo();
        assertEquals(wide ? "xen-3.0-x86_64" : "xen-3.0-x86_32p", guest.text(info));
        assertEquals(layout.pages(), guest.uword(info + 32));
        assertEquals(guest.domain.sharedInfo().page().mfn() << 12, guest.uword(info + (wide ? 40 : 36)));
        assertEquals(guest.mfn(layout.xenstorePfn()), guest.uword(info + (wide ? 56 : 44)));
        assertNotEquals(0, guest.u32(info + (wide ? 64 : 48)));
        assertEquals(guest.mfn(layout.consolePfn()), guest.uword(info + (wide ? 72 : 52)));
        assertNotEquals(0, guest.u32(info + (wide ? 80 : 56)));
        assertEquals(guest.start.topMfn(), guest.machineAddress(guest.uword(info + (wide ? 88 : 60))) >>> 12);
        assertEquals(layout.tableFrames(), guest.uword(info + (wide ? 96 : 64)));
        assertEquals(layout.p2mVa(), guest.uword(info + (wide ? 104 : 68)));
        assertEquals("console=hvc0", guest.text(info + (wide ? 128 : 80)));
    }

    @Test
    void parts_follow_each_other_as_the_interface_says() throws Exception {
        try (BuiltGuest guest = build(kernel64(), Optional.of(initrd(10_000)), 32 * MIB)) {
            check(guest);
            checkStartInfo(guest);
            PvLayout layout = guest.layout;
            assertEquals(0x103, layout.initrdPfn());
            assertEquals(0x106, layout.p2mPfn());
            assertEquals(0x106 + 16, layout.startInfoPfn());
            assertEquals(0x106 + 19, layout.topTablePfn());
            // 4 MiB are one table of each of the levels 4 to 2 and two of level 1
            assertEquals(5, layout.tableFrames());
            assertEquals(1024, layout.mappedPages());
            assertEquals(BASE + 0x10_0010, guest.start.rip());
            assertEquals(BASE + (layout.stackPfn() + 1 << 12), guest.start.rsp());
            assertEquals(guest.mfn(0x101), guest.start.hypercallMfn());
            long info = guest.start.startInfo();
            assertEquals(StartInfo.VIRT_P2M_4TOOLS, guest.u32(info + 48));
            assertEquals(BASE + 0x10_3000, guest.u64(info + 112));
            assertEquals(10_000, guest.u64(info + 120));
            assertEquals(0, guest.u64(info + 1152));
            assertEquals(0, guest.u64(info + 1160));
            assertArrayEquals(Files.readAllBytes(directory.resolve("initrd")), guest.bytes(BASE + 0x10_3000, 10_000));
            assertEquals(0x9090_9090L, guest.u32(BASE + 0x10_1ffc));
            assertEquals(0, guest.u32(BASE + 0x10_2000));
        }
    }

    @Test
    void initrd_and_p2m_list_go_behind_the_mapping_where_the_notes_allow() throws Exception {
        TestElf elf = kernel64().note(15, TestElf.number(0x80_0000_0000L, 8)).note(16, TestElf.number(1, 4));
        try (BuiltGuest guest = build(elf, Optional.of(initrd(10_000)), 32 * MIB)) {
            check(guest);
            checkStartInfo(guest);
            PvLayout layout = guest.layout;
            assertEquals(0x103, layout.startInfoPfn());
            assertEquals(layout.mappedPages(), layout.initrdPfn());
            assertEquals(layout.mappedPages() + 3, layout.p2mPfn());
            // 16 frames of list, then a table of each of the levels 3 to 1
            assertEquals(19, layout.p2mFrames());
            long info = guest.start.startInfo();
            assertEquals(StartInfo.VIRT_P2M_4TOOLS | StartInfo.MOD_START_PFN, guest.u32(info + 48));
            assertEquals(0x80_0000_0000L, guest.u64(info + 104));
            assertEquals(layout.initrdPfn(), guest.u64(info + 112));
            assertEquals(layout.p2mPfn(), guest.u64(info + 1152));
            assertEquals(19, guest.u64(info + 1160));
            for (long i = 0; i < 16; i++) {
                long va = 0x80_0000_0000L + (i << 12);
                assertEquals(guest.mfn(layout.p2mPfn() + i), guest.machineAddress(va) >>> 12);
                assertTrue(guest.writable(va));
            }
            assertFalse(guest.mapped(0x80_0000_0000L + (16 << 12)));
        }
    }

    @Test
    void a_32_bit_kernel_gets_three_levels_and_words_of_4_bytes() throws Exception {
        try (BuiltGuest guest = build(kernel32(), Optional.of(initrd(5000)), 32 * MIB)) {
            check(guest);
            checkStartInfo(guest);
            PvLayout layout = guest.layout;
            assertEquals(0x105 + 8, layout.startInfoPfn());
            assertEquals(4, layout.tableFrames());
            assertEquals(-1, guest.start.hypercallMfn());
            assertEquals(0xc010_3000L, guest.u32(guest.start.startInfo() + 72));
            assertEquals(5000, guest.u32(guest.start.startInfo() + 76));
            assertTrue(guest.start.topMfn() < 0x10_0000);
        }
    }

    @Test
    void a_32_bit_kernel_low_in_memory_has_a_table_for_the_last_gib_too() throws Exception {
        TestElf elf = TestElf.elf32().load(0x10_0000, new byte[4096], 4096).note(3, TestElf.number(0x40_0000, 4))
                .note(1, TestElf.number(0x50_0000, 4)).note(9, TestElf.text("bimodal"));
        try (BuiltGuest guest = build(elf, Optional.empty(), 16 * MIB)) {
            check(guest);
            assertEquals(5, guest.layout.tableFrames());
            assertEquals(0, guest.u32(guest.start.startInfo() + 72));
        }
    }

    @Test
    void legacy_strings_serve_where_no_note_is_xen_s() throws Exception {
        String strings = "GUEST_OS=GNU Mach,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0xC0000000,"
                + "HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic,FEATURES=pae_pgdir_above_4gb";
        TestElf elf = TestElf.elf32().load(0xc000_0000L, new byte[0x3000], 0x5000)
                .note("name", 3, TestElf.number(0x1234, 4)).section("__xen_guest", 1, TestElf.text(strings), 0, 0);
        byte[] image = elf.build();
        TestElf.number(0xc000_0000L, 4);
        System.arraycopy(TestElf.number(0xc000_0000L, 4), 0, image, 24, 4);
        try (BuiltGuest guest = new BuiltGuest(KernelImage.parse("mach", image, 64 * MIB), Optional.empty(),
                "console=hvc0", 32 * MIB)) {
            check(guest);
            checkStartInfo(guest);
            assertEquals(0xc000_0000L, guest.start.rip());
            assertEquals(guest.mfn(2), guest.start.hypercallMfn());
            assertEquals(5, guest.layout.p2mPfn());
        }
    }

    @Test
    void debian_cloud_kernel_is_laid_out_as_by_real_xen() throws Exception {
        ImageFile kernel = DebianKernels.cloud();
        try (BuiltGuest guest = new BuiltGuest(KernelImage.read(kernel, 512 * MIB), Optional.of(initrd(100_000)),
                "console=hvc0", 512 * MIB)) {
            check(guest);
            checkStartInfo(guest);
            assertEquals(0x0400_0000, guest.layout.initrdPfn() << 12);
            assertEquals(0x80_0000_0000L, guest.layout.p2mVa());
        }
    }

    @Test
    void too_little_memory_says_how_much_is_needed() throws Exception {
        TestElf elf = TestElf.elf64().load(0x10_0000, new byte[4096], 40 * MIB).note(3, TestElf.number(BASE, 8))
                .note(1, TestElf.number(BASE + 0x10_0000, 8));
        KernelImage image = KernelImage.parse("big", elf.build(), 64 * MIB);
        Optional<ImageFile> initrd = Optional.of(initrd(3_000_000));
        ImageException e = assertThrows(ImageException.class, () -> PvLayout.of(image, initrd, "", 32 * MIB));
        assertEquals("big: does not fit in 32 MiB of memory: the kernel ends at 41 MiB and the initrd "
                + initrd.get().name() + " 3 MiB; give the guest at least 48 MiB", e.getMessage());
        assertEquals(48 * MIB >>> 12, PvLayout.of(image, initrd, "", 48 * MIB).pages());
        assertThrows(ImageException.class, () -> PvLayout.of(image, initrd, "", 47 * MIB));
    }
}
