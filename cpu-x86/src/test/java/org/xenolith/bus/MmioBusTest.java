package org.xenolith.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MmioBusTest {
    private final List<String> log = new ArrayList<>();
    private final MmioBus bus = new MmioBus(log::add);

    private MmioHandler handler(String name, long answer) {
        return new MmioHandler() {
            @Override
            public long read(long offset, int size) {
                log.add(name + ".read " + offset + " " + size);
                return answer;
            }

            @Override
            public void write(long offset, int size, long value) {
                log.add(name + ".write " + offset + " " + size + " " + Long.toHexString(value));
            }
        };
    }

    @Test
    void addresses_of_nobody_are_ones_and_their_pages_told() {
        assertEquals(-1L, bus.read(0xfed4_0f00L, 4));
        bus.write(0xfed4_1000L, 8, 1);
        assertEquals(List.of("mmio:fed40", "mmio:fed41"), log);
        assertFalse(bus.claimed(0xfed4_0f00L));
    }

    @Test
    void a_range_answers_with_offsets_and_values_of_the_width() {
        bus.map(0x1000, 0x100, handler("a", 7));
        assertTrue(bus.claimed(0x10ff));
        assertFalse(bus.claimed(0x1100));
        assertEquals(7, bus.read(0x1010, 8));
        bus.write(0x10fe, 2, 0x12_3456);
        bus.write(0x10f8, 8, -1L);
        assertEquals(List.of("a.read 16 8", "a.write 254 2 3456", "a.write 248 8 ffffffffffffffff"), log);
    }

    @Test
    void an_access_that_leaves_a_range_is_split_into_bytes() {
        bus.map(0x1000, 2, handler("a", 0x11));
        bus.map(0x1002, 1, handler("b", 0x22));
        assertEquals(0xff22_1111L, bus.read(0x1000, 4) & 0xffff_ffffL);
        bus.write(0xfff, 4, 0x0403_0201);
        assertEquals(
                List.of("a.read 0 1", "a.read 1 1", "b.read 0 1", "mmio:1", "mmio:0", "a.write 0 1 2", "a.write 1 1 3",
                        "b.write 0 1 4"),
                log);
    }

    @Test
    void odd_widths_are_split_into_bytes() {
        bus.map(0x1000, 16, handler("a", 0x5a));
        assertEquals(0x5a_5a5aL, bus.read(0x1000, 3));
        bus.write(0x1000, 3, 0x01_0203);
        assertEquals(
                List.of("a.read 0 1", "a.read 1 1", "a.read 2 1", "a.write 0 1 3", "a.write 1 1 2", "a.write 2 1 1"),
                log);
    }

    @Test
    void a_later_mapping_lies_over_an_earlier_one_even_when_that_was_just_used() {
        bus.map(0x1000, 0x1000, handler("a", 1));
        assertEquals(1, bus.read(0x1800, 1));
        MmioBus.Mapping b = bus.map(0x1800, 0x10, handler("b", 2));
        assertEquals(1, bus.read(0x1000, 1));
        assertEquals(2, bus.read(0x1800, 1));
        assertEquals(1, bus.read(0x1810, 1));
        assertEquals(2, bus.read(0x180f, 1));
        b.unmap();
        b.unmap();
        assertEquals(1, bus.read(0x1800, 1));
    }

    @Test
    void a_small_range_in_the_middle_of_an_access_is_not_overlooked() {
        bus.map(0x1000, 0x1000, handler("a", 1));
        bus.map(0x1002, 1, handler("b", 2));
        assertEquals(0x0102_0101, bus.read(0x1000, 4));
        bus.map(0x3002, 1, handler("c", 3));
        assertEquals(0xff03_ffffL, bus.read(0x3000, 4) & 0xffff_ffffL);
    }
}
