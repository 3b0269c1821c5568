package org.xenolith.guests.symbols;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenolith.guests.DebianKernels;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.TestElf;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.elf.XenElfNote;
import org.xenolith.guests.symbols.SymbolTable.Symbol;

/**
 * Names by address as Linux prints them, from ELF symbols and from kallsyms in each order of its tables; Debian's
 * kernels name their PVH entry point; damaged tables give no symbols and no exception.
 */
class KernelSymbolsTest {
    private static final long BASE = 0xffff_ffff_8100_0000L;

    @Test
    void an_address_is_described_by_symbol_offset_and_size() {
        SymbolTable table = new SymbolTable(
                List.of(new Symbol(0x2000, "second"), new Symbol(0x1000, "first"), new Symbol(0x1000, "alias")));
        assertEquals(Optional.of("first+0x0/0x1000"), table.describe(0x1000));
        assertEquals(Optional.of("first+0xfff/0x1000"), table.describe(0x1fff));
        assertEquals(Optional.of("second+0x10"), table.describe(0x2010));
        assertEquals(Optional.empty(), table.describe(0xfff));
        assertEquals(Optional.empty(), table.describe(0x2000 + (1 << 20)));
        assertEquals(OptionalLong.of(0x2000), table.address("second"));
        assertEquals(OptionalLong.empty(), table.address("third"));
    }

    @Test
    void elf_symbols_of_both_classes_are_found_and_undefined_ones_left_out() throws Exception {
        byte[] names = "\0start\0data\0missing\0file\0".getBytes("US-ASCII");
        for (boolean is64 : new boolean[]{true, false}) {
            ByteArrayOutputStream symbols = new ByteArrayOutputStream();
            symbols.writeBytes(symbol(is64, 1, 2, 1, BASE));
            symbols.writeBytes(symbol(is64, 7, 1, 0xfff1, BASE + 0x100));
            symbols.writeBytes(symbol(is64, 12, 2, 0, BASE + 0x200));
            symbols.writeBytes(symbol(is64, 20, 4, 1, BASE + 0x300));
            TestElf elf = is64 ? TestElf.elf64() : TestElf.elf32();
            elf.section(".symtab", 2, symbols.toByteArray(), 2, is64 ? 24 : 16).section(".strtab", 3, names, 0, 0);
            SymbolTable table = KernelSymbols.of(ElfImage.parse("k", elf.build())).orElseThrow();
            long base = is64 ? BASE : BASE & 0xffff_ffffL;
            assertEquals(List.of(new Symbol(base, "start"), new Symbol(base + 0x100, "data")), table.symbols());
        }
    }

    private static byte[] symbol(boolean is64, int name, int type, int section, long value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(TestElf.number(name, 4));
        if (!is64) {
            out.writeBytes(TestElf.number(value, 4));
            out.writeBytes(TestElf.number(0, 4));
        }
        out.write(type);
        out.write(0);
        out.writeBytes(TestElf.number(section, 2));
        if (is64) {
            out.writeBytes(TestElf.number(value, 8));
            out.writeBytes(TestElf.number(0, 8));
        }
        return out.toByteArray();
    }

    @Test
    void debian_kernels_name_their_entry_points() throws Exception {
        for (ImageFile file : new ImageFile[]{DebianKernels.cloud(), DebianKernels.generic()}) {
            KernelImage kernel = KernelImage.read(file, 512L << 20);
            SymbolTable table = KernelSymbols.of(kernel.elf()).orElseThrow();
            assertTrue(table.symbols().size() > 50_000);
            long pvh = kernel.xen().number(XenElfNote.PHYS32_ENTRY).orElseThrow() + 0xffff_ffff_8000_0000L;
            assertEquals("pvh_start_xen", table.find(pvh).orElseThrow().name());
            long pv = kernel.xen().number(XenElfNote.ENTRY).orElseThrow();
            assertEquals("startup_xen", table.find(pv).orElseThrow().name());
            assertTrue(table.describe(table.address("start_kernel").orElseThrow() + 5).orElseThrow()
                    .startsWith("start_kernel+0x5/0x"));
        }
    }

