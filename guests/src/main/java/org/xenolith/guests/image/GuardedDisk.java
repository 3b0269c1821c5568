package org.xenolith.guests.image;

import java.io.IOException;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A raw image, or a fixed VHD, that its guest cannot turn into another format. A guest that wrote a qcow2 header into its first sector could, at the next start without
 * {@code format=raw}, have any file of the host as its backing file. So a write that would give the first sector the magic number of an image format, and
 * that it has not got yet, fails as a bad sector does.
 */
final class GuardedDisk extends ForwardingDisk {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedDisk.class);

    GuardedDisk(DiskImage raw) {
        super(raw);
    }

    @Override
    public void write(long offset, byte[] from, int at, int length) throws IOException {
        if (offset == 0 && length >= SECTOR && DiskFormat.looksLikeAnImage(from, at)) {
            byte[] now = new byte[SECTOR];
            below.read(0, now, 0, SECTOR);
            int magic = DiskFormat.MAGIC_BYTES;
            if (!Arrays.equals(now, 0, magic, from, at, at + magic)) {
                String reason = "the guest may not make a raw image look like another format (sector 0)";
                LOG.warn("{}: {}", name(), reason);
                throw new DiskException(name(), reason);
            }
        }
        below.write(offset, from, at, length);
    }
}
