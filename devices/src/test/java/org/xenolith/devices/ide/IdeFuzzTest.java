package org.xenolith.devices.ide;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.MemoryDisk;
import org.xenolith.devices.testing.TestBoard;

final class IdeFuzzTest {
    private static final int DEVFN = 1 << 3 | 1;
    /** Where DeviceFuzz puts the first I/O BAR. */
    private static final int BM = 0xc000;
    private static final int[] DISK_COMMANDS = {0x06, 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x3d, 0x40, 0x42,
        0x70,
        0x90, 0x91, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xce, 0xe7, 0xea, 0xec, 0xef, 0xf8, 0x27, 0x08, 0x00, 0xe5};
    private static final int[] PACKETS = {0, 3, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x46, 0x4a, 0x51,
        0x52, 0x5a, 0xa8, 0xbb, 0xbd, 0xbe};

    private static void registers(SplittableRandom r, List<FuzzStep> into, int base) {
        into.add(FuzzStep.out(base + 6, 1, 0xa0 | (r.nextBoolean() ? 0x40 : 0) | (r.nextInt(4) == 0 ? 0x10 : 0)));
        for (int i = 1; i < 6; i++) {
            if (r.nextBoolean()) {
                into.add(FuzzStep.out(base + i, 1, r.nextInt(4) == 0 ? r.nextInt(256) : r.nextInt(3)));
                into.add(FuzzStep.out(base + i, 1, r.nextInt(3) == 0 ? r.nextInt(256) : r.nextInt(3)));
            }
        }
    }

    private static void dma(SplittableRandom r, List<FuzzStep> into, int bm) {
        int table = r.nextInt(0x4000) & ~3;
        int n = 1 + r.nextInt(6);
        for (int i = 0; i < n; i++) {
            long address = r.nextInt(8) == 0 ? r.nextLong(1L << 32) : r.nextInt(TestBoard.RAM_BYTES);
            into.add(FuzzStep.poke(table + 8 * i, 4, address));
            into.add(FuzzStep.poke(table + 8 * i + 4, 4, r.nextInt(0x10000) | (i == n - 1 ? 0x8000_0000L : 0)));
        }
        into.add(FuzzStep.out(bm + 4, 4, table));
        into.add(FuzzStep.out(bm, 1, r.nextBoolean() ? 9 : 1));
    }

    private static void move(SplittableRandom r, List<FuzzStep> into, int base) {
        into.add(FuzzStep.advance(r.nextInt(100_000)));
        int n = r.nextInt(3) == 0 ? 300 : r.nextInt(20);
        for (int i = 0; i < n; i++) {
            into.add(r.nextBoolean() ? FuzzStep.in(base, 2) : FuzzStep.out(base, 4, r.nextInt()));
        }
    }

    private static void disk(SplittableRandom r, List<FuzzStep> into) {
        registers(r, into, 0x1f0);
        into.add(FuzzStep.out(0x1f7, 1, DISK_COMMANDS[r.nextInt(DISK_COMMANDS.length)]));
        if (r.nextBoolean()) {
            dma(r, into, BM);
        }
        move(r, into, 0x1f0);
        if (r.nextBoolean()) {
            into.add(FuzzStep.out(BM, 1, 0));
        }
    }

    /** DATA SET MANAGEMENT with ranges that may be on the disk. */
    private static void trim(SplittableRandom r, List<FuzzStep> into) {
        for (int i = 0; i < 64; i++) {
            into.add(FuzzStep.poke(0x8000 + 8 * i, 8,
                    r.nextInt(3) == 0 ? 0 : r.nextInt(5000) | (long) r.nextInt(4) << 48));
        }
        into.add(FuzzStep.poke(0x7000, 8, 0x8000 | 0x8000_0200L << 32));
        into.add(FuzzStep.out(BM, 1, 0));
        into.add(FuzzStep.out(BM + 4, 4, 0x7000));
        into.add(FuzzStep.out(0x1f6, 1, 0xe0));
        into.add(FuzzStep.out(0x1f1, 1, 1));
        into.add(FuzzStep.out(0x1f2, 1, 0));
        into.add(FuzzStep.out(0x1f2, 1, 1));
        into.add(FuzzStep.out(0x1f7, 1, 6));
        into.add(FuzzStep.out(BM, 1, 1));
        into.add(FuzzStep.advance(50_000));
    }

    private static void cdrom(SplittableRandom r, List<FuzzStep> into) {
        registers(r, into, 0x170);
        into.add(FuzzStep.out(0x177, 1, r.nextInt(8) == 0 ? 0xa1 : 0xa0));
        into.add(FuzzStep.out(0x170, 4, PACKETS[r.nextInt(PACKETS.length)] | (long) r.nextInt(0x400) << 8));
        into.add(FuzzStep.out(0x170, 4, r.nextInt(3) == 0 ? r.nextInt() : r.nextInt(256) << 8));
        into.add(FuzzStep.out(0x170, 4, r.nextInt(3) == 0 ? r.nextInt() : r.nextInt(8)));
        if (r.nextBoolean()) {
            dma(r, into, BM + 8);
        }
        move(r, into, 0x170);
        if (r.nextBoolean()) {
            into.add(FuzzStep.out(BM + 8, 1, 0));
        }
    }

    private static PciBus plug(TestBoard b) {
        PciBus bus = new PciBus(b.board());
        IdeController ide = new IdeController(b.board(), b.irq("irq14"), b.irq("irq15"));
        bus.add(DEVFN, ide);
        MemoryDisk disk = new MemoryDisk(70_000 / 16);
        disk.bad = 700;
        ide.attachDisk(0, disk, "1");
        MemoryDisk readOnly = new MemoryDisk(10);
        readOnly.readOnly = true;
        ide.attachDisk(1, readOnly, "2");
        MemoryDisk disc = new MemoryDisk(600);
        disc.readOnly = true;
        disc.bad = 500;
        ide.attachCdrom(2, disc);
        ide.attachCdrom(3, null);
        return bus;
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void random_programs_do_no_harm() {
        new DeviceFuzz(IdeFuzzTest::plug).pci(DEVFN).ports(0x1f0, 8).ports(0x170, 8).ports(0x3f6, 1).ports(0x376, 1)
                .ports(BM, 16).guided(IdeFuzzTest::disk).guided(IdeFuzzTest::cdrom).guided(IdeFuzzTest::disk)
                .guided(IdeFuzzTest::cdrom).guided(IdeFuzzTest::trim).run(1, 150, 3000);
    }
}
