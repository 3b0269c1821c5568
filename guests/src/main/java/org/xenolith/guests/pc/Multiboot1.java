package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.LittleEndian.u32;

import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.pvh.MemoryRange;

/** A kernel with a header of the Multiboot Specification 0.6.96. */
final class Multiboot1 {
    private static final int MAGIC = 0x1bad_b002;
    private static final long LOADED = 0x2bad_b002L;
    private static final int SEARCH = 8192;
    /** Alignment of modules and the memory map are always given; a video mode is a wish. */
    private static final int KNOWN_REQUIREMENTS = 7;
    private static final int REQUIREMENTS = 0xffff;
    private static final int ADDRESSES = 1 << 16;

    private static final int INFO_BYTES = 120;
    private static final int HAS_MEMORY = 1;
    private static final int HAS_COMMAND_LINE = 1 << 2;
    private static final int HAS_MODULES = 1 << 3;
    private static final int HAS_MAP = 1 << 6;
    private static final int HAS_LOADER = 1 << 9;
    private static final int MODULE = 16;
    private static final int RANGE = 24;
    private static final int LOWER_KIB = (int) (PcMap.CONVENTIONAL_END >>> 10);

    private final Placement place;
    private final byte[] file;
    private final int header;

    private Multiboot1(Placement place, byte[] file, int header) {
        this.place = place;
        this.file = file;
        this.header = header;
    }

    /** The header, or null where there is none. */
    static Multiboot1 find(Placement place, byte[] file) {
        for (int at = 0; at + 12 <= Math.min(SEARCH, file.length); at += 4) {
            if (i32(file, at) == MAGIC && MAGIC + i32(file, at + 4) + i32(file, at + 8) == 0) {
                return new Multiboot1(place, file, at);
            }
        }
        return null;
    }

    PcBoot lay(List<BootModule> modules, String line) throws ImageException {
        int flags = i32(file, header + 4);
        if ((flags & REQUIREMENTS & ~KNOWN_REQUIREMENTS) != 0) {
            throw place.fault("has a Multiboot header that requires what is not known: flags 0x"
                    + Integer.toHexString(flags & REQUIREMENTS & ~KNOWN_REQUIREMENTS));
        }
        long entry = load(flags);
        MultibootImage.checkEntry(place, entry);
        List<MemoryRange> ranges = place.map().ranges();
        int list = INFO_BYTES;
        int map = list + MODULE * modules.size();
        byte[] info = new byte[map + RANGE * ranges.size()];
        long at = place.room(info.length);
        put32(info, 0, HAS_MEMORY | HAS_COMMAND_LINE | HAS_MODULES | HAS_MAP | HAS_LOADER);
        put32(info, 4, LOWER_KIB);
        put32(info, 8, (int) (place.map().acpi() - PcMap.MIB >>> 10));
        put32(info, 16, (int) place.text(PcKernel.bytes(line)));
        put32(info, 20, modules.size());
        put32(info, 24, (int) at + list);
        for (BootModule m : modules) {
            long start = place.module(m.file());
            put32(info, list, (int) start);
            put32(info, list + 4, (int) (start + m.file().size()));
            put32(info, list + 8, (int) place.text(PcKernel.bytes(m.commandLine())));
            list += MODULE;
        }
        put32(info, 44, RANGE * ranges.size());
        put32(info, 48, (int) at + map);
        for (MemoryRange r : ranges) {
            put32(info, map, RANGE - 4);
            put64(info, map + 4, r.start());
            put64(info, map + 12, r.size());
            put32(info, map + 20, r.type().number());
            map += RANGE;
        }
        put32(info, 64, (int) place.text(PcKernel.bytes(PcKernel.LOADER)));
        place.information(at, info);
        return place.boot("Multiboot 1", entry, LOADED, at, 0);
    }

    private long load(int flags) throws ImageException {
        if ((flags & ADDRESSES) == 0) {
            if (!ElfImage.isElf(file)) {
                throw place.fault("has a Multiboot header without addresses, and is no ELF file");
            }
            return MultibootImage.loadElf(place, place.name(), file);
        }
        if (header + 32 > file.length) {
            throw place.fault("is truncated in its Multiboot header");
        }
        MultibootImage.load(place, file, header, new MultibootImage.Addresses(u32(file, header + 12),
                u32(file, header + 16), u32(file, header + 20), u32(file, header + 24)));
        return u32(file, header + 28);
    }
}
