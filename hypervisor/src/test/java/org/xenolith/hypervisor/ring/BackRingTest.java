package org.xenolith.hypervisor.ring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class BackRingTest {
    private final HeapRingPage page = new HeapRingPage();

    @Test
    void the_number_of_slots_is_the_largest_power_of_two_that_fits() {
        assertEquals(256, new BackRing(page, 12).slots());
        assertEquals(256, new BackRing(page, 8).slots());
        assertEquals(32, new BackRing(page, 112).slots());
    }

    @Test
    void requests_are_read_across_the_end_of_the_ring_and_answered_in_their_slots() {
        page.write32(8, 255);
        BackRing ring = new BackRing(page, 8);
        page.write32(0, 257);
        page.write32(64 + 255 * 8, 7);
        page.write32(64, 8);
        assertEquals(2, ring.waiting());
        byte[] slot = new byte[8];
        ring.peek(1, slot, 8);
        assertEquals(8, slot[0]);
        ring.take(2);
        assertEquals(2, ring.outstanding());
        ring.respond(new byte[]{1, 0, 0, 0}, 4);
        ring.respond(new byte[]{2, 0, 0, 0}, 4);
        assertEquals(1, page.read32(64 + 255 * 8));
        assertEquals(2, page.read32(64));
        assertEquals(0, ring.outstanding());
        ring.push();
        assertEquals(257, page.read32(8));
    }

    @Test
    void an_index_that_makes_no_sense_is_told() {
        BackRing ring = new BackRing(page, 8);
        page.write32(0, 257);
        assertEquals(-1, ring.waiting());
        page.write32(0, -1);
        assertEquals(-1, ring.waiting());
        page.write32(0, 256);
        assertEquals(256, ring.waiting());
        ring.take(1);
        page.write32(0, 257);
        assertEquals(-1, ring.waiting(), "an unanswered request is overwritten");
    }

    @Test
    void an_event_is_wanted_when_its_index_is_passed() {
        BackRing ring = new BackRing(page, 8);
        page.write32(12, 2);
        ring.take(3);
        ring.respond(new byte[8], 8);
        assertFalse(ring.push());
        ring.respond(new byte[8], 8);
        assertTrue(ring.push());
        ring.respond(new byte[8], 8);
        assertFalse(ring.push());
        ring.askForEvent(5);
        assertEquals(8, page.read32(4));
    }
}
