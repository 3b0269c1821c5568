package org.xenolith.devices.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Device;
import org.xenolith.devices.RamWindows;
import org.xenolith.memory.RawMemory;

final class TestBoardTest {
    @Test
    void time_passes_from_deadline_to_deadline() {
        try (TestBoard b = new TestBoard()) {
            List<Long> fired = new ArrayList<>();
            b.board().timers().timer(() -> fired.add(b.now())).arm(500);
            b.board().timers().timer(() -> fired.add(b.now())).arm(20);
            assertTrue(b.advanceToNext());
            assertEquals(List.of(20L), fired);
            b.advance(1000);
            assertEquals(List.of(20L, 500L), fired);
            assertEquals(1020, b.now());
            assertFalse(b.advanceToNext());
        }
    }

    @Test
    void memory_has_the_hole_of_a_pc_in_which_windows_show() {
        try (TestBoard b = new TestBoard()) {
            assertTrue(b.memory().tryWrite(TestBoard.HOLE - 4, new byte[]{1, 2, 3, 4}, 0, 4));
            assertFalse(b.memory().tryWrite(TestBoard.HOLE - 4, new byte[8], 0, 8));
            assertEquals(4, b.memory().read8(TestBoard.HOLE - 1));
            RamWindows.Block video = b.board().windows().allocate(8192);
            b.board().windows().show(0xa0000, video, 4096, 4096, true);
            b.memory().write8(0xa0001, 0x66);
            assertEquals(0x66, RawMemory.get8(video.address() + 4097));
            b.board().windows().show(0xc0000, video, 0, 4096, false);
            assertFalse(b.memory().tryWrite(0xc0000, new byte[1], 0, 1));
            b.board().windows().restore(0xc0000, 4096, true);
            assertTrue(b.memory().tryWrite(0xc0000, new byte[1], 0, 1));
            b.board().windows().hide(0xa0000, 4096);
            assertFalse(b.memory().isRam(0xa0000, 1));
            b.checkGuards();
            RawMemory.put8(video.address() + 8192, 0);
            assertThrows(AssertionError.class, b::checkGuards);
        }
    }

    @Test
    void interrupts_are_changes_of_level() {
        try (TestBoard b = new TestBoard()) {
            IrqLine line = b.irq("x");
            line.set(false);
            line.set(true);
            line.set(true);
            assertTrue(b.asserted("x"));
            line.set(false);
            assertEquals(List.of("x+", "x-"), b.interrupts());
        }
    }

    /** Throws when 55h is written to its second port while armed through the first. */
    private static final class Fragile implements Device, PortHandler.Bytes {
        private boolean armed;

        Fragile(TestBoard b) {
            b.board().ports().map(0x100, 2, this);
        }

        @Override
        public int in8(int port) {
            return 0;
        }

        @Override
        public void out8(int port, int value) {
            if (port == 0x100) {
                armed |= value == 1;
            } else if (armed && value >= 0x55) {
                throw new ArithmeticException("armed");
            }
        }

        @Override
        public void reset() {
            armed = false;
        }
    }

    @Test
    void a_failure_is_shrunk_to_what_is_needed_and_names_the_seed() {
        DeviceFuzz fuzz = new DeviceFuzz(Fragile::new).ports(0x100, 2);
        AssertionError e = assertThrows(AssertionError.class, () -> fuzz.run(7, 100, 300));
        assertTrue(e.getMessage().matches("(?s)seed \\d+ fails.*"), e.getMessage());
        assertTrue(e.getMessage().lines().count() <= 3, e.getMessage());
        assertTrue(e.getCause() instanceof ArithmeticException);
    }

    @Test
    void writes_behind_memory_are_found() {
        DeviceFuzz fuzz = new DeviceFuzz(b -> {
            b.board().ports().map(0x100, 1, new PortHandler.Bytes() {
                @Override
                public int in8(int port) {
                    return 0;
                }

                @Override
                public void out8(int port, int value) {
                    RawMemory.put8(b.memory().hostPage((TestBoard.RAM_BYTES >> 12) - 1) + 4096, value);
                }
            });
            return () -> {};
        }).ports(0x100, 1);
        assertThrows(AssertionError.class, () -> fuzz.run(1, 1, 100));
    }
}
