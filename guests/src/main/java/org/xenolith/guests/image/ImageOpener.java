package org.xenolith.guests.image;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.xenolith.guests.image.qcow2.Qcow2Images;
import org.xenolith.guests.image.vhd.VhdImages;

/** Opens one disk with everything that it stands on, within bounds. An opener is for one disk. */
public final class ImageOpener {
    /** Where the files come from; tests put faults in between. */
    @FunctionalInterface
    public interface Stores {
        /** Opens a file that is there. */
        ByteStore open(Path path, boolean writable) throws IOException;
    }

    private static final int MOST_IMAGES = 64;
    private static final long MOST_TABLE_BYTES = 128L << 20;

    private final Stores stores;
    private final Consumer<String> notices;
    private final List<Path> chain = new ArrayList<>();
    private long tableBytes;

    /**
     * An opener.
     *
     * @param stores where files come from
     * @param notices takes what the user should know, one line each
     */
    public ImageOpener(Stores stores, Consumer<String> notices) {
        this.stores = stores;
        this.notices = notices;
    }

    /**
     * Opens an image.
     *
     * @param path the file
     * @param format its format; empty to go by its first bytes
     * @param writable whether it is to be written to; those below it never are
     */
    public DiskImage open(Path path, Optional<DiskFormat> format, boolean writable) throws IOException {
        ByteStore store = stores.open(path, writable);
        try {
            chain.add(path.toRealPath());
            return switch (format.isPresent() ? format.get() : probe(store)) {
                case RAW -> new RawDisk(store, !writable);
                case QCOW2 -> Qcow2Images.open(this, path, store, writable);
                case VHD -> VhdImages.open(this, path, store, writable);
            };
        } catch (IOException | RuntimeException e) {
            store.close();
            throw e;
        }
    }

    private DiskFormat probe(ByteStore store) throws IOException {
        Optional<DiskFormat> known = DiskImages.recognise(store);
        if (known.isEmpty()) {
            notices.accept(
                    store.name() + ": no format was given and none is recognised, so it is raw; format=raw says so");
        }
        return known.orElse(DiskFormat.RAW);
    }

    /**
     * Opens the image that another one stands on, to be read.
     *
     * @param above the image that names it
     * @param name the name, relative to that image's folder
     * @param format its format by name, if that is known
     */
    public DiskImage openBacking(Path above, String name, Optional<String> format) throws IOException {
        Optional<DiskFormat> known = Optional.empty();
        if (format.isPresent()) {
            known = DiskFormat.named(format.get());
            if (known.isEmpty()) {
                throw new DiskException(above.toString(),
                        "its backing file " + name + " has the format '" + format.get()
                                + "'; raw, qcow2 and vhd are supported");
            }
        }
        Path path = resolve(above, name);
        try {
            if (chain.contains(path.toRealPath())) {
                throw new DiskException(above.toString(),
                        "its chain of backing files is a loop: " + name + " stands on itself");
            }
            if (chain.size() >= MOST_IMAGES) {
                throw new DiskException(above.toString(),
                        "has more than " + MOST_IMAGES + " backing files below each other");
            }
            return open(path, known, false);
        } catch (NoSuchFileException e) {
            throw new DiskException(above.toString(), "its backing file " + path + " is not there", e);
        }
    }

    /** Opens a file that belongs to an image, such as its external data file. */
    public ByteStore openPart(Path above, String name, boolean writable) throws IOException {
        Path path = resolve(above, name);
        try {
            if (chain.contains(path.toRealPath())) {
                throw new DiskException(above.toString(),
                        "names " + name + " as its data file, which is a part of it already");
            }
            chain.add(path.toRealPath());
            return stores.open(path, writable);
        } catch (NoSuchFileException e) {
            throw new DiskException(above.toString(), "its data file " + path + " is not there", e);
        }
    }

    /** The path of a file that an image names. */
    public static Path resolve(Path above, String name) throws IOException {
        String file = name.startsWith("file:") ? name.substring("file:".length()) : name;
        int colon = file.indexOf(':');
        int slash = file.indexOf('/');
        if (colon >= 0 && (slash < 0 || colon < slash)) {
            throw new DiskException(above.toString(),
                    "names '" + printable(name) + "', which is not a plain file; that is not supported");
        }
        try {
            return above.resolveSibling(file);
        } catch (InvalidPathException e) {
            throw new DiskException(above.toString(), "names '" + printable(name) + "', which is no path", e);
        }
    }

    private static String printable(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }

    /**
     * Takes memory for the tables of an image.
     *
     * @throws DiskException if all images of the chain together ask for too much
     */
    public void takeMemory(String name, long bytes) throws IOException {
        tableBytes += bytes;
        if (tableBytes > MOST_TABLE_BYTES) {
            throw new DiskException(name, "the tables of this image and those above it take more than "
                    + (MOST_TABLE_BYTES >> 20) + " MiB");
        }
    }
}
