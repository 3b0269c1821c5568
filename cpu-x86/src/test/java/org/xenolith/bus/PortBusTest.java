package org.xenolith.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PortBusTest {
    private final List<String> log = new ArrayList<>();
    private final PortBus bus = new PortBus(log::add);

    private PortHandler handler(String name, long answer) {
        return new PortHandler() {
            @Override
            public long in(int port, int size) {
                log.add(name + ".in " + port + " " + size);
                return answer;
            }

            @Override
            public void out(int port, int size, long value) {
                log.add(name + ".out " + port + " " + size + " " + value);
            }
        };
    }

    @Test
    void ports_of_nobody_are_ones_and_told() {
        assertEquals(0xffff_ffffL, bus.in(0x70, 4));
        bus.out(0x71, 1, 5);
        assertEquals(List.of("in:70", "out:71"), log);
    }

    @Test
    void an_access_within_a_range_is_one_access() {
        bus.map(10, 4, handler("a", -1));
        assertEquals(0xffff, bus.in(11, 2));
        bus.out(10, 4, 0x1_0000_0007L);
        assertEquals(List.of("a.in 11 2", "a.out 10 4 7"), log);
    }

    @Test
    void an_access_across_two_handlers_goes_to_each_byte_by_byte() {
        bus.map(10, 2, handler("a", 0x11));
        bus.map(12, 1, handler("b", 0x22));
        assertEquals(0xff22_1111L, bus.in(10, 4));
        assertEquals(List.of("a.in 10 1", "a.in 11 1", "b.in 12 1", "in:d"), log);
        log.clear();
        bus.out(11, 2, 0x0201);
        assertEquals(List.of("a.out 11 1 1", "b.out 12 1 2"), log);
    }

    @Test
    void an_access_at_the_last_port_wraps() {
        bus.map(0xffff, 8, handler("last", 0x12));
        bus.map(0, 1, handler("first", 0x34));
        assertEquals(0x3412, bus.in(0xffff, 2));
    }

    @Test
    void a_later_mapping_covers_an_earlier_one_until_it_is_taken_away() {
        bus.map(10, 4, handler("a", 1));
        PortBus.Mapping b = bus.map(12, 4, handler("b", 2));
        assertEquals(2, bus.in(12, 1));
        b.unmap();
        b.unmap();
        assertEquals(1, bus.in(12, 1));
        assertEquals(0xff, bus.in(14, 1));
    }

    @Test
    void a_mapping_taken_away_from_below_leaves_the_one_over_it() {
        PortBus.Mapping a = bus.map(10, 4, handler("a", 1));
        bus.map(12, 4, handler("b", 2));
        a.unmap();
        assertEquals(0xff, bus.in(11, 1));
        assertEquals(2, bus.in(12, 1));
    }

    @Test
    void byte_handlers_see_wide_accesses_port_by_port() {
        bus.map(0x60, 4, new PortHandler.Bytes() {
            @Override
            public int in8(int port) {
                return port;
            }

            @Override
            public void out8(int port, int value) {
                log.add(port + "=" + value);
            }
        });
        assertEquals(0x6362_6160L, bus.in(0x60, 4));
        bus.out(0x61, 2, 0xfffe);
        assertEquals(List.of("97=254", "98=255"), log);
    }
}
