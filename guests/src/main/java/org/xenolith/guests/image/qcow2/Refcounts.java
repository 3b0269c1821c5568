package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put64;

import java.io.IOException;
import java.util.Arrays;
import org.xenolith.guests.image.BigEndian;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.TableCache;

/**
 * Reference counts of clusters, and who gets a free one. Clusters are counted from the start of the file.
 *
 * <p>A cluster that is given up is not free at once: first the tables that pointed to it must be durable without it. Until then {@link #release} remembers it,
 * and {@link #settle} lets go. So no crash leaves two owners, at worst a cluster that nobody owns.
 */
final class Refcounts {
    private static final long OFFSET_MASK = ~511L;
    private static final int CACHE = 4 << 20;
    private static final int SECTOR = 512;

    private final ByteStore store;
    private final Qcow2Header header;
    private final int clusterBits;
    private final int order;
    private final TableCache blocks;
    private final long perBlock;
    /** Empty until {@link #load}: an image that is only read is read without. */
    private long[] table = new long[0];
    private int tableDirtyFrom = Integer.MAX_VALUE;
    private int tableDirtyTo;
    private long hint = 1;
    private boolean unknownHeader;
    private long[] released = new long[64];
    private int releasedCount;
    private int lastRun;

    Refcounts(ByteStore store, Qcow2Header header) {
        this.store = store;
        this.header = header;
        this.clusterBits = header.clusterBits;
        this.order = header.refcountOrder;
        this.blocks = new TableCache(store, header.clusterSize(), CACHE);
        this.perBlock = (long) header.clusterSize() * 8 >> order;
    }

