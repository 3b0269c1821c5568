package org.xenolith.devices.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.CharBackend;
import org.xenolith.devices.testing.DeviceFuzz;
import org.xenolith.devices.testing.TestBoard;

final class Uart16550Test {
    private static final int BASE = 0x3f8;

    private final TestBoard b = new TestBoard();
    private final Cable cable = new Cable();
    private final Uart16550 uart = new Uart16550(b.board(), BASE, b.irq("irq4"), cable);

    /** What a test has at the other end. */
    private static final class Cable implements CharBackend {
        private final StringBuilder sent = new StringBuilder();
        private final Queue<Integer> input = new ArrayDeque<>();
        private Runnable listener = () -> {};

        @Override
        public void send(int value) {
            sent.append((char) value);
        }

        @Override
        public int poll() {
            Integer v = input.poll();
            return v == null ? -1 : v;
        }

        @Override
        public void setInputListener(Runnable l) {
            listener = l;
        }

        void type(String text) {
            text.chars().forEach(input::add);
            listener.run();
        }
    }

    @AfterEach
    void close() {
        b.close();
    }

    private int in(int register) {
        return (int) b.in(BASE + register, 1);
    }

    private void out(int register, int value) {
        b.out(BASE + register, 1, value);
    }

    @Test
    void bytes_leave_at_once_and_the_transmitter_is_empty_again() {
        out(0, 'H');
        out(0, 'i');
        assertEquals("Hi", cable.sent.toString());
        assertEquals(0x60, in(5));
    }

    @Test
    void the_divisor_lies_under_data_and_interrupt_enable() {
        out(3, 0x83);
        out(0, 1);
        out(1, 2);
        assertEquals(List.of(1, 2), List.of(in(0), in(1)));
        out(3, 3);
        assertEquals(0, in(1));
        assertEquals("", cable.sent.toString());
        out(7, 0x5a);
        assertEquals(0x5a, in(7));
    }

    @Test
    void enabling_the_transmitter_interrupt_raises_it_until_iir_is_read() {
        out(4, 8);
        out(1, 2);
        assertTrue(b.asserted("irq4"));
        assertEquals(2, in(2));
        assertFalse(b.asserted("irq4"));
        assertEquals(1, in(2));
        out(0, 'x');
        assertTrue(b.asserted("irq4"));
        // the test by which Linux finds transmitters that do not interrupt again
        in(2);
        out(1, 0);
        out(1, 2);
        assertEquals(2, in(2));
    }

    @Test
    void out2_gates_the_interrupt() {
        out(1, 2);
        assertFalse(b.asserted("irq4"));
        out(4, 8);
        assertTrue(b.asserted("irq4"));
    }

    @Test
    void without_fifo_one_byte_waits_and_the_rest_stays_at_the_backend() {
        out(4, 8);
        out(1, 1);
        cable.type("abc");
        assertEquals(4, in(2));
        assertEquals(2, cable.input.size());
        assertEquals(0x61, in(5));
        assertEquals(List.of((int) 'a', (int) 'b', (int) 'c'), List.of(in(0), in(0), in(0)));
        assertEquals(0x60, in(5));
        assertFalse(b.asserted("irq4"));
    }

    @Test
    void the_fifo_interrupts_at_its_trigger_level() {
        out(2, 0x87);
        out(4, 8);
        out(1, 1);
        cable.type("1234567");
        assertFalse(b.asserted("irq4"));
        cable.type("8");
        assertTrue(b.asserted("irq4"));
        assertEquals(0xc4, in(2));
        in(0);
        assertFalse(b.asserted("irq4"));
    }

    @Test
    void less_than_the_trigger_level_interrupts_after_four_characters_time() {
        out(3, 0x80);
        out(0, 1);
        out(3, 3);
        out(2, 0xc7);
        out(4, 8);
        out(1, 1);
        cable.type("ab");
        b.advance(347_000);
        assertFalse(b.asserted("irq4"));
        b.advance(1_000);
        assertTrue(b.asserted("irq4"));
        assertEquals(0xcc, in(2));
        in(0);
        assertFalse(b.asserted("irq4"));
        b.advance(348_000);
        assertTrue(b.asserted("irq4"));
        in(0);
        b.advance(1_000_000);
        assertFalse(b.asserted("irq4"));
    }

    @Test
    void clearing_the_fifo_drops_what_it_holds() {
        out(2, 1);
        cable.type("abc");
        out(2, 3);
        assertEquals(0x60, in(5));
        assertEquals(0xc1, in(2));
        out(2, 0);
        assertEquals(1, in(2));
    }

    @Test
    void loopback_returns_bytes_and_modem_lines() {
        out(3, 3);
        assertEquals(0xb0, in(6));
        out(4, 0x1a);
        assertEquals(0x90, in(6) & 0xf0);
        out(0, 'z');
        assertEquals("", cable.sent.toString());
        assertEquals('z', in(0));
        out(4, 0x10);
        assertEquals(0x09, in(6));
        assertEquals(0, in(6));
        out(4, 0x14);
        out(4, 0x10);
        assertEquals(4, in(6));
    }

    @Test
    void a_loop_overruns_where_nobody_reads() {
        out(3, 3);
        out(4, 0x10);
        out(0, 'a');
        out(0, 'b');
        assertEquals(0x63, in(5));
        assertEquals(0x61, in(5));
        assertEquals('a', in(0));
    }

    @Test
    void line_errors_come_first() {
        out(4, 0x10);
        out(1, 5);
        out(3, 0x40);
        assertEquals(6, in(2));
        assertEquals(0x71, in(5));
        assertEquals(4, in(2));
    }

    @Test
    void reset_forgets_what_was_received_and_releases_the_line() {
        out(4, 8);
        out(1, 3);
        cable.type("a");
        uart.reset();
        assertFalse(b.asserted("irq4"));
        assertEquals(0x60, in(5));
        assertEquals(0, in(1));
    }

    @Test
    void print_ports_pass_bytes_on_and_tell_that_they_are_there() {
        new PrintPort(b.board().ports(), 0x402, cable);
        assertEquals(0xe9, b.in(0x402, 1));
        b.out(0x402, 1, '!');
        assertEquals("!", cable.sent.toString());
    }

    @Test
    void random_programs_raise_no_exception() {
        new DeviceFuzz(board -> {
            Cable c = new Cable();
            Uart16550 u = new Uart16550(board.board(), BASE, board.irq("irq4"), c);
            c.type("some input, longer than a FIFO");
            return u;
        }).ports(BASE, 8).run(1, 60, 300);
    }
}
