package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.put16;
import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.LittleEndian.u32;
import static org.xenolith.guests.LittleEndian.u8;

import java.util.List;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.linux.BzImage;
import org.xenolith.guests.pvh.MemoryRange;

/** Linux by its 32-bit boot protocol (Documentation/arch/x86/boot.rst, zero-page.rst). */
final class LinuxBoot {
    private static final int HEADER = 0x1f1;
    private static final int SECTOR = 512;
    private static final int LOADED_HIGH = 1;
    private static final int OTHER_LOADER = 0xff;
    private static final int E820_ENTRY = 20;

    private LinuxBoot() {
    }

    static PcBoot lay(Placement place, byte[] image, List<BootModule> modules, byte[] line) throws ImageException {
        BzImage header = BzImage.parse(place.name(), image);
        int setup = ((u8(image, HEADER) == 0 ? 4 : u8(image, HEADER)) + 1) * SECTOR;
        if ((header.loadFlags() & LOADED_HIGH) == 0 || setup >= image.length) {
            throw place.fault("is a Linux zImage or has nothing behind its setup; a bzImage is needed");
        }
        long most = u32(image, 0x238);
        if (line.length > (most == 0 ? 255 : most)) {
            throw place.fault("takes a command line of at most " + most + " bytes, not " + line.length);
        }
        boolean relocatable = u8(image, 0x234) != 0;
        long load = relocatable || header.prefAddress() == 0 ? PcMap.MIB : header.prefAddress();
        place.kernel(load, image, setup, image.length - setup, image.length - setup);
        place.keep(Math.max(load, header.prefAddress()) + header.initSize());

        byte[] zero = new byte[(int) PcMap.PAGE];
        int headerEnd = Math.min(0x202 + u8(image, 0x201), 0x290);
        System.arraycopy(image, HEADER, zero, HEADER, Math.min(headerEnd, image.length) - HEADER);
        long initrdMost = Math.min(place.map().acpi(), u32(image, 0x22c) + 1);
        initrd(place, zero, modules, initrdMost);
        put64(zero, 0x70, place.map().rsdp());
        put16(zero, 0x02, (int) Math.min(place.map().lowRam() - PcMap.MIB >>> 10, 0xfc00));
        put32(zero, 0x1e0, (int) (place.map().acpi() - PcMap.MIB >>> 10));
        put16(zero, 0x1fa, 0xffff);
        zero[0x210] = (byte) OTHER_LOADER;
        put32(zero, 0x214, (int) load);
        put32(zero, 0x228, (int) place.text(line));
        int at = 0x2d0;
        for (MemoryRange r : place.map().ranges()) {
            put64(zero, at, r.start());
            put64(zero, at + 8, r.size());
            put32(zero, at + 16, r.type().number());
            at += E820_ENTRY;
        }
        zero[0x1e8] = (byte) place.map().ranges().size();
        long params = place.room(zero.length);
        place.information(params, zero);
        return place.boot("Linux " + header.version().split(" ", 2)[0], load, 0, 0, params);
    }

    /** All of them together are the initrd, each at a multiple of 4, as high as the kernel lets it be. */
    private static void initrd(Placement place, byte[] zero, List<BootModule> modules, long most)
            throws ImageException {
        long size = 0;
        for (BootModule m : modules) {
            if (!m.arguments().isEmpty()) {
                throw place.fault("is Linux, whose initrd takes no arguments: '" + m.arguments() + "'");
            }
            size = (size + 3 & -4) + m.file().size();
        }
        if (size == 0) {
            return;
        }
        long start = most - size & -PcMap.PAGE;
        if (start < place.end()) {
            throw place.tooSmall(Placement.pageUp(place.end()) + Placement.pageUp(size));
        }
        long at = start;
        for (BootModule m : modules) {
            place.module(m.file(), at);
            at = at + m.file().size() + 3 & -4;
        }
        put32(zero, 0x218, (int) start);
        put32(zero, 0x21c, (int) size);
    }
}
