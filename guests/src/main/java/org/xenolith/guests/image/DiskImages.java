package org.xenolith.guests.image;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.guests.ImageException;

/**
 * Opens disk images.
 *
 * <p>The format is the one that the user names. Without a name the first bytes of the file decide, and a file that begins with no magic number is raw, with a
 * notice: see {@link GuardedDisk} for why a guest cannot make use of that.
 */
public final class DiskImages {
    private static final Logger LOG = LoggerFactory.getLogger(DiskImages.class);

    private DiskImages() {
    }

    /**
     * Opens a disk for a guest; notices go to the log.
     *
     * @throws NoSuchFileException if the image is not there
     * @throws ImageException if it, or one below it, cannot be used; the message names the file and what is wrong
     */
    public static DiskImage open(DiskSpec spec) throws NoSuchFileException, ImageException {
        return open(spec, SnapshotMemory.ofHeap());
    }

    /** As {@link #open(DiskSpec)}, with memory for snapshot disks that others share. */
    public static DiskImage open(DiskSpec spec, SnapshotMemory memory) throws NoSuchFileException, ImageException {
        return open(spec, memory, LOG::info);
    }

    /**
     * Opens a disk for a guest.
     *
     * @param spec which, and how
     * @param memory where a snapshot disk keeps what the guest writes
     * @param notices takes what the user should know, one line each
     * @throws NoSuchFileException if the image is not there
     * @throws ImageException if it, or one below it, cannot be used; the message names the file and what is wrong
     */
    public static DiskImage open(DiskSpec spec, SnapshotMemory memory, Consumer<String> notices)
            throws NoSuchFileException, ImageException {
        try {
            boolean writable = !spec.readOnly() && !spec.snapshot();
            DiskImage image = new ImageOpener(FileStore::open, notices).open(spec.path(), spec.format(), writable);
            if (image.size() == 0) {
                image.close();
                throw new ImageException(spec.path().toString(), "is a disk of 0 bytes, which no guest can use");
            }
            if (image.startsWithGuestData()) {
                image = new GuardedDisk(image);
            }
            return spec.snapshot() && !spec.readOnly()
                    ? new OverlayDisk(image, memory)
                    : image;
        } catch (NoSuchFileException e) {
            throw e;
        } catch (DiskException e) {
            throw new ImageException(e.file(), e.reason(), e);
        } catch (IOException e) {
            throw new ImageException(spec.path().toString(), "cannot be opened: " + e.getMessage(), e);
        }
    }

    /**
     * Opens the image of a CD or DVD: read-only and raw, whatever its first bytes are.
     *
     * @throws NoSuchFileException if the image is not there
     * @throws ImageException if it cannot be used; the message names the file and what is wrong
     */
    public static DiskImage openCdrom(Path path) throws NoSuchFileException, ImageException {
        return open(new DiskSpec(path, Optional.of(DiskFormat.RAW), true, false));
    }

    /**
     * Opens a disk for a tool of ours rather than a guest: what is written there is what its user wants.
     *
     * @param path the image
     * @param format its format; empty to go by its first bytes
     * @param writable whether to write to it
     * @param notices takes what the user should know, one line each
     */
    public static DiskImage openForTool(Path path, Optional<DiskFormat> format, boolean writable,
            Consumer<String> notices)
            throws IOException {
        return new ImageOpener(FileStore::open, notices).open(path, format, writable);
    }

    /** The format of a file by its first bytes, if they are a magic number. */
    public static Optional<DiskFormat> recognise(Path path) throws IOException {
        try (ByteStore store = FileStore.open(path, false)) {
            return recognise(store);
        }
    }

    static Optional<DiskFormat> recognise(ByteStore store) throws IOException {
        byte[] start = new byte[DiskFormat.MAGIC_BYTES];
        store.read(0, start, 0, start.length);
        return DiskFormat.recognise(start);
    }
}
