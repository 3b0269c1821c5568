package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.RandomSource;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.model.CpuModels;

/** System instructions by their encodings: privilege, mode and feature faults, operands and effects. */
class SystemOpsTest {
    private static final int NONE = -1;
    private static final int SCRATCH = 0x6_0000;

    private final TestMachine m = new TestMachine(CpuModels.named("intel"));
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private void cr4(long bits) {
        c.setField(CpuState.CR4, c.cr4() | bits);
        c.updateMode();
    }

    /** Every privileged instruction here, with the fault that user mode meets (6 #UD, 13 #GP). */
    @ParameterizedTest
    @CsvSource({"0f20c0, 13", "0f22c0, 13", "0f21f8, 13", "0f23f8, 13", "0f32, 13", "0f30, 13", "f4, 13", "0f08, 13",
        "0f09, 13", "0f0138, 13", "660f3882 07, 13", "0f01d1, 6", "0f01f0, 13", "0f0110, 13", "0f0118, 13", "0f01ca, 6",
        "0f01cb, 6", "0fc72f, 13", "0fc71f, 13", "0f33, 13"})
    void user_mode_is_refused(String code, int vector) {
        m.long64(3);
        c.setReg(CpuState.RDI, SCRATCH);
        c.setReg(CpuState.RAX, SCRATCH);
        assertEquals(vector, m.exec(code));
    }

    @ParameterizedTest
    @CsvSource({"0f01c8", "0f01c9", "0f01c2", "0f01d8", "0f78c0", "f30fc730", "0fc730"})
    void instructions_that_are_not_offered_are_undefined(String code) {
        m.long64(0);
        assertEquals(Vector.UD, m.exec(code));
    }

    // ---- control and debug registers ----

    @ParameterizedTest
    @CsvSource({"0f20c8, 6", "0f20e8, 6", "440f20c8, 6", "0f22c8, 6", "f00f20c0, 6", "0f20c0, -1", "0f2000, -1",
        "0f20d8, -1", "440f20c0, -1", "0f2005, -1"})
    void control_registers_that_exist(String code, int vector) {
        m.long64(0);
        assertEquals(vector, m.exec(code));
    }

    @Test
    void mov_of_a_control_register_ignores_operand_size_and_mod() {
        m.long64(0);
        c.setField(CpuState.CR2, 0x1234_5678_9abc_def0L);
        assertEquals(NONE, m.exec("660f2013"));
        assertEquals(0x1234_5678_9abc_def0L, c.reg(CpuState.RBX));
        assertEquals(TestMachine.CODE + 4, c.rip(), "no displacement follows");
    }

    @Test
    void cr8_through_its_own_encoding() {
        m.long64(0);
        c.setReg(CpuState.RAX, 9);
        assertEquals(NONE, m.exec("440f22c0"));
        assertEquals(0x90, c.apic().tpr());
        assertEquals(NONE, m.exec("440f20c3"));
        assertEquals(9, c.reg(CpuState.RBX));
        c.setReg(CpuState.RAX, 16);
        assertEquals(Vector.GP, m.exec("440f22c0"));
    }

    @ParameterizedTest
    @CsvSource({"0f21e0, 0, -1", "0f21e0, 8, 6", "0f23e8, 8, 6", "440f21c0, 0, 6", "0f21f0, 8, -1"})
    void debug_registers_four_and_five_are_aliases_without_debug_extensions(String code, long cr4, int vector) {
        m.long64(0);
        cr4(cr4);
        assertEquals(vector, m.exec(code));
    }

    @Test
    void debug_registers_keep_their_fixed_bits() {
        m.long64(0);
        c.setReg(CpuState.RAX, 0xffff_efffL);
        assertEquals(NONE, m.exec("0f23f0"));
        assertEquals(0xffff_eff4L | 0xb, c.field(CpuState.DR + 6 * 8));
        c.setReg(CpuState.RAX, 0);
        assertEquals(NONE, m.exec("0f23f8"));
        assertEquals(0x400, c.field(CpuState.DR + 7 * 8));
        c.setReg(CpuState.RAX, 0xffff_dfffL & ~0xffL);
        assertEquals(NONE, m.exec("0f23f8"));
        assertEquals(0xffff_0700L, c.field(CpuState.DR + 7 * 8));
        c.setReg(CpuState.RAX, 1L << 32);
        assertEquals(Vector.GP, m.exec("0f23f8"));
    }

