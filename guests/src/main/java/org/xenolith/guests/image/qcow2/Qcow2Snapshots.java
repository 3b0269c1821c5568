package org.xenolith.guests.image.qcow2;

import static org.xenolith.guests.image.BigEndian.i64;
import static org.xenolith.guests.image.BigEndian.put16;
import static org.xenolith.guests.image.BigEndian.put32;
import static org.xenolith.guests.image.BigEndian.put64;
import static org.xenolith.guests.image.BigEndian.u16;
import static org.xenolith.guests.image.BigEndian.u32;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;

/** Internal snapshots: the list of them, making, applying and deleting one. The disk is not in use meanwhile. */
public final class Qcow2Snapshots {
    private static final int MOST_TRIES = 10_000;
    private static final int FIXED = 40;
    private static final int MOST_EXTRA = 1024;
    private static final long MOST_TABLE = 64L << 20;

    private final Qcow2Disk disk;
    private final ByteStore store;
    private final Qcow2Header header;
    private final List<Entry> entries;

    /**
     * A snapshot.
     *
     * @param id a number as text, unique in the image
     * @param name what the user called it
     * @param seconds when it was made, since 1970
     * @param nanos of that second
     * @param vmClock virtual time, in nanoseconds
     * @param vmStateSize bytes of machine state behind the disk
     * @param diskSize size of the disk in bytes
     * @param l1Offset where its L1 table is
     * @param l1Entries how long that is
     * @param extra more that its writer kept, from the 17th byte of the extra data on
     */
    public record Entry(String id, String name, long seconds, long nanos, long vmClock, long vmStateSize, long diskSize,
            long l1Offset, int l1Entries, byte[] extra) {
    }

    /** The snapshots of a disk that is open for writing. */
    public Qcow2Snapshots(Qcow2Disk disk) throws IOException {
        this.disk = disk;
        this.store = disk.store();
        this.header = disk.header();
        this.entries = new ArrayList<>(read(store, header));
    }

    /** {@return the snapshots of a disk} */
    public static List<Entry> of(Qcow2Disk disk) throws IOException {
        return read(disk.store(), disk.header());
    }

    static Optional<Entry> find(List<Entry> entries, String idOrName) {
        Optional<Entry> byId = entries.stream().filter(e -> e.id().equals(idOrName)).findFirst();
        return byId.isPresent() ? byId : entries.stream().filter(e -> e.name().equals(idOrName)).findFirst();
    }

    static List<Entry> read(ByteStore store, Qcow2Header header) throws IOException {
        List<Entry> entries = new ArrayList<>();
        long at = header.snapshotTable;
        for (long i = 0; i < header.snapshotCount; i++) {
            byte[] h = new byte[FIXED];
            store.read(at, h, 0, FIXED);
            long extra = u32(h, 36);
            int idLength = u16(h, 12);
            int nameLength = u16(h, 14);
            long l1 = u32(h, 8);
            long total = FIXED + extra + idLength + nameLength;
            if (extra > MOST_EXTRA || at + total - header.snapshotTable > MOST_TABLE || at + total > store.size()) {
                throw bad(store, i, "is too long or behind the end of the file");
            }
            if (l1 > Qcow2Header.MOST_L1_BYTES / 8 || i64(h, 0) % header.clusterSize() != 0 || i64(h, 0) < 0
                    || i64(h, 0) > Qcow2Header.MOST_OFFSET) {
                throw bad(store, i, "has an impossible L1 table");
            }
            byte[] rest = new byte[(int) (total - FIXED)];
            store.read(at + FIXED, rest, 0, rest.length);
            long vmState = extra >= 8 ? i64(rest, 0) : u32(h, 32);
            long diskSize = extra >= 16 ? i64(rest, 8) : header.size;
            long perEntry = (long) header.clusterSize() * (header.clusterSize() / 8);
            if (diskSize < 0 || diskSize > Long.MAX_VALUE - perEntry || (diskSize + perEntry - 1) / perEntry > l1) {
                throw bad(store, i, "has an L1 table too short for its disk");
            }
            int more = (int) Math.max(0, extra - 16);
            byte[] kept = new byte[more];
            System.arraycopy(rest, (int) extra - more, kept, 0, more);
            entries.add(new Entry(new String(rest, (int) extra, idLength, StandardCharsets.UTF_8),
                    new String(rest, (int) extra + idLength, nameLength, StandardCharsets.UTF_8), u32(h, 16),
                    u32(h, 20),
                    i64(h, 24), vmState, diskSize, i64(h, 0), (int) l1, kept));
            at += total + 7 & ~7L;
        }
        return entries;
    }

    /** How long the table of snapshots is in the file. */
    static long tableBytes(List<Entry> entries) {
        return serialise(entries).length;
    }

    private static DiskException bad(ByteStore store, long index, String what) {
        return new DiskException(store.name(), "qcow2: snapshot " + index + " of the snapshot table " + what);
    }