    /** The order of the tables, named by the first Linux version that has it. */
    private enum Layout {
        V4_20, V6_2, V6_4
    }

    @ParameterizedTest
    @EnumSource(Layout.class)
    void kallsyms_is_decoded_in_each_order_of_its_tables(Layout layout) {
        for (int count : new int[]{1, 3, 256, 257, 1000}) {
            SymbolTable table = Kallsyms.find(kallsyms(layout, count)).orElseThrow();
            assertEquals(count, table.symbols().size());
            for (int i = 0; i < count; i++) {
                assertEquals(new Symbol(BASE + 16L * i, symbolName(i)), table.symbols().get(i));
            }
        }
    }

    @Test
    void damaged_kallsyms_throw_nothing() {
        byte[] whole = kallsyms(Layout.V6_2, 1000);
        Random random = new Random(7);
        int lost = 0;
        for (int i = 0; i < 300; i++) {
            byte[] damaged = whole.clone();
            for (int n = 0; n < 3; n++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            lost += Kallsyms.find(damaged).isEmpty() ? 1 : 0;
        }
        assertTrue(lost > 0 && lost < 300, lost + " of 300");
        assertEquals(Optional.empty(), Kallsyms.find(new byte[1000]));
    }

    private static String symbolName(int i) {
        return i % 100 == 50 ? "long_".repeat(30) + i : "symbol_" + i;
    }

    /** Tokens are single characters but for one; names of 128 bytes and more have a length of two bytes. */
    private static byte[] kallsyms(Layout layout, int count) {
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        ByteArrayOutputStream markers = new ByteArrayOutputStream();
        ByteArrayOutputStream offsets = new ByteArrayOutputStream();
        for (int i = 0; i < count; i++) {
            if (i % 256 == 0) {
                markers.writeBytes(TestElf.number(names.size(), 4));
            }
            byte[] name = ("T" + symbolName(i).replace("symbol_", "\u0080")).getBytes(
                    StandardCharsets.ISO_8859_1);
            if (name.length >= 128) {
                names.write(name.length & 0x7f | 0x80);
                names.write(name.length >> 7);
            } else {
                names.write(name.length);
            }
            names.writeBytes(name);
            // Per-CPU kernels count down from the base, and so does this one.
            offsets.writeBytes(TestElf.number(-1 - 16L * i, 4));
        }
        ByteArrayOutputStream tokens = new ByteArrayOutputStream();
        ByteArrayOutputStream index = new ByteArrayOutputStream();
        for (int i = 0; i < 256; i++) {
            index.writeBytes(TestElf.number(tokens.size(), 2));
            tokens.writeBytes(
                    TestElf.text(i == 0x80 ? "symbol_" : i > 32 && i < 127 ? String.valueOf((char) i) : "ab"));
        }
        byte[] base = TestElf.number(BASE, 8);
        byte[] order = new byte[3 * count];
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[4096]);
        if (layout != Layout.V6_4) {
            table(out, offsets.toByteArray());
            table(out, base);
        }
        table(out, TestElf.number(count, 4));
        table(out, names.toByteArray());
        table(out, markers.toByteArray());
        if (layout == Layout.V6_2) {
            table(out, order);
        }
        table(out, tokens.toByteArray());
        table(out, index.toByteArray());
        if (layout == Layout.V6_4) {
            table(out, offsets.toByteArray());
            table(out, base);
            table(out, order);
        }
        out.writeBytes(new byte[4096]);
        return out.toByteArray();
    }

    private static void table(ByteArrayOutputStream out, byte[] content) {
        out.writeBytes(content);
        out.writeBytes(new byte[-content.length & 7]);
    }
}
