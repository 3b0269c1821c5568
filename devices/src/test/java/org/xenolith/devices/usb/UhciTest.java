package org.xenolith.devices.usb;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.PointerSink;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;

final class UhciTest {
    private static final int DEVFN = 1 << 3 | 2;
    private static final int IO = 0xc000;
    private static final int LIST = 0x10000;
    private static final int QH = 0x20000;
    private static final int TDS = 0x21000;
    private static final int BUFFER = 0x30000;
    private static final int IN = 0x69;
    private static final int OUT = 0xe1;
    private static final int SETUP = 0x2d;
    private static final int ACTIVE = 1 << 23;
    private static final int STALLED = 1 << 22;
    private static final int IOC = 1 << 24;
    private static final int TRIES = 3 << 27;
    private static final int SPD = 1 << 29;
    private static final int FRAME = 1_000_000;

    private final TestBoard board = new TestBoard();
    private final PciBus bus = new PciBus(board.board());
    private final Uhci uhci = new Uhci(board.board());
    private final UsbTablet tablet = new UsbTablet(board.board().clock());
    private final UsbKeyboard keyboard = new UsbKeyboard(board.board().clock());
    private final List<Boolean> pin = new ArrayList<>();

    @BeforeEach
    void plug() {
        bus.add(DEVFN, uhci);
        uhci.attach(0, tablet);
        uhci.attach(1, keyboard);
        bus.reset();
        bus.setRouter((device, p, asserted) -> pin.add(asserted));
        board.writeConfig(DEVFN, 0x20, 4, IO);
        board.writeConfig(DEVFN, 4, 2, 7);
        for (int i = 0; i < 1024; i++) {
            board.memory().write32(LIST + 4 * i, QH | 2);
        }
        board.memory().write32(QH, 1);
        board.memory().write32(QH + 4, 1);
    }

    @AfterEach
    void close() {
        board.close();
    }

    private int rd(int register) {
        return (int) board.in(IO + register, 2) & 0xffff;
    }

    private void wr(int register, int value) {
        board.out(IO + register, 2, value);
    }

    private void start() {
        board.out(IO + 8, 4, LIST);
        wr(4, 0xf);
        wr(0, 0xc1);
    }

    private void resetPort(int n) {
        int port = 0x10 + 2 * n;
        assertEquals(0x0093, rd(port));
        wr(port, 0x200);
        wr(port, 0);
        wr(port, 0x000e);
        assertEquals(0x0095, rd(port));
    }

    private static int token(int pid, int address, int endpoint, int toggle, int length) {
        return pid | address << 8 | endpoint << 15 | toggle << 19 | (length - 1 & 0x7ff) << 21;
    }

    private void td(int n, int link, int control, int token, int buffer) {
        int at = TDS + 32 * n;
        board.memory().write32(at, link);
        board.memory().write32(at + 4, control);
        board.memory().write32(at + 8, token);
        board.memory().write32(at + 12, buffer);
    }

    private int status(int n) {
        return board.memory().read32(TDS + 32 * n + 4);
    }

    /** A control transfer, depth first; bytes read, or null when it ends in an error. */
    private byte[] control(int address, int type, int request, int value, int index, int length, int... sent) {
        board.memory().write64(BUFFER, type | request << 8 | (long) value << 16 | (long) index << 32
                | (long) length << 48);
        for (int i = 0; i < sent.length; i++) {
            board.memory().write8(BUFFER + 16 + i, sent[i]);
        }
        boolean in = (type & 0x80) != 0;
        int n = 0;
        td(n, TDS + 32 | 4, ACTIVE | TRIES, token(SETUP, address, 0, 0, 8), BUFFER);
        for (int at = 0; at < length; at += 8) {
            n++;
            int part = Math.min(8, length - at);
            td(n, TDS + 32 * (n + 1) | 4, ACTIVE | TRIES, token(in ? IN : OUT, address, 0, n & 1, part),
                    BUFFER + 16 + at);
        }
        n++;
        td(n, 1, ACTIVE | TRIES | IOC, token(in ? OUT : IN, address, 0, 1, 0), 0);
        board.memory().write32(QH + 4, TDS);
        board.advance(4 * FRAME);
        int got = 0;
        for (int i = 0; i <= n; i++) {
            if ((status(i) & (ACTIVE | STALLED)) != 0) {
                return null;
            }
            got += i > 0 && i < n ? status(i) + 1 & 0x7ff : 0;
        }
        byte[] answer = new byte[got];
        board.memory().read(BUFFER + 16, answer, 0, got);
        return answer;
    }

