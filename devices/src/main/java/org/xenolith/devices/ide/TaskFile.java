package org.xenolith.devices.ide;

/**
 * The command block registers of one drive (ATA/ATAPI-7 volume 2, 5.9): each of 8 bits, with the value written before
 * the last one for 48-bit
 * commands.
 */
final class TaskFile {
    static final int FEATURES = 1;
    static final int COUNT = 2;
    static final int LOW = 3;
    static final int MID = 4;
    static final int HIGH = 5;
    static final int DEVICE = 6;

    /** Device register: the address is an LBA. */
    static final int DEVICE_LBA = 0x40;

    private final int[] value = new int[7];
    private final int[] previous = new int[7];

    /** A register's last value, or the one before. */
    int read(int register, boolean before) {
        return (before ? previous : value)[register];
    }

    int read(int register) {
        return value[register];
    }

    /** A write by the host. */
    void write(int register, int v) {
        previous[register] = value[register];
        value[register] = v & 0xff;
    }

    /** The drive says something; the value before is gone. */
    void set(int register, int v) {
        value[register] = v & 0xff;
        previous[register] = 0;
    }

    /** Signature after a reset (9.12): what the drive is. */
    void signature(int mid, int high) {
        set(COUNT, 1);
        set(LOW, 1);
        set(MID, mid);
        set(HIGH, high);
        set(DEVICE, 0);
    }

    /** Sectors asked for: 0 means 256, or 65536 of a 48-bit command. */
    int sectors(boolean ext) {
        int n = ext ? value[COUNT] | previous[COUNT] << 8 : value[COUNT];
        return n != 0 ? n : ext ? 65536 : 256;
    }

    /** The address, or -1 when a CHS address is none. */
    long lba(boolean ext, Geometry geometry) {
        long low24 = value[LOW] | value[MID] << 8 | value[HIGH] << 16;
        if (ext) {
            return low24 | ((long) previous[HIGH] << 16 | previous[MID] << 8 | previous[LOW]) << 24;
        }
        if ((value[DEVICE] & DEVICE_LBA) != 0) {
            return low24 | (long) (value[DEVICE] & 0xf) << 24;
        }
        return geometry.lba(value[MID] | value[HIGH] << 8, value[DEVICE] & 0xf, value[LOW]);
    }

    /** Says an address, in the form in which the host gave its own. */
    void setLba(long lba, boolean ext, Geometry geometry) {
        if (ext) {
            for (int i = 0; i < 3; i++) {
                value[LOW + i] = (int) (lba >>> 8 * i) & 0xff;
                previous[LOW + i] = (int) (lba >>> 24 + 8 * i) & 0xff;
            }
            return;
        }
        long v = (value[DEVICE] & DEVICE_LBA) != 0 ? lba : geometry.chs(lba);
        set(LOW, (int) v);
        set(MID, (int) (v >>> 8));
        set(HIGH, (int) (v >>> 16));
        value[DEVICE] = value[DEVICE] & 0xf0 | (int) (v >>> 24) & 0xf;
    }
}