    @Test
    void general_detect_traps_any_access() {
        m.long64(0);
        c.setField(CpuState.DR + 7 * 8, 0x2400);
        assertEquals(Vector.DB, m.exec("0f21c0"));
        assertEquals(1 << 13, c.field(CpuState.DR + 6 * 8) & 1 << 13);
    }

    @Test
    void lmsw_sets_pe_but_cannot_clear_it() {
        m.protected32(0);
        c.setReg(CpuState.RAX, 0xe);
        assertEquals(NONE, m.exec("0f01f0"));
        assertEquals(0x1f, c.cr0());
        c.setReg(CpuState.RAX, 0);
        assertEquals(NONE, m.exec("0f01f0"));
        assertEquals(0x11, c.cr0());
    }

    @ParameterizedTest
    @CsvSource({"660f01e0, ffffffffffff0011", "0f01e0, 80000011", "480f01e0, 80000011"})
    void smsw_writes_as_much_as_the_operand_size(String code, String rax) {
        m.long64(0);
        c.setReg(CpuState.RAX, -1);
        assertEquals(NONE, m.exec(code));
        assertEquals(Long.parseUnsignedLong(rax, 16), c.reg(CpuState.RAX));
    }

    @Test
    void smsw_to_memory_is_always_a_word() {
        m.long64(0);
        m.write64(SCRATCH, -1);
        c.setReg(CpuState.RDI, SCRATCH);
        assertEquals(NONE, m.exec("480f0127"));
        assertEquals(0xffff_ffff_ffff_0011L, m.read64(SCRATCH));
    }

    @ParameterizedTest
    @CsvSource({"0f01e0", "0f0107", "0f010f", "0f00c0", "0f00c8"})
    void umip_hides_the_system_tables_from_user_mode(String code) {
        m.long64(3);
        c.setReg(CpuState.RDI, SCRATCH);
        assertEquals(NONE, m.exec(code));
        cr4(ControlRegisters.CR4_UMIP);
        assertEquals(Vector.GP, m.exec(code));
    }

    // ---- descriptor-table registers ----

    @Test
    void table_registers_are_ten_bytes_in_64_bit_mode() {
        m.long64(0);
        c.setReg(CpuState.RDI, SCRATCH);
        m.write16(SCRATCH, 0x1234);
        m.write64(SCRATCH + 2, 0xffff_8123_4567_8000L);
        assertEquals(NONE, m.exec("660f011f"));
        assertEquals(0x1234, c.field(CpuState.IDTR_LIMIT));
        assertEquals(0xffff_8123_4567_8000L, c.field(CpuState.IDTR_BASE));
        c.setReg(CpuState.RDI, SCRATCH + 16);
        assertEquals(NONE, m.exec("0f010f"));
        assertEquals(0x1234, m.read16(SCRATCH + 16));
        assertEquals(0xffff_8123_4567_8000L, m.read64(SCRATCH + 18));
    }

    @Test
    void table_base_must_be_canonical() {
        m.long64(0);
        c.setReg(CpuState.RDI, SCRATCH);
        m.write64(SCRATCH + 2, 0x8000_0000_0000L);
        assertEquals(Vector.GP, m.exec("0f0117"));
        assertEquals(TestMachine.GDT, c.field(CpuState.GDTR_BASE));
    }

    @Test
    void operand_size_16_loads_24_bits_of_base() {
        m.protected32(0);
        c.setReg(CpuState.RDI, SCRATCH);
        m.write16(SCRATCH, 0xff);
        m.write32(SCRATCH + 2, 0x8900_1000L);
        assertEquals(NONE, m.exec("660f0117"));
        assertEquals(0x1000, c.field(CpuState.GDTR_BASE));
    }

    // ---- MSRs, CPUID, time ----

