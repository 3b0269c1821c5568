package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.model.CpuModels;

/** Reserved bits and mode transitions of CR0, CR3, CR4, CR8, EFER and XCR0: what is refused with #GP(0), and what changes. */
class ControlWritesTest {
    private static final long PE = 1;
    private static final long PG = 1L << 31;
    private static final long PAE = 1 << 5;
    private static final long LME = 1 << 8;
    private static final long LMA = 1 << 10;

    private final TestMachine m = new TestMachine(CpuModels.named("intel"));
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private void refused(Runnable write) {
        long cr0 = c.cr0();
        long cr3 = c.field(CpuState.CR3);
        long cr4 = c.cr4();
        long efer = c.efer();
        assertThrows(GuestFault.class, write::run);
        assertEquals(Vector.GP, c.faultVector());
        assertEquals(0, c.faultError());
        assertTrue(c.faultHasError());
        assertEquals(cr0, c.cr0());
        assertEquals(cr3, c.field(CpuState.CR3));
        assertEquals(cr4, c.cr4());
        assertEquals(efer, c.efer());
    }

    // ---- CR0 ----

    @ParameterizedTest
    @CsvSource({"1_00000011, high half", "80000010, PG without PE", "20000011, NW without CD",
        "8000000000000011, highest bit"})
    void cr0_refuses(String hex, String why) {
        m.protected32(0);
        refused(() -> ControlWrites.setCr0(c, Long.parseUnsignedLong(hex.replace("_", ""), 16)));
    }

    @Test
    void cr0_ignores_reserved_bits_of_the_low_half_and_keeps_et() {
        m.protected32(0);
        ControlWrites.setCr0(c, 0x1ffa_ffc0L | PE);
        assertEquals(PE | 0x10, c.cr0() & ~ControlRegisters.CR0_AM & ~ControlRegisters.CR0_WP);
        assertEquals(0, c.cr0() & 0x1ff8_0000L & ~ControlRegisters.CR0_AM);
    }

    @Test
    void setting_pg_with_lme_enters_long_mode() {
        m.protected32(0);
        c.setField(CpuState.EFER, LME);
        ControlWrites.setCr4(c, PAE);
        ControlWrites.setCr0(c, PG | PE);
        assertEquals(LME | LMA, c.efer());
        assertTrue(c.longMode());
        assertFalse(c.code64());
        ControlWrites.setCr0(c, PE);
        assertEquals(LME, c.efer());
        assertFalse(c.longMode());
    }

    @Test
    void long_mode_needs_pae() {
        m.protected32(0);
        c.setField(CpuState.EFER, LME);
        refused(() -> ControlWrites.setCr0(c, PG | PE));
    }

