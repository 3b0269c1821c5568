package org.xenolith.devices.nic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;
import org.xenolith.time.Timers;

final class E1000Test {
    private static final int DEVFN = 3 << 3;
    private static final long BASE = 0xfebc_0000L;
    private static final long MAC = 0x5254_0012_3456L;
    private static final int RX = 0x10000;
    private static final int TX = 0x11000;
    private static final int RX_BUFFERS = 0x20000;
    private static final int TX_BUFFER = 0x40000;
    private static final int RING = 16;
    private static final int RXT0 = 0x80;

    private final TestBoard board = new TestBoard();
    private final PciBus bus = new PciBus(board.board());
    private final TestCable cable = new TestCable();
    private final E1000 card = new E1000(board.board(), cable, new MacAddress(MAC), new byte[]{0x55, (byte) 0xaa, 9});
    private final List<Boolean> pin = new ArrayList<>();
    private int tail;

    @BeforeEach
    void plug() {
        bus.add(DEVFN, card);
        bus.reset();
        bus.setRouter((device, p, asserted) -> pin.add(asserted));
        board.writeConfig(DEVFN, 0x10, 4, BASE);
        board.writeConfig(DEVFN, 0x18, 4, 0xc000);
        board.writeConfig(DEVFN, 4, 2, 7);
    }

    @AfterEach
    void close() {
        board.close();
    }

    private long rd(int register) {
        return board.board().mmio().read(BASE + register, 4);
    }

    private void wr(int register, long value) {
        board.board().mmio().write(BASE + register, 4, value & 0xffff_ffffL);
    }

    /** What a driver does on "up". */
    private void up(long rctl, long interrupts) {
        wr(0x0000, 0x241);
        for (int i = 0; i < RING; i++) {
            board.memory().write64(RX + 16 * i, RX_BUFFERS + 0x800 * i);
            board.memory().write64(RX + 16 * i + 8, 0);
        }
        wr(0x2800, RX);
        wr(0x2808, RING * 16);
        wr(0x2818, RING - 1);
        wr(0x3800, TX);
        wr(0x3808, RING * 16);
        wr(0x5000, 0x300);
        wr(0x0100, rctl);
        wr(0x0400, 0xa);
        wr(0x00d8, 0xffff_ffffL);
        rd(0x00c0);
        wr(0x00d0, interrupts);
    }

    private void queue(long address, int lower, int upper) {
        board.memory().write64(TX + 16 * tail, address);
        board.memory().write32(TX + 16 * tail + 8, lower);
        board.memory().write32(TX + 16 * tail + 12, upper);
        tail = (tail + 1) % RING;
    }

    private void send() {
        wr(0x3818, tail);
    }

    private byte[] received(int n, int length) {
        byte[] b = new byte[length];
        board.memory().read(RX_BUFFERS + 0x800 * n, b, 0, length);
        return b;
    }

    private int status(int n) {
        return board.memory().read16(RX + 16 * n + 12);
    }

    private int bangEeprom(int word) {
        wr(0x10, 0x40);
        assertEquals(0x80, rd(0x10) & 0x80, "granted");
        wr(0x10, 0x42);
        int command = 6 << 6 | word;
        for (int i = 8; i >= 0; i--) {
            int di = (command >>> i & 1) << 2;
            wr(0x10, 0x42 | di);
            wr(0x10, 0x43 | di);
            wr(0x10, 0x42 | di);
        }
        int v = 0;
        for (int i = 0; i < 16; i++) {
            wr(0x10, 0x43);
            v = v << 1 | (int) (rd(0x10) >>> 3 & 1);
            wr(0x10, 0x42);
        }
        wr(0x10, 0);
        return v;
    }

    private int phy(int register) {
        wr(0x20, 2 << 26 | 1 << 21 | register << 16);
        assertEquals(1 << 28, rd(0x20) & 3L << 28 | rd(0x20) & 1L << 30);
        return (int) rd(0x20) & 0xffff;
    }

    @Test
    void identity_and_eeprom_by_both_ways() {
        assertEquals(0x100e_8086L, board.readConfig(DEVFN, 0, 4));
        int sum = 0;
        for (int i = 0; i < 64; i++) {
            wr(0x14, i << 8 | 1);
            int v = (int) (rd(0x14) >>> 16);
            assertEquals(0x10, rd(0x14) & 0x10);
            assertEquals(v, bangEeprom(i), "word " + i);
            sum += v;
        }
        assertEquals(0xbaba, sum & 0xffff);
        assertEquals(0x5452, bangEeprom(0));
        assertEquals(0x5634, bangEeprom(2));
        assertEquals(0x1200_5452L, rd(0x5400));
        assertEquals(0x8000_5634L, rd(0x5404));
    }

