package org.xenolith.guests.image.qcow2;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.Requests;

/**
 * A disk in a qcow2 image.
 *
 * <p>Data is written at once, to clusters that nothing durable points to yet; tables wait in memory for {@link #flush}, which writes reference counts, makes them
 * and the data durable, writes L2 tables, then L1, and makes those durable. A crash at any point leaves the disk as of the last flush, or newer, and at worst
 * clusters without an owner. Clusters that lose their owner are free only after the flush that makes that durable.
 */
public final class Qcow2Disk implements DiskImage {
    /** Up to here a write with parts of clusters around it goes out as one. */
    private static final int MOST_GATHERED = 1 << 20;
    private static final int MOST_RUN_BYTES = 8 << 20;

    private final ByteStore store;
    private final ByteStore data;
    private final Qcow2Header header;
    @Nullable
    private final DiskImage backing;
    private final boolean readOnly;
    private final int clusterBits;
    private final int clusterSize;
    private final long size;
    private final Refcounts refcounts;
    private final L2Tables tables;
    private final CompressedClusters compressed;
    private long packAt;

    // what resolve() found
    private Kind kind = Kind.NONE;
    private int run;
    private long host;

    private enum Kind {
        /** Nothing here; what is below counts. */
        NONE, ZERO, DATA, COMPRESSED
    }

    /**
     * A disk of an image.
     *
     * @param store the image; closed with the disk
     * @param header what it says of itself
     * @param dataFile where the guest's data is, if not in the image
     * @param backing what shows through, if anything
     * @param readOnly whether writes are refused
     */
    Qcow2Disk(ByteStore store, Qcow2Header header, Optional<ByteStore> dataFile, Optional<DiskImage> backing,
            boolean readOnly) throws IOException {
        this(store, header, dataFile, backing, readOnly, header.l1Offset, header.l1Entries, header.size);
    }

    /** A disk as of an internal snapshot; read only. */
    Qcow2Disk(ByteStore store, Qcow2Header header, Optional<ByteStore> dataFile, Optional<DiskImage> backing,
            boolean readOnly, long l1Offset, int l1Entries, long size) throws IOException {
        this.store = store;
        this.header = header;
        this.data = dataFile.orElse(store);
        this.backing = backing.orElse(null);
        this.readOnly = readOnly;
        this.clusterBits = header.clusterBits;
        this.clusterSize = header.clusterSize();
        this.size = (size + SECTOR - 1) / SECTOR * SECTOR;
        this.refcounts = new Refcounts(store, header);
        this.tables = new L2Tables(store, clusterBits, refcounts, l1Offset, l1Entries);
        this.compressed = new CompressedClusters(store, header);
    }

    /** Checks that an image may be written to, and says in its header that somebody did who keeps no bitmaps. */
    void beginWriting() throws IOException {
        refcounts.validate();
        long l1Clusters = (tables.l1().length * 8L + clusterSize - 1) >> clusterBits;
        refcounts.requireCounted(header.l1Offset >> clusterBits, tables.l1().length == 0 ? 0 : l1Clusters,
                "the L1 table");
        for (long entry : tables.l1()) {
            if ((entry & L2Tables.OFFSET) != 0) {
                refcounts.requireCounted((entry & L2Tables.OFFSET) >> clusterBits, 1, "an L2 table");
            }
        }
        long kept = header.autoclear & Qcow2Header.DATA_FILE_RAW;
        if (header.autoclear != kept) {
            header.autoclear = kept;
            header.writeFeatures(store);
            store.force();
        }
    }

    ByteStore store() {
        return store;
    }

    Qcow2Header header() {
        return header;
    }

    Refcounts refcounts() {
        return refcounts;
    }

    L2Tables tables() {
        return tables;
    }

    CompressedClusters compressed() {
        return compressed;
    }

