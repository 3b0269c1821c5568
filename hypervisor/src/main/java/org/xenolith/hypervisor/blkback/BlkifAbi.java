package org.xenolith.hypervisor.blkback;

import java.util.Optional;

/**
 * Where the fields of ring entries are for frontends of both word sizes (public/io/blkif.h, public/io/protocols.h): 64-bit
 * fields are aligned to 8 bytes in one and to 4 in the other. Offsets and sizes are in bytes.
 */
enum BlkifAbi {
    X86_64("x86_64-abi", 8, 112, 16),
    X86_32("x86_32-abi", 4, 108, 12);

    private final String protocol;
    /** Size of a ring entry: the larger of request and response. */
    final int entrySize;
    /** Size of a response. */
    final int responseSize;
    /** {@code id} of every request. */
    final int id;
    /** {@code sector_number} of every request. */
    final int sector;
    /** {@code seg} of a plain request, {@code nr_sectors} of a discard. */
    final int rest;
    /** {@code indirect_grefs}, after {@code handle}. */
    final int indirectRefs;

    BlkifAbi(String protocol, int id, int entrySize, int responseSize) {
        this.protocol = protocol;
        this.entrySize = entrySize;
        this.responseSize = responseSize;
        this.id = id;
        sector = id + 8;
        rest = id + 16;
        indirectRefs = id + 20;
    }

    /** The ABI that the frontend's {@code protocol} node names; the native one without the node; null for another. */
    static BlkifAbi of(Optional<String> protocol) {
        if (protocol.isEmpty()) {
            return X86_64;
        }
        for (BlkifAbi abi : values()) {
            if (abi.protocol.equals(protocol.get())) {
                return abi;
            }
        }
        return null;
    }
}
