package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.put64;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;

/**
 * The header of an image with its extensions, every field checked. Offsets and sizes are in bytes of the file.
 *
 * <p>What a run changes is written as single fields, each within one sector, so that a torn write leaves the old or the new value.
 */
public final class Qcow2Header {
    static final int MAGIC = 0x5146_49fb;

    /** Incompatible feature: reference counts may be out of date. */
    public static final long DIRTY = 1;
    /** Incompatible feature: an image to be repaired before it is written to. */
    public static final long CORRUPT = 2;
    static final long DATA_FILE = 4;
    static final long COMPRESSION_TYPE = 8;
    /** Compatible feature: a writer may leave reference counts out of date. */
    public static final long LAZY_REFCOUNTS = 1;
    static final long BITMAPS = 1;
    static final long DATA_FILE_RAW = 2;

    static final int AT_L1 = 36;
    static final int AT_REFCOUNT_TABLE = 48;
    static final int AT_SNAPSHOTS = 60;
    static final int AT_INCOMPATIBLE = 72;
    static final int AT_AUTOCLEAR = 88;
    static final int V2_LENGTH = 72;
    static final int V3_LENGTH = 104;

    static final int EXT_BACKING_FORMAT = 0xe279_2aca;
    static final int EXT_DATA_FILE = 0x4441_5441;
    static final int EXT_FEATURE_NAMES = 0x6803_f857;
    private static final int EXT_BITMAPS = 0x2385_2875;

    static final int MOST_L1_BYTES = 32 << 20;
    static final int MOST_REFCOUNT_TABLE_BYTES = 8 << 20;
    static final int MOST_SNAPSHOTS = 65536;
    private static final int MOST_NAME = 1023;
    /** Host offsets have 56 bits. */
    static final long MOST_OFFSET = 1L << 56;

    private static final String[] INCOMPATIBLE = {"dirty", "corrupt", "external data file", "compression type",
        "extended L2 entries"};

    private final String name;
    final int version;
    final int clusterBits;
    final long size;
    final int refcountOrder;
    final boolean zstd;
    final Optional<String> backingFile;
    Optional<String> backingFormat = Optional.empty();
    Optional<String> dataFile = Optional.empty();
    /** Offset and length of the directory of persistent bitmaps; a length of 0 without. */
    long bitmapDirectory;
    long bitmapDirectoryBytes;
    long bitmapCount;

    long incompatible;
    final long compatible;
    long autoclear;
    int l1Entries;
    long l1Offset;
    long refcountTable;
    long refcountTableClusters;
    long snapshotCount;
    long snapshotTable;

    private Qcow2Header(ByteStore store) throws IOException {
        name = store.name();
        byte[] h = new byte[V3_LENGTH + 8];
        store.read(0, h, 0, h.length);
        if ((int) u32(h, 0) != MAGIC) {
            throw bad("magic", "is not that of qcow2");
        }
        version = field(h, 4, "version", 2, 3);
        clusterBits = field(h, 20, "cluster_bits", 9, 21);
        size = i64(h, 24);
        if (size < 0 || size > Long.MAX_VALUE - 512) {
            throw bad("size", "is too large: " + Long.toUnsignedString(size));
        }
        if (u32(h, 32) != 0) {
            throw bad("crypt_method", "names an encryption (" + u32(h, 32) + "); encrypted images are not supported");
        }
        l1Offset = i64(h, 40);
        refcountTable = i64(h, AT_REFCOUNT_TABLE);
        refcountTableClusters = u32(h, 56);
        snapshotCount = u32(h, AT_SNAPSHOTS);
        snapshotTable = i64(h, 64);
        incompatible = version == 2 ? 0 : i64(h, AT_INCOMPATIBLE);
        compatible = version == 2 ? 0 : i64(h, 80);
        autoclear = version == 2 ? 0 : i64(h, AT_AUTOCLEAR);
        refcountOrder = version == 2 ? 4 : field(h, 96, "refcount_order", 0, 6);
        long length = version == 2 ? V2_LENGTH : u32(h, 100);
        if (length < V2_LENGTH || version == 3 && length < V3_LENGTH || length > clusterSize() || length % 8 != 0) {
            throw bad("header_length", "is " + length + "; from 104 to a cluster, a multiple of 8, is possible");
        }
        zstd = compression(version == 3 && length > V3_LENGTH ? h[V3_LENGTH] & 0xff : 0);
        checkFeatures();
        l1Entries = checkTables(u32(h, AT_L1));
        backingFile = backing(store, i64(h, 8), u32(h, 16));
        extensions(store, (int) length, backingFile.isPresent() ? i64(h, 8) : clusterSize());
        if ((incompatible & DATA_FILE) != 0 && dataFile.isEmpty()) {
            throw bad("extension 'external data file'", "is missing, and the feature is on");
        }
        if ((incompatible & DATA_FILE) != 0 && snapshotCount > 0) {
            throw bad("nb_snapshots", "is " + snapshotCount + ", and an image with an external data file has none");
        }
    }