    @Test
    void msr_instructions_use_ecx_and_edx_eax_and_clear_the_upper_halves() {
        m.long64(0);
        c.setReg(CpuState.RCX, 0x5555_0000_c000_0082L);
        c.setReg(CpuState.RAX, 0x1111_1111_8100_0000L);
        c.setReg(CpuState.RDX, 0x2222_2222_ffff_ffffL);
        assertEquals(NONE, m.exec("0f30"));
        assertEquals(0xffff_ffff_8100_0000L, c.field(CpuState.LSTAR));
        assertEquals(NONE, m.exec("0f32"));
        assertEquals(0x8100_0000L, c.reg(CpuState.RAX));
        assertEquals(0xffff_ffffL, c.reg(CpuState.RDX));
        c.setReg(CpuState.RCX, 0xdead);
        assertEquals(Vector.GP, m.exec("0f32"));
    }

    @Test
    void cpuid_clears_the_upper_halves() {
        m.long64(3);
        c.setReg(CpuState.RAX, 0xffff_ffff_0000_0000L);
        c.setReg(CpuState.RBX, -1);
        assertEquals(NONE, m.exec("0fa2"));
        assertEquals(0x16, c.reg(CpuState.RAX));
        assertEquals(0x756e_6547, c.reg(CpuState.RBX));
    }

    @Test
    void time_stamp_counter() {
        m.long64(3);
        m.now = 0x1_2345_6789L;
        c.setField(CpuState.TSC_AUX, 0xabcd);
        assertEquals(NONE, m.exec("0f31"));
        assertEquals(0x2345_6789, c.reg(CpuState.RAX));
        assertEquals(1, c.reg(CpuState.RDX));
        assertEquals(NONE, m.exec("0f01f9"));
        assertEquals(0xabcd, c.reg(CpuState.RCX));
        assertEquals(NONE, m.exec("f30fc7f8"));
        assertEquals(0xabcd, c.reg(CpuState.RAX));
        cr4(ControlRegisters.CR4_TSD);
        assertEquals(Vector.GP, m.exec("0f31"));
    }

    @Test
    void hlt_halts_after_the_instruction() {
        m.long64(0);
        assertEquals(NONE, m.exec("f4"));
        assertEquals(Cpu.Activity.HALTED, c.activity());
        assertEquals(TestMachine.CODE + 1, c.rip());
    }

    // ---- TLB ----

    private void remap(long va, long pa) {
        m.write64(TestMachine.PAGES + 0x2000 + (va >>> 21) * 8, pa | 0xe7);
    }

    @Test
    void invlpg_makes_a_new_mapping_visible() {
        m.long64(0);
        m.write32(0x20_0000, 1);
        m.write32(0x40_0000, 2);
        assertEquals(1, c.mmu().read32(0x20_0000, CpuState.DS));
        remap(0x20_0000, 0x40_0000);
        assertEquals(1, c.mmu().read32(0x20_0000, CpuState.DS), "still cached");
        c.setReg(CpuState.RDI, 0x20_1234);
        assertEquals(NONE, m.exec("0f013f"));
        assertEquals(2, c.mmu().read32(0x20_0000, CpuState.DS));
    }

    @Test
    void invlpg_of_a_non_canonical_address_does_nothing() {
        m.long64(0);
        c.setReg(CpuState.RDI, 0x8000_0000_0000L);
        assertEquals(NONE, m.exec("0f013f"));
        assertEquals(Vector.UD, m.exec("0f01ff"));
    }

    /** type, PCID, address, CR4.PCIDE: vector or -1. */
    @ParameterizedTest
    @CsvSource({"0, 0, 200000, false, -1", "0, 1, 200000, false, 13", "0, 1, 200000, true, -1", "0, 1000, 0, true, 13",
        "0, 0, 800000000000, false, 13", "1, 0, 800000000000, false, -1", "1, 5, 0, false, 13", "1, 5, 0, true, -1",
        "2, 5, 0, false, -1", "3, 5, 0, false, -1", "2, 1000, 0, true, 13", "4, 0, 0, true, 13",
        "100000000, 0, 0, true, 13"})
    void invpcid_checks(String type, String pcid, String address, boolean pcide, int vector) {
        m.long64(0);
        cr4(pcide ? ControlRegisters.CR4_PCIDE : 0);
        c.setReg(CpuState.RAX, Long.parseLong(type, 16));
        c.setReg(CpuState.RDI, SCRATCH);
        m.write64(SCRATCH, Long.parseLong(pcid, 16));
        m.write64(SCRATCH + 8, Long.parseLong(address, 16));
        assertEquals(vector, m.exec("660f388207"));
    }

