package org.xenolith.guests.image.qcow2;

import java.io.IOException;
import org.xenolith.guests.image.TableCache;

/** Changes the reference counts of everything that an L1 table leads to, and the marks of sole owners after that. */
final class References {
    private final Qcow2Disk disk;
    private final Qcow2Header header;
    private final Refcounts refcounts;
    private final TableCache cache;
    private final int perTable;

    References(Qcow2Disk disk) {
        this.disk = disk;
        this.header = disk.header();
        this.refcounts = disk.refcounts();
        this.cache = disk.tables().cache();
        this.perTable = header.clusterSize() / 8;
    }

    /** Adds 1 to all counts, or takes 1 away at the next flush but one. */
    void add(long[] l1, int delta) throws IOException {
        for (long entry : l1) {
            long table = entry & L2Tables.OFFSET;
            if (table == 0) {
                continue;
            }
            for (int i = 0; i < perTable; i++) {
                addEntry(cache.get(table + i * 8L), delta);
            }
            change(table >> header.clusterBits, delta);
            if (refcounts.isCrowded()) {
                disk.flush();
            }
        }
    }

    private void addEntry(long entry, int delta) throws IOException {
        if ((entry & L2Tables.COMPRESSED) != 0) {
            CompressedClusters compressed = disk.compressed();
            long from = compressed.offset(entry);
            long end = from + compressed.length(entry) - 1;
            for (long c = from >> header.clusterBits; c <= end >> header.clusterBits; c++) {
                change(c, delta);
            }
        } else if ((entry & L2Tables.OFFSET) != 0) {
            change((entry & L2Tables.OFFSET) >> header.clusterBits, delta);
        }
    }

    private void change(long cluster, int delta) throws IOException {
        if (delta > 0) {
            refcounts.increment(cluster, delta);
        } else {
            refcounts.release(cluster);
        }
    }

    /** Takes note of a mark that does not fit the counts. */
    @FunctionalInterface
    interface Finding {
        void found(String what, boolean fixed);
    }

    /** Sets the marks of the disk's own tables to what the counts say. */
    void fixOwners() throws IOException {
        checkOwners(true, (what, fixed) -> {
        });
        disk.flush();
    }

    /** Looks for marks of the disk's own tables that do not fit the counts. */
    void checkOwners(boolean fix, Finding finding) throws IOException {
        L2Tables tables = disk.tables();
        long[] l1 = tables.l1();
        for (int i = 0; i < l1.length; i++) {
            long table = l1[i] & L2Tables.OFFSET;
            if (table == 0 || (table & header.clusterSize() - 1) != 0) {
                continue;
            }
            if (isWrong(l1[i], table)) {
                finding.found("L1 entry " + i + " " + describe(l1[i]), fix);
                if (fix) {
                    tables.setL1(i, l1[i] ^ L2Tables.COPIED);
                }
            }
            for (int k = 0; k < perTable; k++) {
                checkOwner(table + k * 8L, fix, finding);
            }
            if (cache.isCrowded()) {
                disk.flush();
            }
        }
    }

    private void checkOwner(long position, boolean fix, Finding finding) throws IOException {
        long entry = cache.get(position);
        long offset = entry & L2Tables.OFFSET;
        boolean wrong;
        if ((entry & L2Tables.COMPRESSED) != 0) {
            wrong = (entry & L2Tables.COPIED) != 0;
        } else {
            wrong = offset != 0 && !header.hasDataFile() && (offset & header.clusterSize() - 1) == 0
                    && isWrong(entry, offset);
        }
        if (wrong) {
            finding.found("L2 entry at 0x" + Long.toHexString(position) + " " + describe(entry), fix);
            if (fix) {
                cache.put(position, entry ^ L2Tables.COPIED);
            }
        }
    }

    private boolean isWrong(long entry, long offset) throws IOException {
        return refcounts.get(offset >> header.clusterBits) == 1 != ((entry & L2Tables.COPIED) != 0);
    }

    private static String describe(long entry) {
        return (entry & L2Tables.COPIED) != 0
                ? "says that it is the only owner, and it is not"
                : "is the only owner and does not say so";
    }
}
