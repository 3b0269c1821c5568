package org.xenolith.devices.ide;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.testing.MemoryDisk;

final class AtaDiskTest {
    private static final int SECTORS = 63 * 16 * 4 + 100;
    private static final int READY = 0x50;
    private static final int DATA = 0x58;
    private static final int FAILED = 0x51;

    private final IdeHost host = new IdeHost();
    private final MemoryDisk disk = new MemoryDisk(SECTORS);

    @BeforeEach
    void plug() {
        host.ide.attachDisk(0, disk, "XN0001");
        host.select(0);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private byte[] sectors(int first, int count) {
        return Arrays.copyOfRange(disk.data, first * 512, (first + count) * 512);
    }

    private static byte[] pattern(int bytes) {
        byte[] b = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            b[i] = (byte) (i * 5 + i / 512);
        }
        return b;
    }

    @Test
    void a_probe_finds_drive_0_and_nothing_else() {
        host.out(2, 0x55);
        host.out(3, 0xaa);
        assertEquals(0x55, host.in(2));
        assertEquals(0xaa, host.in(3));
        assertEquals(READY, host.status());
        host.select(1);
        host.out(2, 0x55);
        assertEquals(0, host.in(2));
        assertEquals(0, host.status());
        host.select(2);
        assertEquals(0x7f, host.status());
    }

    @Test
    void identify_tells_size_modes_and_features_with_a_checksum() {
        host.command(0xec, 0, 0, 0);
        assertEquals(0x80, host.alternateStatus());
        assertEquals(DATA, host.await());
        assertEquals(List.of("irq14+"), host.board.interrupts());
        assertEquals(DATA, host.status());
        assertEquals(List.of("irq14-"), host.board.interrupts());
        byte[] id = host.pioIn(512);
        assertEquals(READY, host.status());
        assertEquals(List.of(), host.board.interrupts());
        assertEquals(SECTORS, IdeHost.word(id, 60) | IdeHost.word(id, 61) << 16);
        assertEquals(SECTORS, IdeHost.word(id, 100) | IdeHost.word(id, 101) << 16);
        assertEquals(4, IdeHost.word(id, 1));
        assertEquals('X' << 8 | 'N', IdeHost.word(id, 10));
        assertEquals('X' << 8 | 'e', IdeHost.word(id, 27));
        assertEquals(0x0407, IdeHost.word(id, 63));
        int sum = 0;
        for (byte b : id) {
            sum += b;
        }
        assertEquals(0, sum & 0xff);
        host.command(0xef, 3, 0x45, 0);
        assertEquals(READY, host.await());
        host.command(0xec, 0, 0, 0);
        host.await();
        id = host.pioIn(512);
        assertEquals(0x0007, IdeHost.word(id, 63));
        assertEquals(0x203f, IdeHost.word(id, 88));
    }

    @Test
    void read_sectors_interrupts_for_each_and_read_multiple_for_each_block() {
        host.command(0x20, 0, 3, 70);
        for (int i = 0; i < 3; i++) {
            assertEquals(DATA, host.await());
            assertEquals(List.of("irq14+"), host.board.interrupts());
            host.status();
            host.board.interrupts();
            assertArrayEquals(sectors(70 + i, 1), host.pioIn(512));
        }
        assertEquals(READY, host.alternateStatus());
        host.command(0xc6, 0, 8, 0);
        assertEquals(READY, host.await());
        host.command(0xc4, 0, 10, 70);
        host.await();
        assertArrayEquals(sectors(70, 8), host.pioIn(8 * 512));
        assertEquals(DATA, host.alternateStatus());
        assertArrayEquals(sectors(78, 2), host.pioIn(2 * 512));
        assertEquals(READY, host.alternateStatus());
        assertEquals(0xffff, host.board.in(0x1f0, 2));
    }

