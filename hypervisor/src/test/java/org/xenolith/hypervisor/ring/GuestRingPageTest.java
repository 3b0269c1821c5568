package org.xenolith.hypervisor.ring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.xenolith.memory.GuestMemory;

/** A ring page in guest memory, present and given away. */
class GuestRingPageTest {
    private final byte[] frame = new byte[4096];
    private boolean present = true;

    private final GuestRingPage page = new GuestRingPage(new GuestMemory() {
        @Override
        public boolean isRam(long gpa, long length) {
            return present && gpa >= 0x5000 && gpa + length <= 0x6000;
        }

        @Override
        public boolean tryRead(long gpa, byte[] to, int offset, int length) {
            if (!isRam(gpa, length)) {
                return false;
            }
            System.arraycopy(frame, (int) gpa - 0x5000, to, offset, length);
            return true;
        }

        @Override
        public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
            if (!isRam(gpa, length)) {
                return false;
            }
            System.arraycopy(from, offset, frame, (int) gpa - 0x5000, length);
            return true;
        }

        @Override
        public long hostPage(long gfn) {
            return 0;
        }

        @Override
        public void written(long gfn) {
        }
    }, 5);

    @Test
    void integers_are_little_endian() {
        page.write32(2048, 0x81020304);
        assertEquals(4, frame[2048]);
        assertEquals((byte) 0x81, frame[2051]);
        assertEquals(0x81020304, page.read32(2048));
    }

    @Test
    void bytes_go_to_their_place() {
        page.write(4090, new byte[]{9, 1, 2, 3, 4, 5, 6}, 1, 6);
        byte[] got = new byte[7];
        page.read(4090, got, 1, 6);
        assertArrayEquals(new byte[]{0, 1, 2, 3, 4, 5, 6}, got);
    }

    @Test
    void a_page_given_away_reads_as_ones_and_swallows_writes() {
        page.write32(0, 7);
        present = false;
        page.write32(0, 8);
        page.write(0, new byte[]{1}, 0, 1);
        byte[] got = new byte[2];
        page.read(0, got, 0, 2);
        assertArrayEquals(new byte[]{-1, -1}, got);
        assertEquals(-1, page.read32(0));
        present = true;
        assertEquals(7, page.read32(0));
    }
}
