package org.xenolith.hypervisor.blkback;

/** One request, copied from the ring and taken apart; used again for the next one. Nothing in it has been checked. */
final class BlkRequest {
    static final int OP_READ = 0;
    static final int OP_WRITE = 1;
    static final int OP_WRITE_BARRIER = 2;
    static final int OP_FLUSH_DISKCACHE = 3;
    static final int OP_DISCARD = 5;
    static final int OP_INDIRECT = 6;

    /** BLKIF_MAX_SEGMENTS_PER_REQUEST. */
    static final int MAX_DIRECT_SEGMENTS = 11;
    /** Most segments of an indirect request ({@code feature-max-indirect-segments}), as Linux offers; they fit one page. */
    static final int MAX_SEGMENTS = 256;
    /** Bytes of a descriptor. */
    static final int SEGMENT_SIZE = 8;
    /** Bytes of a guest's page. */
    static final int PAGE_SIZE = 4096;
    /** BLKIF_DISCARD_SECURE. */
    static final int DISCARD_SECURE = 1;

    private static final int OFFSET_NR_SEGMENTS = 1;
    private static final int OFFSET_INDIRECT_NR_SEGMENTS = 2;

    /** The operation as it came. */
    int operation;
    /** What is to be done: the inner operation of an indirect request. */
    int action;
    long id;
    /** First sector on the disk. */
    long sector;
    /** Segments asked for, of a discard its flags. */
    int segments;
    /** Sectors of a discard. */
    long discardSectors;
    /** The page with the segments of an indirect request. */
    int indirectRef;

    final int[] refs = new int[MAX_SEGMENTS];
    final int[] firstSectors = new int[MAX_SEGMENTS];
    final int[] lastSectors = new int[MAX_SEGMENTS];

    /** Takes a ring entry apart; of segments only those in the entry itself. */
    void decode(byte[] entry, BlkifAbi abi) {
        operation = entry[0] & 0xff;
        action = operation;
        segments = entry[OFFSET_NR_SEGMENTS] & 0xff;
        id = get64(entry, abi.id);
        sector = get64(entry, abi.sector);
        if (operation == OP_INDIRECT) {
            action = entry[1] & 0xff;
            segments = entry[OFFSET_INDIRECT_NR_SEGMENTS] & 0xff | (entry[OFFSET_INDIRECT_NR_SEGMENTS + 1] & 0xff) << 8;
            indirectRef = get32(entry, abi.indirectRefs);
        } else if (operation == OP_DISCARD) {
            discardSectors = get64(entry, abi.rest);
        } else {
            decodeSegments(entry, abi.rest, Math.min(segments, MAX_DIRECT_SEGMENTS));
        }
    }

    /** Takes {@code count} descriptors apart, at most {@link #MAX_SEGMENTS}. */
    void decodeSegments(byte[] from, int at, int count) {
        for (int i = 0; i < count; i++) {
            int offset = at + i * SEGMENT_SIZE;
            refs[i] = get32(from, offset);
            firstSectors[i] = from[offset + 4] & 0xff;
            lastSectors[i] = from[offset + 5] & 0xff;
        }
    }

    /** Makes the response to a request; its layout is the same in both word sizes but for padding at the end. */
    static void encodeResponse(long id, int operation, int status, byte[] to) {
        for (int i = 0; i < 8; i++) {
            to[i] = (byte) (id >>> 8 * i);
        }
        to[8] = (byte) operation;
        to[10] = (byte) status;
        to[11] = (byte) (status >> 8);
    }

    private static int get32(byte[] b, int at) {
        return b[at] & 0xff | (b[at + 1] & 0xff) << 8 | (b[at + 2] & 0xff) << 16 | (b[at + 3] & 0xff) << 24;
    }

    private static long get64(byte[] b, int at) {
        return get32(b, at) & 0xffff_ffffL | (long) get32(b, at + 4) << 32;
    }
}
