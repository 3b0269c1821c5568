package org.xenolith.guests.image.qcow2;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.CheckReport;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.ImageOpener;

/** Opens qcow2 images. */
public final class Qcow2Images {
    private static final Logger LOG = LoggerFactory.getLogger(Qcow2Images.class);

    private Qcow2Images() {
    }

    /**
     * Opens an image with its data file and all that it stands on.
     *
     * @param opener opens the other files
     * @param path where the image is
     * @param store the image; closed by the caller if this fails
     * @param writable whether to write to it
     */
    public static Qcow2Disk open(ImageOpener opener, Path path, ByteStore store, boolean writable) throws IOException {
        Qcow2Header header = Qcow2Header.read(store);
        if (writable && (header.incompatible & Qcow2Header.CORRUPT) != 0) {
            throw new DiskException(store.name(),
                    "is marked as corrupt; 'xenolith image check -r all' repairs it, 'ro' reads it as it is");
        }
        Qcow2Disk disk = open(opener, path, store, header, writable);
        try {
            if (writable) {
                if ((header.incompatible & Qcow2Header.DIRTY) != 0) {
                    LOG.info("{}: was not closed cleanly; its reference counts are made anew", store.name());
                    new Qcow2Check(disk).run(CheckReport.Repair.ALL);
                }
                disk.beginWriting();
            }
            return disk;
        } catch (IOException e) {
            disk.closeFiles();
            throw e;
        }
    }

    /** Opens an image to be checked and repaired: none of its tables is looked at. */
    public static Qcow2Disk openForCheck(ImageOpener opener, Path path, ByteStore store, boolean writable)
            throws IOException {
        return build(opener, path, store, Qcow2Header.read(store), Optional.empty(), writable);
    }

    private static Qcow2Disk open(ImageOpener opener, Path path, ByteStore store, Qcow2Header header, boolean writable)
            throws IOException {
        Optional<DiskImage> backing = Optional.empty();
        if (header.backingFile.isPresent()) {
            backing = Optional.of(opener.openBacking(path, header.backingFile.get(), header.backingFormat));
        }
        try {
            return build(opener, path, store, header, backing, writable);
        } catch (IOException e) {
            if (backing.isPresent()) {
                backing.get().close();
            }
            throw e;
        }
    }

    private static Qcow2Disk build(ImageOpener opener, Path path, ByteStore store, Qcow2Header header,
            Optional<DiskImage> backing, boolean writable) throws IOException {
        opener.takeMemory(store.name(), header.l1Entries * 8L);
        Optional<ByteStore> data = Optional.empty();
        if (header.hasDataFile()) {
            data = Optional.of(opener.openPart(path, header.dataFile.orElseThrow(), writable));
        }
        try {
            return new Qcow2Disk(store, header, data, backing, !writable);
        } catch (IOException e) {
            if (data.isPresent()) {
                data.get().close();
            }
            throw e;
        }
    }

    /** Opens a disk as it was when an internal snapshot was made, to be read; its name or number says which. */
    public static Qcow2Disk openSnapshot(ImageOpener opener, Path path, ByteStore store, String snapshot)
            throws IOException {
        Qcow2Header header = Qcow2Header.read(store);
        Qcow2Snapshots.Entry entry = Qcow2Snapshots.find(Qcow2Snapshots.read(store, header), snapshot)
                .orElseThrow(() -> new DiskException(store.name(), "has no snapshot '" + snapshot + "'"));
        opener.takeMemory(store.name(), entry.l1Entries() * 8L);
        Optional<DiskImage> backing = Optional.empty();
        if (header.backingFile.isPresent()) {
            backing = Optional.of(opener.openBacking(path, header.backingFile.get(), header.backingFormat));
        }
        try {
            return new Qcow2Disk(store, header, Optional.empty(), backing, true, entry.l1Offset(), entry.l1Entries(),
                    entry.diskSize());
        } catch (IOException e) {
            if (backing.isPresent()) {
                backing.get().close();
            }
            throw e;
        }
    }
}