    /** Reads and checks the header. */
    static Qcow2Header read(ByteStore store) throws IOException {
        return new Qcow2Header(store);
    }

    private int field(byte[] h, int at, String field, int least, int most) throws DiskException {
        long value = u32(h, at);
        if (value < least || value > most) {
            throw bad(field, "is " + value + "; " + least + " to " + most + " is possible");
        }
        return (int) value;
    }

    private boolean compression(int type) throws DiskException {
        if (type > 1 || type == 1 != ((incompatible & COMPRESSION_TYPE) != 0)) {
            throw bad("compression_type", "is " + type + "; 0 (zlib) and, with its feature bit, 1 (zstd) are known");
        }
        return type == 1;
    }

    private void checkFeatures() throws DiskException {
        long unknown = incompatible & ~(DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE);
        if (unknown != 0) {
            int bit = Long.numberOfTrailingZeros(unknown);
            throw bad("incompatible_features", "has bit " + bit + " set"
                    + (bit < INCOMPATIBLE.length ? " (" + INCOMPATIBLE[bit] + ")" : "") + ", which is not supported");
        }
    }

    private int checkTables(long l1) throws DiskException {
        long cluster = clusterSize();
        long perL1Entry = cluster * (cluster / 8);
        long needed = size / perL1Entry + (size % perL1Entry == 0 ? 0 : 1);
        if (l1 > MOST_L1_BYTES / 8 || needed > MOST_L1_BYTES / 8) {
            throw bad("l1_size",
                    "is " + l1 + ", the disk needs " + needed + "; at most " + MOST_L1_BYTES / 8 + " is possible");
        }
        if (l1 < needed) {
            throw bad("l1_size", "is " + l1 + "; a disk of " + size + " bytes needs " + needed);
        }
        checkOffset("l1_table_offset", l1Offset, l1 * 8, l1 == 0);
        if (refcountTableClusters == 0
                || refcountTableClusters * cluster > Math.max(MOST_REFCOUNT_TABLE_BYTES, cluster)) {
            throw bad("refcount_table_clusters", "is " + refcountTableClusters + "; 1 to "
                    + Math.max(MOST_REFCOUNT_TABLE_BYTES / cluster, 1) + " is possible");
        }
        checkOffset("refcount_table_offset", refcountTable, refcountTableClusters * cluster, false);
        if (snapshotCount > MOST_SNAPSHOTS) {
            throw bad("nb_snapshots", "is " + snapshotCount + "; at most " + MOST_SNAPSHOTS + " is possible");
        }
        checkOffset("snapshots_offset", snapshotTable, 0, snapshotCount == 0);
        return (int) l1;
    }

    private void checkOffset(String field, long offset, long length, boolean unused) throws DiskException {
        if (!unused && (offset < clusterSize() || offset % clusterSize() != 0 || offset > MOST_OFFSET - length)) {
            throw bad(field, "is " + Long.toUnsignedString(offset) + ", which is no cluster behind the header");
        }
    }