    @Test
    void phy_is_a_marvell_with_link_and_other_addresses_fail() {
        assertEquals(0x0141, phy(2));
        assertEquals(0x0c20, phy(3) & 0xfff0);
        assertEquals(0x24, phy(1) & 0x24);
        wr(0x20, 2 << 26 | 2 << 21);
        assertTrue((rd(0x20) & 1 << 30) != 0);
        assertEquals(0, rd(8) & 2);
        wr(0, 0x241);
        assertEquals(0x83, rd(8) & 0x83);
    }

    @Test
    void registers_by_io_are_the_same() {
        board.out(0xc000, 4, 0x5400);
        assertEquals(0x1200_5452L, board.in(0xc004, 4));
        board.out(0xc000, 4, 0x38);
        board.out(0xc004, 4, 0x8100);
        assertEquals(0x8100, rd(0x38));
    }

    @Test
    void expansion_rom_shows_where_its_register_says() {
        board.writeConfig(DEVFN, 0x30, 4, 0xffff_f800L);
        assertEquals(0xffff_f000L, board.readConfig(DEVFN, 0x30, 4));
        board.writeConfig(DEVFN, 0x30, 4, 0xfea0_0000L);
        assertFalse(board.memory().isRam(0xfea0_0000L, 1));
        board.writeConfig(DEVFN, 0x30, 4, 0xfea0_0001L);
        assertEquals(0x9aa55, board.memory().read32(0xfea0_0000L));
        board.writeConfig(DEVFN, 4, 2, 0);
        assertFalse(board.memory().isRam(0xfea0_0000L, 1));
    }

    @Test
    void legacy_frame_goes_out_padded_and_its_descriptor_is_written_back_with_an_interrupt() {
        up(0, 1);
        byte[] f = Frames.raw(0x0203_0405_0607L, 40);
        board.memory().write(TX_BUFFER, f, 0, 40);
        queue(TX_BUFFER, 20, 0);
        queue(TX_BUFFER + 20, 0x0900_0000 | 20, 0);
        send();
        assertEquals(1, cable.sent.size());
        assertEquals(60, cable.sent.get(0).length());
        assertArrayEquals(Arrays.copyOf(f, 60), cable.sent.get(0).data());
        assertEquals(0, board.memory().read32(TX + 12));
        assertEquals(1, board.memory().read32(TX + 28));
        assertEquals(2, rd(0x3810));
        assertEquals(List.of(true), pin);
        assertEquals(3, rd(0xc0) & 3);
        assertEquals(List.of(true, false), pin);
        assertEquals(0, rd(0xc0));
        assertEquals(1, rd(0x4080));
        assertEquals(0, rd(0x4080));
    }

    @Test
    void checksums_with_a_good_pseudo_sum_are_left_to_the_receiver_and_others_computed() {
        up(0, 0);
        byte[] f = Frames.tcp(0x0203_0405_0607L, 100);
        Headers h = Headers.of(f, f.length);
        Headers.put16(f, 50, InetChecksum.fold(h.pseudoSum(f, 120)));
        Headers.put16(f, 24, 0);
        board.memory().write(TX_BUFFER, f, 0, f.length);
        // context: IP at 14, sum at 24, to 33; TCP at 34, sum at 50
        queue(14 | 24 << 8 | 33 << 16 | (34L | 50 << 8) << 32, 0x2000_0000, 0);
        queue(TX_BUFFER, 0x2b10_0000 | f.length, 0x300);
        send();
        assertEquals(Checksum.PARTIAL, cable.sent.get(0).checksum());
        List<NetFrame> done = new ArrayList<>();
        Offloads.complete(cable.sent.get(0), done::add);
        assertTrue(Frames.right(done.get(0).data(), 154));
        Headers.put16(f, 50, 0x1111);
        board.memory().write(TX_BUFFER, f, 0, f.length);
        queue(TX_BUFFER, 0x2b10_0000 | f.length, 0x300);
        send();
        assertEquals(Checksum.UNKNOWN, cable.sent.get(1).checksum());
        Headers.put16(f, 24, InetChecksum.of(f, 14, 20));
        assertEquals(InetChecksum.of(f, 34, 120), Headers.u16(cable.sent.get(1).data(), 50));
    }