    @Override
    public String name() {
        return store.name();
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.QCOW2;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    /** Finds what is at an offset of the disk and how far the same goes on: {@link #kind}, {@link #run}, {@link #host}. */
    private void resolve(long offset, int length) throws IOException {
        int in = (int) (offset & clusterSize - 1);
        if (!tables.hasTable(offset)) {
            kind = Kind.NONE;
            run = (int) Math.min(length, tables.tableSpan() - (offset & tables.tableSpan() - 1));
            return;
        }
        long entry = tables.entry(offset);
        kind = kindOf(entry);
        host = kind == Kind.DATA ? checkedOffset(entry) + in : entry;
        run = Math.min(length, clusterSize - in);
        if (kind == Kind.COMPRESSED) {
            return;
        }
        long next = offset - in + clusterSize;
        long nextHost = host - in + clusterSize;
        while (run < length && (next & tables.tableSpan() - 1) != 0) {
            long e = tables.entry(next);
            if (kindOf(e) != kind || kind == Kind.DATA && (e & L2Tables.OFFSET) != nextHost) {
                return;
            }
            run = Math.min(length, run + clusterSize);
            next += clusterSize;
            nextHost += clusterSize;
        }
    }

    private Kind kindOf(long entry) {
        if ((entry & L2Tables.COMPRESSED) != 0) {
            return Kind.COMPRESSED;
        }
        if (header.version >= 3 && (entry & L2Tables.ZERO) != 0) {
            return Kind.ZERO;
        }
        // offset 0 is a cluster like any other in an external data file, and its owner bit tells
        return (entry & L2Tables.OFFSET) != 0 || header.hasDataFile() && (entry & L2Tables.COPIED) != 0
                ? Kind.DATA
                : Kind.NONE;
    }

    private long checkedOffset(long entry) throws IOException {
        long offset = entry & L2Tables.OFFSET;
        if ((offset & clusterSize - 1) != 0) {
            throw new DiskException(name(), "qcow2: an L2 entry is no cluster: 0x" + Long.toHexString(entry));
        }
        return offset;
    }

    @Override
    public Extent extent(long offset, long most) throws IOException {
        resolve(offset, (int) Math.min(most, 1 << 30));
        if (kind == Kind.NONE) {
            if (backing == null || offset >= backing.size()) {
                return new Extent(run, true);
            }
            return backing.extent(offset, Math.min(run, backing.size() - offset));
        }
        return new Extent(run, kind == Kind.ZERO);
    }

    @Override
    public void read(long offset, byte[] to, int at, int length) throws IOException {
        Requests.check(this, offset, length);
        readBytes(offset, to, at, length);
    }

    private void readBytes(long offset, byte[] to, int at, int length) throws IOException {
        int done = 0;
        while (done < length) {
            long position = offset + done;
            resolve(position, length - done);
            int n = run;
            switch (kind) {
                case NONE -> readBelow(position, to, at + done, n);
                case ZERO -> Arrays.fill(to, at + done, at + done + n, (byte) 0);
                case DATA -> data.read(host, to, at + done, n);
                case COMPRESSED -> System.arraycopy(unpack(host), (int) (position & clusterSize - 1), to, at + done, n);
            }
            done += n;
        }
    }

    private byte[] unpack(long entry) throws IOException {
        if (header.hasDataFile()) {
            throw new DiskException(name(), "qcow2: a compressed cluster in an image with an external data file");
        }
        return compressed.unpack(entry);
    }

    private void readBelow(long offset, byte[] to, int at, int length) throws IOException {
        int shows = 0;
        if (backing != null && offset < backing.size()) {
            shows = (int) Math.min(length, backing.size() - offset);
            backing.read(offset, to, at, shows);
        }
        Arrays.fill(to, at + shows, at + length, (byte) 0);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        Requests.checkWrite(this, offset, length);
        relieve();
        int done = 0;
        while (done < length) {
            long position = offset + done;
            int n = writableRun(position, length - done);
            if (n > 0) {
                data.write(host, from, at + done, n);
            } else {
                n = writeNew(position, from, at + done, Math.min(length - done, MOST_RUN_BYTES));
            }
            done += n;
        }
    }

    /** How many bytes from an offset on can be written where they are; {@link #host} says where. */
    private int writableRun(long offset, int length) throws IOException {
        resolve(offset, length);
        if (kind != Kind.DATA || !isOurs(offset)) {
            return 0;
        }
        int in = (int) (offset & clusterSize - 1);
        int n = Math.min(run, clusterSize - in);
        while (n < run && isOurs(offset + n)) {
            n = Math.min(run, n + clusterSize);
        }
        protectTables(host, n);
        return n;
    }

    private boolean isOurs(long offset) throws IOException {
        return (tables.l1()[(int) (offset / tables.tableSpan())] & L2Tables.COPIED) != 0
                && (tables.entry(offset) & L2Tables.COPIED) != 0;
    }

    /** A damaged image may have its tables where it says that data is. */
    private void protectTables(long offset, int length) throws IOException {
        if (!header.hasDataFile() && (offset < clusterSize
                || overlaps(offset, length, header.l1Offset, tables.l1().length * 8L)
                || overlaps(offset, length, header.refcountTable, header.refcountTableClusters << clusterBits))) {
            throw new DiskException(name(), "qcow2: an L2 entry points into the image's own tables at 0x"
                    + Long.toHexString(offset) + "; 'xenolith image check' tells more");
        }
    }

    private static boolean overlaps(long a, long aLength, long b, long bLength) {
        return a < b + bLength && b < a + aLength;
    }

    /** Writes to clusters that are not ours yet, as many as lie side by side and are new; how many bytes that were. */
    private int writeNew(long offset, byte[] from, int at, int length) throws IOException {
        long first = offset & -clusterSize;
        int wanted = 1;
        long end = offset + length;
        long tableEnd = (offset | tables.tableSpan() - 1) + 1;
        for (long next = first + clusterSize; next < end && next < tableEnd
                && !isDataOfOurs(next); next += clusterSize) {
            wanted++;
        }
        tables.prepare(offset);
        if (header.hasDataFile()) {
            int n = (int) Math.min(length, first + ((long) wanted << clusterBits) - offset);
            writeWhole(first, offset, from, at, n);
            link(first, first, wanted);
            return n;
        }
        long cluster = refcounts.allocate(wanted);
        int got = refcounts.lastRun();
        int n = (int) Math.min(length, first + ((long) got << clusterBits) - offset);
        try {
            writeWhole(cluster << clusterBits, offset, from, at, n);
        } catch (IOException e) {
            refcounts.giveBack(cluster, got);
            throw e;
        }
        link(first, cluster << clusterBits, got);
        return n;
    }

    private boolean isDataOfOurs(long offset) throws IOException {
        return tables.hasTable(offset) && kindOf(tables.entry(offset)) == Kind.DATA && isOurs(offset);
    }

    /** Writes bytes to new clusters together with what the disk has around them. */
    private void writeWhole(long target, long offset, byte[] from, int at, int length) throws IOException {
        int head = (int) (offset & clusterSize - 1);
        int tail = (int) (-(offset + length) & clusterSize - 1);
        if (head + tail == 0) {
            data.write(target, from, at, length);
            return;
        }
        boolean gathered = head + tail + length <= MOST_GATHERED;
        byte[] around = new byte[gathered ? head + length + tail : Math.max(head, tail)];
        readBytes(offset - head, around, 0, head);
        if (gathered) {
            System.arraycopy(from, at, around, head, length);
            readTail(offset + length, around, head + length, tail);
            data.write(target, around, 0, around.length);
            return;
        }
        data.write(target, around, 0, head);
        data.write(target + head, from, at, length);
        readTail(offset + length, around, 0, tail);
        data.write(target + head + length, around, 0, tail);
    }

    private void readTail(long offset, byte[] to, int at, int length) throws IOException {
        int within = (int) Math.max(0, Math.min(length, size - offset));
        readBytes(offset, to, at, within);
        Arrays.fill(to, at + within, at + length, (byte) 0);
    }

    private void link(long offset, long target, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            long position = offset + ((long) i << clusterBits);
            replace(position, target + ((long) i << clusterBits) | L2Tables.COPIED);
        }
    }

