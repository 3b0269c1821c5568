package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** What each sector of a disk may hold now and what after a crash, from requests that were acknowledged, failed, or were under way. */
final class FaultModel {
    private static final int SECTOR = 512;

    private final Random random;
    private final List<Set<Long>> now = new ArrayList<>();
    private final List<Set<Long>> afterCrash = new ArrayList<>();
    private long version = 1_000_000;

    /** A disk whose sectors hold the tags that are given. */
    FaultModel(long[] tags, long seed) {
        random = new Random(seed);
        for (long tag : tags) {
            now.add(Set.of(tag));
            afterCrash.add(new LinkedHashSet<>(Set.of(tag)));
        }
    }

    static void fill(byte[] bytes, int at, long tag) {
        for (int i = 0; i < SECTOR; i += 8) {
            BigEndian.put64(bytes, at + i, tag);
        }
    }

    /** The tag that a sector holds; -1 if it is a mixture. */
    static long tag(byte[] bytes, int at) {
        long tag = BigEndian.i64(bytes, at);
        for (int i = 8; i < SECTOR; i += 8) {
            if (BigEndian.i64(bytes, at + i) != tag) {
                return -1;
            }
        }
        return tag;
    }

    /** One request, failing as it may. */
    void step(DiskImage disk, int mostSectors) {
        int at = random.nextInt(now.size());
        int n = 1 + random.nextInt(Math.min(mostSectors, now.size() - at));
        int kind = random.nextInt(10);
        long tag = ++version;
        if (kind == 9) {
            flush(disk);
            return;
        }
        List<Set<Long>> results = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            // what a discarded sector reads as is up to the format: as before, or as zeroes
            Set<Long> result = kind == 8 ? new LinkedHashSet<>(now.get(at + i)) : new LinkedHashSet<>();
            result.add(kind >= 7 ? 0L : tag + i);
            results.add(result);
        }
        boolean done = true;
        try {
            switch (kind) {
                case 7 -> disk.writeZeroes((long) at * SECTOR, (long) n * SECTOR);
                case 8 -> disk.discard((long) at * SECTOR, (long) n * SECTOR);
                default -> {
                    byte[] bytes = new byte[n * SECTOR];
                    for (int i = 0; i < n; i++) {
                        fill(bytes, i * SECTOR, tag + i);
                    }
                    disk.write((long) at * SECTOR, bytes, 0, bytes.length);
                }
            }
        } catch (IOException e) {
            done = false;
        }
        version += n;
        for (int i = 0; i < n; i++) {
            Set<Long> result = results.get(i);
            afterCrash.get(at + i).addAll(result);
            if (!done) {
                result.addAll(now.get(at + i));
            }
            now.set(at + i, result);
        }
    }

    void flush(DiskImage disk) {
        try {
            disk.flush();
            for (int i = 0; i < now.size(); i++) {
                afterCrash.set(i, new LinkedHashSet<>(now.get(i)));
            }
        } catch (IOException e) {
            // nothing is promised
        }
    }

    void check(DiskImage disk, boolean crashed, String what) throws IOException {
        byte[] bytes = new byte[now.size() * SECTOR];
        disk.read(0, bytes, 0, bytes.length);
        for (int i = 0; i < now.size(); i++) {
            long tag = tag(bytes, i * SECTOR);
            Set<Long> allowed = crashed ? afterCrash.get(i) : now.get(i);
            int sector = i;
            assertTrue(allowed.contains(tag),
                    () -> what + ": sector " + sector + " holds " + tag + ", not one of " + allowed);
        }
    }

    /** After a crash: whatever a sector holds, it holds from now on. */
    void settle(DiskImage disk) throws IOException {
        byte[] bytes = new byte[now.size() * SECTOR];
        disk.read(0, bytes, 0, bytes.length);
        for (int i = 0; i < now.size(); i++) {
            now.set(i, Set.of(tag(bytes, i * SECTOR)));
            afterCrash.set(i, new LinkedHashSet<>(now.get(i)));
        }
    }
}
