package org.xenolith.guests.image;

import java.io.IOException;
import org.xenolith.devices.BlockBackend;

/** What all formats ask of a request before they look at it. */
public final class Requests {
    private Requests() {
    }

    /**
     * Checks that a request lies within a disk, in whole sectors.
     *
     * @throws DiskException if it does not
     */
    public static void check(DiskImage disk, long offset, long length) throws IOException {
        if (offset < 0 || length < 0 || length > disk.size() - offset
                || (offset | length) % BlockBackend.SECTOR != 0) {
            throw new DiskException(disk.name(), "no sectors of the disk: " + length + " bytes at " + offset + " of "
                    + disk.size());
        }
    }

    /**
     * Checks a request that writes.
     *
     * @throws DiskException if it does not lie within the disk, or the disk is read-only
     */
    public static void checkWrite(DiskImage disk, long offset, long length) throws IOException {
        check(disk, offset, length);
        if (disk.readOnly()) {
            throw new DiskException(disk.name(), "is read-only");
        }
    }
}
