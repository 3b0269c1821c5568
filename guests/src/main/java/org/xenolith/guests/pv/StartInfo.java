package org.xenolith.guests.pv;

import static org.xenolith.guests.LittleEndian.put32;
import static org.xenolith.guests.LittleEndian.put64;

import java.nio.charset.StandardCharsets;

/** {@code struct start_info} (public/xen.h) in either word size. */
final class StartInfo {
    /** SIF_MOD_START_PFN: the initrd is given by its frame. */
    static final int MOD_START_PFN = 1 << 3;
    /** SIF_VIRT_P2M_4TOOLS: a p2m list that is only mapped is enough for the toolstack. */
    static final int VIRT_P2M_4TOOLS = 1 << 4;

    private static final int MAGIC_LENGTH = 32;

    private final boolean wide;
    private final byte[] page = new byte[4096];
    private int at = MAGIC_LENGTH;

    StartInfo(boolean wide) {
        this.wide = wide;
        byte[] magic = (wide ? "xen-3.0-x86_64" : "xen-3.0-x86_32p").getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(magic, 0, page, 0, magic.length);
    }

    /** Adds an {@code unsigned long} or {@code xen_pfn_t}, aligned as compilers do. */
    StartInfo word(long value) {
        if (wide) {
            at = at + 7 & ~7;
            put64(page, at, value);
            at += 8;
        } else {
            put32(page, at, (int) value);
            at += 4;
        }
        return this;
    }

    /** Adds a {@code uint32_t}. */
    StartInfo number(int value) {
        put32(page, at, value);
        at += 4;
        return this;
    }

    /** Adds a zero-terminated string in a fixed room. */
    StartInfo text(byte[] value, int room) {
        System.arraycopy(value, 0, page, at, value.length);
        at += room;
        return this;
    }

    byte[] page() {
        return page;
    }
}
