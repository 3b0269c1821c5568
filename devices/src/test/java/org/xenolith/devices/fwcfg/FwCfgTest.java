package org.xenolith.devices.fwcfg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

class FwCfgTest {
    private final TestBoard test = new TestBoard();
    private final FwCfg device = new FwCfg(test.board());

    @AfterEach
    void close() {
        test.close();
    }

    private String bytes(int item, int n) {
        test.board().ports().out(0x510, 2, item);
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) {
            s.append((char) test.board().ports().in(0x511, 1));
        }
        return s.toString();
    }

    /** Runs a DMA request at gpa 1000h and returns its control word afterwards. */
    private int dma(int control, int length, long to) {
        byte[] d = new byte[16];
        for (int i = 0; i < 4; i++) {
            d[i] = (byte) (control >>> 24 - 8 * i);
            d[4 + i] = (byte) (length >>> 24 - 8 * i);
        }
        for (int i = 0; i < 8; i++) {
            d[8 + i] = (byte) (to >>> 56 - 8 * i);
        }
        test.board().memory().write(0x1000, d, 0, 16);
        test.board().ports().out(0x514, 4, 0);
        test.board().ports().out(0x518, 4, Integer.toUnsignedLong(Integer.reverseBytes(0x1000)));
        return Integer.reverseBytes(test.board().memory().read32(0x1000));
    }

    @Test
    void the_signature_tells_of_the_device_and_of_dma() {
        assertEquals("QEMU", bytes(0, 4));
        assertEquals("QEMU CFG", new String(new byte[]{(byte) test.board().ports().in(0x514, 1)},
                StandardCharsets.US_ASCII) + text(0x515, 7));
        assertEquals(3, bytes(1, 1).charAt(0));
    }

    private String text(int port, int n) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) {
            s.append((char) test.board().ports().in(port + i, 1));
        }
        return s.toString();
    }

    @Test
    void files_are_in_the_directory_by_name_and_read_as_zero_beyond_their_end() {
        device.file("etc/b", new byte[]{7});
        device.file("etc/a", new byte[]{1, 2, 3});
        String d = bytes(0x19, 4 + 2 * 64);
        assertEquals("\0\0\0\2\0\0\0\3\0\40\0\0etc/a\0", d.substring(0, 18));
        assertEquals("\0\0\0\1\0\41\0\0etc/b\0", d.substring(68, 82));
        assertEquals("\1\2\3\0", bytes(0x20, 4));
    }

    @Test
    void file_that_changes_is_read_as_it_is_when_it_is_selected() {
        byte[] content = {1};
        device.file("etc/tables", () -> content.clone());
        assertEquals("\1", bytes(0x20, 1));
        content[0] = 2;
        assertEquals("\2", bytes(0x20, 1));
    }

    @Test
    void dma_selects_skips_and_reads() {
        device.file("data", "hello, world".getBytes(StandardCharsets.US_ASCII));
        assertEquals(0, dma(0x20 << 16 | 8 | 4, 7, 0));
        assertEquals(0, dma(2, 8, 0x2ffc));
        byte[] got = new byte[8];
        test.board().memory().read(0x2ffc, got, 0, 8);
        assertArrayEquals("world\0\0\0".getBytes(StandardCharsets.US_ASCII), got);
    }

    @Test
    void dma_to_no_ram_and_writes_are_errors() {
        assertEquals(1, dma(2, 16, 0xfe00_0000L));
        assertEquals(1, dma(16, 4, 0x3000));
    }

    @Test
    void random_programs_do_no_harm() {
        new DeviceFuzz(t -> {
            FwCfg f = new FwCfg(t.board());
            f.file("etc/x", new byte[100]);
            return f;
        }).ports(0x510, 12).run(1, 100, 200);
    }
}
