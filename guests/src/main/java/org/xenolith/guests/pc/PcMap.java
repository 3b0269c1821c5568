package org.xenolith.guests.pc;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.guests.acpi.PcTables;
import org.xenolith.guests.pvh.MemoryRange;

/**
 * Where things are in the memory of a PC that is started without firmware: as firmware would leave it, with the ACPI tables at the end of low
 * RAM and the RSDP where a BIOS has it.
 *
 * @param lowRam bytes of RAM from 0
 * @param highRam bytes of RAM from 4 GiB
 * @param tables the ACPI tables
 */
public record PcMap(long lowRam, long highRam, PcTables tables) {
    /** End of the memory below 640 KiB that may be used; the rest is the extended BIOS data area. */
    public static final long CONVENTIONAL_END = 0x9_fc00;

    static final long MIB = 1 << 20;
    static final long PAGE = 4096;
    private static final long FOUR_GIB = 1L << 32;
    private static final long BIOS = 0xf_0000;

    /** Gpa of the RSDP. */
    public long rsdp() {
        return BIOS;
    }

    /** Gpa of the tables, and the end of the low RAM that may be used. */
    public long acpi() {
        return Math.max(MIB, lowRam - tables.length() & -PAGE);
    }

    /** The memory map, in the order of addresses. */
    public List<MemoryRange> ranges() {
        List<MemoryRange> all = new ArrayList<>();
        all.add(new MemoryRange(0, CONVENTIONAL_END, MemoryRange.Type.RAM));
        all.add(range(CONVENTIONAL_END, 0xa_0000, MemoryRange.Type.RESERVED));
        all.add(range(BIOS, MIB, MemoryRange.Type.RESERVED));
        all.add(range(MIB, acpi(), MemoryRange.Type.RAM));
        all.add(range(acpi(), lowRam, MemoryRange.Type.RESERVED));
        if (highRam > 0) {
            all.add(new MemoryRange(FOUR_GIB, highRam, MemoryRange.Type.RAM));
        }
        return List.copyOf(all);
    }

    private static MemoryRange range(long start, long end, MemoryRange.Type type) {
        return new MemoryRange(start, end - start, type);
    }
}
