package org.xenolith.guests.image;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A disk as a user asks for it.
 *
 * @param path the image
 * @param format how the disk lies in it; empty to go by its first bytes, raw when they are no magic number
 * @param readOnly whether the guest may not write
 * @param snapshot whether what the guest writes is kept in memory and forgotten at the end
 */
public record DiskSpec(Path path, Optional<DiskFormat> format, boolean readOnly, boolean snapshot) {
    /** A disk to be written to, its format by its first bytes. */
    public static DiskSpec of(Path path) {
        return new DiskSpec(path, Optional.empty(), false, false);
    }
}
