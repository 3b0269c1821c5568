package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put64;

import java.io.IOException;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.TableCache;

/** The two levels of tables that lead from a cluster of the disk to one of the file. Entries are as they are in the file. */
final class L2Tables {
    /** The cluster has no other owner and may be written to where it is. */
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    /** Reads as zeroes, whatever the offset says. */
    static final long ZERO = 1;
    static final long OFFSET = 0x00ff_ffff_ffff_fe00L;

    private static final int CACHE = 8 << 20;
    private static final int SECTOR = 512;

    private final ByteStore store;
    private final Refcounts refcounts;
    private final int clusterBits;
    private final int l2Bits;
    private final long l1Offset;
    private final long[] l1;
    private final TableCache cache;
    private int l1DirtyFrom = Integer.MAX_VALUE;
    private int l1DirtyTo;

    L2Tables(ByteStore store, int clusterBits, Refcounts refcounts, long l1Offset, int l1Entries) throws IOException {
        this.store = store;
        this.refcounts = refcounts;
        this.clusterBits = clusterBits;
        this.l2Bits = clusterBits - 3;
        this.l1Offset = l1Offset;
        this.l1 = readL1(store, l1Offset, l1Entries);
        this.cache = new TableCache(store, 1 << clusterBits, CACHE);
    }

    static long[] readL1(ByteStore store, long offset, int entries) throws IOException {
        byte[] bytes = new byte[entries * 8];
        store.read(offset, bytes, 0, bytes.length);
        long[] l1 = new long[entries];
        for (int i = 0; i < entries; i++) {
            l1[i] = i64(bytes, i * 8);
        }
        return l1;
    }

    static void writeL1(ByteStore store, long offset, long[] l1, int from, int to) throws IOException {
        byte[] bytes = new byte[(to - from) * 8];
        for (int i = from; i < to; i++) {
            put64(bytes, (i - from) * 8, l1[i]);
        }
        store.write(offset + from * 8L, bytes, 0, bytes.length);
    }

    long[] l1() {
        return l1;
    }

    private int l1Index(long offset) {
        return (int) (offset >>> clusterBits + l2Bits);
    }

    /** Checks an L1 entry; the offset of the table that it points to, 0 for none. */
    private long table(int index) throws IOException {
        long table = l1[index] & OFFSET;
        if ((table & (1L << clusterBits) - 1) != 0) {
            throw new DiskException(store.name(),
                    "qcow2: L1 entry " + index + " is no cluster: 0x" + Long.toHexString(table));
        }
        return table;
    }

    private long position(long table, long offset) {
        return table + ((offset >>> clusterBits & (1L << l2Bits) - 1) << 3);
    }

    /** The entry of the cluster at an offset of the disk; 0 if there is none. */
    long entry(long offset) throws IOException {
        long table = table(l1Index(offset));
        return table == 0 ? 0 : cache.get(position(table, offset));
    }

    /** Whether the L2 table of an offset of the disk is missing. */
    boolean hasTable(long offset) throws IOException {
        return table(l1Index(offset)) != 0;
    }

    /** How many bytes of the disk an L2 table stands for. */
    long tableSpan() {
        return 1L << clusterBits + l2Bits;
    }

    /** Makes the L2 table of an offset of the disk one that may be changed: there, and nobody else's. */
    void prepare(long offset) throws IOException {
        int index = l1Index(offset);
        long old = table(index);
        if (old != 0 && (l1[index] & COPIED) != 0) {
            return;
        }
        long cluster = refcounts.allocate(1);
        long table = cluster << clusterBits;
        if (old == 0) {
            cache.fresh(table);
        } else {
            try {
                cache.copy(old, table);
            } catch (IOException e) {
                cache.drop(table);
                refcounts.giveBack(cluster, 1);
                throw e;
            }
            refcounts.release(old >> clusterBits);
        }
        setL1(index, table | COPIED);
    }

    void setL1(int index, long entry) {
        l1[index] = entry;
        int perSector = SECTOR / 8;
        l1DirtyFrom = Math.min(l1DirtyFrom, index / perSector * perSector);
        l1DirtyTo = Math.max(l1DirtyTo, Math.min(l1.length, (index / perSector + 1) * perSector));
    }

    /** Changes the entry of a cluster, its table being prepared. */
    void set(long offset, long entry) throws IOException {
        cache.put(position(table(l1Index(offset)), offset), entry);
    }

    TableCache cache() {
        return cache;
    }

    boolean isDirty() {
        return cache.isDirty() || l1DirtyTo > l1DirtyFrom;
    }

    /** Writes what was changed, tables before what points to them. Durable after the next force of the file. */
    void write() throws IOException {
        cache.writeDirty();
        if (l1DirtyTo > l1DirtyFrom) {
            store.force();
            writeL1(store, l1Offset, l1, l1DirtyFrom, l1DirtyTo);
            l1DirtyFrom = Integer.MAX_VALUE;
            l1DirtyTo = 0;
        }
    }
}
