package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.TestMachine;
import org.xenolith.memory.PhysicalMemory;

/** The journal puts back what was written, knows what was left, and refuses what cannot be undone. */
final class WriteJournalTest {
    private static final int A = 0x60_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;
    private final WriteJournal journal = new WriteJournal(c);

    @BeforeEach
    void watch() {
        m.long64(0);
        m.write64(A, 0x1111_1111_1111_1111L);
        journal.begin();
        c.mmu().setDataBreakpoints(journal);
    }

    @AfterEach
    void close() {
        m.close();
    }

    @Test
    void overlapping_writes_roll_back_to_what_was_there_first() {
        c.mmu().write32(A, CpuState.DS, 0x2222_2222);
        c.mmu().write64(A, CpuState.DS, 0x3333_3333_3333_3333L);
        c.mmu().write8(A + 1, CpuState.DS, 0x44);
        assertEquals(0x3333_3333_3333_4433L, m.read64(A));
        journal.undo();
        assertEquals(0x1111_1111_1111_1111L, m.read64(A));
        assertEquals(0, journal.difference(0), "the first of the writes is not there now");
        m.write64(A, 0x3333_3333_3333_4433L);
        assertEquals(-1, journal.difference(0));
        m.write8(A + 1, 0x45);
        assertEquals(0, journal.difference(0));
        assertEquals(0x3333_4433, journal.expected(0));
        assertEquals(0x3333_4533, journal.now(0));
        assertEquals(A, journal.address(0));
    }

    @Test
    void writes_of_an_instruction_that_is_refused_half_way_are_taken_back() {
        c.mmu().write8(A, CpuState.DS, 1);
        int first = journal.writes();
        c.mmu().write8(A, CpuState.DS, 2);
        journal.cancel(first);
        assertEquals(1, m.read8(A));
        journal.undo();
        assertEquals(0x11, m.read8(A));
        assertEquals(1, journal.expected(0));
    }

    @Test
    void an_undone_pass_leaves_no_translation_behind_that_it_made() {
        c.mmu().read8(A, CpuState.DS);
        journal.undo();
        assertEquals(0, c.mmu().peekHit(A, 1, false));
    }

    @Test
    void what_cannot_be_undone_or_compared_is_refused() {
        assertThrows(GuestFault.class, () -> c.mmu().write16(A + 0xfff, CpuState.DS, 1));
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 4, 0x4000_0087L);
        assertThrows(GuestFault.class, () -> c.mmu().read8(0x80_0000, CpuState.DS), "a device");
        m.memory.setState((A >> 12) + 1, PhysicalMemory.HAS_CODE);
        assertThrows(GuestFault.class, () -> c.mmu().write8(A + 0x1000, CpuState.DS, 1));
        assertEquals(0, c.mmu().read8(A + 0x1000, CpuState.DS), "reading code is fine");
    }

    @Test
    void an_access_that_needs_a_page_walk_is_refused_once_something_was_written() {
        c.mmu().write8(A, CpuState.DS, 1);
        c.mmu().write8(A + 8, CpuState.DS, 1);
        assertThrows(GuestFault.class, () -> c.mmu().read8(A + 0x1000, CpuState.DS));
    }
}
