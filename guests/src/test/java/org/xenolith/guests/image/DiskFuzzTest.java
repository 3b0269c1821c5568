package org.xenolith.guests.image;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.qcow2.Qcow2Check;
import org.xenolith.guests.image.qcow2.Qcow2Creator;
import org.xenolith.guests.image.qcow2.Qcow2Disk;
import org.xenolith.guests.image.qcow2.Qcow2Images;
import org.xenolith.guests.image.qcow2.Qcow2Options;
import org.xenolith.guests.image.qcow2.Qcow2Snapshots;
import org.xenolith.guests.image.vhd.VhdImages;

/**
 * Damaged disk images: opened, read, written, checked and repaired, they may fail with an {@link IOException} and with nothing else, and take a bounded amount
 * of memory. {@code -Dxenolith.fuzz.seed} and {@code -Dxenolith.fuzz.rounds} search further.
 */
class DiskFuzzTest {
    private static final int SIZE = 256 << 10;
    private static final int CASES = 500;
    /** The longest L1 and refcount tables, several times, and the counters of a check. */
    private static final long MOST_MEMORY = 900L << 20;
    private static final long[] EDGES = {0, 1, 2, 0x1ff, 0x200, 0xffff, 0x7fff_ffffL, 0x8000_0000L, 0xffff_ffffL,
        Long.MAX_VALUE, Long.MIN_VALUE, -1, 1L << 56, (1L << 56) - 512, 0x4000_0000_0000_0000L};

    @TempDir
    Path folder;