    @Test
    void a_count_of_0_is_256_and_chs_addresses_count_from_1() {
        host.command(0x20, 0, 0, 0);
        host.await();
        assertArrayEquals(sectors(0, 256), host.pioIn(256 * 512));
        assertEquals(READY, host.alternateStatus());
        host.out(2, 1);
        host.out(3, 63);
        host.out(4, 1);
        host.out(5, 0);
        host.out(6, 0xa0 | 2);
        host.out(7, 0x20);
        host.await();
        assertArrayEquals(sectors((16 + 2) * 63 + 62, 1), host.pioIn(512));
        host.out(3, 0);
        host.out(7, 0x20);
        assertEquals(FAILED, host.await());
        assertEquals(0x10, host.in(1));
    }

    @Test
    void initialize_device_parameters_changes_the_geometry() {
        host.out(2, 10);
        host.out(6, 0xa0 | 3);
        host.out(7, 0x91);
        assertEquals(READY, host.await());
        host.out(2, 1);
        host.out(3, 1);
        host.out(4, 2);
        host.out(5, 0);
        host.out(6, 0xa0 | 1);
        host.out(7, 0x21);
        host.await();
        assertArrayEquals(sectors((2 * 4 + 1) * 10, 1), host.pioIn(512));
    }

    @Test
    void written_sectors_are_in_the_backend_when_the_disk_says_so() {
        byte[] data = pattern(2 * 512);
        host.command(0x30, 0, 2, 9);
        assertEquals(DATA, host.await());
        assertEquals(List.of(), host.board.interrupts());
        host.pioOut(Arrays.copyOf(data, 512));
        assertEquals(0x80, host.alternateStatus());
        assertEquals(DATA, host.await());
        assertEquals(List.of("irq14+"), host.board.interrupts());
        host.status();
        host.pioOut(Arrays.copyOfRange(data, 512, 1024));
        assertEquals(READY, host.await());
        assertArrayEquals(data, sectors(9, 2));
        assertEquals(List.of("write 9+1", "write 10+1"), disk.log);
        host.command(0xe7, 0, 0, 0);
        assertFalse(disk.log.contains("flush"));
        assertEquals(READY, host.await());
        assertTrue(disk.log.contains("flush"));
    }

    @Test
    void a_disk_without_write_cache_flushes_before_it_answers_and_so_does_fua() {
        host.command(0xef, 0x82, 0, 0);
        host.await();
        disk.log.clear();
        host.command(0x30, 0, 1, 3);
        host.await();
        host.pioOut(pattern(512));
        host.await();
        assertEquals(List.of("write 3+1", "flush"), disk.log);
        host.command(0xef, 0x02, 0, 0);
        host.await();
        disk.log.clear();
        host.setMemory(0x8000, pattern(1024));
        host.table(0x8000, 1024);
        host.commandExt(0x3d, 0, 2, 20);
        host.start(false);
        assertEquals(READY, host.await());
        assertEquals(List.of("write 20+2", "flush"), disk.log);
    }

    @Test
    void dma_reads_by_regions_of_any_size() {
        host.table(0x8002, 510, 0xffe0, 0x40, 0x20000, 1024 - 510 - 0x40);
        host.command(0xc8, 0, 2, 5);
        assertEquals(0x80, host.alternateStatus());
        host.start(true);
        assertEquals(1, host.bmStatus());
        assertEquals(READY, host.await());
        assertEquals(4, host.bmStatus(), "done: interrupt, not active");
        assertEquals(List.of("irq14+"), host.board.interrupts());
        byte[] want = sectors(5, 2);
        assertArrayEquals(Arrays.copyOf(want, 510), host.memory(0x8002, 510));
        assertArrayEquals(Arrays.copyOfRange(want, 510, 574), host.memory(0xffe0, 64));
        assertArrayEquals(Arrays.copyOfRange(want, 574, 1024), host.memory(0x20000, 450));
        host.stop();
        assertEquals(4, host.bmStatus());
        host.board.out(IdeHost.BM + 2, 1, 4);
        assertEquals(0, host.bmStatus());
    }