    /** Gives a cluster of the disk another entry and lets go of what the old one pointed to. */
    private void replace(long offset, long entry) throws IOException {
        long old = tables.entry(offset);
        tables.set(offset, entry);
        if ((old & L2Tables.COMPRESSED) != 0) {
            compressed.forget();
            long end = compressed.offset(old) + compressed.length(old) - 1;
            for (long c = compressed.offset(old) >> clusterBits; c <= end >> clusterBits; c++) {
                refcounts.release(c);
            }
        } else if ((old & L2Tables.OFFSET) != 0 && !header.hasDataFile()) {
            refcounts.release((old & L2Tables.OFFSET) >> clusterBits);
        }
    }

    /** {@return bytes of a cluster} */
    public int clusterSize() {
        return clusterSize;
    }

    /**
     * Writes a cluster compressed if that makes it shorter; for images that are being made.
     *
     * @param offset of the cluster on the disk
     * @param cluster a whole one, also at the end of the disk
     */
    public void writeCompressed(long offset, byte[] cluster) throws IOException {
        byte[] packed = new byte[clusterSize];
        int length = CompressedClusters.pack(cluster, packed);
        if (length == 0) {
            write(offset, cluster, 0, (int) Math.min(clusterSize, size - offset));
            return;
        }
        relieve();
        tables.prepare(offset);
        long place = placeForPacked(length);
        store.write(place, packed, 0, length);
        replace(offset, compressed.entry(place, length));
        packAt = place + length;
    }

