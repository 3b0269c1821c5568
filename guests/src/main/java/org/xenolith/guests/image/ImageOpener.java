package org.xenolith.guests.image;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/** Opens one disk with everything that it stands on. */
public final class ImageOpener {
    /** Where the files come from; tests put faults in between. */
    @FunctionalInterface
    public interface Stores {
        /** Opens a file that is there. */
        ByteStore open(Path path, boolean writable) throws IOException;
    }

    private final Stores stores;
    private final Consumer<String> notices;

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
            DiskFormat actual = format.isPresent() ? format.get() : probe(store);
            return switch (actual) {
                case RAW -> new RawDisk(store, !writable);
                case QCOW2, VHD -> throw new DiskException(store.name(), actual.label() + " images are not built yet");
            };
        } catch (IOException e) {
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
}
