package org.xenolith.cpu.oracle;

import org.xenolith.cpu.jit.host.HostCpu;

/**
 * Where a case's data and code lie; the same virtual addresses on both sides.
 *
 * @param dataBase first byte of the read-write data pages; the read-only page follows them, nothing is mapped around
 * @param codeBase first byte of the code pages
 */
record Arena(long dataBase, long codeBase) {
    /** Bytes of read-write data. */
    static final int WRITABLE = HostCpu.DATA_PAGES * HostCpu.PAGE;
    /** Bytes of data, read-only page included. */
    static final int DATA = WRITABLE + HostCpu.READ_ONLY_PAGES * HostCpu.PAGE;
    /** Bytes of code. */
    static final int CODE = HostCpu.CODE_PAGES * HostCpu.PAGE;
    /** Inaccessible bytes on both sides of the data: an access starting this far out cannot reach anything of ours. */
    static final int GUARD = 512 << 10;
    /** An address that is not canonical, whatever small offset is added. */
    static final long NON_CANONICAL = 0x0000_9000_0000_0000L;

    long dataEnd() {
        return dataBase + DATA;
    }

    /** True if {@code size} bytes at {@code address} cannot touch anything but the arena, by a fault at worst. */
    boolean harmless(long address, long size) {
        return nonCanonical(address) && nonCanonical(address + size)
                || address >= dataBase - GUARD && address + size <= dataEnd() + GUARD;
    }

    private static boolean nonCanonical(long address) {
        return address << 16 >> 16 != address;
    }
}