    @Test
    void segmentation_is_handed_on_and_comes_out_right() {
        up(0, 0);
        byte[] f = Frames.tcp(0x0203_0405_0607L, 5000);
        byte[] sent = f.clone();
        Headers.put16(sent, 16, 0);
        Headers.put16(sent, 24, 0);
        Headers.put16(sent, 50, 0);
        board.memory().write(TX_BUFFER, sent, 0, sent.length);
        queue(14 | 24 << 8 | 33 << 16 | (34L | 50 << 8) << 32, 0x2700_0000 | 5000, 54 << 8 | 1460 << 16);
        queue(TX_BUFFER, 0x2610_0000 | 54, 0x300);
        queue(TX_BUFFER + 54, 0x2f10_0000 | 5000, 0x300);
        send();
        assertEquals(1, cable.sent.size());
        NetFrame whole = cable.sent.get(0);
        assertEquals(1460, whole.segmentSize());
        List<NetFrame> parts = new ArrayList<>();
        Offloads.complete(whole, parts::add);
        assertEquals(4, parts.size());
        int at = 54;
        for (NetFrame p : parts) {
            assertTrue(Frames.right(p.data(), p.length()));
            assertArrayEquals(Arrays.copyOfRange(f, at, at + p.length() - 54),
                    Arrays.copyOfRange(p.data(), 54, p.length()));
            at += p.length() - 54;
        }
        assertEquals(f.length, at);
    }

