package org.xenolith.guests.image.qcow2;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.CheckReport;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.FileStore;
import org.xenolith.guests.image.ImageOpener;

/** What the {@code image} command does with qcow2 files, by path. */
public final class Qcow2Tools {
    private Qcow2Tools() {
    }

    private static ImageOpener opener() {
        return new ImageOpener(FileStore::open, notice -> {
        });
    }

    /** Something done with an open image. */
    @FunctionalInterface
    private interface Work<T> {
        T with(Qcow2Disk disk) throws IOException;
    }

    private static <T> T look(Path path, boolean writable, Work<T> work) throws IOException {
        try (ByteStore store = FileStore.open(path, writable)) {
            Qcow2Disk disk = Qcow2Images.openForCheck(opener(), path, store, writable);
            return work.with(disk);
        }
    }

    /** Checks and repairs an image; those below it are not looked at. */
    public static CheckReport check(Path path, CheckReport.Repair repair) throws IOException {
        return look(path, repair != CheckReport.Repair.NONE, disk -> {
            CheckReport report = new Qcow2Check(disk).run(repair);
            disk.flush(); // what a repair let go of
            return report;
        });
    }

    /** {@return the internal snapshots of an image} */
    public static List<Qcow2Snapshots.Entry> snapshots(Path path) throws IOException {
        return look(path, false, Qcow2Snapshots::of);
    }

    /** What an image says of itself, by qemu-img's names. */
    public static Map<String, Object> describe(Path path) throws IOException {
        return look(path, false, disk -> {
            Qcow2Header h = disk.header();
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("virtual-size", disk.size());
            all.put("cluster-size", (long) h.clusterSize());
            h.backingFile.ifPresent(name -> all.put("backing-filename", name));
            h.backingFormat.ifPresent(name -> all.put("backing-filename-format", name));
            all.put("dirty-flag", (h.incompatible & Qcow2Header.DIRTY) != 0);
            Map<String, Object> data = new LinkedHashMap<>();
            data.put("compat", h.version == 2 ? "0.10" : "1.1");
            if (h.version >= 3) {
                data.put("compression-type", h.zstd ? "zstd" : "zlib");
                data.put("lazy-refcounts", (h.compatible & Qcow2Header.LAZY_REFCOUNTS) != 0);
                data.put("refcount-bits", (long) (1 << h.refcountOrder));
                data.put("corrupt", (h.incompatible & Qcow2Header.CORRUPT) != 0);
                data.put("extended-l2", false);
            }
            if (h.hasDataFile()) {
                data.put("data-file", h.dataFile.orElseThrow());
                data.put("data-file-raw", (h.autoclear & Qcow2Header.DATA_FILE_RAW) != 0);
            }
            all.put("format-specific", data);
            return all;
        });
    }

    /** Opens the disk as of an internal snapshot, to be read. */
    public static DiskImage openSnapshot(Path path, String snapshot, Consumer<String> notices) throws IOException {
        ByteStore store = FileStore.open(path, false);
        try {
            return Qcow2Images.openSnapshot(new ImageOpener(FileStore::open, notices), path, store, snapshot);
        } catch (IOException e) {
            store.close();
            throw e;
        }
    }

    /** What can be done with a snapshot. */
    public enum SnapshotAction {
        /** Makes one. */
        CREATE,
        /** Makes the disk what it was. */
        APPLY,
        /** Deletes one. */
        DELETE
    }

    /** Makes, applies or deletes a snapshot; {@code seconds} is the time since 1970. */
    public static void snapshot(Path path, SnapshotAction action, String name, long seconds) throws IOException {
        ByteStore store = FileStore.open(path, true);
        try (Qcow2Disk disk = Qcow2Images.open(opener(), path, store, true)) {
            Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
            switch (action) {
                case CREATE -> snapshots.create(name, seconds);
                case APPLY -> snapshots.apply(name);
                case DELETE -> snapshots.delete(name);
            }
        } finally {
            store.close();
        }
    }
}
