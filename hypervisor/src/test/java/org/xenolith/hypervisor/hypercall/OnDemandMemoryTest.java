package org.xenolith.hypervisor.hypercall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.OnDemandUse;
import org.xenolith.hypervisor.ShutdownReason;

/** A domain whose memory map is larger than its memory, as that of a PVH guest with {@code maxmem}. */
final class OnDemandMemoryTest {
    /** Pages that the domain owns, and gfns of its memory map. */
    private static final int OWNED = 64;
    private static final int MAP = 256;

    private final TestHost t = new TestHost();
    private final Domain d = t.host.createDomain(DomainConfig.of("d", TestHost.HANDLE, 1, MAP + 16));

    OnDemandMemoryTest() {
        d.populateOnDemand(0, MAP);
        d.setOnDemandPages(OWNED);
    }

    @AfterEach
    void close() {
        t.close();
    }

    private int freeFrames() {
        return t.host.frames().freeFrames();
    }

    @Test
    void a_page_is_there_when_it_is_used_and_counts_from_the_start() {
        int free = freeFrames();
        assertEquals(OWNED, d.totalPages());
        assertTrue(d.tryWrite(0x5000, new byte[]{7}, 0, 1));
        assertTrue(d.mfn(9) != Stage2.MMIO);
        assertEquals(OWNED, d.totalPages());
        assertEquals(free - 2, freeFrames());
        byte[] read = new byte[1];
        d.read(0x5000, read, 0, 1);
        assertEquals(7, read[0]);
        assertFalse(d.isRam((long) MAP << 12, 1));
    }

    @Test
    void a_balloon_that_takes_the_rest_away_makes_memory_and_map_agree() {
        for (int gfn = MAP - 1; gfn >= OWNED; gfn--) {
            d.write((long) gfn << 12, new byte[8], 0, 8); // as a driver that scrubs what it gives back
            assertTrue(d.remove(gfn));
            assertEquals(OWNED, d.totalPages());
        }
        for (int gfn = 0; gfn < OWNED; gfn++) {
            assertTrue(d.isRam((long) gfn << 12, 4096));
        }
        assertEquals(OWNED, d.totalPages());
        assertEquals(-1, d.shutdownReason());
        assertTrue(d.remove(3));
        assertEquals(OWNED - 1, d.totalPages());
        assertTrue(d.populate(3, 0));
        assertTrue(d.populateRange(OWNED, MAP - OWNED));
        assertEquals(MAP, d.totalPages());
    }

    @Test
    void gfns_that_were_never_used_can_be_given_back_too() {
        for (int gfn = 0; gfn < MAP; gfn++) {
            assertTrue(d.remove(gfn));
            assertEquals(Math.min(OWNED, MAP - 1 - gfn), d.totalPages());
        }
        assertFalse(d.remove(0));
    }

    @Test
    void a_guest_that_uses_more_than_it_owns_crashes_and_has_no_more() {
        for (int gfn = 0; gfn < OWNED; gfn++) {
            assertTrue(d.isRam((long) gfn << 12, 1) && d.tryWrite((long) gfn << 12, new byte[1], 0, 1));
        }
        assertFalse(d.tryWrite((long) OWNED << 12, new byte[1], 0, 1));
        assertEquals(ShutdownReason.CRASH, d.shutdownReason());
        assertEquals(OWNED, d.totalPages());
        assertEquals(1, t.host.refusals().get("memory:on_demand_used_up"));
    }

    private boolean use(int gfn, int value) {
        return d.tryWrite((long) gfn << 12, new byte[]{(byte) value}, 0, 1);
    }

    @Test
    void the_end_is_explained_with_the_gfn_and_the_memory() {
        for (int gfn = 0; gfn < OWNED; gfn++) {
            use(gfn, 1);
        }
        assertEquals("", d.outOfMemory());
        t.advance(1);
        assertFalse(use(200, 1));
        assertTrue(d.outOfMemory().startsWith("gfn 0xc8 "), d.outOfMemory());
        assertTrue(d.outOfMemory().contains("all 64 pages"), d.outOfMemory());
        assertTrue(d.outOfMemory().contains("192 gfns"), d.outOfMemory());
    }

    @Test
    void pages_that_hold_only_zeroes_are_taken_back_before_the_rest_is_used_up() {
        for (int gfn = 0; gfn < OWNED; gfn++) {
            assertTrue(use(gfn, gfn < 10 ? 1 : 0));
        }
        t.advance(1);
        assertEquals(OWNED, d.totalPages());
        assertEquals(new OnDemandUse(OWNED - 10, MAP - 10, OWNED, OWNED - 10), d.onDemandUse());
        for (int gfn = 10; gfn < OWNED; gfn++) {
            assertTrue(use(gfn + 100, 1));
        }
        byte[] b = new byte[1];
        d.read(0x9000, b, 0, 1);
        assertEquals(1, b[0]);
        assertEquals(-1, d.shutdownReason());
        t.advance(1);
        assertFalse(use(20, 1));
        assertTrue(d.outOfMemory().contains("54 pages that held only zeroes"), d.outOfMemory());
    }

    @Test
    void zero_pages_that_somebody_else_refers_to_are_left_alone() {
        for (int gfn = 0; gfn < OWNED - 1; gfn++) {
            use(gfn, gfn == 7 ? 0 : 1);
        }
        long mfn = d.physmap().frame(7);
        t.host.frames().get(mfn);
        t.advance(1);
        assertEquals(0, d.onDemandUse().reclaimed());
        assertEquals(mfn, d.physmap().frame(7));
        t.host.frames().put(mfn);
        use(OWNED - 1, 1);
        t.advance(1);
        assertEquals(1, d.onDemandUse().reclaimed());
        assertTrue(d.physmap().onDemand(7));
        assertTrue(use(OWNED, 1));
    }

    @Test
    void nothing_is_taken_back_while_enough_is_left() {
        for (int gfn = 0; gfn < OWNED / 2; gfn++) {
            use(gfn, 0);
        }
        t.advance(1_000_000);
        assertEquals(0, d.onDemandUse().reclaimed());
        assertEquals(OWNED / 2, d.onDemandUse().populated());
    }

    @Test
    void the_memory_that_it_owns_can_be_changed_before_it_is_used() {
        d.write(0, new byte[1], 0, 1);
        d.setOnDemandPages(100);
        assertEquals(100, d.totalPages());
        d.setOnDemandPages(0);
        assertEquals(1, d.totalPages());
        d.setOnDemandPages(10_000);
        assertEquals(MAP, d.totalPages());
    }

    @Test
    void all_of_it_goes_back_at_the_end() {
        d.write(0x3000, new byte[1], 0, 1);
        d.destroy();
        assertEquals(0, d.totalPages());
        assertEquals(t.host.frames().frames(), freeFrames());
    }
}
