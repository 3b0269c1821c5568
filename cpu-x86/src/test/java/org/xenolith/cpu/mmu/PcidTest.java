package org.xenolith.cpu.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;

/** One set of page tables under several PCIDs; what is stale shows which translations were kept. */
class PcidTest {
    private static final int TABLE = 0x3_0000;
    private static final long VA = 0x60_0000;
    private static final long GLOBAL = VA + 0x5000;
    private static final long LARGE = 0x20_0000;
    private static final int SCRATCH = 0x7_0000;
    private static final int OLD = 1;
    private static final int NEW = 2;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    /** VA, GLOBAL and LARGE show frames that hold OLD, and are cached under PCID 1 when they are remapped to frames that hold NEW. */
    @BeforeEach
    void staleTranslationsOfPcid1() {
        m.long64(0);
        ControlWrites.setCr4(c, ControlRegisters.CR4_PAE | ControlRegisters.CR4_PGE | ControlRegisters.CR4_PCIDE);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * 3, TABLE | 7);
        for (int i = 0; i < 512; i++) {
            m.write64(TABLE + 8 * i, 0x40_0000 + 0x1000L * i | 7 | (i == 5 ? 0x100 : 0));
        }
        m.write32(0x40_0000, OLD);
        m.write32(0x40_5000, OLD);
        m.write32(0x20_0000, OLD);
        m.write32(0x41_0000, NEW);
        m.write32(0x41_5000, NEW);
        pcid(1, true);
        assertEquals(OLD, read(VA));
        assertEquals(OLD, read(GLOBAL));
        assertEquals(OLD, read(LARGE));
        assertEquals(0x400, c.mmu().fetchFrame(VA));
        m.write64(TABLE, 0x41_0000 | 7);
        m.write64(TABLE + 40, 0x41_5000 | 0x107);
        m.write64(TestMachine.PAGES + 0x2000 + 8, 0x60_0000 | 0xe7);
        m.write32(0x60_0000, NEW);
    }

    @AfterEach
    void close() {
        m.close();
    }

    private void pcid(int pcid, boolean keep) {
        ControlWrites.setCr3(c, TestMachine.PAGES | pcid | (keep ? 1L << 63 : 0));
    }

    private int read(long va) {
        return c.mmu().read32(va, CpuState.DS);
    }

    private void invpcid(int type, int pcid, long address) {
        c.setReg(CpuState.RAX, type);
        c.setReg(CpuState.RDI, SCRATCH);
        m.write64(SCRATCH, pcid);
        m.write64(SCRATCH + 8, address);
        assertEquals(-1, m.exec("660f388207"));
    }

    private void expect(int page, int global, int large) {
        assertEquals(List.of(page, global, large), List.of(read(VA), read(GLOBAL), read(LARGE)));
        assertEquals(page == OLD ? 0x400 : 0x410, c.mmu().fetchFrame(VA));
    }

    // ---- MOV to CR3 ----

    @Test
    void another_pcid_sees_only_global_translations() {
        pcid(2, true);
        expect(NEW, OLD, NEW);
    }

    @Test
    void the_translations_of_a_pcid_come_back_with_bit_63() {
        pcid(2, true);
        expect(NEW, OLD, NEW);
        pcid(1, true);
        expect(OLD, OLD, OLD);
    }

    @Test
    void without_bit_63_those_of_the_new_pcid_are_dropped_and_others_kept() {
        pcid(2, false);
        pcid(1, true);
        expect(OLD, OLD, OLD);
        pcid(2, false);
        pcid(1, false);
        expect(NEW, OLD, NEW);
    }

    @Test
    void the_same_pcid_again_keeps_or_drops_as_bit_63_says() {
        pcid(1, true);
        expect(OLD, OLD, OLD);
        pcid(1, false);
        expect(NEW, OLD, NEW);
    }

    @Test
    void without_pcide_a_load_drops_all_but_global_translations() {
        ControlWrites.setCr3(c, TestMachine.PAGES);
        ControlWrites.setCr4(c, ControlRegisters.CR4_PAE | ControlRegisters.CR4_PGE);
        m.write64(TABLE, 0x40_0000 | 7);
        expect(OLD, NEW, NEW);
        m.write64(TABLE, 0x41_0000 | 7);
        expect(OLD, NEW, NEW);
        ControlWrites.setCr3(c, TestMachine.PAGES);
        expect(NEW, NEW, NEW);
    }

    @Test
    void the_space_left_longest_ago_is_forgotten_when_there_are_more_than_the_store_holds() {
        for (int p = 2; p <= AddressSpaces.SPACES + 1; p++) {
            pcid(p, true);
        }
        pcid(1, true);
        expect(OLD, OLD, OLD);
        for (int p = 2; p <= AddressSpaces.SPACES + 2; p++) {
            pcid(p, true);
        }
        pcid(1, true);
        expect(NEW, OLD, NEW);
    }

    @Test
    void a_slot_that_was_taken_meanwhile_keeps_what_it_has() {
        pcid(2, true);
        // the slot of VA, with a global translation that stays
        long conflicting = VA + ((long) Tlb.ENTRIES << 12);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * (conflicting >>> 21), 0x40_0000 | 0x1e7);
        m.write32(0x40_0000, 9);
        assertEquals(9, read(conflicting));
        pcid(1, true);
        m.write64(TestMachine.PAGES + 0x2000 + 8 * (conflicting >>> 21), 0);
        assertEquals(9, read(conflicting));
        assertEquals(NEW, read(VA));
    }

    @Test
    void counts_what_is_parked_and_restored() {
        TlbCounts before = c.mmu().counts();
        pcid(2, true);
        pcid(1, true);
        TlbCounts after = c.mmu().counts();
        assertEquals(2, after.switches() - before.switches());
        assertEquals(3, after.parked() - before.parked(), "two pages of data and one of code");
        assertEquals(3, after.restored() - before.restored());
        assertEquals(before.flushes(), after.flushes());
    }

    // ---- invalidations and parked translations ----

    /** type, PCID, offset of the address from VA, then what is seen under PCID 1. */
    @ParameterizedTest
    @CsvSource({"0, 1, 0, 2, 1, 1", "0, 1, 1000, 1, 1, 1", "0, 3, 0, 1, 1, 1", "0, 1, -300000, 1, 1, 2",
        "0, 1, 5000, 1, 1, 1",
        "1, 1, 0, 2, 1, 2", "1, 2, 0, 1, 1, 1", "1, 3, 0, 1, 1, 1", "2, 0, 0, 2, 2, 2", "3, 0, 0, 2, 1, 2"})
    void invpcid_reaches_parked_translations(int type, int pcid, String offset, int page, int global, int large) {
        pcid(2, true);
        invpcid(type, pcid, VA + Long.parseLong(offset, 16));
        pcid(1, true);
        expect(page, global, large);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0, 2, 1, 1", "0, 2, 0, 1, 1, 1", "0, 1, -300000, 1, 1, 2", "1, 1, 0, 2, 1, 2",
        "1, 2, 0, 1, 1, 1",
        "2, 0, 0, 2, 2, 2", "3, 0, 0, 2, 1, 2"})
    void invpcid_reaches_current_translations(int type, int pcid, String offset, int page, int global, int large) {
        invpcid(type, pcid, VA + Long.parseLong(offset, 16));
        expect(page, global, large);
    }

    @Test
    void invlpg_is_for_the_current_pcid_and_for_global_pages() {
        pcid(2, true);
        c.setReg(CpuState.RDI, VA);
        assertEquals(-1, m.exec("0f013f"));
        c.setReg(CpuState.RDI, GLOBAL);
        assertEquals(-1, m.exec("0f013f"));
        pcid(1, true);
        expect(OLD, NEW, OLD);
    }

    @ParameterizedTest
    @CsvSource({"7", "20"})
    void a_change_of_cr4_that_flushes_forgets_parked_translations(int bit) {
        pcid(2, true);
        ControlWrites.setCr4(c, c.cr4() ^ 1L << bit);
        ControlWrites.setCr4(c, c.cr4() ^ 1L << bit);
        pcid(1, true);
        expect(NEW, NEW, NEW);
    }

    @Test
    void a_change_of_write_protection_forgets_parked_translations() {
        pcid(2, true);
        ControlWrites.setCr0(c, c.cr0() ^ ControlRegisters.CR0_WP);
        pcid(1, true);
        expect(NEW, NEW, NEW);
    }

    @Test
    void parked_translations_cannot_write_to_pages_that_code_was_decoded_from_meanwhile() {
        c.mmu().write32(VA + 16, CpuState.DS, 0);
        long host = c.mmu().hostIfHit(VA + 16, 4, true);
        assertEquals(m.memory.base() + 0x41_0010, host);
        pcid(2, true);
        m.code(0x41_0020, "4831c0");
        c.setRip(0x41_0020);
        c.setReg(CpuState.RAX, 5);
        m.step();
        assertEquals(0, c.reg(CpuState.RAX));
        pcid(1, true);
        assertEquals(0, c.mmu().hostIfHit(VA + 16, 4, true));
        assertEquals(host, c.mmu().hostIfHit(VA + 16, 4, false));
        c.mmu().write32(VA + 0x20, CpuState.DS, 0x9040_b0);
        c.setRip(0x41_0020);
        m.step();
        assertEquals(0x40, c.reg(CpuState.RAX) & 0xff, "the new code is decoded");
    }

    @Test
    void a_frame_taken_from_the_guest_is_dropped_from_parked_translations() {
        pcid(2, true);
        c.mmu().dropFrame(0x400);
        pcid(1, true);
        expect(NEW, OLD, OLD);
    }

    @Test
    void the_listener_hears_a_switch_as_the_loss_of_all_but_global_translations() {
        HeardDrops drops = new HeardDrops();
        List<String> heard = drops.heard;
        c.mmu().setFetchListener(drops);
        pcid(1, true);
        assertEquals(List.of(), heard);
        pcid(2, true);
        assertEquals(List.of("nonglobal"), heard);
        pcid(1, true);
        assertEquals(List.of("nonglobal"), heard, "PCID 2 had fetched nothing");
        c.mmu().flushPage(VA);
        assertEquals(List.of("nonglobal", "600000"), heard);
    }
}
