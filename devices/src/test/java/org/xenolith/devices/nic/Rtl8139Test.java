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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;
import org.xenolith.time.Timers;

final class Rtl8139Test {
    private static final int DEVFN = 3 << 3;
    private static final int IO = 0xc000;
    private static final long MAC = 0x5254_0012_3456L;
    private static final long OTHER = 0x0203_0405_0607L;
    private static final int RX = 0x10000;
    private static final int TX = 0x11000;
    private static final int RX_BUFFERS = 0x20000;
    private static final int TX_BUFFER = 0x40000;
    private static final int OWN = 1 << 31;
    private static final int EOR = 1 << 30;
    private static final int WHOLE = 3 << 28;

    private final TestBoard board = new TestBoard();
    private final PciBus bus = new PciBus(board.board());
    private final TestCable cable = new TestCable();
    private final Rtl8139 card = new Rtl8139(board.board(), cable, new MacAddress(MAC), new byte[0]);
    private final List<Boolean> pin = new ArrayList<>();

    @BeforeEach
    void plug() {
        bus.add(DEVFN, card);
        bus.reset();
        bus.setRouter((device, p, asserted) -> pin.add(asserted));
        board.writeConfig(DEVFN, 0x10, 4, IO);
        board.writeConfig(DEVFN, 0x14, 4, 0xfebf_0000L);
        board.writeConfig(DEVFN, 4, 2, 7);
    }

    @AfterEach
    void close() {
        board.close();
    }

    private void wr(int register, int size, long value) {
        board.out(IO + register, size, size == 4 ? value & 0xffff_ffffL : value);
    }

    private int rd(int register, int size) {
        return (int) (board.in(IO + register, size) & (1L << 8 * size) - 1);
    }

    /** What a driver of the C+ mode does on "up": four buffers each way. */
    private void up() {
        wr(0x37, 1, 0x10);
        assertEquals(0, rd(0x37, 1) & 0x10);
        wr(0xe0, 2, 0x63);
        for (int i = 0; i < 4; i++) {
            board.memory().write32(RX + 16 * i, OWN | (i == 3 ? EOR : 0) | 1536);
            board.memory().write32(RX + 16 * i + 4, 0);
            board.memory().write64(RX + 16 * i + 8, RX_BUFFERS + 0x800 * i);
            board.memory().write64(TX + 16 * i, 0);
        }
        wr(0x28, 4, 0);
        wr(0x2c, 4, 0);
        wr(0x20, 4, TX);
        wr(0x24, 4, 0);
        wr(0xe4, 4, RX);
        wr(0xe8, 4, 0);
        wr(0x37, 1, 0x0c);
        wr(0x44, 4, 0x0e | 7 << 8);
        wr(0x3c, 2, 0x80ff);
    }

    private void queue(int n, int options, int tag, int address) {
        board.memory().write64(TX + 16 * n + 8, address);
        board.memory().write32(TX + 16 * n + 4, tag);
        board.memory().write32(TX + 16 * n, options | OWN | (n == 3 ? EOR : 0));
    }

    private int eeprom(int word, int addressBits) {
        wr(0x50, 1, 0x80);
        wr(0x50, 1, 0x88);
        int command = 6 << addressBits | word;
        for (int i = 4 + addressBits; i >= 0; i--) {
            int di = (command >>> i & 1) << 1;
            wr(0x50, 1, 0x88 | di);
            wr(0x50, 1, 0x8c | di);
        }
        wr(0x50, 1, 0x88);
        int v = 0;
        for (int i = 0; i < 16; i++) {
            wr(0x50, 1, 0x8c);
            v = v << 1 | rd(0x50, 1) & 1;
            wr(0x50, 1, 0x88);
        }
        wr(0x50, 1, 0);
        return v;
    }

    @Test
    void identity_eeprom_and_phy() {
        assertEquals(0x8139_10ecL, board.readConfig(DEVFN, 0, 4));
        assertEquals(0x20, board.readConfig(DEVFN, 8, 1));
        assertFalse(eeprom(0, 8) == 0x8129, "the EEPROM has 6 address bits");
        assertEquals(0x8129, eeprom(0, 6));
        assertEquals(0x5452, eeprom(7, 6));
        assertEquals(0x5634, eeprom(9, 6));
        assertEquals(0x1200_5452, rd(0, 4));
        assertEquals(0x7480_0000, rd(0x40, 4) & 0x7cc0_0000);
        assertEquals(0x24, rd(0x64, 2) & 0x24);
        assertEquals(rd(0, 4), (int) board.board().mmio().read(0xfebf_0000L, 4));
        wr(0x62, 2, 0x9200);
        assertEquals(0x1000, rd(0x62, 2));
    }

