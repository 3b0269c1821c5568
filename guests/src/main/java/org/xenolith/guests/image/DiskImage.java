package org.xenolith.guests.image;

import java.io.IOException;
import org.xenolith.devices.BlockBackend;

/** A disk in an image file: a {@link BlockBackend} that also tells where there is nothing. */
public interface DiskImage extends BlockBackend {
    /** {@return the file as the user named it} */
    String name();

    /** {@return how the disk lies in the file} */
    DiskFormat format();

    /** {@return whether the file begins with the disk's own first sector, so that the guest writes what it looks like} */
    default boolean startsWithGuestData() {
        return false;
    }

    /**
     * A part of a disk of which one thing is known.
     *
     * @param length in bytes, above 0
     * @param zero whether it is known to read as zeroes; if not, it must be read
     */
    record Extent(long length, boolean zero) {
    }

    /**
     * What is known of the bytes from an offset on, without reading them.
     *
     * @param offset within the disk
     * @param most the longest extent of interest
     * @return the part that begins there, at most {@code most} bytes
     */
    default Extent extent(long offset, long most) throws IOException {
        return new Extent(most, false);
    }
}
