package org.xenolith.devices.ide;

/**
 * Transfer modes of a drive: PIO 0 to 4, multiword DMA 0 to 2, Ultra DMA 0 to 5. They change nothing but what
 * IDENTIFY says.
 */
final class TransferModes {
    private int multiword = 2;
    private int ultra = -1;

    void reset() {
        multiword = 2;
        ultra = -1;
    }

    /** SET FEATURES 03h; false for a mode that the drive does not have. */
    boolean set(int mode) {
        int n = mode & 7;
        switch (mode >>> 3) {
            case 0 -> {
                return n <= 1;
            }
            case 1 -> {
                return n <= 4;
            }
            case 4 -> {
                if (n > 2) {
                    return false;
                }
                multiword = n;
                ultra = -1;
                return true;
            }
            case 8 -> {
                if (n > 5) {
                    return false;
                }
                multiword = -1;
                ultra = n;
                return true;
            }
            default -> {
                return false;
            }
        }
    }

    void describe(IdentifyData d) {
        // LBA, DMA, IORDY
        d.word(49, 0x0b00);
        d.word(51, 0x0200);
        d.word(63, 0x07 | (multiword < 0 ? 0 : 0x100 << multiword));
        d.word(64, 3);
        for (int i = 65; i <= 68; i++) {
            d.word(i, 120);
        }
        // ATA/ATAPI-4 to -7
        d.word(80, 0xf0);
        d.word(88, 0x3f | (ultra < 0 ? 0 : 0x100 << ultra));
        // reset found an 80-conductor cable and no fault
        d.word(93, 0x6001);
    }
}
