package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.u16;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.CheckReport;
import org.xenolith.guests.image.CheckReport.Repair;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.TableCache;

/** Counts who points to each cluster of an image, compares that with what the image counts, and repairs the difference. */
public final class Qcow2Check {
    private static final int MOST_FINDINGS = 1000;
    /** Counters are kept in pieces of this many clusters, made where somebody points. */
    private static final int PIECE = 4096;
    private static final int MOST_PIECES = 32768;

    private final Qcow2Disk disk;
    private final ByteStore store;
    private final Qcow2Header header;
    private final Refcounts refcounts;
    private final int clusterBits;
    private final TreeMap<Long, int[]> counted = new TreeMap<>();
    private final Set<Long> madeByRepair = new HashSet<>();
    private final List<String> findings = new ArrayList<>();
    private long corruptions;
    private long leaks;
    private long corruptionsFixed;
    private long leaksFixed;
    private long allocated;
    private long compressed;
    private long fragmented;
    private long imageEnd;
    private long fileSize;
    private long previousHost;
    private Repair repair = Repair.NONE;

    /** A check of a disk; one that is to be repaired is open for writing, and nobody else uses it meanwhile. */
    public Qcow2Check(Qcow2Disk disk) {
        this.disk = disk;
        this.store = disk.store();
        this.header = disk.header();
        this.refcounts = disk.refcounts();
        this.clusterBits = header.clusterBits;
    }

    /**
     * Checks, and repairs as far as asked.
     *
     * @throws DiskException if the image cannot be read, or is too large to be checked in memory
     */
    public CheckReport run(Repair how) throws IOException {
        repair = how;
        fileSize = store.size();
        refcounts.load();
        count(0, 1);
        checkRefcountTable();
        countTables();
        compareCounts();
        new References(disk).checkOwners(repair == Repair.ALL, this::corrupt);
        if (repair == Repair.ALL) {
            finishRepair();
        } else if (repair == Repair.LEAKS) {
            disk.flush();
        }
        long clusters = (header.size + header.clusterSize() - 1) >> clusterBits;
        return new CheckReport(corruptions, leaks, corruptionsFixed, leaksFixed, clusters, allocated, compressed,
                fragmented,
                imageEnd, List.copyOf(findings));
    }

    private void corrupt(String what, boolean fixed) {
        if (fixed) {
            corruptionsFixed++;
        } else {
            corruptions++;
        }
        find((fixed ? "repaired: " : "error: ") + what);
    }

    private void find(String what) {
        if (findings.size() < MOST_FINDINGS) {
            findings.add(what);
        }
    }

    private void count(long cluster, long clusters) throws IOException {
        for (long c = cluster; c < cluster + clusters; c++) {
            int[] piece = counted.get(c / PIECE);
            if (piece == null) {
                if (counted.size() >= MOST_PIECES) {
                    throw new DiskException(store.name(),
                            "qcow2: too many places are pointed to; the check needs too much memory");
                }
                piece = new int[PIECE];
                counted.put(c / PIECE, piece);
            }
            int at = (int) (c % PIECE);
            piece[at] = Math.max(piece[at], piece[at] + 1);
            imageEnd = Math.max(imageEnd, c + 1 << clusterBits);
        }
    }

    private int countOf(long cluster) {
        int[] piece = counted.get(cluster / PIECE);
        return piece == null ? 0 : piece[(int) (cluster % PIECE)];
    }

    private void countBytes(long offset, long length) throws IOException {
        if (length > 0) {
            count(offset >> clusterBits, (offset + length - 1 >> clusterBits) - (offset >> clusterBits) + 1);
        }
    }

    private boolean isCluster(long offset) {
        return (offset & header.clusterSize() - 1) == 0;
    }

