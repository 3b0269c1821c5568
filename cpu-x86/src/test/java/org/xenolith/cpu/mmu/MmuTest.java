package org.xenolith.cpu.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.TestMachine;
import org.xenolith.memory.RawMemory;

class MmuTest {
    private static final long A = 0x20;
    private static final long D = 0x40;
    private static final int TABLE = 0x3_0000;
    /** First of the pages behind {@link #TABLE}, which maps it where 0x600000 was. */
    private static final long VA = 0x60_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @BeforeEach
    void pages() {
        m.long64(0);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 3, TABLE | 7);
        for (int i = 0; i < 512; i++) {
            m.write64(TABLE + 8 * i, 0x40_0000 + 0x1000L * i | 7);
        }
    }

    @AfterEach
    void close() {
        m.close();
    }

    private long pte(int i) {
        return m.read64(TABLE + 8 * i);
    }

    // ---- slots ----

    @Test
    void an_empty_slot_matches_no_address_of_its_own() {
        c.mmu().fillForNative(0, 1, true);
        c.mmu().fillForNative(0x1000, 1, true);
        c.mmu().flushPage(0);
        c.mmu().flushPage(0x1000);
        for (int round = 0; round < 2; round++) {
            for (long slot = 0; slot < Tlb.ENTRIES; slot++) {
                for (long turn : new long[]{0, 1, 2, -1, -2}) {
                    long va = (turn * Tlb.ENTRIES + slot) << 12;
                    assertEquals(0, c.mmu().hostIfHit(va, 1, false));
                    assertEquals(0, c.mmu().hostIfHit(va + 0xfff, 1, true));
                }
            }
            c.mmu().flushAll();
        }
    }

    @Test
    void an_empty_slot_matches_no_last_byte_of_an_access_that_begins_in_it() {
        c.mmu().fillForNative(0, 1, true);
        c.mmu().flushPage(0);
        long table = c.stateAddress() + CpuState.TLB;
        for (long slot = 0; slot < Tlb.ENTRIES; slot++) {
            for (long turn : new long[]{0, 1, -1}) {
                for (int offset : new int[]{0, 4095, 4096, 4096 + 4094}) {
                    long last = ((turn * Tlb.ENTRIES + slot) << 12) + offset;
                    long e = table + slot * Tlb.ENTRY_SIZE;
                    assertNotEquals(0, last + RawMemory.get64(e + Tlb.READ) >>> 12);
                    assertNotEquals(0, last + RawMemory.get64(e + Tlb.WRITE) >>> 12);
                }
            }
        }
    }

    @Test
    void pages_of_one_slot_evict_each_other() {
        long other = VA + ((long) Tlb.ENTRIES << 12);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * (other >>> 21), 0x20_0000 | 0xe7);
        assertTrue(c.mmu().fillForNative(VA, 1, true));
        assertTrue(c.mmu().fillForNative(other, 1, true));
        assertEquals(0, c.mmu().hostIfHit(VA, 1, false));
        assertEquals(m.memory.base() + 0x20_0000, c.mmu().hostIfHit(other, 1, true));
        assertTrue(c.mmu().fillForNative(VA, 1, false));
        assertEquals(0, c.mmu().hostIfHit(other, 1, true));
    }

    // ---- fills for emitted code ----

    @Test
    void native_read_miss_sets_accessed_and_then_hits() {
        assertEquals(0, c.mmu().hostIfHit(VA + 8, 8, false));
        assertTrue(c.mmu().fillForNative(VA + 8, 8, false));
        assertEquals(A, pte(0) & (A | D));
        assertEquals(m.memory.base() + 0x40_0008, c.mmu().hostIfHit(VA + 8, 8, false));
        assertEquals(0, c.mmu().hostIfHit(VA + 8, 8, true), "the page is not dirty yet");
    }

    @Test
    void native_write_miss_sets_dirty() {
        assertTrue(c.mmu().fillForNative(VA + 0x1ffc, 4, true));
        assertEquals(A | D, pte(1) & (A | D));
        assertEquals(m.memory.base() + 0x40_1ffc, c.mmu().hostIfHit(VA + 0x1ffc, 4, true));
    }

    @Test
    void native_page_crossing_and_non_canonical_addresses_change_nothing() {
        assertFalse(c.mmu().fillForNative(VA + 0xffd, 4, true));
        assertFalse(c.mmu().fillForNative(0x8000_0000_0000L, 4, true));
        assertEquals(0, pte(0) & (A | D));
        assertEquals(0, c.mmu().counts().misses());
    }

    @Test
    void native_faults_and_mmio_are_left_to_the_interpreter() {
        m.write64(TABLE, 0x40_0000 | 6);
        m.write64(TABLE + 8, 0x40_1000 | 5);
        m.write64(TABLE + 16, 0xfed0_0000L | 7);
        assertFalse(c.mmu().fillForNative(VA, 1, false));
        assertTrue(c.mmu().fillForNative(VA + 0x1000, 1, false));
        c.setField(CpuState.CR0, c.cr0() | 0x1_0000);
        c.mmu().flushAll();
        assertFalse(c.mmu().fillForNative(VA + 0x1000, 1, true));
        assertFalse(c.mmu().fillForNative(VA + 0x2000, 1, false));
    }

    @Test
    void native_writes_to_decoded_code_are_left_to_the_interpreter() {
        m.code(0x40_0000, "90");
        c.setRip(0x40_0000);
        m.step();
        assertFalse(c.mmu().fillForNative(VA, 1, true));
        assertTrue(c.mmu().fillForNative(VA, 1, false));
    }

    @Test
    void watched_while_alignment_is_checked_or_breakpoints_are_armed() {
        assertFalse(c.mmu().watched());
        c.mmu().setDataBreakpoints((va, bytes, write) -> {});
        assertTrue(c.mmu().watched());
        c.mmu().setDataBreakpoints(null);
        assertFalse(c.mmu().watched());
        m.long64(3);
        assertEquals(Tlb.USER, c.mmu().rights());
        c.setField(CpuState.CR0, c.cr0() | 1 << 18);
        c.setSystemFlags(c.systemFlags() | Flags.AC);
        assertTrue(c.mmu().watched());
    }

    // ---- instruction fetch ----

    @Test
    void fetch_fills_once_and_keeps_the_stale_translation_until_invlpg() {
        assertEquals(0x400, c.mmu().fetchFrame(VA));
        assertEquals(A, pte(0) & (A | D));
        m.write64(TABLE, 0x41_0000 | 7);
        assertEquals(0x400, c.mmu().fetchFrame(VA + 0xfff));
        assertEquals(1, c.mmu().counts().fetchMisses());
        c.mmu().flushPage(VA + 0x1000);
        assertEquals(0x400, c.mmu().fetchFrame(VA));
        c.mmu().flushPage(VA + 0x123);
        assertEquals(0x410, c.mmu().fetchFrame(VA));
        assertEquals(2, c.mmu().counts().fetchMisses());
    }

    @Test
    void invlpg_drops_all_pieces_of_a_large_page_for_fetch() {
        assertEquals(0x200, c.mmu().fetchFrame(0x20_0000));
        assertEquals(0x234, c.mmu().fetchFrame(0x23_4000));
        assertEquals(0x100, c.mmu().fetchFrame(0x10_0000));
        m.write64(TestMachine.PAGES + 0x2000 + 8, 0x40_0000 | 0xe7);
        m.write64(TestMachine.PAGES + 0x2000, 0x40_0000 | 0xe7);
        c.mmu().flushPage(0x3f_f000);
        assertEquals(0x400, c.mmu().fetchFrame(0x20_0000));
        assertEquals(0x434, c.mmu().fetchFrame(0x23_4000));
        assertEquals(0x100, c.mmu().fetchFrame(0x10_0000));
    }

    @Test
    void user_translations_do_not_serve_a_supervisor_fetch() {
        m.long64(3);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 3, TABLE | 7);
        assertEquals(0x400, c.mmu().fetchFrame(VA));
        m.long64(0);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 3, TABLE | 7);
        c.setField(CpuState.CR4, c.cr4() | 1 << 20);
        assertThrows(GuestFault.class, () -> c.mmu().fetchFrame(VA));
    }
}
