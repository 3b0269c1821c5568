package org.xenolith.cpu.vmx;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

/**
 * A VMCS in its region of memory (SDM vol. 3, 25.2): the revision identifier and the abort indicator where the manual has them, and the
 * launch state and every field at places of our own. A field takes eight bytes, whatever its width.
 */
final class Vmcs {
    /** Revision identifier of the layout. */
    static final int REVISION = 0x0000_0058;
    static final int BYTES = 4096;
    private static final int ABORT = 4;
    private static final int LAUNCHED = 8;

    private long page;

    /** Makes the region at a host address the one that the other methods look at. */
    void setPage(long hostAddress) {
        page = hostAddress;
    }

    /** The place of a field: sixteen groups by width and type, 32 fields each; the one that no field has is at the region's head. */
    static int offset(int encoding) {
        return ((encoding >>> 13 & 3) << 2 | encoding >>> 10 & 3 ^ 1) << 8 | (encoding >>> 1 & 31) << 3;
    }

    long get(int encoding) {
        return get64(page + offset(encoding));
    }

    int get32bits(int encoding) {
        return get32(page + offset(encoding));
    }

    void put(int encoding, long value) {
        put64(page + offset(encoding), value);
    }

    int revision() {
        return get32(page);
    }

    void setRevision(int revision) {
        put32(page, revision);
    }

    void setAbort(int indicator) {
        put32(page + ABORT, indicator);
    }

    boolean launched() {
        return get32(page + LAUNCHED) == 1;
    }

    void setLaunched(boolean on) {
        put32(page + LAUNCHED, on ? 1 : 0);
    }

    /** VMREAD: zero-extended by the field's width; bit 0 of the encoding asks for the high half. */
    long read(int encoding) {
        long v = get(encoding);
        return (encoding & 1) != 0 ? v >>> 32 : v;
    }

    /** VMWRITE: cut to the field's width. */
    void write(int encoding, long value) {
        switch (Field.width(encoding)) {
            case 0 -> put(encoding, value & 0xffff);
            case 2 -> put(encoding, value & 0xffff_ffffL);
            case 1 -> put(encoding, (encoding & 1) != 0 ? get(encoding) & 0xffff_ffffL | value << 32 : value);
            default -> put(encoding, value);
        }
    }
}