    @Test
    void the_address_changes_only_when_unlocked() {
        wr(0, 4, 1);
        assertEquals(0x1200_5452, rd(0, 4));
        wr(0x50, 1, 0xc0);
        wr(0, 4, 1);
        assertEquals(1, rd(0, 4));
    }

    @Test
    void descriptors_send_with_checksums_left_to_the_receiver() {
        up();
        byte[] f = Frames.tcp(OTHER, 100);
        byte[] sent = f.clone();
        Headers.put16(sent, 24, 0);
        Headers.put16(sent, 50, 0x1111);
        board.memory().write(TX_BUFFER, sent, 0, sent.length);
        queue(0, WHOLE & ~(1 << 28) | 54, 0, TX_BUFFER);
        queue(1, 1 << 28 | 1 << 18 | 1 << 16 | 100, 0, TX_BUFFER + 54);
        wr(0xd9, 1, 0x40);
        assertEquals(1, cable.sent.size());
        assertEquals(Checksum.PARTIAL, cable.sent.get(0).checksum());
        List<NetFrame> done = new ArrayList<>();
        Offloads.complete(cable.sent.get(0), done::add);
        assertArrayEquals(f, done.get(0).data());
        assertEquals(0, board.memory().read32(TX) & OWN);
        assertEquals(0, board.memory().read32(TX + 16) & OWN);
        assertEquals(List.of(true), pin);
        assertEquals(0x84, rd(0x3e, 2));
        wr(0x3e, 2, 0x84);
        assertEquals(0, rd(0x3e, 2));
        assertEquals(List.of(true, false), pin);
    }

    @Test
    void large_send_is_handed_on_and_comes_out_right() {
        up();
        byte[] f = Frames.tcp(OTHER, 4000);
        board.memory().write(TX_BUFFER, f, 0, f.length);
        queue(0, WHOLE | 1 << 27 | 1448 << 16 | f.length, 0, TX_BUFFER);
        wr(0xd9, 1, 0x40);
        List<NetFrame> parts = new ArrayList<>();
        Offloads.complete(cable.sent.get(0), parts::add);
        assertEquals(3, parts.size());
        parts.forEach(p -> assertTrue(Frames.right(p.data(), p.length())));
        assertArrayEquals(Arrays.copyOfRange(f, 54 + 1448, 54 + 2896),
                Arrays.copyOfRange(parts.get(1).data(), 54, 54 + 1448));
    }

