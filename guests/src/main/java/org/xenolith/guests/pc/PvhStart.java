package org.xenolith.guests.pc;

import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;

import java.util.List;
import java.util.OptionalLong;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.KernelImage;
import org.xenolith.guests.elf.XenElfNote;
import org.xenolith.guests.pvh.MemoryRange;

/** An ELF kernel by Xen's PVH entry (docs/misc/pvh.pandoc), without Xen: EBX has struct hvm_start_info. */
final class PvhStart {
    private static final int MAGIC = 0x336e_c578;
    private static final int START_INFO = 56;
    private static final int MODULE = 32;
    private static final int RANGE = 24;

    private PvhStart() {
    }

    static PcBoot lay(Placement place, KernelImage kernel, List<BootModule> modules, byte[] line)
            throws ImageException {
        OptionalLong note = kernel.xen().number(XenElfNote.PHYS32_ENTRY);
        if (note.isEmpty()) {
            throw place.fault("has no entry for a bare PC: it is neither a bzImage nor does it have a Multiboot header"
                    + " or the note XEN_ELFNOTE_PHYS32_ENTRY");
        }
        place.elf(kernel.elf());
        long entry = note.getAsLong();
        if (!place.inKernel(entry)) {
            throw place.fault("has its PVH entry point at 0x" + Long.toHexString(entry) + ", outside of its segments");
        }
        List<MemoryRange> ranges = place.map().ranges();
        byte[] info = new byte[START_INFO + MODULE * modules.size() + RANGE * ranges.size()];
        long at = place.room(info.length);
        put32(info, 0, MAGIC);
        put32(info, 4, 1);
        put32(info, 12, modules.size());
        put64(info, 16, modules.isEmpty() ? 0 : at + START_INFO);
        put64(info, 24, place.text(line));
        put64(info, 32, place.map().rsdp());
        int next = START_INFO;
        for (BootModule m : modules) {
            put64(info, next, place.module(m.file()));
            put64(info, next + 8, m.file().size());
            put64(info, next + 16, m.arguments().isEmpty() ? 0 : place.text(PcKernel.bytes(m.arguments())));
            next += MODULE;
        }
        put64(info, 40, at + next);
        put32(info, 48, ranges.size());
        for (MemoryRange r : ranges) {
            put64(info, next, r.start());
            put64(info, next + 8, r.size());
            put32(info, next + 16, r.type().number());
            next += RANGE;
        }
        place.information(at, info);
        return place.boot("PVH", entry, 0, at, 0);
    }
}
