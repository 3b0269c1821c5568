package org.xenolith.devices.timer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.bus.IrqLine;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

final class HpetTest {
    private static final int INTERRUPT = 4;
    private static final int LEVEL = 2;
    private static final int PERIODIC = 8;
    private static final int SET_VALUE = 0x40;
    private static final int BITS_32 = 0x100;
    private static final int ROUTE_20 = 20 << 9;

    private final TestBoard b = new TestBoard();
    private final Hpet hpet = hpet(b);

    private static Hpet hpet(TestBoard board) {
        IrqLine[] routes = new IrqLine[24];
        for (int i = 16; i < 24; i++) {
            routes[i] = board.irq("gsi" + i);
        }
        return new Hpet(board.board(), board.irq("irq0"), board.irq("irq8"), routes);
    }

    @AfterEach
    void close() {
        b.close();
    }

    private long read(int at) {
        return b.board().mmio().read(Hpet.ADDRESS + at, 8);
    }

    private void write(int at, long value) {
        b.board().mmio().write(Hpet.ADDRESS + at, 8, value);
    }

    @Test
    void it_tells_its_period_and_counts_while_enabled() {
        assertEquals(0x0098_9680_8086_a201L, read(0));
        b.advance(1000);
        assertEquals(0, read(0xf0));
        write(0x10, 1);
        b.advance(1000);
        assertEquals(100, read(0xf0));
        assertEquals(100, b.board().mmio().read(Hpet.ADDRESS + 0xf0, 4) & 0xffff_ffffL);
        write(0x10, 0);
        b.advance(1000);
        assertEquals(100, read(0xf0));
        write(0xf0, 0xffff_ffff_ffL);
        write(0x10, 1);
        b.advance(10);
        assertEquals(0x100_0000_0000L, read(0xf0));
    }

    @Test
    void a_one_shot_fires_when_the_counter_meets_it() {
        write(0x10, 1);
        write(0x140, INTERRUPT | ROUTE_20);
        write(0x148, 5000);
        b.advance(49_999);
        assertEquals(List.of(), b.interrupts());
        b.advance(1);
        assertEquals(List.of("gsi20+", "gsi20-"), b.interrupts());
        b.advance(1_000_000_000L);
        assertEquals(List.of(), b.interrupts());
    }

    @Test
    void a_32_bit_one_shot_comes_again_when_the_counter_has_gone_round() {
        write(0x10, 1);
        write(0x140, INTERRUPT | ROUTE_20 | BITS_32);
        write(0x148, 5000);
        b.advance(50_000);
        b.interrupts();
        b.advance(10L << 32);
        assertEquals(List.of("gsi20+", "gsi20-"), b.interrupts());
    }

    @Test
    void a_periodic_timer_starts_at_its_value_and_goes_on_by_its_period() {
        write(0x10, 1);
        b.advance(777);
        write(0x100, INTERRUPT | PERIODIC | SET_VALUE | ROUTE_20);
        write(0x108, 30_000);
        write(0x108, 10_000);
        b.advance(300_000 - 778);
        assertEquals(List.of(), b.interrupts());
        b.advance(1);
        assertEquals(List.of("gsi20+", "gsi20-"), b.interrupts());
        assertEquals(40_000, read(0x108));
        b.advance(1_000_000);
        assertEquals(20, b.interrupts().size());
    }

    @Test
    void a_level_triggered_interrupt_stays_until_its_status_is_cleared() {
        write(0x10, 1);
        write(0x140, INTERRUPT | LEVEL | ROUTE_20);
        write(0x148, 100);
        b.advance(1000);
        assertTrue(b.asserted("gsi20"));
        assertEquals(4, read(0x20));
        write(0x20, 3);
        assertTrue(b.asserted("gsi20"));
        write(0x20, 4);
        assertFalse(b.asserted("gsi20"));
        assertEquals(0, read(0x20));
    }

    @Test
    void legacy_replacement_takes_irq_0_and_8_from_pit_and_clock() {
        IrqLine pit = hpet.legacyInput(0);
        pit.set(true);
        assertTrue(b.asserted("irq0"));
        write(0x100, INTERRUPT);
        write(0x108, 1000);
        write(0x10, 3);
        assertFalse(b.asserted("irq0"));
        hpet.legacyInput(1).set(true);
        assertFalse(b.asserted("irq8"));
        b.interrupts();
        b.advance(10_000);
        assertEquals(List.of("irq0+", "irq0-"), b.interrupts());
        write(0x10, 1);
        assertTrue(b.asserted("irq0"));
        assertTrue(b.asserted("irq8"));
    }

    @Test
    void a_period_of_one_tick_does_not_keep_the_host_busy() {
        write(0x10, 1);
        write(0x100, INTERRUPT | PERIODIC | SET_VALUE | ROUTE_20);
        write(0x108, 1);
        b.advance(1_000_000_000L);
        int n = b.interrupts().size() / 2;
        assertTrue(n > 1000 && n <= 100_001, n + " interrupts");
    }

    @Test
    void pit_acpi_timer_and_hpet_tell_the_same_time() {
        write(0x10, 1);
        b.advance(3_600_000_000_000L);
        assertEquals(360_000_000_000L, read(0xf0));
        assertEquals(3600L * 1_193_182, Frequency.PIT.ticks(b.now()));
        assertEquals(3600L * 3_579_545, Frequency.ACPI.ticks(b.now()));
        for (long t = 1; t < 5_000_000; t += 997) {
            long ns = Frequency.PIT.nanos(t);
            assertEquals(t, Frequency.PIT.ticks(ns));
            assertEquals(t - 1, Frequency.PIT.ticks(ns - 1));
        }
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(HpetTest::hpet).mmio(Hpet.ADDRESS, 0x180).run(1, 60, 300);
    }
}