    @ParameterizedTest
    @CsvSource({"0, 200000, true", "0, 400000, false", "1, 0, true", "2, 0, true", "3, 0, true"})
    void invpcid_drops_what_its_type_says(long type, String address, boolean dropped) {
        m.long64(0);
        m.write32(0x20_0000, 1);
        m.write32(0x40_0000, 2);
        c.mmu().read32(0x20_0000, CpuState.DS);
        remap(0x20_0000, 0x40_0000);
        c.setReg(CpuState.RAX, type);
        c.setReg(CpuState.RDI, SCRATCH);
        m.write64(SCRATCH + 8, Long.parseLong(address, 16));
        assertEquals(NONE, m.exec("660f388207"));
        assertEquals(dropped ? 2 : 1, c.mmu().read32(0x20_0000, CpuState.DS));
    }

    @ParameterizedTest
    @CsvSource({"0fae3f", "660fae3f", "660fae37"})
    void line_flushes_are_checked_like_loads(String code) {
        m.long64(0);
        c.setReg(CpuState.RDI, SCRATCH);
        assertEquals(NONE, m.exec(code));
        c.setReg(CpuState.RDI, 0x100_0000);
        assertEquals(Vector.PF, m.exec(code));
    }

    @ParameterizedTest
    @CsvSource({"0f1807", "0f180f", "0f1817", "0f181f", "0f0d0f", "0f0d07", "0f1827"})
    void prefetch_never_faults(String code) {
        m.long64(3);
        c.setReg(CpuState.RDI, 0x100_0000);
        assertEquals(NONE, m.exec(code));
    }

    @ParameterizedTest
    @CsvSource({"0faee8, -1", "0faef0, -1", "0faef8, -1", "0faeff, -1", "f00faef0, 6", "660faef0, 6", "f390, -1"})
    void fences_and_pause(String code, int vector) {
        m.long64(3);
        assertEquals(vector, m.exec(code));
    }

    // ---- the rest ----

    @Test
    void stac_and_clac() {
        m.long64(0);
        assertEquals(NONE, m.exec("0f01cb"));
        assertTrue(c.systemFlag(Flags.AC));
        assertEquals(NONE, m.exec("0f01ca"));
        assertFalse(c.systemFlag(Flags.AC));
    }

    @Test
    void fs_and_gs_bases_need_cr4() {
        m.long64(3);
        assertEquals(Vector.UD, m.exec("f30faec0"));
        m.long64(3);
        cr4(ControlRegisters.CR4_FSGSBASE);
        c.setReg(CpuState.RAX, 0x7fff_1234_5678L);
        assertEquals(NONE, m.exec("f3480faed0"));
        assertEquals(NONE, m.exec("f3480faec3"));
        assertEquals(0x7fff_1234_5678L, c.reg(CpuState.RBX));
        assertEquals(NONE, m.exec("f30faed8"));
        assertEquals(0x1234_5678, c.segmentBase(CpuState.GS));
        c.setReg(CpuState.RAX, 0x8000_0000_0000L);
        assertEquals(Vector.GP, m.exec("f3480faed0"));
    }

    @Test
    void fs_base_instructions_do_not_exist_outside_64_bit_mode() {
        m.compatibility(0);
        cr4(ControlRegisters.CR4_FSGSBASE);
        assertEquals(Vector.UD, m.exec("f30faec0"));
    }

    @ParameterizedTest
    @CsvSource({"0f01ee, 0, 0, 0, 6", "0f01ee, 1, 0, 0, -1", "0f01ee, 1, 1, 0, 13", "0f01ef, 0, 0, 0, 6",
        "0f01ef, 1, 0, 0, -1", "0f01ef, 1, 0, 1, 13", "0f01ef, 1, 1, 0, 13"})
    void protection_keys(String code, int pke, long ecx, long edx, int vector) {
        m.long64(3);
        cr4(pke * ControlRegisters.CR4_PKE);
        c.setReg(CpuState.RCX, ecx);
        c.setReg(CpuState.RDX, edx);
        c.setReg(CpuState.RAX, 0x5555_5554);
        assertEquals(vector, m.exec(code));
        assertEquals(code.equals("0f01ef") && vector == NONE ? 0x5555_5554 : 0, c.field32(CpuState.PKRU));
    }