    @Test
    void dma_may_be_started_before_the_command_and_takes_its_time() {
        host.table(0x10000, 0, 0x20000, 0);
        host.start(true);
        host.commandExt(0x25, 0, 256, 1000);
        long before = host.board.now();
        host.board.advance(IdeDrive.DMA_LATENCY_NS + 131072 * IdeDrive.DMA_NS_PER_BYTE - 1);
        assertEquals(0x80, host.alternateStatus());
        host.board.advance(1);
        assertEquals(READY, host.alternateStatus());
        assertTrue(host.board.now() - before >= 20_000);
        assertArrayEquals(sectors(1000, 256), host.memory(0x10000, 131072));
        assertEquals(4, host.bmStatus());
    }

    @Test
    void a_table_that_is_too_long_leaves_the_controller_active() {
        host.table(0x8000, 2048);
        host.command(0xc8, 0, 1, 5);
        host.start(true);
        assertEquals(READY, host.await());
        assertEquals(5, host.bmStatus());
        assertArrayEquals(sectors(5, 1), host.memory(0x8000, 512));
        host.stop();
        assertEquals(4, host.bmStatus());
    }

    @Test
    void a_table_that_is_too_short_leaves_the_disk_waiting_for_the_rest() {
        host.table(0x8000, 700);
        host.command(0xc8, 0, 2, 5);
        host.start(true);
        host.board.advance(1_000_000);
        assertEquals(0, host.bmStatus());
        assertEquals(0x80, host.alternateStatus());
        host.stop();
        host.table(0x82bc, 324);
        host.start(true);
        assertEquals(READY, host.await());
        assertArrayEquals(sectors(5, 2), host.memory(0x8000, 1024));
        host.command(0xc8, 0, 2, 5);
        host.table(0x8000, 2);
        host.start(true);
        host.board.advance(1_000_000);
        host.control(4);
        host.control(0);
        assertEquals(READY, host.await());
        assertEquals(1, host.in(1));
    }

    @Test
    void dma_that_leaves_memory_ends_in_an_error_after_what_came_before() {
        host.table(0x8000, 512, 0xa0000, 512);
        host.command(0xc8, 0, 2, 5);
        host.start(true);
        host.board.advance(1_000_000);
        assertEquals(2, host.bmStatus());
        assertArrayEquals(sectors(5, 1), host.memory(0x8000, 512));
        assertEquals(List.of("ide: DMA outside RAM"), List.copyOf(host.board.unimplemented().keySet()));
        host.board.out(IdeHost.BM + 2, 1, 2);
        assertEquals(0, host.bmStatus());
        host.control(4);
        host.control(0);
        host.await();
        host.command(0xc8, 0, 1, 5);
        host.board.out(IdeHost.BM, 1, 0);
        host.board.out(IdeHost.BM + 4, 4, 0xfff_fff8L);
        host.board.out(IdeHost.BM, 1, 9);
        host.board.advance(1_000_000);
        assertEquals(2, host.bmStatus());
    }

    @Test
    void dma_waits_until_the_function_may_be_a_master() {
        host.board.writeConfig(IdeHost.DEVFN, 4, 2, 1);
        host.table(0x8000, 512);
        host.command(0xc8, 0, 1, 5);
        host.start(true);
        host.board.advance(1_000_000);
        assertEquals(0x80, host.alternateStatus());
        host.board.writeConfig(IdeHost.DEVFN, 4, 2, 5);
        assertEquals(READY, host.await());
        assertArrayEquals(sectors(5, 1), host.memory(0x8000, 512));
    }

    @Test
    void dma_writes_reach_the_backend_in_order() {
        byte[] data = pattern(200 * 512);
        host.setMemory(0x20000, data);
        host.table(0x20000, 0, 0x30000, 200 * 512 - 65536);
        host.command(0xca, 0, 200, 300);
        host.start(false);
        assertEquals(READY, host.await());
        assertEquals(List.of("write 300+128", "write 428+72"), disk.log);
        assertArrayEquals(data, sectors(300, 200));
    }