    /** An interrupt transfer; null when there is nothing yet. */
    private byte[] poll(int address) {
        td(0, 1, ACTIVE | TRIES | IOC | SPD, token(IN, address, 1, 0, 8), BUFFER);
        board.memory().write32(QH + 4, TDS);
        board.advance(FRAME);
        if ((status(0) & ACTIVE) != 0) {
            assertTrue((status(0) & 1 << 19) != 0, "NAK");
            return null;
        }
        byte[] r = new byte[status(0) + 1 & 0x7ff];
        board.memory().read(BUFFER, r, 0, r.length);
        return r;
    }

    private void configure(int port, int address) {
        resetPort(port);
        assertEquals(0, control(0, 0, 5, address, 0, 0).length);
        assertEquals(0, control(address, 0, 9, 1, 0, 0).length);
    }

    @Test
    void identity_and_ports_as_a_driver_looks_for_them() {
        assertEquals(0x7020_8086L, board.readConfig(DEVFN, 0, 4));
        assertEquals(0x0c_0300L, board.readConfig(DEVFN, 8, 4) >>> 8);
        assertEquals(0x10, board.readConfig(DEVFN, 0x60, 1));
        assertEquals(0x20, rd(2));
        assertEquals(0x80, rd(0x10) & 0x80);
        assertEquals(0, rd(0x14) & 0x80);
        wr(0, 2);
        assertEquals(0, rd(0) & 2);
    }

    @Test
    void a_device_is_enumerated_and_says_what_it_is() {
        start();
        resetPort(0);
        byte[] device = control(0, 0x80, 6, 0x100, 0, 18);
        assertEquals(18, device.length);
        assertEquals(1, device[1]);
        assertEquals(0, control(0, 0, 5, 7, 0, 0).length);
        assertEquals(null, control(0, 0x80, 6, 0x100, 0, 18));
        assertArrayEquals(device, control(7, 0x80, 6, 0x100, 0, 18));
        byte[] configuration = control(7, 0x80, 6, 0x200, 0, 34);
        assertEquals(34, configuration[2]);
        assertEquals(3, configuration[14]);
        int reportBytes = configuration[25];
        assertEquals(reportBytes, control(7, 0x81, 6, 0x2200, 0, reportBytes).length);
        assertEquals("Xenolith USB Tablet", new String(Arrays.copyOfRange(control(7, 0x80, 6, 0x302, 0x409, 40), 2, 40),
                StandardCharsets.UTF_16LE));
        assertEquals(null, control(7, 0x80, 6, 0x700, 0, 8));
        assertEquals(0, control(7, 0, 9, 1, 0, 0).length);
        assertArrayEquals(new byte[]{1}, control(7, 0x80, 8, 0, 0, 1));
        assertTrue(pin.contains(true));
    }

    @Test
    void keys_come_as_boot_reports_in_order() {
        start();
        configure(1, 3);
        assertEquals(null, poll(3));
        keyboard.press(Key.SHIFT_LEFT);
        keyboard.press(Key.A);
        keyboard.release(Key.A);
        keyboard.release(Key.SHIFT_LEFT);
        assertArrayEquals(new byte[]{2, 0, 0, 0, 0, 0, 0, 0}, poll(3));
        assertArrayEquals(new byte[]{2, 0, 4, 0, 0, 0, 0, 0}, poll(3));
        assertArrayEquals(new byte[]{2, 0, 0, 0, 0, 0, 0, 0}, poll(3));
        assertArrayEquals(new byte[8], poll(3));
        assertEquals(null, poll(3));
        assertEquals(1, control(3, 0x21, 9, 0x200, 0, 1, 2).length);
        assertEquals(2, keyboard.lights());
        assertEquals(0, control(3, 0x21, 10, 0x0100, 0, 0).length);
        assertArrayEquals(new byte[8], poll(3));
    }

    @Test
    void more_than_six_keys_roll_over() {
        for (Key k : List.of(Key.A, Key.S, Key.D, Key.F, Key.G, Key.H, Key.J)) {
            keyboard.press(k);
        }
        assertArrayEquals(new byte[]{0, 0, 1, 1, 1, 1, 1, 1}, keyboard.current());
    }

    @Test
    void the_tablet_reports_place_click_and_wheel_and_a_short_packet_interrupts() {
        start();
        configure(0, 5);
        wr(2, 0x1f);
        pin.clear();
        assertEquals(null, poll(5));
        tablet.pointer(799, 0, 800, 600, 0, PointerSink.LEFT);
        tablet.pointer(400, 599, 801, 600, -1, 0);
        assertArrayEquals(new byte[]{1, (byte) 0xff, 0x3f, (byte) 0xff, 0x7f, 1}, poll(5));
        assertEquals(List.of(true), pin);
        assertEquals(1, rd(2) & 3);
        wr(2, 1);
        assertEquals(List.of(true, false), pin);
        assertArrayEquals(new byte[]{0, (byte) 0xff, 0x3f, (byte) 0xff, 0x7f, 0}, poll(5));
        assertEquals(null, poll(5));
    }