    @Test
    void pkru_write_takes_effect_at_once() {
        m.long64(3);
        cr4(ControlRegisters.CR4_PKE);
        m.write64(TestMachine.PAGES + 0x2008, 0x20_00e7L | 1L << 59);
        c.setReg(CpuState.RDI, 0x20_0000);
        c.setReg(CpuState.RDX, 0);
        assertEquals(NONE, m.exec("8b1f"));
        c.setReg(CpuState.RAX, 4);
        assertEquals(NONE, m.exec("0f01ef"));
        assertEquals(Vector.PF, m.exec("8b1f"));
        assertEquals(0x25, m.stack(0, 64), "present, user, key");
    }

    @ParameterizedTest
    @CsvSource({"0, 3, 0, 13", "1, 3, 0, -1", "1, 7, 0, -1", "1, 5, 0, 13", "1, 3, 1, 13", "1, 0, 0, 13"})
    void xsetbv(int osxsave, long eax, long ecx, int vector) {
        m.long64(0);
        cr4(osxsave * ControlRegisters.CR4_OSXSAVE);
        c.setReg(CpuState.RCX, ecx);
        c.setReg(CpuState.RAX, eax);
        c.setReg(CpuState.RDX, 0);
        assertEquals(osxsave == 0 ? Vector.UD : vector, m.exec("0f01d1"));
    }

    @Test
    void xgetbv_one_is_the_state_in_use() {
        m.long64(3);
        cr4(ControlRegisters.CR4_OSXSAVE);
        c.setField(CpuState.XCR0, 7);
        c.setField32(CpuState.FCW, 0x37f);
        c.setYmm(5, 0, 1);
        c.setReg(CpuState.RCX, 1);
        assertEquals(NONE, m.exec("0f01d0"));
        assertEquals(2, c.reg(CpuState.RAX));
        c.setReg(CpuState.RCX, 2);
        assertEquals(Vector.GP, m.exec("0f01d0"));
    }

    @ParameterizedTest
    @CsvSource({"0fc7f0, 32", "480fc7f0, 64", "660fc7f0, 16", "0fc7f8, 32", "480fc7f8, 64", "660fc7f8, 16"})
    void random_numbers_set_carry_and_repeat_with_the_seed(String code, int bits) {
        m.long64(3);
        RandomSource.seed(c, 1);
        c.setReg(CpuState.RAX, 0xaaaa_aaaa_aaaa_aaaaL);
        assertEquals(NONE, m.exec(code));
        long first = c.reg(CpuState.RAX);
        assertTrue(c.cf() && !c.zf() && !c.of() && !c.sf());
        assertEquals(bits == 16 ? 0xaaaa_aaaa_aaaaL : bits == 32 ? 0 : first >>> 32, bits == 16
                ? first >>> 16
                : first >>> 32);
        c.setReg(CpuState.RAX, 0xaaaa_aaaa_aaaa_aaaaL);
        assertEquals(NONE, m.exec(code));
        assertNotEquals(first, c.reg(CpuState.RAX));
        RandomSource.seed(c, 1);
        c.setReg(CpuState.RAX, 0xaaaa_aaaa_aaaa_aaaaL);
        assertEquals(NONE, m.exec(code));
        assertEquals(first, c.reg(CpuState.RAX));
    }

    @ParameterizedTest
    @CsvSource({"0f01c1", "0f01d9"})
    void hypercall_goes_to_the_environment_with_rip_behind_it(String code) {
        m.long64(0);
        assertEquals(Vector.UD, m.exec(code), "nobody there");
        m.long64(0);
        long[] rip = new long[1];
        c.setEnvironment(new CpuEnvironment() {
            @Override
            public boolean hypercall(Cpu cpu) {
                rip[0] = cpu.rip();
                return true;
            }
        });
        assertEquals(NONE, m.exec(code));
        assertEquals(TestMachine.CODE + 3, rip[0]);
    }
}
