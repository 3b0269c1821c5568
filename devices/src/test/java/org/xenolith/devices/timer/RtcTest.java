package org.xenolith.devices.timer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.FuzzStep;
import org.xenolith.devices.testing.TestBoard;

final class RtcTest {
    private static final long SECOND = 1_000_000_000L;
    /** Thursday. */
    private static final long START = LocalDateTime.of(2023, 8, 31, 23, 59, 58).toEpochSecond(ZoneOffset.UTC);

    private final TestBoard b = new TestBoard();
    private final Rtc rtc = new Rtc(b.board(), b.irq("irq8"), START);

    @AfterEach
    void close() {
        b.close();
    }

    private int read(int at) {
        b.out(0x70, 1, at);
        return (int) b.in(0x71, 1);
    }

    private void write(int at, int value) {
        b.out(0x70, 1, at);
        b.out(0x71, 1, value);
    }

    private List<Integer> time() {
        return List.of(read(0x32), read(9), read(8), read(7), read(6), read(4), read(2), read(0));
    }

    @Test
    void it_shows_the_time_in_bcd_and_carries_into_the_next_month() {
        assertEquals(List.of(0x20, 0x23, 0x08, 0x31, 5, 0x23, 0x59, 0x58), time());
        b.advance(2 * SECOND);
        assertEquals(List.of(0x20, 0x23, 0x09, 0x01, 6, 0, 0, 0), time());
        assertEquals(0x80, read(0x0d));
        assertEquals(0x20, read(0x37));
    }

    @Test
    void binary_and_twelve_hours() {
        write(0x0b, 4);
        assertEquals(List.of(20, 23, 8, 31, 5, 0x80 | 11, 59, 58), time());
        b.advance(2 * SECOND);
        assertEquals(12, read(4));
        b.advance(13 * 3600 * SECOND);
        assertEquals(0x80 | 1, read(4));
    }

    @Test
    void a_time_that_is_set_runs_on_from_there() {
        write(0x0b, 0x82);
        int[][] registers = {{0, 0x10}, {2, 0x20}, {4, 0x03}, {7, 0x29}, {8, 0x02}, {9, 0x24}, {0x32, 0x20}};
        for (int[] r : registers) {
            write(r[0], r[1]);
        }
        b.advance(5 * SECOND);
        assertEquals(0x10, read(0));
        write(0x0b, 2);
        b.advance(2 * SECOND);
        assertEquals(List.of(0x20, 0x24, 0x02, 0x29, 5, 0x03, 0x20, 0x12), time());
    }

    @Test
    void the_first_update_comes_half_a_second_after_the_divider_starts() {
        write(0x0a, 0x66);
        b.advance(3 * SECOND);
        assertEquals(0x58, read(0));
        write(0x0a, 0x26);
        b.advance(SECOND / 2 - 1);
        assertEquals(0x58, read(0));
        b.advance(1);
        assertEquals(0x59, read(0));
    }

    @Test
    void an_update_is_announced_in_register_a() {
        assertEquals(0x26, read(0x0a));
        b.advance(SECOND - 1_000_000);
        assertEquals(0xa6, read(0x0a));
        b.advance(1_000_000);
        assertEquals(0x26, read(0x0a));
    }

    @Test
    void the_periodic_interrupt_comes_once_a_period_and_waits_for_register_c() {
        write(0x0b, 0x42);
        b.interrupts();
        read(0x0c);
        b.advance(976_600);
        assertEquals(List.of("irq8+"), b.interrupts());
        b.advance(SECOND / 2);
        assertEquals(List.of(), b.interrupts());
        assertEquals(0xc0, read(0x0c) & 0xc0);
        assertEquals(0, read(0x0c));
        assertFalse(b.asserted("irq8"));
        int n = 0;
        for (long end = b.now() + SECOND; b.advanceToNext() && b.now() <= end;) {
            n += read(0x0c) >>> 7;
        }
        assertEquals(1024, n);
    }

    @Test
    void the_update_interrupt_comes_with_the_second() {
        write(0x0b, 0x12);
        b.advance(SECOND - 1);
        assertFalse(b.asserted("irq8"));
        b.advance(1);
        assertTrue(b.asserted("irq8"));
        assertEquals(0x90, read(0x0c) & 0x90);
    }

    @Test
    void the_alarm_comes_at_its_time() {
        write(5, 0x00);
        write(3, 0x01);
        write(1, 0x05);
        write(0x0b, 0x22);
        b.advance(66 * SECOND);
        assertFalse(b.asserted("irq8"));
        b.advance(SECOND);
        assertTrue(b.asserted("irq8"));
        assertEquals(0xa0, read(0x0c) & 0xa0);
    }

    @Test
    void an_alarm_with_wild_cards_comes_every_minute() {
        write(5, 0xff);
        write(3, 0xc0);
        write(1, 0x30);
        write(0x0b, 0x22);
        for (int i = 0; i < 3; i++) {
            b.advance(60 * SECOND);
            assertEquals(0xa0, read(0x0c) & 0xa0);
        }
    }

    @Test
    void next_alarm_is_what_a_search_second_by_second_finds() {
        int[] any = {-1, 0, 7, 23, 59};
        for (int h : any) {
            for (int m : any) {
                for (int s : any) {
                    for (long after : new long[]{0, 59, 3599, 25_619, 86_399, START}) {
                        assertEquals(search(after, h, m, s), RtcCalendar.nextAlarm(after, h, m, s),
                                h + ":" + m + ":" + s + " after " + after);
                    }
                }
            }
        }
    }

    private static long search(long after, int h, int m, int s) {
        for (long t = after + 1; t <= after + 86_400; t++) {
            long day = t % 86_400;
            if ((h < 0 || day / 3600 == h) && (m < 0 || day / 60 % 60 == m) && (s < 0 || day % 60 == s)) {
                return t;
            }
        }
        return Long.MAX_VALUE;
    }

    @Test
    void memory_is_kept_over_a_reset_and_interrupts_are_not() {
        write(0x40, 0xa5);
        b.out(0x72, 1, 0x40);
        b.out(0x73, 1, 0x5a);
        write(0x0b, 0x72);
        b.advance(2 * SECOND);
        rtc.reset();
        assertEquals(0xa5, read(0x40));
        b.out(0x72, 1, 0x40);
        assertEquals(0x5a, b.in(0x73, 1));
        assertFalse(b.asserted("irq8"));
        assertEquals(2, read(0x0b));
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(board -> new Rtc(board.board(), board.irq("irq8"), START)).ports(0x70, 4)
                .guided((r, into) -> {
                    into.add(FuzzStep.out(0x70, 1, r.nextInt(16)));
                    into.add(FuzzStep.out(0x71, 1, r.nextInt(256)));
                })
                .run(1, 60, 300);
    }
}