    /** Reads the table. */
    void load() throws IOException {
        byte[] bytes = new byte[(int) (header.refcountTableClusters << clusterBits)];
        store.read(header.refcountTable, bytes, 0, bytes.length);
        long[] entries = new long[bytes.length / 8];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = i64(bytes, i * 8) & OFFSET_MASK;
        }
        table = entries;
    }

    /** What is wrong with an entry of the table; null if nothing is. */
    String faultOf(int entry) throws IOException {
        long block = table[entry];
        if (block == 0) {
            return null;
        }
        if ((block & (1L << clusterBits) - 1) != 0) {
            return "is no cluster: 0x" + Long.toHexString(block);
        }
        return block < 0 || block >= store.size()
                ? "points behind the end of the file: 0x" + Long.toHexString(block)
                : null;
    }

    /** Refuses a table that cannot be trusted with writes: bad entries, or two that share a block. */
    void validate() throws IOException {
        load();
        long fileSize = store.size();
        long mask = (1L << clusterBits) - 1;
        for (int i = 0; i < table.length; i++) {
            if (table[i] != 0 && ((table[i] & mask) != 0 || table[i] < 0 || table[i] >= fileSize)) {
                throw corrupt("refcount table entry " + i + " " + faultOf(i));
            }
        }
        long[] sorted = table.clone();
        Arrays.sort(sorted);
        for (int i = 1; i < sorted.length; i++) {
            if (sorted[i] != 0 && sorted[i] == sorted[i - 1]) {
                throw corrupt("two refcount table entries point to 0x" + Long.toHexString(sorted[i]));
            }
        }
        requireCounted(0, 1, "the header");
        requireCounted(header.refcountTable >> clusterBits, header.refcountTableClusters, "the refcount table");
        for (long block : table) {
            if (block != 0) {
                requireCounted(block >> clusterBits, 1, "a refcount block");
            }
        }
    }

    /** Refuses an image that counts clusters of its tables as free: the next allocation would overwrite them. */
    void requireCounted(long cluster, long count, String what) throws IOException {
        for (long c = cluster; c < cluster + count; c++) {
            if (get(c) == 0) {
                throw corrupt("cluster " + c + " holds " + what + " and has a reference count of 0");
            }
        }
    }

    private DiskException corrupt(String what) {
        return new DiskException(store.name(), "qcow2: " + what + "; 'xenolith image check -r all' repairs");
    }

    int tableLength() {
        return table.length;
    }

    /** Offset of the block of counts of a table entry; 0 if there is none. */
    long block(int entry) {
        return table[entry];
    }

    long perBlock() {
        return perBlock;
    }

    /** Forgets a block that cannot be; for repairs. */
    void dropBlock(int entry) {
        table[entry] = 0;
        tableChanged(entry);
    }

    long most() {
        return order == 6 ? Long.MAX_VALUE : (1L << (1 << order)) - 1;
    }

    long get(long cluster) throws IOException {
        long entry = cluster / perBlock;
        if (entry >= table.length || table[(int) entry] == 0) {
            return 0;
        }
        return count(table[(int) entry], cluster % perBlock);
    }

    private long count(long block, long index) throws IOException {
        long bit = index << order;
        long position = block + (bit >> 3);
        TableCache.Page page = blocks.page(position);
        int at = (int) (position - page.offset);
        return switch (order) {
            case 3 -> page.bytes[at] & 0xff;
            case 4 -> BigEndian.u16(page.bytes, at);
            case 5 -> BigEndian.u32(page.bytes, at);
            case 6 -> i64(page.bytes, at);
            default -> page.bytes[at] >> (bit & 7) & (1 << (1 << order)) - 1;
        };
    }

    /** Sets a count, making the block that holds it if need be. */
    void set(long cluster, long value) throws IOException {
        if (value < 0 || value > most()) {
            throw new DiskException(store.name(), "qcow2: cluster " + cluster + " would have " + value
                    + " references; counts of " + (1 << order) + " bits hold at most " + most());
        }
        long entry = cluster / perBlock;
        while (entry >= table.length) {
            grow(entry);
        }
        if (table[(int) entry] == 0) {
            long block = allocate(1);
            if (table[(int) entry] == 0) {
                blocks.fresh(block << clusterBits);
                table[(int) entry] = block << clusterBits;
                tableChanged((int) entry);
            } else {
                store(block, 0); // it lies in the range that was without counts, and brought its own
            }
        }
        store(cluster, value);
    }

    private void store(long cluster, long value) throws IOException {
        long bit = cluster % perBlock << order;
        long position = table[(int) (cluster / perBlock)] + (bit >> 3);
        TableCache.Page page = blocks.page(position);
        int at = (int) (position - page.offset);
        switch (order) {
            case 3 -> page.bytes[at] = (byte) value;
            case 4 -> BigEndian.put16(page.bytes, at, (int) value);
            case 5 -> BigEndian.put32(page.bytes, at, (int) value);
            case 6 -> put64(page.bytes, at, value);
            default -> {
                int mask = (1 << (1 << order)) - 1 << (bit & 7);
                page.bytes[at] = (byte) (page.bytes[at] & ~mask | (int) value << (bit & 7));
            }
        }
        blocks.changed(page, at, at + Math.max(1, 1 << order >> 3));
    }

    void increment(long cluster, long by) throws IOException {
        set(cluster, get(cluster) + by);
    }

    /** How many clusters the last {@link #allocate} gave. */
    int lastRun() {
        return lastRun;
    }

    /** Where to look for free clusters next; for repairs, behind the end of the file. */
    void lookFrom(long cluster) {
        hint = cluster;
    }

    /**
     * Takes free clusters, each with one reference from then on.
     *
     * @param most how many are wanted, at least 1; {@link #lastRun} tells how many came, side by side
     * @return the first of them
     */
    long allocate(int most) throws IOException {
        if (unknownHeader) {
            throw new DiskException(store.name(), "an earlier write of the header failed; nothing more is allocated");
        }
        long c = Math.max(1, hint);
        while (true) {
            if (c >= Qcow2Header.MOST_OFFSET >> clusterBits) {
                throw new DiskException(store.name(), "qcow2: no free cluster below 2^56 bytes");
            }
            int entry = (int) Math.min(Integer.MAX_VALUE, c / perBlock);
            if (entry >= table.length) {
                grow(entry);
                continue;
            }
            if (table[entry] == 0) {
                // nothing of this range is in use: the block of its counts goes there and counts itself
                blocks.fresh(c << clusterBits);
                table[entry] = c << clusterBits;
                tableChanged(entry);
                store(c++, 1);
                continue;
            }
            if (get(c) != 0) {
                c++;
                continue;
            }
            int n = 1;
            while (n < most && (c + n) % perBlock != 0 && get(c + n) == 0) {
                n++;
            }
            for (int i = 0; i < n; i++) {
                store(c + i, 1);
            }
            hint = c + n;
            lastRun = n;
            return c;
        }
    }

    /** Gives back clusters that {@link #allocate} gave and that nothing points to. */
    void giveBack(long cluster, int count) throws IOException {
        for (long c = cluster; c < cluster + count; c++) {
            store(c, 0);
        }
        hint = Math.min(hint, cluster);
    }

    /** Takes a reference away, once what pointed there is durably gone. */
    void release(long cluster) {
        if (releasedCount == released.length) {
            released = Arrays.copyOf(released, 2 * releasedCount);
        }
        released[releasedCount++] = cluster;
    }

    boolean isCrowded() {
        return blocks.isCrowded() || releasedCount > 1 << 16;
    }

    /** Takes away the references that were released; every table is durable without them. */
    void settle() throws IOException {
        while (releasedCount > 0) {
            long cluster = released[releasedCount - 1];
            long count = get(cluster);
            releasedCount--;
            if (count == 0) {
                continue; // a damaged image: it was counted too low before
            }
            store(cluster, count - 1);
            if (count == 1) {
                hint = Math.min(hint, cluster);
            }
        }
    }

    boolean isDirty() {
        return blocks.isDirty() || tableDirtyTo > tableDirtyFrom || releasedCount > 0;
    }

    /** Writes counts, then the table that leads to new blocks of them. They are durable after the next force of the file. */
    void write() throws IOException {
        blocks.writeDirty();
        if (tableDirtyTo > tableDirtyFrom) {
            store.force();
            writeTable(header.refcountTable, tableDirtyFrom, tableDirtyTo);
            tableDirtyFrom = Integer.MAX_VALUE;
            tableDirtyTo = 0;
        }
    }

    private void writeTable(long offset, int from, int to) throws IOException {
        byte[] bytes = new byte[(to - from) * 8];
        for (int i = from; i < to; i++) {
            put64(bytes, (i - from) * 8, table[i]);
        }
        store.write(offset + from * 8L, bytes, 0, bytes.length);
    }

    private void tableChanged(int entry) {
        int perSector = SECTOR / 8;
        tableDirtyFrom = Math.min(tableDirtyFrom, entry / perSector * perSector);
        tableDirtyTo = Math.max(tableDirtyTo, Math.min(table.length, (entry / perSector + 1) * perSector));
    }

    /**
     * Makes the table longer. The new one and the blocks that count it lie behind everything that the old one could count; the header names it once all of it
     * is durable.
     */
    private void grow(long entry) throws IOException {
        long entriesPerCluster = 1L << clusterBits - 3;
        long start = table.length * perBlock;
        long clusters = Math.max(header.refcountTableClusters + (header.refcountTableClusters + 1) / 2,
                entry / entriesPerCluster + 1);
        long blockCount = 0;
        long needed;
        do {
            needed = (clusters + blockCount + perBlock - 1) / perBlock;
            blockCount = Math.max(blockCount, needed);
            clusters = Math.max(clusters, (table.length + blockCount) / entriesPerCluster + 1);
        } while ((clusters + blockCount + perBlock - 1) / perBlock > blockCount);
        long bytes = clusters << clusterBits;
        if (bytes > Math.max(Qcow2Header.MOST_REFCOUNT_TABLE_BYTES, 1L << clusterBits)
                || start + clusters + blockCount >= Qcow2Header.MOST_OFFSET >> clusterBits) {
            throw new DiskException(store.name(), "qcow2: the image is full: its refcount table cannot grow");
        }
        write();
        long[] longer = Arrays.copyOf(table, (int) (bytes / 8));
        for (int i = 0; i < blockCount; i++) {
            longer[table.length + i] = start + clusters + i << clusterBits;
        }
        long[] old = table;
        long oldOffset = header.refcountTable;
        long oldClusters = header.refcountTableClusters;
        table = longer;
        boolean headerTouched = false;
        try {
            for (int i = 0; i < blockCount; i++) {
                blocks.fresh(longer[old.length + i]);
            }
            for (long c = start; c < start + clusters + blockCount; c++) {
                store(c, 1);
            }
            blocks.writeDirty();
            writeTable(start << clusterBits, 0, longer.length);
            store.force();
            headerTouched = true;
            Qcow2Header.writeRefcountTable(store, start << clusterBits, clusters);
            store.force();
        } catch (IOException e) {
            unknownHeader = headerTouched;
            for (int i = 0; i < blockCount; i++) {
                blocks.drop(longer[old.length + i]);
            }
            table = old;
            throw e;
        }
        header.refcountTable = start << clusterBits;
        header.refcountTableClusters = clusters;
        for (long c = oldOffset >> clusterBits; c < (oldOffset >> clusterBits) + oldClusters; c++) {
            release(c);
        }
    }
}
