package org.xenolith.cpu.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FetchTlbTest {
    private static final long KERNEL = 0xffff_ffff_8100_0000L;
    private static final long NEXT_ROUND = (long) FetchTlb.ENTRIES << 12;

    private final FetchTlb tlb = new FetchTlb();
    private final HeardDrops drops = new HeardDrops();
    private final List<String> heard = drops.heard;

    @BeforeEach
    void listen() {
        tlb.setListener(drops);
    }

    @Test
    void finds_a_page_by_address_and_privilege() {
        tlb.fill(0x40_1234, true, 7, false, 12);
        assertEquals(7, tlb.find(0x40_1fff, true));
        assertEquals(-1, tlb.find(0x40_1fff, false));
        assertEquals(-1, tlb.find(0x40_2000, true));
        assertEquals(-1, tlb.find(0x40_1000 + NEXT_ROUND, true));
    }

    @Test
    void a_conflicting_fill_evicts_and_tells() {
        tlb.fill(0x40_1000, true, 7, false, 12);
        tlb.fill(0x40_1000 + NEXT_ROUND, true, 8, false, 12);
        assertEquals(List.of("401000"), heard);
        assertEquals(-1, tlb.find(0x40_1000, true));
        tlb.fill(0x40_1000 + NEXT_ROUND, false, 8, false, 12);
        assertEquals(List.of("401000", Long.toHexString(0x40_1000 + NEXT_ROUND)), heard);
        assertEquals(-1, tlb.find(0x40_1000 + NEXT_ROUND, true));
    }

    @Test
    void a_flush_keeps_global_pages_and_tells_once() {
        tlb.fill(KERNEL, false, 1, true, 21);
        tlb.fill(0x40_1000, true, 7, false, 12);
        tlb.fill(0x40_2000, true, 8, false, 12);
        tlb.flush(false);
        assertEquals(List.of("nonglobal"), heard);
        assertEquals(1, tlb.find(KERNEL, false));
        assertEquals(-1, tlb.find(0x40_1000, true));
        tlb.flush(false);
        assertEquals(List.of("nonglobal"), heard);
        tlb.flush(true);
        tlb.flush(true);
        assertEquals(List.of("nonglobal", "all"), heard);
        assertEquals(-1, tlb.find(KERNEL, false));
    }

    @Test
    void a_flush_of_programs_keeps_the_kernels_upper_half_and_tells_once() {
        tlb.fill(KERNEL, false, 1, false, 12);
        tlb.fill(KERNEL + 0x1000, true, 2, false, 12);
        tlb.fill(0x40_1000, true, 7, true, 12);
        tlb.fill(0x40_2000, false, 8, false, 12);
        tlb.flushPrograms();
        assertEquals(1, tlb.find(KERNEL, false));
        assertEquals(-1, tlb.find(KERNEL + 0x1000, true));
        assertEquals(-1, tlb.find(0x40_1000, true));
        assertEquals(-1, tlb.find(0x40_2000, false));
        tlb.flushPrograms();
        assertEquals(List.of("programs"), heard);
        tlb.fill(0x40_1000, true, 9, false, 12);
        tlb.flushPrograms();
        assertEquals(List.of("programs", "programs"), heard);
        assertEquals(-1, tlb.find(0x40_1000, true));
    }

    @Test
    void a_dropped_page_leaves_the_others() {
        tlb.fill(0x40_1000, true, 7, false, 12);
        tlb.fill(0x40_2000, true, 8, false, 12);
        tlb.flushPage(0x40_1abc);
        tlb.flushPage(0x40_1abc);
        assertEquals(List.of("401000"), heard);
        assertEquals(-1, tlb.find(0x40_1000, true));
        assertEquals(8, tlb.find(0x40_2000, true));
    }

    @Test
    void dropping_a_page_drops_every_piece_of_its_large_page_and_no_other() {
        tlb.fill(KERNEL, false, 1, true, 21);
        tlb.fill(KERNEL + 0x3000, false, 4, true, 21);
        tlb.fill(KERNEL + 0x20_0000, false, 0x200, true, 21);
        tlb.fill(KERNEL + 0x4000, false, 9, true, 12);
        tlb.flushPage(KERNEL + 0x5000);
        assertEquals(List.of("ffffffff81000000", "ffffffff81003000"), heard);
        assertEquals(0x200, tlb.find(KERNEL + 0x20_0000, false));
        assertEquals(9, tlb.find(KERNEL + 0x4000, false));
    }

    @Test
    void pieces_of_a_gigabyte_page_go_together() {
        tlb.fill(0x4000_0000L, false, 1, false, 30);
        tlb.fill(0x7fff_f000L, false, 2, false, 30);
        tlb.fill(0x8000_0000L, false, 3, false, 30);
        tlb.flushPage(0x5000_0000L);
        assertEquals(List.of("40000000", "7ffff000"), heard);
        assertEquals(3, tlb.find(0x8000_0000L, false));
    }

    @Test
    void a_frame_taken_away_drops_the_pages_that_show_it() {
        tlb.fill(0x40_1000, true, 7, false, 12);
        tlb.fill(0x50_1000, true, 7, true, 12);
        tlb.fill(0x60_1000, true, 8, true, 12);
        tlb.dropFrame(7);
        assertEquals(Set.of("401000", "501000"), Set.copyOf(heard));
        assertEquals(2, heard.size());
        assertEquals(8, tlb.find(0x60_1000, true));
    }

    @Test
    void frames_that_share_a_chain_are_told_apart() {
        for (int k = 0; k < 5; k++) {
            tlb.fill(0x1000L * k, true, 7 + 4096L * k, false, 12);
        }
        tlb.dropFrame(7 + 4096L * 2);
        tlb.flushPage(0x4000);
        tlb.fill(0x3000, true, 8, false, 12);
        tlb.dropFrame(7);
        tlb.dropFrame(7 + 4096L * 4);
        assertEquals(List.of("2000", "4000", "3000", "0"), heard);
        assertEquals(7 + 4096L, tlb.find(0x1000, true));
        assertEquals(8, tlb.find(0x3000, true));
    }

    @Test
    void a_slot_that_turns_global_is_kept_and_one_that_turns_local_is_not() {
        tlb.fill(0x1000, true, 1, false, 12);
        tlb.fill(0x1000, true, 1, true, 12);
        tlb.fill(0x2000, true, 2, true, 12);
        tlb.fill(0x2000, true, 2, false, 12);
        tlb.flush(false);
        assertEquals(1, tlb.find(0x1000, true));
        assertEquals(-1, tlb.find(0x2000, true));
        tlb.fill(0x2000, true, 2, false, 12);
        tlb.flush(true);
        assertEquals(-1, tlb.find(0x1000, true));
        assertEquals(-1, tlb.find(0x2000, true));
    }

    @Test
    void slots_are_used_again_after_drops_and_flushes() {
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < FetchTlb.ENTRIES; i++) {
                tlb.fill((long) i << 12, true, i, (i & 1) != 0, 12);
                if (i % 3 == 0) {
                    tlb.flushPage((long) i << 12);
                }
            }
            tlb.flush(round == 1);
        }
        assertEquals(-1, tlb.find(4 << 12, true));
        assertEquals(5, tlb.find(5 << 12, true));
    }
}
