package org.xenolith.guests.image.vhd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.FileStore;
import org.xenolith.guests.image.ImageOpener;
import org.xenolith.guests.image.RawDisk;

/** Opens and makes VHD images. */
public final class VhdImages {
    private static final int BLOCK_SIZE = 2 << 20;

    private VhdImages() {
    }

    /** How the blocks of a new image come to be. */
    public enum Subformat {
        /** All there from the start. */
        FIXED,
        /** Made as they are written to. */
        DYNAMIC
    }

    /**
     * Opens an image with all that it stands on.
     *
     * @param opener opens the other files
     * @param path where the image is
     * @param store the image; closed by the caller if this fails
     * @param writable whether to write to it
     */
    public static DiskImage open(ImageOpener opener, Path path, ByteStore store, boolean writable) throws IOException {
        VhdFooter footer = VhdFooter.read(store);
        if (footer.type() == VhdFooter.FIXED) {
            return new FixedVhdDisk(new RawDisk(new FixedVhd(store, footer.size()), !writable));
        }
        VhdHeader header = VhdHeader.read(store, footer);
        opener.takeMemory(store.name(), header.tableEntries() * 4L);
        Optional<DiskImage> parent = footer.type() == VhdFooter.DIFFERENCING
                ? Optional.of(openParent(opener, path, header))
                : Optional.empty();
        try {
            DynamicVhd disk = new DynamicVhd(store, footer, header, parent, !writable);
            if (writable) {
                disk.beginWriting();
            }
            return disk;
        } catch (IOException e) {
            if (parent.isPresent()) {
                parent.get().close();
            }
            throw e;
        }
    }

    private static DiskImage openParent(ImageOpener opener, Path path, VhdHeader header) throws IOException {
        for (String name : header.parents()) {
            Path file = ImageOpener.resolve(path, name);
            if (Files.exists(file)) {
                byte[] id = idOf(file);
                if (!Arrays.equals(id, header.parentId())) {
                    throw new DiskException(path.toString(), "its parent " + file
                            + " is not the disk that it was made from: the unique ids differ");
                }
                return opener.openBacking(path, name, Optional.of(DiskFormat.VHD.label()));
            }
        }
        throw new DiskException(path.toString(), "its parent is not there: "
                + (header.parents().isEmpty() ? "it has no name" : String.join(", ", header.parents())));
    }

    private static byte[] idOf(Path file) throws IOException {
        try (ByteStore store = FileStore.open(file, false)) {
            return VhdFooter.read(store).id();
        }
    }

    /** Makes an image with the usual blocks of 2 MiB in an empty file; parameters as below. */
    public static void create(ByteStore store, long size, Subformat subformat, long stamp, byte[] id)
            throws IOException, ImageException {
        create(store, size, subformat, BLOCK_SIZE, stamp, id);
    }

    /**
     * Makes an image in an empty file.
     *
     * @param store the file
     * @param size of the disk in bytes, a multiple of 512
     * @param subformat which kind
     * @param blockSize of a dynamic disk, in bytes: a power of two from 4096 on
     * @param stamp the time, in seconds since 2000
     * @param id 16 bytes that are nobody else's
     */
    public static void create(ByteStore store, long size, Subformat subformat, int blockSize, long stamp, byte[] id)
            throws IOException, ImageException {
        check(store, size);
        if (subformat == Subformat.FIXED) {
            VhdFooter.make(VhdFooter.FIXED, size, stamp, id).write(store, size);
            store.force();
            return;
        }
        write(store, VhdFooter.make(VhdFooter.DYNAMIC, size, stamp, id), blockSize, null, "");
    }

    /**
     * Makes a differencing image in an empty file.
     *
     * @param parent the VHD that shows through
     * @param name its path, relative to the new image
     */
    public static void createDifferencing(ByteStore store, Path parent, String name, long stamp, byte[] id)
            throws IOException, ImageException {
        VhdFooter below;
        try (ByteStore file = FileStore.open(parent, false)) {
            below = VhdFooter.read(file);
        }
        check(store, below.size());
        if (VhdHeader.locator(name).length > 512) {
            throw new ImageException(store.name(), "the parent's path is too long for a VHD: " + name);
        }
        write(store, VhdFooter.make(VhdFooter.DIFFERENCING, below.size(), stamp, id), BLOCK_SIZE, below, name);
    }

    private static void check(ByteStore store, long size) throws ImageException {
        if (size <= 0 || size > VhdFooter.MOST_SIZE) {
            throw new ImageException(store.name(), "a VHD has 512 bytes to 2040G");
        }
    }

    private static void write(ByteStore store, VhdFooter footer, int blockSize, VhdFooter parent, String name)
            throws IOException {
        int entries = (int) ((footer.size() + blockSize - 1) / blockSize);
        long locator = VhdFooter.LENGTH + VhdHeader.LENGTH;
        long tableAt = locator + (parent == null ? 0 : 512);
        byte[] header = VhdHeader.make(tableAt, entries, blockSize, parent, name, locator);
        byte[] table = new byte[(entries * 4 + 511) / 512 * 512];
        Arrays.fill(table, (byte) 0xff);
        store.write(VhdFooter.LENGTH, header, 0, header.length);
        if (parent != null) {
            byte[] path = Arrays.copyOf(VhdHeader.locator(name), 512);
            store.write(locator, path, 0, path.length);
        }
        store.write(tableAt, table, 0, table.length);
        footer.write(store, tableAt + table.length);
        footer.write(store, 0);
        store.force();
    }
}
