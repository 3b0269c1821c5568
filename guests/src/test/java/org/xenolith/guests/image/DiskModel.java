package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** A disk of plain bytes beside one in an image: the same requests to both, and they must stay equal. */
final class DiskModel {
    private static final int SECTOR = 512;

    final byte[] bytes;
    private final Random random;
    /** Largest request in sectors. */
    private final int most;

    DiskModel(byte[] bytes, Random random, int most) {
        this.bytes = bytes;
        this.random = random;
        this.most = most;
    }

    /** A request of any kind. */
    void step(DiskImage disk) throws IOException {
        int sectors = bytes.length / SECTOR;
        int at = random.nextInt(sectors) * SECTOR;
        int length = (1 + random.nextInt(Math.min(most, sectors - at / SECTOR))) * SECTOR;
        switch (random.nextInt(12)) {
            case 0 -> {
                disk.writeZeroes(at, length);
                Arrays.fill(bytes, at, at + length, (byte) 0);
            }
            case 1 -> {
                disk.discard(at, length);
                disk.read(at, bytes, at, length); // what it reads as now is up to the format, but stays
            }
            case 2 -> disk.flush();
            case 3, 4 -> compare(disk, at, length);
            default -> {
                byte[] data = new byte[length];
                if (random.nextInt(4) > 0) {
                    random.nextBytes(data);
                }
                disk.write(at, data, 0, length);
                System.arraycopy(data, 0, bytes, at, length);
            }
        }
    }

    void compare(DiskImage disk, int at, int length) throws IOException {
        byte[] data = new byte[length];
        disk.read(at, data, 0, length);
        int difference = Arrays.mismatch(data, 0, length, bytes, at, at + length);
        assertEquals(-1, difference, () -> "first difference at " + (at + difference));
    }

    void compareAll(DiskImage disk) throws IOException {
        assertEquals(bytes.length, disk.size());
        compare(disk, 0, bytes.length);
    }
}
