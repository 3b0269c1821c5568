package org.xenolith.devices.irq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.devices.testing.TestBoard;

final class PicPairTest {
    private final TestBoard b = new TestBoard();
    private int rises;
    private final PicPair pic = new PicPair(b.board().ports(), b.board().unimplemented(), () -> rises++);

    @BeforeEach
    void program() {
        initialize(1, 1);
    }

    private void initialize(int icw4Master, int icw4Slave) {
        int[][] words = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x30}, {0xa1, 0x38}, {0x21, 4}, {0xa1, 2},
            {0x21, icw4Master}, {0xa1, icw4Slave}};
        for (int[] w : words) {
            b.out(w[0], 1, w[1]);
        }
    }

    @AfterEach
    void close() {
        b.close();
    }

    private void edge(int irq) {
        pic.line(irq, true);
        pic.line(irq, false);
    }

    private int isr(int port) {
        b.out(port, 1, 0x0b);
        return (int) b.in(port, 1);
    }

    @Test
    void an_edge_is_delivered_once_with_the_programmed_vector() {
        edge(3);
        assertTrue(pic.pending());
        assertEquals(1, rises);
        assertEquals(0x33, pic.acknowledge());
        assertFalse(pic.pending());
        assertEquals(8, isr(0x20));
        b.out(0x20, 1, 0x20);
        assertEquals(0, isr(0x20));
        assertFalse(pic.pending());
    }

    @Test
    void the_slave_interrupts_through_input_2_with_its_own_vector() {
        edge(12);
        assertEquals(0x3c, pic.acknowledge());
        assertEquals(4, isr(0x20));
        assertEquals(0x10, isr(0xa0));
        edge(14);
        assertFalse(pic.pending());
        b.out(0xa0, 1, 0x20);
        b.out(0x20, 1, 0x20);
        assertEquals(0x3e, pic.acknowledge());
    }

    @Test
    void higher_priorities_interrupt_what_is_in_service_and_lower_ones_wait() {
        edge(4);
        assertEquals(0x34, pic.acknowledge());
        edge(5);
        assertFalse(pic.pending());
        edge(1);
        assertEquals(0x31, pic.acknowledge());
        b.out(0x20, 1, 0x20);
        assertFalse(pic.pending());
        b.out(0x20, 1, 0x64);
        assertEquals(0x35, pic.acknowledge());
    }

    @Test
    void masked_edges_are_kept_and_a_request_that_goes_away_is_irq_7() {
        b.out(0x21, 1, 0x08);
        edge(3);
        assertFalse(pic.pending());
        b.out(0x21, 1, 0);
        assertTrue(pic.pending());
        b.out(0x21, 1, 0x08);
        assertEquals(0x37, pic.acknowledge());
        assertEquals(0, isr(0x20));
    }

    @Test
    void a_spurious_interrupt_of_the_slave_is_irq_15_and_in_service_at_the_master_only() {
        b.out(0x4d1, 1, 0x04);
        pic.line(10, true);
        assertTrue(pic.pending());
        // the line falls between INTR and the acknowledge cycle: the master has latched its input
        b.out(0xa1, 1, 0xff);
        assertEquals(0x3f, pic.acknowledge());
        assertEquals(4, isr(0x20));
        assertEquals(0, isr(0xa0));
    }

    @Test
    void level_triggered_inputs_request_while_the_line_is_up() {
        b.out(0x4d0, 1, 0xff);
        assertEquals(0xf8, b.in(0x4d0, 1));
        b.out(0x4d1, 1, 0xff);
        assertEquals(0xde, b.in(0x4d1, 1));
        pic.line(5, true);
        assertEquals(0x35, pic.acknowledge());
        b.out(0x20, 1, 0x20);
        assertEquals(0x35, pic.acknowledge());
        pic.line(5, false);
        b.out(0x20, 1, 0x20);
        assertFalse(pic.pending());
    }

    @Test
    void automatic_end_of_interrupt_leaves_nothing_in_service_and_can_rotate() {
        initialize(3, 1);
        b.out(0x20, 1, 0x80);
        edge(1);
        edge(0);
        assertEquals(0x30, pic.acknowledge());
        assertEquals(0, isr(0x20));
        // now input 0 has the lowest priority
        edge(0);
        assertEquals(0x31, pic.acknowledge());
        assertEquals(0x30, pic.acknowledge());
    }

    @Test
    void rotation_and_set_priority_choose_who_comes_first() {
        b.out(0x20, 1, 0xc0 | 4);
        edge(0);
        edge(5);
        assertEquals(0x35, pic.acknowledge());
        b.out(0x20, 1, 0xa0);
        edge(5);
        assertEquals(0x30, pic.acknowledge());
    }

    @Test
    void special_mask_mode_lets_lower_priorities_through_where_the_level_in_service_is_masked() {
        edge(1);
        assertEquals(0x31, pic.acknowledge());
        b.out(0x21, 1, 0x02);
        edge(6);
        assertFalse(pic.pending());
        b.out(0x20, 1, 0x68);
        assertEquals(0x36, pic.acknowledge());
        b.out(0x20, 1, 0x48);
        edge(6);
        assertFalse(pic.pending());
    }

    @Test
    void special_fully_nested_mode_lets_the_slave_interrupt_itself() {
        initialize(0x11, 1);
        edge(12);
        assertEquals(0x3c, pic.acknowledge());
        edge(9);
        assertEquals(0x39, pic.acknowledge());
    }

    @Test
    void poll_mode_acknowledges_by_a_read() {
        edge(3);
        b.out(0x20, 1, 0x0c);
        assertEquals(0x83, b.in(0x20, 1));
        assertFalse(pic.pending());
        assertEquals(8, isr(0x20));
        b.out(0x20, 1, 0x0c);
        assertEquals(0, b.in(0x20, 1));
        b.out(0x20, 1, 0x0a);
        assertEquals(0, b.in(0x20, 1));
    }
}