    @Test
    void addresses_beyond_the_end_are_not_found() {
        host.command(0x20, 0, 2, SECTORS - 1);
        assertEquals(FAILED, host.await());
        assertEquals(0x10, host.in(1));
        assertEquals(SECTORS & 0xff, host.in(3));
        host.commandExt(0x25, 0, 1, 1L << 40);
        assertEquals(FAILED, host.await());
        host.control(0x80);
        assertEquals(0, host.in(4));
        assertEquals(1, host.in(5), "bits 40 to 47");
        assertEquals(List.of(), disk.log);
    }

    @Test
    void a_bad_sector_is_named_and_what_is_before_it_is_read() {
        disk.bad = 33;
        host.table(0x8000, 8192);
        host.command(0xc8, 0, 16, 30);
        host.start(true);
        assertEquals(FAILED, host.await());
        assertEquals(0x40, host.in(1));
        assertEquals(33, host.in(3));
        assertArrayEquals(sectors(30, 3), host.memory(0x8000, 3 * 512));
        host.command(0x20, 0, 1, 33);
        assertEquals(FAILED, host.await());
        host.command(0x40, 0, 16, 30);
        assertEquals(FAILED, host.await());
        assertEquals(33, host.in(3));
        host.command(0x40, 0, 16, 34);
        assertEquals(READY, host.await());
    }

    @Test
    void a_write_that_fails_is_told_with_its_sector() {
        disk.bad = 33;
        host.setMemory(0x8000, pattern(8192));
        host.table(0x8000, 8192);
        host.command(0xca, 0, 16, 30);
        host.start(false);
        assertEquals(FAILED, host.await());
        assertEquals(0x10, host.in(1));
        assertEquals(33, host.in(3));
        disk.flushFails = true;
        host.command(0xea, 0, 0, 0);
        assertEquals(FAILED, host.await());
        assertEquals(4, host.in(1));
    }

    @Test
    void a_read_only_disk_aborts_writes() {
        disk.readOnly = true;
        host.command(0x30, 0, 1, 3);
        assertEquals(FAILED, host.await());
        assertEquals(4, host.in(1));
        host.command(0xca, 0, 1, 3);
        assertEquals(FAILED, host.await());
    }

    @Test
    void trim_discards_ranges() {
        byte[] ranges = new byte[512];
        ranges[0] = 40;
        ranges[6] = 8;
        ranges[8] = 100;
        ranges[14] = 1;
        host.setMemory(0x8000, ranges);
        host.table(0x8000, 512);
        host.commandExt(0x06, 1, 1, 0);
        host.start(false);
        assertEquals(READY, host.await());
        assertEquals(List.of("discard 40+8", "discard 100+1"), disk.log);
        ranges[5] = 1;
        host.setMemory(0x8000, ranges);
        host.commandExt(0x06, 1, 1, 0);
        host.stop();
        host.start(false);
        assertEquals(FAILED, host.await());
        assertEquals(0x10, host.in(1));
        host.commandExt(0x06, 0, 1, 0);
        assertEquals(FAILED, host.await());
        assertEquals(4, host.in(1));
    }

    @Test
    void native_max_power_and_absent_features() {
        host.command(0xf8, 0, 0, 0);
        assertEquals(READY, host.await());
        assertEquals(SECTORS - 1, host.in(3) | host.in(4) << 8 | host.in(5) << 16);
        host.commandExt(0x27, 0, 0, 0);
        assertEquals(READY, host.await());
        assertEquals(SECTORS - 1, host.in(3) | host.in(4) << 8 | host.in(5) << 16);
        host.command(0xe5, 0, 0, 0);
        assertEquals(READY, host.await());
        assertEquals(0xff, host.in(2));
        for (int command : new int[]{0xb0, 0xa1, 0x00, 0x08}) {
            host.command(command, 0, 0, 0);
            assertEquals(FAILED, host.await());
            assertEquals(4, host.in(1));
        }
        assertTrue(host.board.unimplemented().isEmpty());
        host.command(0xfe, 0, 0, 0);
        assertEquals(FAILED, host.await());
        assertEquals(List.of("ide: ATA command feh"), List.copyOf(host.board.unimplemented().keySet()));
        host.command(0xc6, 0, 3, 0);
        assertEquals(FAILED, host.await());
        host.command(0xc6, 0, 0, 0);
        assertEquals(READY, host.await());
        host.command(0xc4, 0, 1, 0);
        assertEquals(FAILED, host.await());
    }