    @Test
    void frames_come_in_with_fcs_and_checksum_status() {
        up(0x8002, RXT0);
        byte[] f = Frames.tcp(MAC, 100);
        assertTrue(cable.receiver.receive(NetFrame.plain(f)));
        assertEquals(List.of(true), pin);
        assertEquals(158, board.memory().read16(RX + 8));
        assertEquals(0x63, status(0));
        byte[] got = received(0, 158);
        assertArrayEquals(f, Arrays.copyOf(got, 154));
        CRC32 crc = new CRC32();
        crc.update(f);
        assertEquals((int) crc.getValue(), board.memory().read32(RX_BUFFERS + 154));
        assertEquals(1, rd(0x2810));
        f[60] ^= 1;
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(0x2063, status(1));
        f[60] ^= 1;
        f[22]--;
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(0x4063, status(2));
        cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 20)));
        assertEquals(64, board.memory().read16(RX + 16 * 3 + 8));
        assertEquals(7, status(3));
    }

    @Test
    void a_frame_that_waits_for_offloads_is_completed_first() {
        up(0x8002, 0);
        byte[] f = Frames.tcp(MAC, 3000);
        assertTrue(cable.receiver.receive(new NetFrame(f, f.length, Checksum.PARTIAL, 1460)));
        assertEquals(3, rd(0x2810));
        assertEquals(0x63, status(2));
        assertTrue(Frames.right(received(0, 1514), 1514));
    }

    @Test
    void filters_are_unicast_broadcast_multicast_and_promiscuous() {
        long other = 0x5254_0012_3457L;
        long group = 0x0100_5e00_00fbL;
        long all = 0xffff_ffff_ffffL;
        long[] to = {MAC, other, group, all};
        int high = 0xfb00;
        int hash = high >>> 4 & 0xfff;
        Object[][] cases = {{2L, 0, "m"}, {0x8002L, 0, "mb"}, {0x800aL, 0, "mob"}, {0x12L, 0, "mgb"},
            {2L, hash, "mg"}};
        for (Object[] c : cases) {
            up((Long) c[0], 0);
            wr(0x2810, 0);
            for (int i = 0; i < 128; i++) {
                wr(0x5200 + 4 * i, 0);
            }
            if ((Integer) c[1] != 0) {
                wr(0x5200 + 4 * (hash >>> 5), 1L << (hash & 31));
            }
            StringBuilder got = new StringBuilder();
            for (int i = 0; i < 4; i++) {
                long before = rd(0x2810);
                cable.receiver.receive(NetFrame.plain(Frames.raw(to[i], 60)));
                if (rd(0x2810) != before) {
                    got.append("mogb".charAt(i));
                }
            }
            assertEquals(c[2], got.toString(), "RCTL " + c[0]);
        }
    }

    @Test
    void a_long_frame_takes_several_small_buffers() {
        up(0x0003_8002L, 0);
        byte[] f = Frames.raw(MAC, 700);
        assertTrue(cable.receiver.receive(NetFrame.plain(f)));
        assertEquals(3, rd(0x2810));
        assertEquals(256, board.memory().read16(RX + 8));
        assertEquals(5, status(0));
        assertEquals(7, status(2));
        assertEquals(704 - 512, board.memory().read16(RX + 40));
        assertArrayEquals(Arrays.copyOfRange(f, 256, 512), received(1, 256));
    }

    @Test
    void a_full_ring_loses_frames_and_says_so() {
        up(0x8002, 0x50);
        for (int i = 0; i < RING - 1; i++) {
            assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
        }
        assertEquals(0x10, rd(0xc0) & 0x50);
        assertFalse(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
        assertEquals(0x40, rd(0xc0) & 0x50);
        assertEquals(1, rd(0x4010));
    }

    @Test
    void vlan_tags_are_stripped_and_inserted() {
        up(0x8002, 0);
        wr(0, 0x4000_0241L);
        wr(0x38, 0x8100);
        byte[] f = Frames.raw(MAC, 100);
        Headers.put32(f, 12, 0x8100_0123);
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(0x0f, status(0));
        assertEquals(0x123, board.memory().read16(RX + 14));
        assertEquals(100, board.memory().read16(RX + 8));
        byte[] g = Frames.raw(0x0203_0405_0607L, 100);
        board.memory().write(TX_BUFFER, g, 0, 100);
        queue(TX_BUFFER, 0x4900_0000 | 100, 0x0456 << 16);
        send();
        assertEquals(104, cable.sent.get(0).length());
        assertEquals(0x8100_0456, Headers.u32(cable.sent.get(0).data(), 12));
        assertEquals(0x88b5, Headers.u16(cable.sent.get(0).data(), 16));
    }

    @Test
    void interrupts_are_throttled_and_delayed() {
        up(0x8002, RXT0);
        wr(0xc4, 1000);
        cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60)));
        assertEquals(List.of(true), pin);
        rd(0xc0);
        cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60)));
        assertEquals(List.of(true, false), pin);
        board.advance(255_999);
        assertEquals(2, pin.size());
        board.advance(1);
        assertEquals(List.of(true, false, true), pin);
        wr(0xc4, 0);
        rd(0xc0);
        pin.clear();
        wr(0x2820, 10);
        wr(0x282c, 15);
        for (int i = 0; i < 3; i++) {
            cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60)));
            board.advance(5 * 1024 - 1);
        }
        assertEquals(List.of(), pin);
        board.advance(3);
        assertEquals(List.of(true), pin);
    }

    @Test
    void reset_by_control_register_stops_rings_and_restores_the_address() {
        up(0x8002, 0xff);
        wr(0x5400, 1);
        wr(0, 0x0400_0000L);
        assertEquals(0x1200_5452L, rd(0x5400));
        assertEquals(0, rd(0xd0));
        assertFalse(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
    }

    @Test
    void a_huge_ring_is_worked_off_in_parts() {
        up(0, 0);
        wr(0x3800, 0);
        wr(0x3808, 0xfff80);
        wr(0x3818, 0xfff7);
        assertTrue(rd(0x3810) <= 512);
        board.advance(10_000_000);
        assertTrue(rd(0x3810) > 512);
    }

    private static void ring(SplittableRandom r, List<FuzzStep> into, int registers, int descriptors) {
        long base = 0xe000_0000L;
        long ring = r.nextInt(0x8000) & ~0xf;
        int count = 8 << r.nextInt(4);
        into.add(FuzzStep.write(base + registers, 4, ring));
        into.add(FuzzStep.write(base + registers + 4, 4, 0));
        into.add(FuzzStep.write(base + registers + 8, 4, count * 16));
        for (int i = 0; i < descriptors; i++) {
            into.add(FuzzStep.poke(ring + 16 * i, 8, r.nextInt(TestBoard.RAM_BYTES)));
            int kind = (r.nextBoolean() ? 0x2010_0000 : r.nextBoolean() ? 0x2000_0000 : 0) | r.nextInt(256) << 24;
            into.add(FuzzStep.poke(ring + 16 * i + 8, 4, (kind | r.nextInt(2000)) & 0xffff_ffffL));
            into.add(FuzzStep.poke(ring + 16 * i + 12, 4, r.nextInt() & 0xffff_ffffL));
        }
        into.add(FuzzStep.write(base, 4, 0x241));
        into.add(FuzzStep.write(base + 0x100, 4, 0x801a | (r.nextInt(4) == 0 ? 0xc0 : 0)));
        into.add(FuzzStep.write(base + 0x400, 4, 0xa));
        into.add(FuzzStep.write(base + registers + 24, 4, r.nextInt(count + 1)));
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            PciBus on = new PciBus(b.board());
            TestCable c = new TestCable();
            on.add(DEVFN, new E1000(b.board(), c, new MacAddress(MAC), new byte[5000]));
            echo(b, c);
            return on;
        }).pci(DEVFN).mmio(0xe000_0000L, 0x6000).guided((r, into) -> ring(r, into, 0x3800, 1 + r.nextInt(12)))
                .guided((r, into) -> ring(r, into, 0x2800, r.nextInt(4))).run(1, 150, 2000);
    }

    /** Frames come in as time passes. */
    private static void echo(TestBoard b, TestCable c) {
        SplittableRandom r = new SplittableRandom(7);
        Runnable[] next = new Runnable[1];
        Timers.Timer timer = b.board().timers().timer(() -> next[0].run());
        next[0] = () -> {
            byte[] f = r.nextBoolean() ? Frames.tcp(MAC, r.nextInt(1460)) : Frames.raw(MAC, 14 + r.nextInt(1500));
            c.receiver.receive(NetFrame.plain(f));
            c.sent.forEach(c.receiver::receive);
            c.sent.clear();
            timer.arm(b.now() + 1_000_000);
        };
        timer.arm(1_000_000);
    }
}
