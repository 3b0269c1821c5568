package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.put16;
import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.put64;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.ByteStore;

/** Writes new, empty images: header, refcount table, its blocks, L1 table, in this order and without gaps. */
public final class Qcow2Creator {
    private Qcow2Creator() {
    }

    /**
     * Makes an empty image in an empty file.
     *
     * @param store the file
     * @param size of the disk in bytes
     * @param options how
     * @throws ImageException if the options or the size are impossible
     */
    public static void create(ByteStore store, long size, Qcow2Options options) throws IOException, ImageException {
        options.check(store.name());
        int bits = options.clusterBits();
        long cluster = 1L << bits;
        long perL1Entry = cluster * (cluster / 8);
        long l1Entries = size / perL1Entry + (size % perL1Entry == 0 ? 0 : 1);
        if (l1Entries > Qcow2Header.MOST_L1_BYTES / 8) {
            throw new ImageException(store.name(),
                    "a disk of " + size + " bytes is too large for clusters of " + cluster
                            + " bytes; the largest is " + perL1Entry * (Qcow2Header.MOST_L1_BYTES / 8));
        }
        long l1Clusters = Math.max(1, (l1Entries * 8 + cluster - 1) >> bits);
        int order = Integer.numberOfTrailingZeros(options.refcountBits());
        long perBlock = cluster * 8 >> order;
        long blocks = 1;
        long tableClusters = 1;
        while (true) {
            long used = 1 + tableClusters + blocks + l1Clusters;
            long blocksNeeded = (used + perBlock - 1) / perBlock;
            long tableNeeded = (blocksNeeded * 8 + cluster - 1) >> bits;
            if (blocksNeeded <= blocks && tableNeeded <= tableClusters) {
                break;
            }
            blocks = Math.max(blocks, blocksNeeded);
            tableClusters = Math.max(tableClusters, tableNeeded);
        }
        long firstBlock = 1 + tableClusters;
        long l1 = firstBlock + blocks;
        writeRefcounts(store, order, (int) cluster, firstBlock, blocks, l1 + l1Clusters);
        byte[] zeroes = new byte[(int) cluster];
        for (long c = l1; c < l1 + l1Clusters; c++) {
            store.write(c << bits, zeroes, 0, zeroes.length);
        }
        store.force();
        byte[] header = header(store.name(), size, options, order, (int) l1Entries, l1 << bits, tableClusters);
        store.write(0, header, 0, header.length);
        store.force();
    }

    private static void writeRefcounts(ByteStore store, int order, int cluster, long firstBlock, long blocks, long used)
            throws IOException {
        byte[] table = new byte[(int) (blocks * 8 + cluster - 1) / cluster * cluster];
        long perBlock = (long) cluster * 8 >> order;
        for (long b = 0; b < blocks; b++) {
            byte[] block = new byte[cluster];
            for (long c = b * perBlock; c < Math.min(used, (b + 1) * perBlock); c++) {
                setOne(block, (int) (c - b * perBlock), order);
            }
            store.write((firstBlock + b) * cluster, block, 0, cluster);
            put64(table, (int) b * 8, (firstBlock + b) * cluster);
        }
        store.write(cluster, table, 0, table.length);
    }

    private static void setOne(byte[] block, int index, int order) {
        int at = (int) (((long) index << order) >> 3);
        switch (order) {
            case 3 -> block[at] = 1;
            case 4 -> put16(block, at, 1);
            case 5 -> put32(block, at, 1);
            case 6 -> put64(block, at, 1);
            default -> block[at] |= (byte) (1 << (index << order & 7));
        }
    }

    private static byte[] header(String file, long size, Qcow2Options options, int order, int l1Entries, long l1Offset,
            long tableClusters) throws ImageException {
        byte[] h = new byte[1 << options.clusterBits()];
        put32(h, 0, Qcow2Header.MAGIC);
        put32(h, 4, options.version());
        put32(h, 20, options.clusterBits());
        put64(h, 24, size);
        put32(h, Qcow2Header.AT_L1, l1Entries);
        put64(h, 40, l1Offset);
        put64(h, Qcow2Header.AT_REFCOUNT_TABLE, h.length);
        put32(h, 56, (int) tableClusters);
        int at = Qcow2Header.V2_LENGTH;
        if (options.version() >= 3) {
            boolean external = options.dataFile().isPresent();
            put64(h, Qcow2Header.AT_INCOMPATIBLE, external ? Qcow2Header.DATA_FILE : 0);
            put64(h, 80, options.lazyRefcounts() ? Qcow2Header.LAZY_REFCOUNTS : 0);
            put64(h, Qcow2Header.AT_AUTOCLEAR, options.rawDataFile() ? Qcow2Header.DATA_FILE_RAW : 0);
            put32(h, 96, order);
            put32(h, 100, Qcow2Header.V3_LENGTH);
            at = Qcow2Header.V3_LENGTH;
        }
        if (options.backingFormat().isPresent()) {
            at = extension(file, h, at, Qcow2Header.EXT_BACKING_FORMAT, options.backingFormat().get());
        }
        if (options.dataFile().isPresent()) {
            at = extension(file, h, at, Qcow2Header.EXT_DATA_FILE, options.dataFile().get());
        }
        at += 8; // the end of the extensions
        if (options.backingFile().isPresent()) {
            byte[] name = options.backingFile().get().getBytes(StandardCharsets.UTF_8);
            if (name.length > 1023 || name.length > h.length - at) {
                throw new ImageException(file,
                        "the name of the backing file is too long: " + options.backingFile().get());
            }
            put64(h, 8, at);
            put32(h, 16, name.length);
            System.arraycopy(name, 0, h, at, name.length);
        }
        return h;
    }

    private static int extension(String file, byte[] h, int at, int type, String text) throws ImageException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int next = at + 8 + (bytes.length + 7 & -8);
        if (next + 8 > h.length) {
            throw new ImageException(file,
                    "the names in the header are too long for a cluster of " + h.length + " bytes");
        }
        put32(h, at, type);
        put32(h, at + 4, bytes.length);
        System.arraycopy(bytes, 0, h, at + 8, bytes.length);
        return next;
    }
}
