package org.xenolith.devices.pc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.CharBackend;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;

final class PcTest {
    private static final long EPOCH = 1_700_000_000L;

    private final TestBoard b = new TestBoard();
    private final Events events = new Events();
    private final Pc pc = pc(b, events);

    /** What happened to the machine. */
    private static final class Events implements PcEvents {
        private final List<String> seen = new ArrayList<>();

        @Override
        public void reset() {
            seen.add("reset");
        }

        @Override
        public void powerOff() {
            seen.add("off");
        }

        @Override
        public void exit(int code) {
            seen.add("exit " + code);
        }

        @Override
        public void a20(boolean open) {
            seen.add("a20 " + open);
        }
    }

    private static Pc pc(TestBoard board, PcEvents events) {
        PcConfig config = new PcConfig(2, 5L << 29, 1L << 32, EPOCH, "dcn", CharBackend.NONE, CharBackend.NONE,
                CharBackend.NONE, true);
        return new Pc(board.board(), new ApicBus(), config, events, new byte[0x2_0000]);
    }

    @AfterEach
    void close() {
        b.close();
    }

    private int cmos(int at) {
        b.out(0x70, 1, at);
        return (int) b.in(0x71, 1);
    }

    private void programPic() {
        int[][] words = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 4}, {0xa1, 2}, {0x21, 1},
            {0xa1, 1}};
        for (int[] w : words) {
            b.out(w[0], 1, w[1]);
        }
    }

    @Test
    void firmware_finds_memory_cpus_and_boot_order() {
        assertEquals(640, cmos(0x15) | cmos(0x16) << 8);
        assertEquals(63 * 1024, cmos(0x30) | cmos(0x31) << 8);
        assertEquals((5L << 29) - (16 << 20) >>> 16, cmos(0x34) | cmos(0x35) << 8);
        assertEquals(1 << 16, cmos(0x5b) | cmos(0x5c) << 8 | cmos(0x5d) << 16);
        assertEquals(1, cmos(0x5f));
        assertEquals(0x23, cmos(0x3d));
        assertEquals(0x41, cmos(0x38));
        b.out(0x510, 2, 5);
        assertEquals(2, b.in(0x511, 1));
    }

    @Test
    void timer_keyboard_and_clock_interrupt_through_the_pics() {
        programPic();
        b.out(0x43, 1, 0x34);
        b.out(0x40, 1, 0);
        b.out(0x40, 1, 0);
        b.advance(60_000_000);
        assertTrue(pc.interrupts().pic().pending());
        assertEquals(0x20, pc.acknowledge());
        pc.floatingPointError();
        b.out(0x20, 1, 0x20);
        assertEquals(0x2d, pc.acknowledge());
        b.out(0xf0, 1, 0);
    }

    @Test
    void the_guest_resets_turns_off_and_exits() {
        b.out(0x64, 1, 0xfe);
        b.out(0x92, 1, 3);
        b.out(0xcf9, 1, 6);
        b.out(0xf4, 1, 33);
        b.writeConfig(Pc.POWER_MANAGEMENT, 0x40, 4, 0x601);
        b.writeConfig(Pc.POWER_MANAGEMENT, 0x80, 1, 1);
        b.out(0x604, 2, 0x2000);
        assertEquals(List.of("reset", "reset", "reset", "exit 33", "off"), events.seen);
    }

    @Test
    void keyboard_controller_and_port_92h_share_the_a20_gate() {
        b.out(0x92, 1, 0);
        b.out(0x64, 1, 0xd1);
        b.out(0x60, 1, 0xdf);
        assertEquals(2, b.in(0x92, 1));
        b.out(0x64, 1, 0xd1);
        b.out(0x60, 1, 0xdd);
        assertEquals(List.of("a20 false", "a20 true", "a20 false"), events.seen);
        pc.reset();
        assertEquals("a20 true", events.seen.getLast());
    }

    @Test
    void the_clock_shows_the_epoch_it_is_given() {
        // 2023-11-14 22:13:20
        assertEquals(List.of(0x20, 0x13, 0x22, 0x14, 0x11, 0x23),
                List.of(cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9)));
    }

    @Test
    void reset_leaves_no_interrupt_and_no_timer_but_lines_that_are_still_asserted() {
        programPic();
        b.out(0x43, 1, 0x34);
        b.out(0x40, 1, 0);
        b.out(0x40, 1, 0);
        IrqLine irq11 = pc.line(11);
        irq11.set(true);
        pc.reset();
        b.advance(100_000_000);
        programPic();
        assertFalse(pc.interrupts().pic().pending());
        irq11.set(false);
        irq11.set(true);
        assertTrue(pc.interrupts().pic().pending());
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(board -> pc(board, new Events())).ports(0, 0x100).ports(0x2f8, 8).ports(0x3f8, 8)
                .ports(0x4d0, 2).ports(0x510, 12).ports(0xcf8, 8).mmio(0xfec0_0000L, 0x20).mmio(0xfed0_0000L, 0x160)
                .pci(Pc.HOST_BRIDGE).pci(Pc.ISA_BRIDGE).pci(Pc.POWER_MANAGEMENT)
                .guided((r, into) -> {
                    into.add(FuzzStep.out(0x518, 4, Integer.reverseBytes(r.nextInt(1 << 16))));
                })
                .run(1, 60, 400);
    }
}
