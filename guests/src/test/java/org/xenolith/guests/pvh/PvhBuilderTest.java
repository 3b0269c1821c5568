package org.xenolith.guests.pvh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.DebianKernels;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.SparseMemory;
import org.xenolith.guests.TestElf;
import org.xenolith.guests.pvh.MemoryRange.Type;

/** The layout of a PVH guest compared with what Debian's kernel reports on Xen 4.17, and what does not fit. */
class PvhBuilderTest {
    private static final long MIB = 1L << 20;

    @TempDir
    Path dir;

    private static KernelImage kernel(TestElf elf) throws ImageException {
        return KernelImage.parse("kernel", elf.build(), 512 * MIB);
    }

    private ImageFile file(String name, int size) throws Exception {
        byte[] content = new byte[size];
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (i * 31 + 7);
        }
        return ImageFile.open(Files.write(dir.resolve(name), content));
    }

    private static PvhBoot layOut(TestElf elf, Optional<ImageFile> initrd, long memory) throws ImageException {
        return PvhBuilder.layOut(kernel(elf), initrd, "console=hvc0", PvhSize.of(memory, 1));
    }

    @Test
    void debian_cloud_kernel_lies_as_on_real_xen() throws Exception {
        ImageFile kernel = DebianKernels.cloud();
        ImageFile initrd = file("initrd", 5_000_000);
        PvhBoot boot = PvhBuilder.build(kernel, Optional.of(initrd), "console=hvc0 quiet", PvhSize.of(512 * MIB, 1));
        SparseMemory memory = new SparseMemory();
        boot.load(memory);
        assertEquals(0x336e_c578, memory.u32(boot.startInfo()));
        assertEquals(0xfc00_8000L, memory.u64(boot.startInfo() + 32));
        long module = memory.u64(boot.startInfo() + 16);
        assertEquals(5_000_000, memory.u64(module + 8));
        // Debian's 6.1 kernels end at a multiple of 2 MiB; the start info takes the page behind.
        assertEquals(0, boot.startInfo() % (2 * MIB));
        assertEquals(boot.startInfo() + 4096, memory.u64(module));
        assertArrayEquals(Files.readAllBytes(initrd.path()), memory.bytes(memory.u64(module), 5_000_000));
        // Zero pages are not written: the kernel's .bss stays untouched memory.
        assertTrue(memory.writtenPages() * 4096L < boot.startInfo() - 0x100_0000 + 5_000_000);
    }

    @Test
    void debian_generic_kernel_needs_128_mib_and_says_so_below_its_size() throws Exception {
        ImageFile kernel = DebianKernels.generic();
        PvhBoot boot = PvhBuilder.build(kernel, Optional.empty(), "", PvhSize.of(128 * MIB, 2));
        assertEquals(0x100_0000, boot.eip() & 0xfff0_0000);
        ImageException e = assertThrows(
                ImageException.class, () -> PvhBuilder.build(kernel, Optional.empty(), "", PvhSize.of(64 * MIB, 2)));
        assertTrue(e.getMessage().startsWith(kernel.name() + ": "), e.getMessage());
        assertTrue(e.reason().contains("memory"), e.getMessage());
    }

    @Test
    void start_info_carries_command_line_modules_and_memory_map() throws Exception {
        ImageFile initrd = file("initrd", 10_000);
        PvhBoot boot = layOut(TestElf.pvhKernel().note(16, TestElf.number(1, 4)), Optional.of(initrd), 64 * MIB);
        SparseMemory memory = new SparseMemory();
        boot.load(memory);
        long info = boot.startInfo();
        assertEquals(0x10_0000, boot.eip());
        assertEquals(0x10_2000, info);
        assertEquals(0x336e_c578, memory.u32(info));
        assertEquals(1, memory.u32(info + 4));
        assertEquals(0, memory.u32(info + 8));
        assertEquals(1, memory.u32(info + 12));
        assertEquals("console=hvc0", memory.text(memory.u64(info + 24)));
        assertEquals(0x10_3000, memory.u64(memory.u64(info + 16)));
        assertEquals(10_000, memory.u64(memory.u64(info + 16) + 8));
        long map = memory.u64(info + 40);
        assertEquals(boot.memoryMap().size(), memory.u32(info + 48));
        for (int i = 0; i < boot.memoryMap().size(); i++) {
            assertEquals(boot.memoryMap().get(i).start(), memory.u64(map + 24L * i));
            assertEquals(boot.memoryMap().get(i).size(), memory.u64(map + 24L * i + 8));
            assertEquals(boot.memoryMap().get(i).type().number(), memory.u32(map + 24L * i + 16));
        }
        assertEquals("RSD PTR ", new String(memory.bytes(memory.u64(info + 32), 8), "US-ASCII"));
    }

    @Test
    void the_initrd_comes_first_where_the_kernel_does_not_know_mod_start_pfn() throws Exception {
        PvhBoot boot = layOut(TestElf.pvhKernel(), Optional.of(file("initrd", 10_000)), 64 * MIB);
        assertEquals(0x10_2000 + 0x3000, boot.startInfo());
    }

    @Test
    void without_initrd_there_is_no_module() throws Exception {
        PvhBoot boot = layOut(TestElf.pvhKernel(), Optional.empty(), 64 * MIB);
        SparseMemory memory = new SparseMemory();
        boot.load(memory);
        assertEquals(0, memory.u32(boot.startInfo() + 12));
        assertEquals(0, memory.u64(boot.startInfo() + 16));
    }

    @Test
    void memory_map_at_512_mib_is_that_of_real_xen() throws Exception {
        PvhBoot boot = layOut(TestElf.pvhKernel(), Optional.empty(), 512 * MIB);
        assertEquals(
                List.of(
                        new MemoryRange(0, 0x2000_0000L, Type.RAM),
                        new MemoryRange(0xfeff_8000L, 0x8000, Type.RESERVED),
                        new MemoryRange(0xfc00_8000L, 0x40, Type.ACPI),
                        new MemoryRange(0xfc00_0000L, 0x1000, Type.ACPI),
                        new MemoryRange(0xfc00_1000L, 0x7000, Type.ACPI)),
                boot.memoryMap());
    }

    @Test
    void memory_beyond_the_hole_goes_above_4_gib() throws Exception {
        PvhBoot boot = layOut(TestElf.pvhKernel(), Optional.empty(), 8192 * MIB);
        assertEquals(new MemoryRange(0, 0xfc00_0000L, Type.RAM), boot.memoryMap().getFirst());
        assertEquals(
                new MemoryRange(1L << 32, 8192 * MIB - 0xfc00_0000L, Type.RAM), boot.memoryMap().getLast());
        long ram = 0;
        for (MemoryRange range : boot.populated()) {
            ram += range.type() == Type.RAM ? range.size() : 0;
        }
        assertEquals(8192 * MIB, ram);
    }

    @Test
    void every_piece_lies_in_populated_memory_and_none_overlaps_another() throws Exception {
        PvhBoot boot = layOut(TestElf.pvhKernel(), Optional.of(file("initrd", 10_000)), 64 * MIB);
        for (Piece piece : boot.pieces()) {
            assertTrue(
                    boot.populated().stream()
                            .anyMatch(r -> r.start() <= piece.gpa() && piece.gpa() + piece.size() <= r.end()),
                    piece.name());
            for (Piece other : boot.pieces()) {
                assertTrue(
                        other.equals(piece)
                                || other.gpa() + other.size() <= piece.gpa()
                                || piece.gpa() + piece.size() <= other.gpa(),
                        piece.name() + " and " + other.name());
            }
        }
    }

    @Test
    void old_linux_gets_its_rsdp_below_1_mib() throws Exception {
        TestElf old = TestElf.pvhKernel().note(6, TestElf.text("linux"));
        PvhBoot boot = layOut(old, Optional.empty(), 64 * MIB);
        SparseMemory memory = new SparseMemory();
        boot.load(memory);
        assertEquals(0xf_ffc0, memory.u64(boot.startInfo() + 32));
        TestElf young = TestElf.pvhKernel().note(6, TestElf.text("linux")).note(17, TestElf.number(1 << 15, 4));
        boot = layOut(young, Optional.empty(), 64 * MIB);
        boot.load(memory);
        assertEquals(0xfc00_8000L, memory.u64(boot.startInfo() + 32));
    }

    @Test
    void a_kernel_without_the_note_is_told_what_to_do() {
        TestElf elf = TestElf.elf64().load(0x10_0000, new byte[16], 16);
        ImageException e = assertThrows(ImageException.class, () -> layOut(elf, Optional.empty(), 64 * MIB));
        assertEquals(
                "kernel: this kernel has no XEN_ELFNOTE_PHYS32_ENTRY; build it with CONFIG_PVH", e.getMessage());
    }

    @Test
    void an_entry_point_outside_of_the_kernel_is_refused() {
        TestElf elf = TestElf.elf64().load(0x10_0000, new byte[16], 16).note(18, TestElf.number(0x10_0010, 4));
        assertTrue(assertThrows(ImageException.class, () -> layOut(elf, Optional.empty(), 64 * MIB))
                .reason()
                .contains("0x100010"));
    }

    @Test
    void too_little_memory_names_the_sizes() throws Exception {
        ImageFile initrd = file("initrd", 3_000_000);
        ImageException e = assertThrows(
                ImageException.class, () -> layOut(TestElf.pvhKernel(), Optional.of(initrd), 3 * MIB));
        assertTrue(e.reason().contains("initrd"), e.reason());
        assertTrue(e.reason().contains("at least 4 MiB"), e.reason());
        layOut(TestElf.pvhKernel(), Optional.of(initrd), 4 * MIB);
    }

    @Test
    void segments_that_wrap_or_lie_beyond_memory_are_refused() {
        for (long paddr : new long[]{-4096, Long.MAX_VALUE - 10, 1L << 40, 0xfc00_0000L}) {
            TestElf elf = TestElf.pvhKernel().load(paddr, new byte[4096], 4096);
            assertThrows(ImageException.class, () -> layOut(elf, Optional.empty(), 64 * MIB), Long.toHexString(paddr));
        }
    }
}
