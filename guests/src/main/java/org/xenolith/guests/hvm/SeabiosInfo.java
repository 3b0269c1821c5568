package org.xenolith.guests.hvm;

import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;
import static org.xenolith.guests.TableBytes.checksum;
import static org.xenolith.guests.TableBytes.text;

import java.util.List;
import org.xenolith.guests.pvh.MemoryRange;

/** The page at {@link #AT} in which SeaBIOS on Xen looks for its tables and its memory map (SeaBIOS, {@code src/fw/xen.c}). */
final class SeabiosInfo {
    /** Its gpa. */
    static final long AT = 0x1000;

    private static final int LENGTH = 32;
    private static final int POINTERS = 0x100;
    private static final int E820 = 0x200;
    private static final int E820_ENTRY = 20;

    private SeabiosInfo() {
    }

    /**
     * Makes the page.
     *
     * @param tables gpas of what SeaBIOS copies to its segment: RSDP, SMBIOS entry point; up to 32
     * @param map up to 128 entries
     */
    static byte[] page(List<Long> tables, List<MemoryRange> map) {
        byte[] p = new byte[4096];
        text(p, 0, "XenHVMSeaBIOS");
        p[14] = LENGTH;
        put32(p, 16, (int) AT + POINTERS);
        put32(p, 20, tables.size());
        put32(p, 24, (int) AT + E820);
        put32(p, 28, map.size());
        for (int i = 0; i < tables.size(); i++) {
            put32(p, POINTERS + 4 * i, tables.get(i).intValue());
        }
        for (int i = 0; i < map.size(); i++) {
            MemoryRange r = map.get(i);
            put64(p, E820 + E820_ENTRY * i, r.start());
            put64(p, E820 + E820_ENTRY * i + 8, r.size());
            put32(p, E820 + E820_ENTRY * i + 16, r.type().number());
        }
        p[15] = checksum(p, 0, LENGTH);
        return p;
    }
}