    private long placeForPacked(int length) throws IOException {
        int room = (int) (-packAt & clusterSize - 1);
        long current = packAt >> clusterBits;
        if (room >= length && refcounts.get(current) < refcounts.most()) {
            refcounts.increment(current, 1);
            return packAt;
        }
        long cluster = refcounts.allocate(1);
        if (room > 0 && cluster == current + 1 && refcounts.get(current) < refcounts.most()) {
            refcounts.increment(current, 1);
            return packAt;
        }
        return cluster << clusterBits;
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
        if (header.hasDataFile() || header.version < 3 && backing != null) {
            return; // nothing to free there, or what is below would show again
        }
        long first = offset + clusterSize - 1 & -clusterSize;
        // the last cluster of the disk may be a part of one
        long last = offset + length == size ? offset + length : offset + length & -clusterSize;
        clear(first, last);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        Requests.checkWrite(this, offset, length);
        if (header.hasDataFile() || header.version < 3 && backing != null) {
            writeZeroBytes(offset, length);
            return;
        }
        long end = offset + length;
        long first = Math.min(end, offset + clusterSize - 1 & -clusterSize);
        long last = Math.max(first, end == size ? end : end & -clusterSize);
        writeZeroBytes(offset, first - offset);
        clear(first, last);
        writeZeroBytes(last, end - last);
    }

    private void writeZeroBytes(long offset, long length) throws IOException {
        byte[] zeroes = new byte[(int) Math.min(length, MOST_GATHERED)];
        long done = 0;
        while (done < length) {
            int n = (int) Math.min(zeroes.length, length - done);
            if (!header.hasDataFile()) {
                Extent known = extent(offset + done, n);
                if (known.zero()) {
                    done += known.length();
                    continue;
                }
                n = (int) known.length();
            }
            write(offset + done, zeroes, 0, n);
            done += n;
        }
    }

    /** Makes whole clusters of the disk read as zeroes and gives up what they had. */
    private void clear(long from, long to) throws IOException {
        for (long offset = from; offset < to; offset += clusterSize) {
            if (!tables.hasTable(offset) && backing == null) {
                offset = (offset | tables.tableSpan() - 1) + 1 - clusterSize;
                continue;
            }
            long cleared = backing == null || offset >= backing.size() ? 0 : L2Tables.ZERO;
            long now = tables.hasTable(offset) ? tables.entry(offset) : 0;
            boolean same = cleared == 0 ? now == 0 : now == L2Tables.ZERO;
            if (!same) {
                relieve();
                tables.prepare(offset);
                replace(offset, cleared);
            }
        }
    }

    /** Keeps what waits in memory within bounds. */
    private void relieve() throws IOException {
        if (tables.cache().isCrowded() || refcounts.isCrowded()) {
            flush();
        }
    }

    @Override
    public void flush() throws IOException {
        if (readOnly) {
            return;
        }
        refcounts.write();
        if (header.hasDataFile()) {
            data.force();
        }
        if (tables.isDirty()) {
            store.force();
            tables.write();
        }
        store.force();
        refcounts.settle();
    }

    @Override
    public void close() throws IOException {
        try {
            if (!readOnly) {
                flush();
                if (refcounts.isDirty()) {
                    flush(); // what the first one let go of
                }
            }
        } finally {
            closeFiles();
        }
    }

    /** Closes without writing anything; for images that were opened to be looked at, or that failed. */
    void closeFiles() throws IOException {
        try (backing; data) {
            store.close();
        }
    }
}
