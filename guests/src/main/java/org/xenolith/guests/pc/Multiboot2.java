package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.i32;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.LittleEndian.u16;
import static org.xenolith.guests.LittleEndian.u32;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.elf.ElfImage;
import org.xenolith.guests.pvh.MemoryRange;

/** A kernel with a header of the Multiboot2 Specification 2.0; it gets no framebuffer. */
final class Multiboot2 {
    private static final int MAGIC = 0xe852_50d6;
    private static final long LOADED = 0x36d7_6289L;
    private static final int SEARCH = 32_768;
    private static final int OPTIONAL = 1;

    // tags of the header
    private static final int END = 0;
    private static final int REQUEST = 1;
    private static final int ADDRESS = 2;
    private static final int ENTRY = 3;
    private static final int CONSOLE = 4;
    private static final int FRAMEBUFFER = 5;
    private static final int ALIGN = 6;
    private static final int RELOCATABLE = 10;

    // tags of the information
    private static final int COMMAND_LINE = 1;
    private static final int LOADER = 2;
    private static final int MODULE = 3;
    private static final int MEMORY = 4;
    private static final int MAP = 6;
    private static final int OLD_RSDP = 14;
    private static final int NEW_RSDP = 15;
    private static final int LOAD_BASE = 21;
    private static final List<Integer> OFFERED = List.of(COMMAND_LINE, LOADER, MODULE, MEMORY, MAP, OLD_RSDP, NEW_RSDP);
    private static final int OLD_RSDP_BYTES = 20;

    private final Placement place;
    private final byte[] file;
    private final int header;
    private final ByteArrayOutputStream info = new ByteArrayOutputStream();
    private MultibootImage.Addresses addresses;
    private long entry = -1;
    private boolean relocatable;

    private Multiboot2(Placement place, byte[] file, int header) {
        this.place = place;
        this.file = file;
        this.header = header;
    }

    /** The header, or null where there is none. */
    static Multiboot2 find(Placement place, byte[] file) {
        for (int at = 0; at + 16 <= Math.min(SEARCH, file.length); at += 8) {
            if (i32(file, at) == MAGIC
                    && MAGIC + i32(file, at + 4) + i32(file, at + 8) + i32(file, at + 12) == 0) {
                return new Multiboot2(place, file, at);
            }
        }
        return null;
    }

    PcBoot lay(List<BootModule> modules, String line) throws ImageException {
        readHeader();
        if (addresses != null) {
            if (entry < 0) {
                throw place.fault("has a Multiboot2 header with addresses, but without an entry point");
            }
            MultibootImage.load(place, file, header, addresses);
        } else if (ElfImage.isElf(file)) {
            long own = MultibootImage.loadElf(place, place.name(), file);
            entry = entry < 0 ? own : entry;
        } else {
            throw place.fault("has a Multiboot2 header without addresses, and is no ELF file");
        }
        MultibootImage.checkEntry(place, entry);
        text(COMMAND_LINE, new byte[0], line);
        text(LOADER, new byte[0], PcKernel.LOADER);
        for (BootModule m : modules) {
            byte[] range = new byte[8];
            long start = place.module(m.file());
            put32(range, 0, (int) start);
            put32(range, 4, (int) (start + m.file().size()));
            text(MODULE, range, m.commandLine());
        }
        byte[] memory = new byte[8];
        put32(memory, 0, (int) (PcMap.CONVENTIONAL_END >>> 10));
        put32(memory, 4, (int) (place.map().acpi() - PcMap.MIB >>> 10));
        tag(MEMORY, memory);
        tag(MAP, map());
        byte[] rsdp = place.map().tables().rsdp(place.map().acpi());
        tag(OLD_RSDP, Arrays.copyOf(rsdp, OLD_RSDP_BYTES));
        tag(NEW_RSDP, rsdp);
        if (relocatable) {
            byte[] base = new byte[4];
            put32(base, 0, (int) place.first());
            tag(LOAD_BASE, base);
        }
        tag(END, new byte[0]);
        byte[] all = new byte[8 + info.size()];
        put32(all, 0, all.length);
        System.arraycopy(info.toByteArray(), 0, all, 8, info.size());
        long at = place.room(all.length);
        place.information(at, all);
        return place.boot("Multiboot 2", entry, LOADED, at, 0);
    }

    private void readHeader() throws ImageException {
        long end = header + u32(file, header + 8);
        if (i32(file, header + 4) != 0) {
            throw place.fault("has a Multiboot2 header for architecture " + u32(file, header + 4) + "; i386 is 0");
        }
        for (long at = header + 16L; at + 8 <= Math.min(end, file.length);) {
            int tag = (int) at;
            int type = u16(file, tag);
            long size = u32(file, tag + 4);
            if (type == END) {
                return;
            }
            if (size < 8 || at + size > Math.min(end, file.length)) {
                break;
            }
            headerTag(tag, type, (int) size, (u16(file, tag + 2) & OPTIONAL) != 0);
            at += size + 7 & -8;
        }
        throw place.fault("has a Multiboot2 header whose tags do not end");
    }

    private void headerTag(int tag, int type, int size, boolean optional) throws ImageException {
        int least = type == ADDRESS ? 24 : type == ENTRY ? 12 : 8;
        if (size < least) {
            throw place.fault("has a Multiboot2 header with a tag " + type + " of only " + size + " bytes");
        }
        switch (type) {
            case REQUEST -> {
                for (int at = tag + 8; at + 4 <= tag + size && !optional; at += 4) {
                    if (!OFFERED.contains(i32(file, at))) {
                        throw place.fault("requires Multiboot2 information " + u32(file, at) + ", which there is not");
                    }
                }
            }
            case ADDRESS -> {
                long load = i32(file, tag + 12) == -1 ? -1 : u32(file, tag + 12);
                addresses = new MultibootImage.Addresses(u32(file, tag + 8), load, u32(file, tag + 16),
                        u32(file, tag + 20));
            }
            case ENTRY -> entry = u32(file, tag + 8);
            case RELOCATABLE -> relocatable = true;
            case CONSOLE, FRAMEBUFFER, ALIGN -> {
                // a screen is only a wish, and modules are always aligned
            }
            default -> {
                if (!optional) {
                    throw place.fault("requires what Multiboot2 tag " + type + " asks for, which is not offered");
                }
            }
        }
    }

    private byte[] map() {
        List<MemoryRange> ranges = place.map().ranges();
        byte[] map = new byte[8 + 24 * ranges.size()];
        put32(map, 0, 24);
        int at = 8;
        for (MemoryRange r : ranges) {
            put64(map, at, r.start());
            put64(map, at + 8, r.size());
            put32(map, at + 16, r.type().number());
            at += 24;
        }
        return map;
    }

    private void text(int type, byte[] before, String text) {
        byte[] bytes = PcKernel.bytes(text);
        byte[] all = Arrays.copyOf(before, before.length + bytes.length + 1);
        System.arraycopy(bytes, 0, all, before.length, bytes.length);
        tag(type, all);
    }

    private void tag(int type, byte[] content) {
        byte[] tag = new byte[8 + content.length + 7 & -8];
        put32(tag, 0, type);
        put32(tag, 4, 8 + content.length);
        System.arraycopy(content, 0, tag, 8, content.length);
        info.writeBytes(tag);
    }
}
