package org.xenolith.guests.image.vhd;

import java.io.IOException;
import java.nio.file.Path;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.ImageOpener;

/** Opens VHD images. */
public final class VhdImages {
    private VhdImages() {
    }

    /** Opens an image. */
    public static DiskImage open(ImageOpener opener, Path path, ByteStore store, boolean writable) throws IOException {
        throw new DiskException(store.name(), "vhd images are not built yet");
    }
}
