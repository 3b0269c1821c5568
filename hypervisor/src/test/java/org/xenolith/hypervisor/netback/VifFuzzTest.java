package org.xenolith.hypervisor.netback;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;

/** Rings full of anything: no exception, no endless loop, no write outside of what is granted. */
final class VifFuzzTest {
    private static final int ROUNDS = 4000;
    private static final int GRANTED = 32;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void random_rings_do_no_harm(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        FakeNetfront f = new FakeNetfront();
        try (f) {
            for (int i = 0; i < GRANTED; i++) {
                f.grant(FakeNetfront.DATA + i);
            }
            long secret = (long) FakeNetfront.DATA + GRANTED << 12;
            byte[] before = new byte[4096];
            random.nextBytes(before);
            f.domain.write(secret, before, 0, 4096);
            if (random.nextBoolean()) {
                f.offer("feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload");
            }
            f.connect();
            for (int round = 0; round < ROUNDS; round++) {
                round(f, random);
                if (!f.back("state").equals("4")) {
                    // it has given up, as it should: again from the start
                    f.store.write(f.front("state"), "6");
                    f.store.write(f.front("state"), "1");
                    f.connect();
                }
            }
            byte[] after = new byte[4096];
            f.domain.read(secret, after, 0, 4096);
            assertArrayEquals(before, after);
            assertTrue(f.counts.txFrames() > 100 && f.counts.txErrors() > 100 && f.counts.rxFrames() > 100,
                    () -> f.counts.txFrames() + " " + f.counts.txErrors() + " " + f.counts.rxFrames());
        }
        assertEquals(0, f.domain.grants().activeCount());
    }

    private static void round(FakeNetfront f, SplittableRandom random) {
        int free = 256 - (f.txProd - f.txResponses());
        for (int i = random.nextInt(Math.max(1, Math.min(free, 24))); i > 0; i--) {
            if (random.nextInt(6) == 0) {
                f.extra(random.nextInt(6), random.nextInt(8) == 0 ? 1 : 0, random.nextInt(1 << 16), random.nextInt(4));
            } else {
                int flags = random.nextInt(3) == 0 ? random.nextInt(16) : random.nextInt(3);
                int size = random.nextInt(4) == 0 ? random.nextInt(1 << 16) : random.nextInt(1600);
                f.request(page(random), random.nextInt(8) == 0 ? random.nextInt(1 << 16) : random.nextInt(2500), flags,
                        random.nextInt(1 << 16), size);
            }
        }
        for (int i = random.nextInt(4); i > 0 && f.rxProd - f.rxResponses() < 250; i--) {
            f.post(random.nextInt(1 << 16), page(random));
        }
        if (random.nextInt(300) == 0) {
            f.txProd = random.nextInt();
        }
        if (random.nextInt(300) == 0) {
            f.rxProd = random.nextInt();
        }
        byte[] junk = new byte[64];
        random.nextBytes(junk);
        f.domain.write((long) FakeNetfront.DATA + random.nextInt(GRANTED) << 12, junk, 0, junk.length);
        f.kick();
        byte[] frame = random.nextBoolean() ? VifTest.tcp(random.nextInt(9000)) : new byte[14 + random.nextInt(1500)];
        f.arrive(random.nextBoolean()
                ? NetFrame.plain(frame)
                : new NetFrame(frame, frame.length, Checksum.PARTIAL, random.nextInt(3) * 700));
        f.sent.clear();
    }

    private static int page(SplittableRandom random) {
        return random.nextInt(10) == 0 ? random.nextInt() : FakeNetfront.DATA + random.nextInt(GRANTED);
    }
}
