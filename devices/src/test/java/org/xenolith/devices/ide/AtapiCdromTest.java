package org.xenolith.devices.ide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.testing.MemoryDisk;

final class AtapiCdromTest {
    private static final int BLOCKS = 400;
    private static final int READY = 0x50;
    private static final int FAILED = 0x51;

    private final IdeHost host = new IdeHost();
    private final MemoryDisk disc = new MemoryDisk(BLOCKS * 4);
    private CdTray tray;

    @BeforeEach
    void plug() {
        disc.readOnly = true;
        tray = host.ide.attachCdrom(2, disc);
        host.select(2);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private byte[] blocks(int first, int count) {
        return Arrays.copyOfRange(disc.data, first * 2048, (first + count) * 2048);
    }

    /** Sends a packet and takes all of its data by PIO. */
    private byte[] ask(int... packet) {
        host.packet(false, 0xfffe, packet);
        byte[] all = new byte[0];
        while ((host.await() & 8) != 0) {
            assertEquals(2, host.in(2) & 3);
            int n = host.in(4) | host.in(5) << 8;
            byte[] part = host.pioIn(n);
            all = Arrays.copyOf(all, all.length + n);
            System.arraycopy(part, 0, all, all.length - n, n);
        }
        assertEquals(3, host.in(2) & 3);
        return all;
    }

    private String fail(int... packet) {
        assertEquals(0, ask(packet).length);
        assertEquals(FAILED, host.status());
        int key = host.in(1) >>> 4;
        byte[] sense = ask(3, 0, 0, 0, 18);
        assertEquals(18, sense.length);
        assertEquals(0x70, sense[0]);
        assertEquals(key, sense[2]);
        return key + "/" + Integer.toHexString(sense[12]) + "/" + sense[13];
    }

    private void good(int... packet) {
        ask(packet);
        assertEquals(READY, host.status());
    }

    @Test
    void the_signature_is_that_of_a_packet_device() {
        assertEquals(List.of(1, 1, 0x14, 0xeb), List.of(host.in(2), host.in(3), host.in(4), host.in(5)));
        assertEquals(0, host.status());
        host.command(0xec, 0, 0, 0);
        assertEquals(FAILED, host.await());
        assertEquals(List.of(0x14, 0xeb), List.of(host.in(4), host.in(5)));
        host.out(7, 0xa1);
        assertEquals(0x58, host.await());
        byte[] id = host.pioIn(512);
        assertEquals(0x85c0, IdeHost.word(id, 0));
        assertEquals(READY, host.status());
        host.out(7, 8);
        host.await();
        assertEquals(0, host.status());
        assertEquals(List.of(0x14, 0xeb), List.of(host.in(4), host.in(5)));
    }

    @Test
    void inquiry_capacity_and_ready() {
        byte[] inquiry = ask(0x12, 0, 0, 0, 36);
        assertEquals(36, inquiry.length);
        assertEquals(5, inquiry[0]);
        assertEquals("XENOLITH", new String(inquiry, 8, 8, StandardCharsets.US_ASCII));
        assertEquals(5, ask(0x12, 0, 0, 0, 5).length);
        good(0);
        assertArrayEquals(new byte[]{0, 0, 1, (byte) 0x8f, 0, 0, 8, 0}, ask(0x25));
    }

    @Test
    void blocks_are_read_by_pio_in_portions_of_the_limit() {
        assertArrayEquals(blocks(7, 40), ask(0x28, 0, 0, 0, 0, 7, 0, 0, 40));
        host.packet(false, 2048, 0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 3);
        for (int i = 0; i < 3; i++) {
            assertEquals(0x58, host.await());
            assertEquals(2048, host.in(4) | host.in(5) << 8);
            assertArrayEquals(blocks(9 + i, 1), host.pioIn(2048));
        }
        assertEquals(READY, host.await());
        host.packet(false, 0x301, 0x28, 0, 0, 0, 0, 9, 0, 0, 1);
        host.await();
        assertEquals(0x300, host.in(4) | host.in(5) << 8);
        host.pioIn(0x300);
        host.pioIn(0x300);
        assertEquals(0x200, host.in(4) | host.in(5) << 8);
        host.pioIn(0x200);
        assertEquals(READY, host.await());
        host.packet(false, 0, 0x28, 0, 0, 0, 0, 9, 0, 0, 1);
        assertEquals(FAILED, host.await());
        good(0x28, 0, 0, 0, 0, 9, 0, 0, 0);
    }

    @Test
    void each_portion_interrupts_and_so_does_the_end() {
        host.packet(false, 2048, 0x28, 0, 0, 0, 0, 9, 0, 0, 2);
        host.board.interrupts();
        host.await();
        assertEquals(List.of("irq15+"), host.board.interrupts());
        host.status();
        host.pioIn(2048);
        host.status();
        host.pioIn(2048);
        assertEquals(List.of("irq15-", "irq15+", "irq15-", "irq15+"), host.board.interrupts());
        assertEquals(READY, host.status());
    }

    @Test
    void blocks_and_replies_come_by_dma() {
        host.table(0x10000, 0, 0x20000, 0, 0x40000, 4 * 2048);
        host.packet(true, 0, 0x28, 0, 0, 0, 0, 20, 0, 0, 68);
        host.start(true);
        assertEquals(READY, host.await());
        assertEquals(4, host.bmStatus());
        assertEquals(3, host.in(2));
        assertArrayEquals(blocks(20, 64), host.memory(0x10000, 0x20000));
        assertArrayEquals(blocks(84, 4), host.memory(0x40000, 4 * 2048));
        host.table(0x8000, 64);
        host.packet(true, 0, 0x25);
        host.stop();
        host.start(true);
        assertEquals(READY, host.await());
        assertEquals(5, host.bmStatus());
        assertArrayEquals(new byte[]{0, 0, 1, (byte) 0x8f, 0, 0, 8, 0}, host.memory(0x8000, 8));
    }

    @Test
    void table_of_contents_in_its_formats() {
        byte[] toc = ask(0x43, 0, 0, 0, 0, 0, 0, 0, 100);
        assertArrayEquals(
                new byte[]{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, (byte) 0xaa, 0, 0, 0, 1, (byte) 0x90},
                toc);
        byte[] msf = ask(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100);
        assertArrayEquals(new byte[]{0, 10, 1, 1, 0, 0x14, (byte) 0xaa, 0, 0, 0, 7, 25}, msf);
        assertEquals(12, ask(0x43, 0, 1, 0, 0, 0, 0, 0, 12).length);
        byte[] full = ask(0x43, 2, 2, 0, 0, 0, 1, 0, 100);
        assertEquals(4 + 4 * 11, full.length);
        assertEquals(12, ask(0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40).length);
        assertEquals("5/24/0", fail(0x43, 0, 5, 0, 0, 0, 0, 0, 100));
        assertEquals("5/24/0", fail(0x43, 0, 0, 0, 0, 0, 2, 0, 100));
    }

    @Test
    void modes_configuration_events_and_disc_information() {
        byte[] caps = ask(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100);
        assertEquals(28, caps.length);
        assertEquals(26, caps[1]);
        assertEquals(0x2a, caps[8]);
        assertEquals(4 + 8 + 20, ask(0x1a, 0, 0x3f, 0, 255).length);
        assertEquals("5/24/0", fail(0x5a, 0, 0x33, 0, 0, 0, 0, 0, 100));
        assertEquals("5/39/0", fail(0x5a, 0, 0xea, 0, 0, 0, 0, 0, 100));
        byte[] conf = ask(0x46, 0, 0, 0, 0, 0, 0, 0, 200);
        assertEquals(conf.length - 4, conf[3]);
        assertEquals(8, conf[7]);
        assertEquals(20, ask(0x46, 2, 0, 1, 0, 0, 0, 0, 200).length);
        assertArrayEquals(new byte[]{0, 6, 4, 0x10, 0, 2, 0, 0}, ask(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
        assertArrayEquals(new byte[]{0, 2, (byte) 0x80, 0x10}, ask(0x4a, 1, 0, 0, 2, 0, 0, 0, 8));
        assertEquals("5/24/0", fail(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8));
        assertEquals(34, ask(0x51, 0, 0, 0, 0, 0, 0, 0, 100).length);
        byte[] track = ask(0x52, 1, 0, 0, 0, 1, 0, 0, 28);
        assertArrayEquals(new byte[]{0, 0, 1, (byte) 0x90}, Arrays.copyOfRange(track, 24, 28));
        assertEquals(8, ask(0x52, 0, 0, 0, 1, 0x8f, 0, 0, 8).length);
        assertEquals("5/24/0", fail(0x52, 0, 0, 0, 1, 0x90, 0, 0, 28));
        assertEquals("5/24/0", fail(0x52, 1, 0, 0, 0, 2, 0, 0, 28));
        assertEquals(8, ask(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8).length);
        good(0xbb, 0, 0xff, 0xff);
    }

    @Test
    void errors_have_their_sense_keys() {
        assertEquals("5/20/0", fail(0x42, 2, 0x40, 1, 0, 0, 0, 0, 16));
        assertEquals(List.of(), List.copyOf(host.board.unimplemented().keySet()));
        assertEquals("5/20/0", fail(0xa4));
        assertEquals(List.of("ide: packet command a4h"), List.copyOf(host.board.unimplemented().keySet()));
        assertEquals("5/21/0", fail(0x28, 0, 0, 0, 1, 0x8f, 0, 0, 2));
        assertEquals("5/21/0", fail(0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
        assertEquals("5/24/0", fail(0x12, 1, 0, 0, 36));
        disc.bad = 4 * 40;
        assertEquals("3/11/0", fail(0x28, 0, 0, 0, 0, 40, 0, 0, 1));
        assertEquals(0, ask(3, 0, 0, 0, 18)[2], "sense data is told once");
    }

    @Test
    void an_error_in_the_middle_of_dma_ends_it() {
        disc.bad = 4 * 60;
        host.table(0x10000, 0, 0x20000, 0);
        host.packet(true, 0, 0x28, 0, 0, 0, 0, 20, 0, 0, 64);
        host.start(true);
        assertEquals(FAILED, host.await());
        assertEquals(5, host.bmStatus());
        assertArrayEquals(blocks(20, 40), host.memory(0x10000, 40 * 2048));
    }

    @Test
    void an_empty_tray_is_not_ready() {
        tray.change(null);
        assertEquals("2/3a/1", fail(0));
        assertEquals("2/3a/1", fail(0x25));
        assertEquals("2/3a/1", fail(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
        assertArrayEquals(new byte[]{0, 6, 4, 0x10, 3, 0, 0, 0}, ask(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
        assertEquals(0, ask(0x46, 0, 0, 0, 0, 0, 0, 0, 200)[7]);
        assertEquals(0x70, ask(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100)[2]);
    }

    @Test
    void a_new_disc_is_told_once_by_unit_attention_and_by_an_event() {
        MemoryDisk other = new MemoryDisk(40);
        tray.change(other);
        good(0x12, 0, 0, 0, 36);
        assertArrayEquals(new byte[]{0, 6, 4, 0x10, 2, 2, 0, 0}, ask(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
        assertEquals("6/28/0", fail(0));
        good(0);
        assertArrayEquals(new byte[]{0, 0, 0, 9, 0, 0, 8, 0}, ask(0x25));
        tray.change(disc);
        byte[] sense = ask(3, 0, 0, 0, 18);
        assertEquals(6, sense[2]);
        good(0);
    }

    @Test
    void the_tray_opens_unless_the_guest_has_locked_it() {
        good(0x1e, 0, 0, 0, 1);
        assertEquals("5/53/2", fail(0x1b, 0, 0, 0, 2));
        tray.pressButton();
        assertFalse(tray.isOpen());
        assertEquals(1, ask(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)[4]);
        good(0x1e);
        good(0x1b, 0, 0, 0, 2);
        assertTrue(tray.isOpen());
        assertEquals("2/3a/2", fail(0));
        good(0x1b, 0, 0, 0, 3);
        assertEquals("6/28/0", fail(0));
        good(0);
        tray.pressButton();
        assertEquals("2/3a/2", fail(0));
    }

    @Test
    void a_disc_that_goes_away_in_the_middle_of_a_read_ends_it() {
        host.packet(false, 2048, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 64);
        for (int i = 0; i < 32; i++) {
            host.await();
            if (i == 3) {
                tray.change(null);
            }
            host.pioIn(2048);
        }
        assertEquals(FAILED, host.await());
        assertEquals(2, host.in(1) >>> 4);
    }

    @Test
    void a_last_part_of_a_block_reads_on_as_zeroes() {
        MemoryDisk odd = new MemoryDisk(4 * 3 + 1);
        tray.change(odd);
        ask(0);
        assertEquals(3, ask(0x25)[3]);
        byte[] last = ask(0x28, 0, 0, 0, 0, 2, 0, 0, 2);
        assertArrayEquals(Arrays.copyOf(Arrays.copyOfRange(odd.data, 4096, odd.data.length), 4096), last);
    }

    @Test
    void read_cd_returns_user_data_only() {
        assertArrayEquals(blocks(3, 2), ask(0xbe, 0, 0, 0, 0, 3, 0, 0, 2, 0x10));
        assertEquals("5/24/0", fail(0xbe, 0, 0, 0, 0, 3, 0, 0, 2, 0xf8));
    }
}
