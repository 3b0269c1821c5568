package org.xenolith.guests.image.qcow2;

import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.xenolith.guests.compress.CorruptDataException;
import org.xenolith.guests.compress.ZstdFrame;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;

/** Compressed clusters: their entries, unpacking (zlib without a header, or Zstandard), packing (zlib). */
final class CompressedClusters {
    private static final int SECTOR = 512;

    private final ByteStore store;
    private final int clusterSize;
    private final int offsetBits;
    private final boolean zstd;
    private final byte[] unpacked;
    private long unpackedEntry;

    CompressedClusters(ByteStore store, Qcow2Header header) {
        this.store = store;
        this.clusterSize = header.clusterSize();
        this.offsetBits = 62 - (header.clusterBits - 8);
        this.zstd = header.zstd;
        this.unpacked = new byte[clusterSize];
    }

    /** Where the packed data of an entry begins in the file. */
    long offset(long entry) {
        return entry & (1L << offsetBits) - 1;
    }

    /** How long the packed data is at most, in bytes up to the end of its last sector. */
    int length(long entry) {
        long sectors = ((entry & ~L2Tables.COMPRESSED & ~L2Tables.COPIED) >>> offsetBits) + 1;
        return (int) (sectors * SECTOR - (offset(entry) & SECTOR - 1));
    }

    /** The entry of packed data. */
    long entry(long offset, int length) {
        long sectors = (offset + length - 1) / SECTOR - offset / SECTOR;
        return L2Tables.COMPRESSED | sectors << offsetBits | offset;
    }

    /** The cluster of an entry, valid until the next call. */
    byte[] unpack(long entry) throws IOException {
        if (entry == unpackedEntry) {
            return unpacked;
        }
        unpackedEntry = 0;
        byte[] packed = new byte[length(entry)];
        store.read(offset(entry), packed, 0, packed.length);
        try {
            if (zstd) {
                ZstdFrame.decompress(packed, 0, packed.length, unpacked);
            } else {
                inflate(packed);
            }
        } catch (CorruptDataException | DataFormatException e) {
            throw new DiskException(store.name(),
                    "qcow2: the compressed cluster at 0x" + Long.toHexString(offset(entry))
                            + " is damaged: " + e.getMessage(),
                    e);
        }
        unpackedEntry = entry;
        return unpacked;
    }

    private void inflate(byte[] packed) throws DataFormatException {
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(packed);
            int done = 0;
            while (done < clusterSize) {
                int n = inflater.inflate(unpacked, done, clusterSize - done);
                if (n == 0) {
                    throw new DataFormatException("it ends after " + done + " bytes");
                }
                done += n;
            }
        } finally {
            inflater.end();
        }
    }

    /** Forgets what was unpacked: its place may be used for something else. */
    void forget() {
        unpackedEntry = 0;
    }

    /**
     * Packs a cluster.
     *
     * @param to takes the result
     * @return its length, or 0 if it would not become shorter than {@code to}
     */
    static int pack(byte[] cluster, byte[] to) {
        Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
        try {
            deflater.setInput(cluster);
            deflater.finish();
            int n = deflater.deflate(to);
            return deflater.finished() && n < to.length ? n : 0;
        } finally {
            deflater.end();
        }
    }
}
