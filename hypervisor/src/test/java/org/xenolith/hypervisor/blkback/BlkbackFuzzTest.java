package org.xenolith.hypervisor.blkback;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rings, descriptors and indexes full of anything: no exception, no endless loop, and no write outside of what is granted. */
final class BlkbackFuzzTest {
    private static final int ROUNDS = 3000;
    private static final int DATA = 256;
    private static final int GRANTED = 16;
    private static final int SECTORS = 1024;

    @ParameterizedTest
    @CsvSource({"1, false, 0, false", "2, true, 0, true", "3, false, 3, true", "4, true, 1, false"})
    void random_rings_do_no_harm(long seed, boolean is32, int order, boolean persistent) {
        SplittableRandom random = new SplittableRandom(seed);
        MemoryImage image = new MemoryImage(SECTORS);
        try (FakeGuest guest = new FakeGuest()) {
            VirtualDisk disk = new VirtualDisk(VirtualDevice.of("xvda"), image);
            Blkback back = guest.attach(disk);
            FakeFrontend f = new FakeFrontend(guest, 51712, is32, order, 1);
            for (int i = 0; i < GRANTED; i++) {
                guest.grant(DATA + i);
            }
            byte[] untouched = new byte[4096];
            random.nextBytes(untouched);
            long secret = (long) DATA + GRANTED << 12;
            guest.domain.write(secret, untouched, 0, untouched.length);
            f.connect(persistent);
            int prod = 0;
            for (int round = 0; round < ROUNDS; round++) {
                image.log.clear();
                image.broken = random.nextInt(8) == 0;
                int count = random.nextInt(f.size());
                for (int i = 0; i < count; i++) {
                    guest.domain.write(f.ring(0) + 64 + (long) (prod + i & f.size() - 1) * f.entrySize(),
                            entry(random, f), 0, f.entrySize());
                }
                prod = random.nextInt(200) == 0 ? random.nextInt() : prod + count;
                fillDescriptors(random, guest);
                guest.domain.write32(f.ring(0), prod);
                guest.domain.write32(f.ring(0) + 12, random.nextInt());
                f.send(0);
                guest.advance(random.nextInt(5_000_000));
                if (back.queues().getFirst().underWay() == 0 && guest.domain.read32(f.ring(0) + 8) != prod) {
                    // it has stopped, as it should: again from the start
                    f.connect(persistent);
                    prod = 0;
                }
            }
            guest.advance(10_000_000_000L);
            byte[] after = new byte[4096];
            guest.domain.read(secret, after, 0, after.length);
            assertArrayEquals(untouched, after);
            assertTrue(disk.counts().requests() > ROUNDS, () -> "few requests: " + disk.counts());
            assertTrue(disk.counts().reads() > 0 && disk.counts().writes() > 0 && disk.counts().errors() > 0,
                    () -> disk.counts().toString());
            back.close();
            assertEquals(0, guest.domain.grants().activeCount());
        }
    }

    /** Half of it anything, half of it nearly right. */
    private static byte[] entry(SplittableRandom random, FakeFrontend f) {
        byte[] e = new byte[f.entrySize()];
        random.nextBytes(e);
        if (random.nextInt(8) > 0) {
            int id = f.is32 ? 4 : 8;
            e[0] = (byte) random.nextInt(8);
            e[1] = (byte) random.nextInt(e[0] == FakeFrontend.INDIRECT ? 3 : 14);
            if (e[0] == FakeFrontend.INDIRECT) {
                e[2] = (byte) random.nextInt(256);
                e[3] = (byte) random.nextInt(2);
                put32(e, id + 20, FakeFrontend.DESCRIPTORS);
            }
            put32(e, id + 8, random.nextInt(SECTORS + 16));
            put32(e, id + 12, random.nextInt(16) == 0 ? -1 : 0);
            for (int at = id + 16; e[0] != FakeFrontend.INDIRECT && at + 8 <= e.length; at += 8) {
                segment(random, e, at);
            }
        }
        return e;
    }

    private static void segment(SplittableRandom random, byte[] e, int at) {
        put32(e, at, random.nextInt(20) == 0 ? random.nextInt() : DATA + random.nextInt(GRANTED));
        e[at + 4] = (byte) random.nextInt(4);
        e[at + 5] = (byte) (3 + random.nextInt(random.nextInt(20) == 0 ? 8 : 5));
    }

    private static void fillDescriptors(SplittableRandom random, FakeGuest guest) {
        byte[] page = new byte[4096];
        for (int at = 0; at < page.length; at += 8) {
            segment(random, page, at);
        }
        guest.domain.write((long) FakeFrontend.DESCRIPTORS << 12, page, 0, page.length);
    }

    private static void put32(byte[] b, int at, int value) {
        for (int i = 0; i < 4; i++) {
            b[at + i] = (byte) (value >>> 8 * i);
        }
    }
}