    private static byte[] serialise(List<Entry> entries) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Entry e : entries) {
            byte[] id = e.id().getBytes(StandardCharsets.UTF_8);
            byte[] name = e.name().getBytes(StandardCharsets.UTF_8);
            byte[] h = new byte[FIXED + 16];
            put64(h, 0, e.l1Offset());
            put32(h, 8, e.l1Entries());
            put16(h, 12, id.length);
            put16(h, 14, name.length);
            put32(h, 16, (int) e.seconds());
            put32(h, 20, (int) e.nanos());
            put64(h, 24, e.vmClock());
            put32(h, 32, (int) Math.min(e.vmStateSize(), 0xffff_ffffL));
            put32(h, 36, 16 + e.extra().length);
            put64(h, 40, e.vmStateSize());
            put64(h, 48, e.diskSize());
            out.writeBytes(h);
            out.writeBytes(e.extra());
            out.writeBytes(id);
            out.writeBytes(name);
            out.writeBytes(new byte[-out.size() & 7]);
        }
        return out.toByteArray();
    }

    private Entry require(String idOrName) throws IOException {
        return find(entries, idOrName)
                .orElseThrow(() -> new DiskException(store.name(), "has no snapshot '" + idOrName + "'"));
    }

    /**
     * Makes a snapshot of the disk as it is.
     *
     * @param name what to call it
     * @param seconds the time, since 1970
     */
    public void create(String name, long seconds) throws IOException {
        if (header.hasDataFile()) {
            throw new DiskException(store.name(), "an image with an external data file cannot have internal snapshots");
        }
        if (entries.stream().anyMatch(e -> e.name().equals(name))) {
            throw new DiskException(store.name(), "has a snapshot '" + name + "' already");
        }
        if (name.isEmpty() || name.getBytes(StandardCharsets.UTF_8).length > 255 || entries.size() >= 1000) {
            throw new DiskException(store.name(),
                    "a snapshot's name has 1 to 255 bytes, and an image at most 1000 of them");
        }
        disk.flush();
        long id = entries.stream().mapToLong(e -> e.id().matches("[0-9]{1,9}") ? Long.parseLong(e.id()) : 0).max()
                .orElse(0) + 1;
        long[] l1 = disk.tables().l1().clone();
        new References(disk).add(l1, 1);
        settle();
        for (int i = 0; i < l1.length; i++) {
            l1[i] &= ~L2Tables.COPIED;
        }
        long place = newClusters(l1.length * 8L);
        L2Tables.writeL1(store, place, l1, 0, l1.length);
        new References(disk).fixOwners();
        entries.add(new Entry(Long.toString(id), name, seconds, 0, 0, 0, disk.size(), place, l1.length, new byte[0]));
        writeTable();
    }

    /** Makes the disk what it was when a snapshot was made; the snapshot stays. */
    public void apply(String idOrName) throws IOException {
        Entry entry = require(idOrName);
        long[] target = L2Tables.readL1(store, entry.l1Offset(), entry.l1Entries());
        long[] active = disk.tables().l1();
        if (entry.diskSize() != header.size) {
            throw new DiskException(store.name(), "the disk was " + entry.diskSize() + " bytes long when snapshot '"
                    + idOrName + "' was made; it cannot be applied to one of " + header.size);
        }
        disk.flush();
        References references = new References(disk);
        references.add(target, 1);
        settle();
        long[] old = active.clone();
        for (int i = 0; i < active.length; i++) {
            disk.tables().setL1(i, (i < target.length ? target[i] : 0) & ~L2Tables.COPIED);
        }
        disk.flush();
        references.add(old, -1);
        settle();
        references.fixOwners();
    }

    /** Deletes a snapshot. */
    public void delete(String idOrName) throws IOException {
        Entry entry = require(idOrName);
        long[] l1 = L2Tables.readL1(store, entry.l1Offset(), entry.l1Entries());
        disk.flush();
        entries.remove(entry);
        writeTable();
        new References(disk).add(l1, -1);
        release(entry.l1Offset(), entry.l1Entries() * 8L);
        settle();
        new References(disk).fixOwners();
    }

    private void settle() throws IOException {
        disk.flush();
        disk.flush();
    }

    private long newClusters(long bytes) throws IOException {
        int wanted = (int) Math.max(1, bytes + header.clusterSize() - 1 >> header.clusterBits);
        // tables must lie in one piece; what was too short goes back once a piece is long enough
        List<long[]> tooShort = new ArrayList<>();
        for (int tries = 0;; tries++) {
            long cluster = disk.refcounts().allocate(wanted);
            int got = disk.refcounts().lastRun();
            if (got == wanted) {
                for (long[] piece : tooShort) {
                    disk.refcounts().giveBack(piece[0], (int) piece[1]);
                }
                return cluster << header.clusterBits;
            }
            long[] previous = tooShort.isEmpty() ? new long[2] : tooShort.getLast();
            if (previous[0] + previous[1] == cluster && previous[1] > 0) {
                previous[1] += got;
                if (previous[1] >= wanted) {
                    disk.refcounts().giveBack(previous[0] + wanted, (int) previous[1] - wanted);
                    tooShort.removeLast();
                    for (long[] piece : tooShort) {
                        disk.refcounts().giveBack(piece[0], (int) piece[1]);
                    }
                    return previous[0] << header.clusterBits;
                }
            } else {
                tooShort.add(new long[]{cluster, got});
            }
            if (tries > MOST_TRIES) {
                for (long[] piece : tooShort) {
                    disk.refcounts().giveBack(piece[0], (int) piece[1]);
                }
                throw new DiskException(store.name(), "qcow2: found no " + wanted + " free clusters side by side");
            }
        }
    }

    private void release(long offset, long bytes) {
        for (long c = offset >> header.clusterBits; c < offset + bytes + header.clusterSize()
                - 1 >> header.clusterBits; c++) {
            disk.refcounts().release(c);
        }
    }

    /** Writes the table to a new place and then says so in the header. */
    private void writeTable() throws IOException {
        long oldOffset = header.snapshotTable;
        long oldBytes = oldOffset == 0 ? 0 : tableBytes(read(store, header));
        byte[] table = serialise(entries);
        long place = entries.isEmpty() ? 0 : newClusters(table.length);
        if (!entries.isEmpty()) {
            store.write(place, table, 0, table.length);
        }
        disk.flush();
        header.snapshotTable = place;
        header.snapshotCount = entries.size();
        header.writeSnapshots(store);
        store.force();
        if (oldOffset != 0) {
            release(oldOffset, oldBytes);
        }
        settle();
    }
}
