package org.xenolith.devices.ide;

/** Cylinders, heads and sectors of a disk, for software that does not know of LBA. */
record Geometry(int cylinders, int heads, int sectors) {
    private static final int MAX_CYLINDERS = 16383;

    /** The geometry that disks of any make claim after power-on: 16 heads, 63 sectors. */
    static Geometry ofSize(long sectors) {
        return new Geometry((int) Math.max(1, Math.min(MAX_CYLINDERS, sectors / (16 * 63))), 16, 63);
    }

    /** What INITIALIZE DEVICE PARAMETERS makes of it. */
    Geometry with(int newHeads, int newSectors, long total) {
        return new Geometry((int) Math.min(65535, total / ((long) newHeads * newSectors)), newHeads, newSectors);
    }

    /** The sector at a place, or -1 when there is none. */
    long lba(int cylinder, int head, int sector) {
        if (sector < 1 || sector > sectors || head >= heads) {
            return -1;
        }
        return ((long) cylinder * heads + head) * sectors + sector - 1;
    }

    /** The place of a sector: sector number in bits 0 to 7, cylinder in 8 to 23, head in 24 to 27. */
    long chs(long lba) {
        long track = lba / sectors;
        return lba % sectors + 1 | (track / heads & 0xffff) << 8 | track % heads << 24;
    }

    /** Sectors that can be addressed so. */
    long capacity() {
        return (long) cylinders * heads * sectors;
    }
}
