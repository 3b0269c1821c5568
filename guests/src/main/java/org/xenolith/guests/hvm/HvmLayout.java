package org.xenolith.guests.hvm;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.guests.pvh.MemoryRange;
import org.xenolith.guests.pvh.SpecialPages;

/**
 * Where an HVM guest has memory: RAM with the hole of the VGA at A0000h and that of PCI below 4 GiB, tables from {@link #TABLES}, and the
 * pages that it shares with the hypervisor, as hvmloader of Xen 4.17 lays them out.
 *
 * @param lowEnd end of RAM below 4 GiB
 * @param highEnd end of RAM above 4 GiB, or 4 GiB
 */
public record HvmLayout(long lowEnd, long highEnd) {
    /** First address for PCI devices. */
    public static final long PCI_START = 0xf000_0000L;
    /** End of the addresses for PCI devices, and first address of what firmware tables lie in. */
    public static final long TABLES = 0xfc00_0000L;
    /** Bytes kept for tables. */
    public static final long TABLES_BYTES = 0x1_0000;

    /** Bytes that the guest has no RAM for, behind the VGA's window. */
    private static final long VGA_START = 0xa_0000;
    private static final long VGA_END = 0xc_0000;
    private static final long BIOS_DATA = 0x9_fc00;
    private static final long BIOS_START = 0xf_0000;
    private static final long MIB = 0x10_0000;
    private static final long FOUR_GIB = 1L << 32;
    private static final long DEVICES_END = 0xff00_0000L;

    /** @param memory RAM of the guest, with the 128 KiB behind the VGA; at least 2 MiB */
    public static HvmLayout of(long memory) {
        if (memory < 2 * MIB) {
            throw new IllegalArgumentException("an HVM guest needs at least 2 MiB of memory, not " + memory + " bytes");
        }
        long low = Math.min(memory, PCI_START) & -4096;
        return new HvmLayout(low, FOUR_GIB + (memory - low & -4096));
    }

    /** Bytes from 4 GiB. */
    public long high() {
        return highEnd - FOUR_GIB;
    }

    /** RAM of the guest. */
    public List<MemoryRange> ram() {
        List<MemoryRange> all = new ArrayList<>();
        all.add(ram(0, VGA_START));
        all.add(ram(VGA_END, lowEnd));
        if (high() > 0) {
            all.add(ram(FOUR_GIB, highEnd));
        }
        return all;
    }

    /** Pages beside its RAM that the guest has from the start. */
    public List<MemoryRange> extra() {
        return List.of(new MemoryRange(TABLES, TABLES_BYTES, MemoryRange.Type.ACPI), new MemoryRange(
                SpecialPages.FIRST << 12, (long) SpecialPages.COUNT << 12, MemoryRange.Type.RESERVED));
    }

    /** The memory map that firmware passes on. */
    public List<MemoryRange> map() {
        List<MemoryRange> all = new ArrayList<>();
        all.add(ram(0, BIOS_DATA));
        all.add(reserved(BIOS_DATA, VGA_START));
        all.add(reserved(BIOS_START, MIB));
        all.add(ram(MIB, lowEnd));
        all.add(new MemoryRange(TABLES, TABLES_BYTES, MemoryRange.Type.ACPI));
        all.add(reserved(TABLES + TABLES_BYTES, DEVICES_END));
        if (high() > 0) {
            all.add(ram(FOUR_GIB, highEnd));
        }
        return all;
    }

    private static MemoryRange ram(long start, long end) {
        return new MemoryRange(start, end - start, MemoryRange.Type.RAM);
    }

    private static MemoryRange reserved(long start, long end) {
        return new MemoryRange(start, end - start, MemoryRange.Type.RESERVED);
    }
}
