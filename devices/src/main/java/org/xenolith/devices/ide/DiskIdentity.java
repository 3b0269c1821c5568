package org.xenolith.devices.ide;

/** What a disk says to IDENTIFY DEVICE (ATA/ATAPI-7 volume 1, 6.17). */
final class DiskIdentity {
    static final int MAX_TRIM_BLOCKS = 8;

    private final long sectors;
    private final String serial;
    private final boolean writable;
    private final TransferModes modes = new TransferModes();

    DiskIdentity(long sectors, String serial, boolean writable) {
        this.sectors = sectors;
        this.serial = serial;
        this.writable = writable;
    }

    void resetModes() {
        modes.reset();
    }

    boolean setMode(int mode) {
        return modes.set(mode);
    }

    void write(byte[] to, Geometry current, int multiple, boolean writeCache) {
        IdentifyData d = new IdentifyData(to);
        Geometry g = Geometry.ofSize(sectors);
        d.word(0, 0x0040);
        d.word(1, g.cylinders());
        d.word(3, g.heads());
        d.word(6, g.sectors());
        d.names(serial, "Xenolith disk");
        d.word(47, 0x8000 | 16);
        d.word(48, 1);
        d.word(50, 0x4000);
        d.word(53, 7);
        d.word(54, current.cylinders());
        d.word(55, current.heads());
        d.word(56, current.sectors());
        d.dword(57, current.capacity());
        d.word(59, multiple == 0 ? 0 : 0x100 | multiple);
        d.dword(60, Math.min(sectors, (1 << 28) - 1));
        modes.describe(d);
        // NOP, write cache, power management; 48-bit addresses, FLUSH CACHE (EXT); FUA
        d.word(82, 0x4028);
        d.word(83, 0x7400);
        d.word(84, 0x4040);
        d.word(85, 0x4008 | (writeCache ? 0x20 : 0));
        d.word(86, 0x3400);
        d.word(87, 0x4040);
        d.dword(100, sectors);
        d.dword(102, sectors >>> 32);
        if (writable) {
            d.word(105, MAX_TRIM_BLOCKS);
            d.word(169, 1);
        }
        // no spindle
        d.word(217, 1);
        d.seal();
    }
}