    @Test
    void descriptors_receive_with_checksum_status_and_run_out() {
        up();
        byte[] f = Frames.tcp(MAC, 100);
        assertTrue(cable.receiver.receive(NetFrame.plain(f)));
        int status = board.memory().read32(RX);
        assertEquals(WHOLE | 1 << 25 | 1 << 16 | 158, status);
        byte[] got = new byte[154];
        board.memory().read(RX_BUFFERS, got, 0, 154);
        assertArrayEquals(f, got);
        assertEquals(1, rd(0x3e, 2));
        f[70] ^= 4;
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(1 << 16 | 1 << 13, board.memory().read32(RX + 16) & 0x3e000);
        assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(0xffff_ffff_ffffL, 60))));
        assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
        assertEquals(EOR, board.memory().read32(RX + 48) & (OWN | EOR));
        assertFalse(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
        assertEquals(0x11, rd(0x3e, 2));
        assertEquals(1, rd(0x4c, 4));
        board.memory().write32(RX, OWN | 1536);
        assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60))));
    }

    @Test
    void tags_are_stripped_and_inserted() {
        up();
        byte[] f = Frames.raw(MAC, 100);
        Headers.put32(f, 12, 0x8100_0123);
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(1 << 16 | 0x2301, board.memory().read32(RX + 4));
        assertEquals(100, board.memory().read32(RX) & 0x1fff);
        board.memory().write(TX_BUFFER, Frames.raw(OTHER, 100), 0, 100);
        queue(0, WHOLE | 100, 1 << 17 | 0x5604, TX_BUFFER);
        wr(0xd9, 1, 0x40);
        assertEquals(0x8100_0456, Headers.u32(cable.sent.get(0).data(), 12));
    }

    @Test
    void multicast_goes_by_hash() {
        up();
        byte[] f = Frames.raw(0x0100_5e00_0001L, 60);
        cable.receiver.receive(NetFrame.plain(f));
        assertTrue(board.memory().read32(RX) < 0);
        wr(8, 4, 0xffff_ffffL);
        wr(12, 4, 0xffff_ffffL);
        cable.receiver.receive(NetFrame.plain(f));
        assertEquals(1 << 26, board.memory().read32(RX) & 7 << 24);
    }

    @Test
    void tally_counters_are_dumped() {
        up();
        cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 60)));
        wr(0x14, 4, 0);
        wr(0x10, 4, 0x50000 | 8);
        assertEquals(0, rd(0x10, 4) & 8);
        assertEquals(1, board.memory().read64(0x50008));
        assertEquals(1, board.memory().read64(0x50028));
    }

    @Test
    void the_older_interface_sends_and_receives_around_the_ring() {
        wr(0x37, 1, 0x0c);
        wr(0x30, 4, 0x60000);
        wr(0x44, 4, 0x0e);
        wr(0x3c, 2, 5);
        board.memory().write(TX_BUFFER, Frames.raw(OTHER, 90), 0, 90);
        wr(0x24, 4, TX_BUFFER);
        wr(0x14, 4, 90);
        assertEquals(90, cable.sent.get(0).length());
        assertEquals(0xa000, rd(0x14, 4) & 0xe000);
        assertEquals(0x2000, rd(0x60, 2) & 0xf000);
        int at = 0;
        for (int i = 0; i < 20; i++) {
            assertEquals(1, rd(0x37, 1) & 1, "empty");
            byte[] f = Frames.raw(MAC, 1000 + i);
            assertTrue(cable.receiver.receive(NetFrame.plain(f)));
            assertEquals(0, rd(0x37, 1) & 1);
            byte[] ring = new byte[8192];
            board.memory().read(0x60000, ring, 0, 8192);
            int length = (ring[at + 2] & 0xff) + ((ring[at + 3] & 0xff) << 8);
            assertEquals(1004 + i, length);
            assertEquals(0x4001, (ring[at] & 0xff) + ((ring[at + 1] & 0xff) << 8));
            for (int j = 0; j < 1000 + i; j++) {
                assertEquals(f[j], ring[at + 4 + j & 8191]);
            }
            at = at + 4 + length + 3 & ~3 & 8191;
            assertEquals(at, rd(0x3a, 2));
            wr(0x38, 2, at - 16 & 0xffff);
        }
        for (int i = 0; i < 7; i++) {
            assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 1000))));
        }
        wr(0x3e, 2, 0xffff);
        assertTrue(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 1000))));
        assertFalse(cable.receiver.receive(NetFrame.plain(Frames.raw(MAC, 1000))));
        assertEquals(0x11, rd(0x3e, 2));
    }

    @Test
    void the_timer_counts_and_interrupts() {
        wr(0x3c, 2, 0x4000);
        wr(0x48, 4, 0);
        wr(0x54, 4, 1000);
        board.advance(29_999);
        assertEquals(999, rd(0x48, 4));
        assertEquals(List.of(), pin);
        board.advance(1);
        assertEquals(List.of(true), pin);
    }

    private static void send(SplittableRandom r, List<FuzzStep> into) {
        into.add(FuzzStep.out(IO + 0xe0, 2, r.nextInt(4) | 0x60));
        into.add(FuzzStep.out(IO + 0x37, 1, 0x0c));
        into.add(FuzzStep.out(IO + 0x44, 4, r.nextInt(0x10000) | 0xe));
        int ring = r.nextInt(0x4000) & ~0xff;
        into.add(FuzzStep.out(IO + (r.nextBoolean() ? 0x20 : 0xe4), 4, ring));
        into.add(FuzzStep.out(IO + (r.nextBoolean() ? 0x24 : 0xe8), 4, 0));
        for (int i = 0; i < 4; i++) {
            into.add(FuzzStep.poke(ring + 16 * i + 8, 8, r.nextInt(TestBoard.RAM_BYTES)));
            into.add(FuzzStep.poke(ring + 16 * i, 4, (r.nextInt() & 0xf00f_07ff | OWN) & 0xffff_ffffL));
            into.add(FuzzStep.poke(ring + 16 * i + 4, 4, r.nextInt() & 0xffff_ffffL));
        }
        into.add(r.nextBoolean()
                ? FuzzStep.out(IO + 0xd9, 1, 0x40)
                : FuzzStep.out(IO + 0x10 + 4 * r.nextInt(4), 4, r.nextInt(0x2000)));
        into.add(FuzzStep.advance(r.nextInt(2_000_000)));
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            PciBus on = new PciBus(b.board());
            TestCable c = new TestCable();
            on.add(DEVFN, new Rtl8139(b.board(), c, new MacAddress(MAC), new byte[5000]));
            traffic(b, c);
            return on;
        }).pci(DEVFN).ports(IO, 256).guided(Rtl8139Test::send).run(1, 150, 2000);
    }

    private static void traffic(TestBoard b, TestCable c) {
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