    @Test
    void nien_keeps_the_line_low_and_an_interrupt_pending() {
        host.control(2);
        host.command(0xe7, 0, 0, 0);
        host.await();
        assertEquals(List.of(), host.board.interrupts());
        assertEquals(0, host.bmStatus());
        host.control(0);
        assertEquals(List.of("irq14+"), host.board.interrupts());
        assertEquals(4, host.bmStatus());
        host.alternateStatus();
        assertTrue(host.board.asserted("irq14"));
        host.status();
        assertFalse(host.board.asserted("irq14"));
    }

    @Test
    void a_busy_disk_takes_neither_registers_nor_commands() {
        host.command(0xe7, 0, 0, 0);
        host.out(3, 0x77);
        host.out(7, 0x20);
        assertEquals(READY, host.await());
        assertEquals(0, host.in(3));
        assertEquals(List.of("flush"), disk.log);
    }

    @Test
    void software_reset_and_diagnosis_show_the_signature() {
        host.command(0x20, 0, 5, 5);
        host.await();
        host.control(4);
        assertEquals(0x80, host.alternateStatus());
        host.board.advance(1_000_000);
        assertEquals(0x80, host.alternateStatus());
        host.control(0);
        assertEquals(READY, host.await());
        assertEquals(List.of(1, 1, 0, 0), List.of(host.in(2), host.in(3), host.in(4), host.in(5)));
        assertEquals(1, host.in(1));
        assertEquals(List.of("irq14+", "irq14-"), host.board.interrupts());
        host.out(7, 0x90);
        assertEquals(READY, host.await());
        assertEquals(1, host.in(1));
        assertTrue(host.board.asserted("irq14"));
    }

    @Test
    void two_disks_share_a_channel() {
        MemoryDisk second = new MemoryDisk(64);
        second.data[0] = 99;
        host.ide.attachDisk(1, second, "XN0002");
        host.command(0xe7, 0, 0, 0);
        host.await();
        assertTrue(host.board.asserted("irq14"));
        host.select(1);
        assertFalse(host.board.asserted("irq14"), "the line is the selected drive's");
        host.command(0x20, 0, 1, 0);
        host.await();
        host.status();
        assertEquals(99, host.pioIn(512)[0]);
        host.select(0);
        assertTrue(host.board.asserted("irq14"));
    }

    @Test
    void unplugged_disks_are_gone_and_the_cd_stays() {
        host.ide.attachCdrom(2, null);
        host.command(0x20, 0, 2, 0);
        host.ide.unplugDisks();
        host.board.advance(1_000_000);
        assertEquals(0x7f, host.status());
        assertFalse(host.board.asserted("irq14"));
        host.select(2);
        assertEquals(0, host.status());
        host.out(7, 0xa1);
        assertEquals(DATA, host.await());
        assertFalse(disk.log.contains("close"));
    }

    @Test
    void ports_are_decoded_as_the_function_is_told() {
        host.board.writeConfig(IdeHost.DEVFN, 0x40, 2, 0);
        assertEquals(0xff, host.status());
        host.board.writeConfig(IdeHost.DEVFN, 0x40, 2, 0x8000);
        assertEquals(READY, host.status());
        host.board.writeConfig(IdeHost.DEVFN, 4, 2, 0);
        assertEquals(0xff, host.status());
        assertEquals(0xff, host.alternateStatus());
    }
}
