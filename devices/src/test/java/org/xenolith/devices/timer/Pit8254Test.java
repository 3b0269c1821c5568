package org.xenolith.devices.timer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

final class Pit8254Test {
    private final TestBoard b = new TestBoard();
    private final Pit8254 pit = new Pit8254(b.board(), b.irq("irq0"));

    @AfterEach
    void close() {
        b.close();
    }

    private void program(int channel, int mode, int count) {
        b.out(0x43, 1, channel << 6 | 0x30 | mode << 1);
        b.out(0x40 + channel, 1, count & 0xff);
        b.out(0x40 + channel, 1, count >>> 8);
    }

    /** Lets time pass until so many ticks have passed since power-on. */
    private void tick(long ticks) {
        b.advance(Frequency.PIT.nanos(ticks) - b.now());
    }

    private int latched(int channel) {
        b.out(0x43, 1, channel << 6);
        return (int) (b.in(0x40 + channel, 1) | b.in(0x40 + channel, 1) << 8);
    }

    @Test
    void mode_0_interrupts_once_one_tick_after_the_count() {
        program(0, 0, 100);
        b.interrupts();
        tick(100);
        assertEquals(List.of(), b.interrupts());
        tick(101);
        assertEquals(List.of("irq0+"), b.interrupts());
        tick(500_000);
        assertEquals(List.of(), b.interrupts());
    }

    @Test
    void mode_2_interrupts_every_period_without_drift() {
        program(0, 2, 1193);
        b.interrupts();
        b.advance(1_000_000_000L);
        // 1193182 ticks, the first of which loads the count
        assertEquals(1000, b.interrupts().stream().filter("irq0+"::equals).count());
    }

    @Test
    void a_count_of_0_is_65536() {
        program(0, 2, 0);
        b.interrupts();
        tick(65_536);
        assertEquals(0, b.interrupts().stream().filter("irq0+"::equals).count());
        tick(65_537);
        assertEquals(1, b.interrupts().stream().filter("irq0+"::equals).count());
    }

    @Test
    void a_latched_count_stands_until_it_is_read() {
        program(0, 2, 1000);
        tick(11);
        b.out(0x43, 1, 0);
        tick(400);
        assertEquals(990, b.in(0x40, 1) | b.in(0x40, 1) << 8);
        assertEquals(601, latched(0));
    }

    @Test
    void mode_3_counts_by_twos_and_its_output_is_a_square() {
        b.out(0x61, 1, 1);
        program(2, 3, 10);
        StringBuilder out = new StringBuilder();
        StringBuilder counts = new StringBuilder();
        for (int t = 1; t <= 10; t++) {
            tick(t);
            out.append((b.in(0x61, 1) & 0x20) != 0 ? '1' : '0');
            counts.append(latched(2)).append(' ');
        }
        assertEquals("1111100000", out.toString());
        assertEquals("10 8 6 4 2 10 8 6 4 2 ", counts.toString());
    }

    @Test
    void mode_3_with_an_odd_count_is_high_one_tick_longer() {
        b.out(0x61, 1, 1);
        program(2, 3, 5);
        StringBuilder out = new StringBuilder();
        for (int t = 1; t <= 10; t++) {
            tick(t);
            out.append((b.in(0x61, 1) & 0x20) != 0 ? '1' : '0');
        }
        assertEquals("1110011100", out.toString());
    }

    @ParameterizedTest
    @CsvSource({"0, 0000111", "2, 1110111", "4, 1111011"})
    void outputs_of_the_counting_modes(int mode, String expected) {
        b.out(0x61, 1, 1);
        program(2, mode, 4);
        StringBuilder out = new StringBuilder();
        for (int t = 1; t <= 7; t++) {
            tick(t);
            out.append((b.in(0x61, 1) & 0x20) != 0 ? '1' : '0');
        }
        assertEquals(expected, out.toString());
    }

    @ParameterizedTest
    @CsvSource({"1, 10001111", "5, 11110111"})
    void modes_1_and_5_start_at_a_rising_gate(int mode, String expected) {
        program(2, mode, 3);
        StringBuilder out = new StringBuilder();
        for (int t = 0; t < 8; t++) {
            tick(t);
            if (t == 0) {
                b.out(0x61, 1, 1);
            }
            out.append((b.in(0x61, 1) & 0x20) != 0 ? '1' : '0');
        }
        assertEquals(expected, out.toString());
    }

    @Test
    void the_gate_stops_mode_0_and_lets_it_go_on() {
        b.out(0x61, 1, 1);
        program(2, 0, 100);
        tick(41);
        b.out(0x61, 1, 0);
        tick(1000);
        assertEquals(60, latched(2));
        b.out(0x61, 1, 1);
        tick(1059);
        assertEquals(0, b.in(0x61, 1) & 0x20);
        tick(1060);
        assertEquals(0x20, b.in(0x61, 1) & 0x20);
    }

    @Test
    void a_new_count_in_mode_2_takes_effect_at_the_end_of_the_period() {
        program(0, 2, 1000);
        tick(500);
        b.out(0x40, 1, 100);
        b.out(0x40, 1, 0);
        b.interrupts();
        tick(1000);
        assertEquals(List.of(), b.interrupts());
        tick(1001);
        assertEquals(List.of("irq0-", "irq0+"), b.interrupts());
        tick(1101);
        assertEquals(List.of("irq0-", "irq0+"), b.interrupts());
    }

    @Test
    void counts_in_bcd() {
        b.out(0x43, 1, 0x35);
        b.out(0x40, 1, 0x00);
        b.out(0x40, 1, 0x10);
        tick(2);
        assertEquals(0x0999, latched(0));
        b.interrupts();
        tick(1001);
        assertTrue(b.interrupts().contains("irq0+"));
    }

    @Test
    void read_back_latches_status_before_count() {
        program(0, 2, 1000);
        tick(5);
        b.out(0x43, 1, 0xc2);
        assertEquals(0xb4, b.in(0x40, 1));
        assertEquals(996, b.in(0x40, 1) | b.in(0x40, 1) << 8);
        b.out(0x43, 1, 0x30);
        b.out(0x43, 1, 0xe2);
        assertEquals(0x70, b.in(0x40, 1));
    }

    @Test
    void single_byte_access_reads_and_writes_one_half() {
        b.out(0x43, 1, 0x24);
        b.out(0x40, 1, 2);
        tick(1);
        b.out(0x43, 1, 0);
        assertEquals(2, b.in(0x40, 1));
        assertEquals(2, b.in(0x40, 1));
    }

    @Test
    void the_refresh_bit_toggles_and_the_speaker_tells_its_frequency() {
        long first = b.in(0x61, 1) & 0x10;
        b.advance(15_085);
        assertEquals(first ^ 0x10, b.in(0x61, 1) & 0x10);
        program(2, 3, 1193);
        assertEquals(0, pit.speakerHertz());
        b.out(0x61, 1, 3);
        assertEquals(1000, pit.speakerHertz());
    }

    @Test
    void reset_stops_the_interrupts() {
        program(0, 2, 1000);
        pit.reset();
        assertFalse(b.asserted("irq0"));
        b.interrupts();
        b.advance(10_000_000);
        assertEquals(List.of(), b.interrupts());
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(board -> new Pit8254(board.board(), board.irq("irq0"))).ports(0x40, 4).ports(0x61, 1)
                .run(1, 60, 300);
    }
}