    @Test
    void nobody_at_an_address_is_a_timeout_after_three_tries() {
        start();
        td(0, 1, ACTIVE | TRIES | IOC, token(IN, 9, 0, 0, 8), BUFFER);
        board.memory().write32(QH + 4, TDS);
        board.advance(FRAME);
        assertEquals(ACTIVE | 1 << 18 | 2 << 27, status(0) & (ACTIVE | 1 << 18 | TRIES));
        board.advance(2 * FRAME);
        assertEquals(STALLED | 1 << 18, status(0) & (ACTIVE | STALLED | 1 << 18 | TRIES));
        assertEquals(2, rd(2) & 2);
        assertEquals(TDS, board.memory().read32(QH + 4));
    }

    @Test
    void frames_are_counted_and_a_stopped_controller_has_no_timer() {
        start();
        board.advance(2050L * FRAME);
        assertEquals(2, rd(6));
        wr(0, 0xc0);
        assertEquals(0x20, rd(2) & 0x20);
        assertFalse(board.advanceToNext());
    }

    @Test
    void a_loop_of_queues_with_nothing_to_do_ends_the_frame() {
        board.memory().write32(QH, QH + 16 | 2);
        board.memory().write32(QH + 16, QH + 32 | 2);
        board.memory().write32(QH + 20, 1);
        board.memory().write32(QH + 32, QH + 16 | 2);
        board.memory().write32(QH + 36, 1);
        start();
        long before = board.memory().calls();
        board.advance(FRAME);
        assertTrue(board.memory().calls() - before < 20);
    }

    @Test
    void lists_outside_memory_halt_the_controller() {
        board.out(IO + 8, 4, 0x9000_0000L);
        wr(0, 0xc1);
        board.advance(FRAME);
        assertEquals(0x28, rd(2));
        assertEquals(List.of(true), pin);
        assertEquals(0, rd(0) & 1);
    }

    @Test
    void a_key_wakes_a_suspended_host_that_asked_for_it() {
        start();
        configure(1, 3);
        assertEquals(0, control(3, 0, 3, 1, 0, 0).length);
        wr(2, 0x1f);
        wr(0, 0xc8);
        pin.clear();
        keyboard.press(Key.ENTER);
        assertEquals(4, rd(2) & 4);
        assertEquals(0x40, rd(0x12) & 0x40);
        assertEquals(List.of(true), pin);
    }

    private static void transfer(SplittableRandom r, List<FuzzStep> into) {
        into.add(FuzzStep.out(IO + 8, 4, LIST));
        into.add(FuzzStep.out(IO + 0x10 + 2 * r.nextInt(2), 2, 4));
        int first = r.nextInt(0x100) * 16;
        into.add(FuzzStep.poke(LIST + 4 * r.nextInt(64), 4, first | r.nextInt(4)));
        for (int i = 0; i < 5; i++) {
            int at = first + 16 * i;
            into.add(FuzzStep.poke(at, 4, r.nextInt(0x100) * 16 | r.nextInt(8)));
            into.add(FuzzStep.poke(at + 4, 4, r.nextBoolean() ? r.nextInt(0x1000) : r.nextInt() & 0xffff_ffffL));
            int pid = new int[]{IN, OUT, SETUP}[r.nextInt(3)];
            into.add(FuzzStep.poke(at + 8, 4, token(pid, r.nextInt(2), r.nextInt(2), 0, 8) & 0xffff_ffffL));
            into.add(FuzzStep.poke(at + 12, 4, r.nextInt(0x4000)));
        }
        into.add(FuzzStep.poke(r.nextInt(0x800) * 8, 8, r.nextInt(0x100) | (long) r.nextInt(12) << 8
                | (long) r.nextInt(0x400) << 16 | (long) r.nextInt(64) << 48));
        into.add(FuzzStep.out(IO, 2, 0xc1));
        into.add(FuzzStep.advance(r.nextInt(8) * 1_000_000L));
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void random_programs_do_no_harm() {
        new DeviceFuzz(b -> {
            PciBus on = new PciBus(b.board());
            Uhci u = new Uhci(b.board());
            on.add(DEVFN, u);
            u.attach(0, new UsbTablet(b.board().clock()));
            UsbKeyboard k = new UsbKeyboard(b.board().clock());
            u.attach(1, k);
            k.press(Key.A);
            return on;
        }).pci(DEVFN).ports(IO, 32).guided(UhciTest::transfer).run(1, 100, 1500);
    }
}