    private Optional<String> backing(ByteStore store, long offset, long length) throws IOException {
        if (offset == 0) {
            return Optional.empty();
        }
        if (length > MOST_NAME || length == 0) {
            throw bad("backing_file_size", "is " + length + "; 1 to " + MOST_NAME + " is possible");
        }
        if (offset < V2_LENGTH || offset > clusterSize() - length) {
            throw bad("backing_file_offset", "is " + Long.toUnsignedString(offset) + ", not within the first cluster");
        }
        byte[] text = new byte[(int) length];
        store.read(offset, text, 0, text.length);
        return Optional.of(text(text, 0, text.length, "backing file name"));
    }

    private void extensions(ByteStore store, int from, long to) throws IOException {
        long at = from;
        byte[] head = new byte[8];
        while (at <= to - 8) {
            store.read(at, head, 0, 8);
            int type = (int) u32(head, 0);
            long length = u32(head, 4);
            at += 8;
            if (type == 0) {
                return;
            }
            if (length > to - at) {
                throw bad("extension 0x" + Integer.toHexString(type),
                        "has a length of " + length + ", more than there is");
            }
            byte[] data = new byte[(int) length];
            store.read(at, data, 0, data.length);
            extension(type, data);
            at += length + 7 & ~7L;
        }
    }

    private void extension(int type, byte[] data) throws DiskException {
        switch (type) {
            case EXT_BACKING_FORMAT -> backingFormat = Optional.of(text(data, 0, data.length, "backing format"));
            case EXT_DATA_FILE -> dataFile = Optional.of(text(data, 0, data.length, "data file name"));
            case EXT_BITMAPS -> {
                if (data.length < 24) {
                    throw bad("extension 'bitmaps'", "is too short");
                }
                bitmapCount = u32(data, 0);
                bitmapDirectoryBytes = i64(data, 8);
                bitmapDirectory = i64(data, 16);
            }
            default -> {
                // others only tell more
            }
        }
    }

    private String text(byte[] bytes, int from, int length, String what) throws DiskException {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length)).toString();
            if (text.isEmpty() || text.indexOf('\0') >= 0) {
                throw bad(what, "is empty or has a zero byte");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new DiskException(name, "qcow2 header: " + what + " is not UTF-8", e);
        }
    }

    private DiskException bad(String field, String what) {
        return new DiskException(name, "qcow2 header: " + field + " " + what);
    }

    int clusterSize() {
        return 1 << clusterBits;
    }

    boolean hasDataFile() {
        return (incompatible & DATA_FILE) != 0;
    }

    /** Writes the feature words that a writer changes. */
    void writeFeatures(ByteStore store) throws IOException {
        if (version >= 3) {
            byte[] words = new byte[24];
            put64(words, 0, incompatible);
            put64(words, 8, compatible);
            put64(words, 16, autoclear);
            store.write(AT_INCOMPATIBLE, words, 0, words.length);
        }
    }

    /** Writes where the table of reference counts is. */
    static void writeRefcountTable(ByteStore store, long offset, long clusters) throws IOException {
        byte[] field = new byte[12];
        put64(field, 0, offset);
        put32(field, 8, (int) clusters);
        store.write(AT_REFCOUNT_TABLE, field, 0, field.length);
    }

    /** Writes where the snapshots are. */
    void writeSnapshots(ByteStore store) throws IOException {
        byte[] field = new byte[12];
        put32(field, 0, (int) snapshotCount);
        put64(field, 4, snapshotTable);
        store.write(AT_SNAPSHOTS, field, 0, field.length);
    }

    /** Names of the features that are on, for people. */
    List<String> features() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < INCOMPATIBLE.length; i++) {
            if ((incompatible >> i & 1) != 0) {
                names.add(INCOMPATIBLE[i]);
            }
        }
        if ((compatible & LAZY_REFCOUNTS) != 0) {
            names.add("lazy refcounts");
        }
        return names;
    }
}