    private byte[] qcow2() throws Exception {
        FaultyStore store = memory(new byte[0]);
        Qcow2Creator.create(store, SIZE, new Qcow2Options(3, 9, 16, false, Optional.empty(), Optional.empty(),
                Optional.empty(), false));
        Qcow2Disk disk = (Qcow2Disk) open(store, DiskFormat.QCOW2, true);
        Random random = new Random(1);
        byte[] text = new byte[SIZE / 4];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) ('a' + random.nextInt(3));
        }
        disk.write(1024, text, 0, text.length);
        new Qcow2Snapshots(disk).create("one", 1);
        disk.write(8192, new byte[2048], 0, 2048);
        for (int at = SIZE / 2; at < SIZE / 2 + 16384; at += 512) {
            disk.writeCompressed(at, Arrays.copyOf(text, 512));
        }
        disk.close();
        return store.afterKill();
    }

    private byte[] vhd() throws Exception {
        FaultyStore store = memory(new byte[0]);
        VhdImages.create(store, SIZE, VhdImages.Subformat.DYNAMIC, 1, new byte[16]);
        try (DiskImage disk = open(store, DiskFormat.VHD, true)) {
            disk.write(1024, new byte[8192], 0, 8192);
        }
        return store.afterKill();
    }

    private static FaultyStore memory(byte[] content) {
        return new FaultyStore("top", content, Integer.MAX_VALUE, FaultyStore.Fault.STOP, 0);
    }

    private ImageOpener opener(ByteStore store) throws IOException {
        Path top = folder.resolve("top");
        if (!Files.exists(top)) {
            Files.createFile(top);
        }
        return new ImageOpener((path, w) -> path.equals(top) ? store : FileStore.open(path, w), notice -> {
        });
    }

    private DiskImage open(ByteStore store, DiskFormat format, boolean writable) throws IOException {
        return opener(store).open(folder.resolve("top"), Optional.of(format), writable);
    }

    @Test
    void damaged_images_fail_with_an_io_exception_and_nothing_worse() throws Exception {
        long seed = Long.getLong("xenolith.fuzz.seed", 20261125);
        int rounds = Integer.getInteger("xenolith.fuzz.rounds", 1);
        Random random = new Random(seed);
        int failed = 0;
        int fine = 0;
        for (DiskFormat format : List.of(DiskFormat.QCOW2, DiskFormat.VHD)) {
            byte[] good = format == DiskFormat.QCOW2 ? qcow2() : vhd();
            for (int i = 0; i < CASES * rounds; i++) {
                List<String> changes = new ArrayList<>();
                byte[] bad = damage(good, format, random, changes);
                try {
                    fine += use(bad, format, random) ? 1 : 0;
                } catch (IOException e) {
                    failed++;
                    assertTrue(e.getMessage().startsWith("top: ") || e.getMessage().contains(folder.toString()),
                            e.getMessage());
                    assertTrue(e.getMessage().lines().count() == 1, e.getMessage());
                } catch (Throwable t) {
                    fail("seed " + seed + ", case " + i + " of " + format + ": " + changes, t);
                }
            }
        }
        assertTrue(failed > CASES / 5 && fine > CASES / 5, failed + " failed, " + fine + " did not");
    }

    /** Does all that can be done; whether nothing failed. */
    private boolean use(byte[] file, DiskFormat format, Random random) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        boolean fine = true;
        try (DiskImage disk = open(memory(file), format, false)) {
            fine &= touch(disk, random, false);
        }
        if (format == DiskFormat.QCOW2) {
            for (CheckReport.Repair repair : CheckReport.Repair.values()) {
                FaultyStore store = memory(file);
                try {
                    Qcow2Disk disk = Qcow2Images.openForCheck(opener(store), folder.resolve("top"), store, true);
                    new Qcow2Check(disk).run(repair);
                } catch (IOException e) {
                    fine = false;
                }
            }
        }
        try (DiskImage disk = open(memory(file), format, true)) {
            fine &= touch(disk, random, true);
        }
        long taken = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(taken < MOST_MEMORY, taken + " bytes taken");
        return fine;
    }

    private static boolean touch(DiskImage disk, Random random, boolean write) {
        boolean fine = true;
        for (int i = 0; i < 12 && disk.size() > 0; i++) {
            long offset = Math.floorMod(random.nextLong(), Math.min(disk.size(), SIZE)) / 512 * 512;
            int length = (int) Math.min(disk.size() - offset, 512 * (1 + random.nextInt(60)));
            try {
                switch (write ? random.nextInt(4) : 0) {
                    case 0 -> disk.read(offset, new byte[length], 0, length);
                    case 1 -> disk.write(offset, new byte[length], 0, length);
                    case 2 -> disk.discard(offset, length);
                    default -> disk.flush();
                }
            } catch (IOException e) {
                fine = false;
            }
        }
        return fine;
    }

    private static byte[] damage(byte[] good, DiskFormat format, Random random, List<String> changes) {
        byte[] bad = good.clone();
        int times = 1 + random.nextInt(3);
        for (int i = 0; i < times; i++) {
            // mostly where the tables are: the header, or anything in the first clusters
            int at = random.nextInt(random.nextBoolean() ? 112 : random.nextBoolean() ? 8192 : bad.length - 8);
            if (random.nextBoolean()) {
                bad[at] ^= (byte) (1 << random.nextInt(8));
                changes.add("bit at " + at);
            } else {
                long value = random.nextInt(3) > 0
                        ? EDGES[random.nextInt(EDGES.length)]
                        : random.nextLong(bad.length) & ~511;
                BigEndian.put64(bad, at & -8, value);
                changes.add((at & -8) + "=" + Long.toHexString(value));
            }
        }
        if (format == DiskFormat.VHD) {
            // with right checksums, or nothing behind them would ever be looked at
            sum(bad, 0, 512, 64);
            sum(bad, 512, 1024, 36);
            System.arraycopy(bad, 0, bad, bad.length - 512, 512);
        }
        return random.nextInt(20) == 0 ? Arrays.copyOf(bad, random.nextInt(bad.length)) : bad;
    }

    private static void sum(byte[] file, int from, int length, int at) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += i >= at && i < at + 4 ? 0 : file[from + i] & 0xff;
        }
        BigEndian.put32(file, from + at, ~sum);
    }

    @Test
    void a_chain_that_is_a_loop_is_refused() throws Exception {
        for (String[] pair : List.of(new String[]{"a", "b"}, new String[]{"b", "a"}, new String[]{"self", "self"})) {
            try (ByteStore store = FileStore.create(folder.resolve(pair[0]))) {
                Qcow2Creator.create(store, SIZE, new Qcow2Options(3, 16, 16, false, Optional.of(pair[1]),
                        Optional.of("qcow2"), Optional.empty(), false));
            }
        }
        for (String name : List.of("a", "self")) {
            String message = assertThrows(ImageException.class,
                    () -> DiskImages.open(DiskSpec.of(folder.resolve(name)))).getMessage();
            assertTrue(message.contains("loop") || message.contains("in use"), message);
        }
    }

    @Test
    void what_is_not_supported_is_named() throws Exception {
        byte[] good = qcow2();
        good[79] |= 16;
        String message = assertThrows(DiskException.class, () -> open(memory(good), DiskFormat.QCOW2, false))
                .getMessage();
        assertTrue(message.contains("extended L2 entries"), message);
    }
}