    private void checkRefcountTable() throws IOException {
        count(header.refcountTable >> clusterBits, header.refcountTableClusters);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < refcounts.tableLength(); i++) {
            String fault = refcounts.faultOf(i);
            if (fault == null && refcounts.block(i) != 0 && !seen.add(refcounts.block(i))) {
                fault = "shares a block with another";
            }
            if (fault != null) {
                boolean fix = repair == Repair.ALL;
                corrupt("refcount table entry " + i + " " + fault, fix);
                refcounts.dropBlock(i); // in memory, or the counts that follow are nonsense
                if (!fix) {
                    continue;
                }
            }
            if (refcounts.block(i) != 0) {
                count(refcounts.block(i) >> clusterBits, 1);
            }
        }
    }

    private void countTables() throws IOException {
        long[] active = disk.tables().l1();
        countBytes(header.l1Offset, active.length * 8L);
        countL1(active, "L1 table", true);
        if (header.snapshotCount > 0) {
            List<Qcow2Snapshots.Entry> snapshots = Qcow2Snapshots.read(store, header);
            countBytes(header.snapshotTable, Qcow2Snapshots.tableBytes(snapshots));
            for (Qcow2Snapshots.Entry s : snapshots) {
                countBytes(s.l1Offset(), s.l1Entries() * 8L);
                countL1(L2Tables.readL1(store, s.l1Offset(), s.l1Entries()), "L1 table of snapshot " + s.id(), false);
            }
        }
        if ((header.autoclear & Qcow2Header.BITMAPS) != 0 && header.bitmapCount > 0) {
            countBitmaps();
        }
    }

    private void countL1(long[] l1, String what, boolean active) throws IOException {
        for (int i = 0; i < l1.length; i++) {
            long table = l1[i] & L2Tables.OFFSET;
            if (table == 0) {
                continue;
            }
            if (!isCluster(table) || table >= fileSize) {
                boolean fix = active && repair == Repair.ALL;
                corrupt(what + ": entry " + i + " points to 0x" + Long.toHexString(table) + ", no table of this file"
                        + (fix ? "; that part of the disk is empty now" : ""), fix);
                if (fix) {
                    disk.tables().setL1(i, 0);
                }
                continue;
            }
            count(table >> clusterBits, 1);
            TableCache cache = disk.tables().cache();
            for (int k = 0; k < header.clusterSize() / 8; k++) {
                countEntry(cache, table + k * 8L, active);
            }
        }
    }

    private void countEntry(TableCache cache, long position, boolean active) throws IOException {
        long entry = cache.get(position);
        if (entry == 0) {
            return;
        }
        long offset = entry & L2Tables.OFFSET;
        if ((entry & L2Tables.COMPRESSED) != 0) {
            long end = disk.compressed().offset(entry) + disk.compressed().length(entry);
            if (end - fileSize >= header.clusterSize()) {
                corrupt("L2 entry at 0x" + Long.toHexString(position) + " points behind the end of the file", false);
                return;
            }
            countBytes(disk.compressed().offset(entry), disk.compressed().length(entry));
            if (active) {
                allocated++;
                compressed++;
                fragmented++;
                previousHost = 0;
            }
            return;
        }
        if (offset == 0 && !header.hasDataFile()) {
            return;
        }
        if (!isCluster(offset)) {
            boolean fix = active && repair == Repair.ALL;
            corrupt("L2 entry at 0x" + Long.toHexString(position) + " points to 0x" + Long.toHexString(offset)
                    + ", no cluster" + (fix ? "; that cluster of the disk is empty now" : ""), fix);
            if (fix) {
                cache.put(position, header.version >= 3 ? L2Tables.ZERO : 0);
            }
            return;
        }
        if (!header.hasDataFile()) {
            if (offset >= fileSize) {
                // it reads as zeroes
                boolean fix = active && repair == Repair.ALL
                        && (header.version >= 3 || header.backingFile.isEmpty());
                corrupt("L2 entry at 0x" + Long.toHexString(position) + " points to 0x" + Long.toHexString(offset)
                        + ", behind the end of the file", fix);
                if (fix) {
                    cache.put(position, header.version >= 3 ? L2Tables.ZERO : 0);
                }
                return;
            }
            count(offset >> clusterBits, 1);
        }
        if (active) {
            allocated++;
            fragmented += previousHost != 0 && offset != previousHost + header.clusterSize() ? 1 : 0;
            previousHost = offset;
        }
    }

    /** Persistent bitmaps: their directory, tables and data; what is in them is not looked at. */
    private void countBitmaps() throws IOException {
        long bytes = header.bitmapDirectoryBytes;
        if (bytes <= 0 || bytes > fileSize || header.bitmapDirectory <= 0 || header.bitmapDirectory > fileSize - bytes
                || bytes > 64 << 20) {
            corrupt("extension 'bitmaps': its directory is not within the file", false);
            return;
        }
        countBytes(header.bitmapDirectory, bytes);
        byte[] directory = new byte[(int) bytes];
        store.read(header.bitmapDirectory, directory, 0, directory.length);
        int at = 0;
        for (long i = 0; i < header.bitmapCount && at + 24 <= bytes; i++) {
            long table = i64(directory, at);
            long entries = u32(directory, at + 8);
            if (table < 0 || table > fileSize || entries * 8 > fileSize - table || entries > 8 << 20) {
                corrupt("bitmap " + i + ": its table is not within the file", false);
                return;
            }
            countBytes(table, entries * 8);
            byte[] one = new byte[8];
            for (long k = 0; k < entries; k++) {
                store.read(table + k * 8, one, 0, 8);
                long data = i64(one, 0) & L2Tables.OFFSET;
                if (data != 0) {
                    countBytes(data, header.clusterSize());
                }
            }
            long length = 24 + u32(directory, at + 20) + u16(directory, at + 18);
            at += (int) Math.min(bytes, length + 7 & ~7L);
        }
    }

    private void compareCounts() throws IOException {
        if (repair != Repair.NONE) {
            long end = Math.max(fileSize, imageEnd);
            refcounts.lookFrom((end + header.clusterSize() - 1 >> clusterBits) + 1);
        }
        // first what is counted too low: a repair that makes new blocks must not take a cluster in use
        for (var piece : counted.entrySet()) {
            for (int i = 0; i < PIECE; i++) {
                if (piece.getValue()[i] > 0) {
                    compareUsed(piece.getKey() * PIECE + i, piece.getValue()[i]);
                }
            }
        }
        int blocks = refcounts.tableLength();
        for (int b = 0; b < blocks; b++) {
            long block = refcounts.block(b);
            for (long c = b * refcounts.perBlock(); block != 0 && c < (b + 1) * refcounts.perBlock(); c++) {
                long has = refcounts.get(c);
                if (has != 0 && countOf(c) == 0 && !madeByRepair.contains(c)) {
                    compareFree(c, has);
                }
            }
        }
    }

    private void compareUsed(long cluster, int owners) throws IOException {
        long has = refcounts.get(cluster);
        if (has == owners) {
            return;
        }
        boolean low = has < owners;
        boolean fix = low ? repair == Repair.ALL : repair != Repair.NONE;
        String what = "cluster " + cluster + " has a reference count of " + has + " and " + owners
                + (owners == 1 ? " owner" : " owners");
        if (fix) {
            if (owners > refcounts.most()) {
                throw new DiskException(store.name(), "qcow2: " + what + ", which cannot be counted");
            }
            setCount(cluster, owners);
        }
        if (low) {
            corrupt(what, fix);
        } else {
            leak(what, fix);
        }
    }

    /** Sets a count; blocks and tables that this makes have an owner from now on. */
    private void setCount(long cluster, long owners) throws IOException {
        long entry = cluster / refcounts.perBlock();
        if (entry < refcounts.tableLength() && refcounts.block((int) entry) != 0) {
            refcounts.set(cluster, owners);
            return;
        }
        Set<Long> before = new HashSet<>();
        for (int i = 0; i < refcounts.tableLength(); i++) {
            before.add(refcounts.block(i));
        }
        long table = header.refcountTable;
        refcounts.set(cluster, owners);
        for (int i = 0; i < refcounts.tableLength(); i++) {
            if (!before.contains(refcounts.block(i))) {
                madeByRepair.add(refcounts.block(i) >> clusterBits);
            }
        }
        for (long i = 0; header.refcountTable != table && i < header.refcountTableClusters; i++) {
            madeByRepair.add((header.refcountTable >> clusterBits) + i);
        }
    }

    private void compareFree(long cluster, long has) throws IOException {
        boolean fix = repair != Repair.NONE;
        if (fix) {
            refcounts.set(cluster, 0);
        }
        leak("cluster " + cluster + " has a reference count of " + has + " and no owner", fix);
    }

    private void leak(String what, boolean fixed) {
        if (fixed) {
            leaksFixed++;
        } else {
            leaks++;
        }
        find((fixed ? "freed: " : "leak: ") + what);
    }

    private void finishRepair() throws IOException {
        disk.flush();
        if (corruptions == 0 && (header.incompatible & (Qcow2Header.DIRTY | Qcow2Header.CORRUPT)) != 0) {
            header.incompatible &= ~(Qcow2Header.DIRTY | Qcow2Header.CORRUPT);
            header.writeFeatures(store);
            store.force();
        }
    }
}
