package org.xenolith.guests.image.vhd;

import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImage;
import org.xenolith.guests.image.ForwardingDisk;

/** A fixed disk: a raw one before a footer. */
final class FixedVhdDisk extends ForwardingDisk {
    FixedVhdDisk(DiskImage raw) {
        super(raw);
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.VHD;
    }
}