    @Test
    void long_mode_cannot_be_entered_from_a_segment_with_the_l_bit() {
        m.protected32(0);
        c.setField(CpuState.EFER, LME);
        c.setField(CpuState.CR4, PAE);
        c.setSegment(CpuState.CS, 8, 0, -1L >>> 32, TestMachine.ATTR_CODE64);
        refused(() -> ControlWrites.setCr0(c, PG | PE));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x81, 0x83})
    void long_mode_cannot_be_entered_with_a_16_bit_tss(int attributes) {
        m.protected32(0);
        c.setField(CpuState.EFER, LME);
        c.setField(CpuState.CR4, PAE);
        c.setSegment(CpuState.TR, 8, 0, 0x67, attributes);
        refused(() -> ControlWrites.setCr0(c, PG | PE));
    }

    @Test
    void paging_cannot_be_turned_off_in_64_bit_mode_nor_with_pcide() {
        m.long64(0);
        refused(() -> ControlWrites.setCr0(c, PE));
        m.compatibility(0);
        c.setField(CpuState.CR4, PAE | ControlRegisters.CR4_PCIDE);
        refused(() -> ControlWrites.setCr0(c, PE));
    }

    @Test
    void pae_paging_loads_its_pointers_and_refuses_reserved_bits_in_them() {
        m.protected32(0);
        c.setField(CpuState.CR4, PAE);
        m.write64(TestMachine.PAGES, TestMachine.PAGES + 0x1000 | 1);
        m.write64(TestMachine.PAGES + 8, 3);
        m.write64(TestMachine.PAGES + 16, 0x1e6);
        c.setField(CpuState.CR3, TestMachine.PAGES);
        refused(() -> ControlWrites.setCr0(c, PG | PE));
        m.write64(TestMachine.PAGES + 8, 0);
        ControlWrites.setCr0(c, PG | PE);
        assertEquals(PG, c.cr0() & PG);
        m.write64(TestMachine.PAGES + 8, 0x21);
        refused(() -> ControlWrites.setCr3(c, TestMachine.PAGES));
        refused(() -> ControlWrites.setCr4(c, PAE | ControlRegisters.CR4_PGE));
    }

    // ---- CR3 ----

    @ParameterizedTest
    @CsvSource({"0x400000000000, false", "0x4000000000000000, false", "0x8000000000001000, false",
        "0x400000000000, true", "0xc000000000001000, true"})
    void cr3_refuses_bits_beyond_the_physical_address(String hex, boolean pcide) {
        m.long64(0);
        c.setField(CpuState.CR4, PAE | (pcide ? ControlRegisters.CR4_PCIDE : 0));
        refused(() -> ControlWrites.setCr3(c, Long.parseUnsignedLong(hex.substring(2), 16)));
    }

    @Test
    void no_flush_bit_is_taken_with_pcide_and_not_stored() {
        m.long64(0);
        c.setField(CpuState.CR4, PAE | ControlRegisters.CR4_PCIDE);
        ControlWrites.setCr3(c, 1L << 63 | TestMachine.PAGES | 5);
        assertEquals(TestMachine.PAGES | 5, c.field(CpuState.CR3));
    }

    // ---- CR4 ----

    @ParameterizedTest
    @ValueSource(ints = {12, 14, 15, 19, 23, 24, 25, 31, 32, 63})
    void cr4_refuses_bits_that_the_model_lacks(int bit) {
        m.protected32(0);
        refused(() -> ControlWrites.setCr4(c, 1L << bit));
    }

    @ParameterizedTest
    @CsvSource({"umip, 11", "fsgsbase, 16", "pcid, 17", "xsave, 18", "smep, 20", "smap, 21", "pku, 22"})
    void cr4_bit_is_reserved_without_its_feature(String feature, int bit) {
        try (TestMachine without = new TestMachine(CpuModels.parse("intel,-" + feature))) {
            without.long64(0);
            assertThrows(GuestFault.class, () -> ControlWrites.setCr4(without.cpu, PAE | 1L << bit));
        }
        m.long64(0);
        ControlWrites.setCr4(c, PAE | 1L << bit);
        assertEquals(PAE | 1L << bit, c.cr4());
    }

    @Test
    void pae_cannot_be_cleared_in_long_mode() {
        m.compatibility(0);
        refused(() -> ControlWrites.setCr4(c, 0));
    }

    @Test
    void pcide_needs_long_mode_and_pcid_zero() {
        m.protected32(0);
        refused(() -> ControlWrites.setCr4(c, ControlRegisters.CR4_PCIDE | PAE));
        m.long64(0);
        c.setField(CpuState.CR3, TestMachine.PAGES | 8);
        refused(() -> ControlWrites.setCr4(c, ControlRegisters.CR4_PCIDE | PAE));
    }

    // ---- CR8, EFER, XCR0 ----

    @Test
    void cr8_is_the_high_nibble_of_the_task_priority() {
        ControlWrites.setCr8(c, 11);
        assertEquals(0xb0, c.apic().tpr());
        refused(() -> ControlWrites.setCr8(c, 16));
        refused(() -> ControlWrites.setCr8(c, 1L << 40));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 9, 12, 13, 14, 15, 16, 21, 63})
    void efer_refuses_reserved_bits(int bit) {
        m.protected32(0);
        refused(() -> ControlWrites.setEfer(c, 1L << bit));
    }

    @Test
    void efer_lme_cannot_change_while_paging() {
        m.long64(0);
        refused(() -> ControlWrites.setEfer(c, c.efer() & ~LME));
    }

    @Test
    void efer_lma_is_read_only() {
        m.long64(0);
        ControlWrites.setEfer(c, LME | 1);
        assertEquals(LME | LMA | 1, c.efer());
        m.protected32(0);
        c.setField(CpuState.EFER, 0);
        ControlWrites.setEfer(c, LMA | 1);
        assertEquals(1, c.efer());
    }

    @ParameterizedTest
    @CsvSource({"0, false", "1, true", "2, false", "3, true", "4, false", "5, false", "7, true", "0x203, true",
        "0x207, true", "0x11, false", "0xe7, false"})
    void xcr0_combinations(String hex, boolean allowed) {
        long v = Long.decode(hex);
        if (allowed) {
            ControlWrites.setXcr0(c, v);
            assertEquals(v, c.field(CpuState.XCR0));
        } else {
            refused(() -> ControlWrites.setXcr0(c, v));
        }
    }
}
