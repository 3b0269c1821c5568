package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;

/**
 * What the vector instructions do to state that user code on the host cannot show: enabling bits, upper halves, page
 * faults in the middle of an operand, unmasked exceptions, x87 state under MMX, and known answers of the ciphers.
 */
class VectorStateTest {
    private static final long DATA = 0x40_0000;
    /** 8 bytes below the end of mapped memory. */
    private static final long EDGE = 0x7f_fff8;
    private static final long UNMAPPED = 0x80_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @BeforeEach
    void enable() {
        m.long64(0);
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXMMEXCPT
                | ControlRegisters.CR4_OSXSAVE);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_NE);
        c.setField(CpuState.XCR0, 7);
        c.x87().init();
        c.updateMode();
    }

    @AfterEach
    void close() {
        m.close();
    }

    private void ymm(int r, long l0, long l1, long l2, long l3) {
        c.setYmm(r, 0, l0);
        c.setYmm(r, 1, l1);
        c.setYmm(r, 2, l2);
        c.setYmm(r, 3, l3);
    }

    private void assertYmm(int r, long l0, long l1, long l2, long l3) {
        assertEquals(Long.toHexString(l0), Long.toHexString(c.ymm(r, 0)), "lane 0");
        assertEquals(Long.toHexString(l1), Long.toHexString(c.ymm(r, 1)), "lane 1");
        assertEquals(Long.toHexString(l2), Long.toHexString(c.ymm(r, 2)), "lane 2");
        assertEquals(Long.toHexString(l3), Long.toHexString(c.ymm(r, 3)), "lane 3");
    }

    // ---- enabling ----

    @ParameterizedTest
    @CsvSource({
        // PADDD xmm, PADDD mm, VPADDD xmm, VPADDD ymm
        "660FFEC1, 6, 7, 6", "0FFEC1, 6, 7, -1", "C5F9FEC1, -1, 7, -1", "C5FDFEC1, -1, 7, -1"})
    void cr0_and_cr4_decide_between_ud_and_nm(String code, int withEm, int withTs, int withoutOsfxsr) {
        long cr0 = c.cr0();
        c.setField(CpuState.CR0, cr0 | ControlRegisters.CR0_EM);
        c.updateMode();
        assertEquals(withEm, m.exec(code), "CR0.EM");
        enable();
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_TS);
        c.updateMode();
        assertEquals(withTs, m.exec(code), "CR0.TS");
        enable();
        c.setField(CpuState.CR4, c.cr4() & ~ControlRegisters.CR4_OSFXSR);
        c.updateMode();
        assertEquals(withoutOsfxsr, m.exec(code), "CR4.OSFXSR");
    }

    @Test
    void avx_needs_osxsave_and_xcr0() {
        c.setField(CpuState.CR4, c.cr4() & ~ControlRegisters.CR4_OSXSAVE);
        c.updateMode();
        assertEquals(Vector.UD, m.exec("C5F9FEC1"));
        enable();
        c.setField(CpuState.XCR0, 3);
        c.updateMode();
        assertEquals(Vector.UD, m.exec("C5F9FEC1"));
    }

    // ---- upper halves ----

    @Test
    void legacy_sse_keeps_the_upper_half_and_vex_128_clears_it() {
        ymm(0, 1, 2, 3, 4);
        ymm(1, 10, 20, 30, 40);
        assertEquals(-1, m.exec("660FD4C1"));
        assertYmm(0, 11, 22, 3, 4);
        assertEquals(-1, m.exec("C5F9D4C1"));
        assertYmm(0, 21, 42, 0, 0);
    }

    @Test
    void vzeroupper_reaches_eight_registers_outside_64_bit_mode() {
        ymm(7, 1, 2, 3, 4);
        ymm(8, 1, 2, 3, 4);
        m.compatibility(0);
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXSAVE);
        c.updateMode();
        assertEquals(-1, m.exec("C5F877"));
        assertYmm(7, 1, 2, 0, 0);
        assertYmm(8, 1, 2, 3, 4);
    }

    // ---- memory ----

    @Test
    void aligned_forms_raise_gp_and_unaligned_ones_do_not() {
        c.setReg(CpuState.RAX, DATA + 8);
        m.write64(DATA + 8, 5);
        m.write64(DATA + 16, 6);
        assertEquals(Vector.GP, m.exec("0F2800"));
        enable();
        assertEquals(-1, m.exec("0F1000"));
        assertYmm(0, 5, 6, 0, 0);
        enable();
        assertEquals(-1, m.exec("C5F9D400"), "VPADDQ does not ask for alignment");
        assertYmm(0, 10, 12, 0, 0);
    }

    @Test
    void misaligned_operand_on_the_stack_is_gp_not_ss() {
        c.setReg(CpuState.RSP, TestMachine.STACK0 - 40);
        assertEquals(Vector.GP, m.exec("0F280424"));
    }

    @Test
    void load_across_an_unmapped_page_faults_at_that_page_and_keeps_the_register() {
        ymm(0, 1, 2, 3, 4);
        c.setReg(CpuState.RAX, EDGE);
        assertEquals(Vector.PF, m.exec("0F1000"));
        assertEquals(UNMAPPED, c.field(CpuState.CR2));
        assertYmm(0, 1, 2, 3, 4);
    }

    @Test
    void store_across_an_unmapped_page_writes_nothing() {
        ymm(0, 1, 2, 3, 4);
        m.write64(EDGE, 0x55);
        c.setReg(CpuState.RAX, EDGE);
        assertEquals(Vector.PF, m.exec("C5FC1100"));
        assertEquals(UNMAPPED, c.field(CpuState.CR2));
        assertEquals(0x55, m.read64(EDGE));
    }

    @Test
    void masked_out_elements_do_not_fault() {
        ymm(1, 0xffff_ffff_8000_0000L, 0, 0, 0);
        c.setReg(CpuState.RAX, EDGE);
        m.write64(EDGE, 0x2222_2222_1111_1111L);
        assertEquals(-1, m.exec("C4E2712C00"));
        assertYmm(0, 0x2222_2222_1111_1111L, 0, 0, 0);
    }

    @Test
    void gather_keeps_what_it_did_before_a_fault() {
        ymm(0, 0, 0, 0, 0);
        // VPGATHERDD xmm0, [rax+xmm1*4], xmm2: the third element is not mapped
        ymm(1, 1L << 32, 2, 0, 0);
        ymm(2, -1, -1, 0, 0);
        c.setReg(CpuState.RAX, EDGE);
        m.write64(EDGE, 0x2222_2222_1111_1111L);
        assertEquals(Vector.PF, m.exec("C4E269900488"));
        assertYmm(0, 0x2222_2222_1111_1111L, 0, 0, 0);
        assertYmm(2, 0, -1, 0, 0);
        assertEquals(TestMachine.CODE, m.stack(1, 64), "pushed RIP is the instruction");
    }

    @Test
    void gather_with_equal_registers_is_undefined() {
        assertEquals(Vector.UD, m.exec("C4E271900488"));
    }

    // ---- exceptions ----

    @Test
    void unmasked_exception_raises_xm_and_keeps_the_destination() {
        ymm(0, Double.doubleToRawLongBits(1), 2, 3, 4);
        ymm(1, 0, 0, 0, 0);
        c.setField32(CpuState.MXCSR, 0x1d80);
        assertEquals(Vector.XM, m.exec("F20F5EC1"));
        assertYmm(0, Double.doubleToRawLongBits(1), 2, 3, 4);
        assertEquals(0x1d84, c.field32(CpuState.MXCSR));
    }

    @Test
    void without_osxmmexcpt_it_is_undefined() {
        c.setField32(CpuState.MXCSR, 0x1d80);
        c.setField(CpuState.CR4, c.cr4() & ~ControlRegisters.CR4_OSXMMEXCPT);
        c.updateMode();
        ymm(0, Double.doubleToRawLongBits(1), 0, 0, 0);
        ymm(1, 0, 0, 0, 0);
        assertEquals(Vector.UD, m.exec("F20F5EC1"));
    }

    @Test
    void ldmxcsr_refuses_reserved_bits() {
        c.setReg(CpuState.RAX, DATA);
        m.write32(DATA, 0x1_1f80);
        assertEquals(Vector.GP, m.exec("0FAE10"));
        assertEquals(0x1f80, c.field32(CpuState.MXCSR));
    }

    // ---- MMX ----

    @Test
    void mmx_write_makes_all_registers_valid_and_sets_the_exponent() {
        c.x87().setStatus(5 << 11);
        c.setReg(CpuState.RAX, 0x1234_5678_9abc_def0L);
        assertEquals(-1, m.exec("480F6EC8"));
        assertEquals(0, c.x87().top());
        assertEquals(0xff, c.x87().abridgedTags());
        assertEquals(0x1234_5678_9abc_def0L, c.field(CpuState.FPR + 16));
        assertEquals(0xffff, c.field(CpuState.FPR + 24));
        assertEquals(-1, m.exec("0F77"));
        assertEquals(0, c.x87().abridgedTags());
    }

    @Test
    void pending_x87_exception_comes_before_a_page_fault_of_mmx() {
        c.x87().setControl(0x37e);
        c.x87().setStatus(1);
        c.setReg(CpuState.RAX, UNMAPPED);
        assertEquals(Vector.MF, m.exec("0FFC00"));
    }

    @Test
    void mmx_page_fault_leaves_x87_alone() {
        c.x87().setStatus(5 << 11);
        c.setReg(CpuState.RAX, UNMAPPED);
        assertEquals(Vector.PF, m.exec("0FFC00"));
        assertEquals(5, c.x87().top());
        assertEquals(0, c.x87().abridgedTags());
    }

    // ---- known answers ----

    private static final long STATE_LOW = 0x6374_6f72_5d53_475dL;
    private static final long STATE_HIGH = 0x7b5b_5465_7374_5665L;
    private static final long KEY_LOW = 0x5b47_7565_726f_6e5dL;
    private static final long KEY_HIGH = 0x4869_2853_6861_7929L;

    @ParameterizedTest
    @CsvSource({
        // AESENC, AESENCLAST, AESDEC, AESDECLAST, PCLMULQDQ 00: examples of Intel's white papers on both
        "660F38DCC1, a8311c2f9fdba3c5, 8b104b58ded7e595", "660F38DDC1, c7fb881e938c5964, 177ec42553fdc611",
        "660F38DEC1, 138ac342faea2787, b58eb95eb730392a", "660F38DFC1, c5a391ef6b317f95, d410637b72a593d0",
        "660F3A44C100, 1d4d84c85c3440c0, 929633d5d36f0451"})
    void ciphers_give_the_published_results(String code, String high, String low) {
        ymm(0, STATE_LOW, STATE_HIGH, 0, 0);
        ymm(1, KEY_LOW, KEY_HIGH, 0, 0);
        assertEquals(-1, m.exec(code));
        assertEquals(high, String.format("%016x", c.ymm(0, 1)));
        assertEquals(low, String.format("%016x", c.ymm(0, 0)));
    }

    @Test
    void pcmpistri_finds_the_end_of_a_string() {
        ymm(0, 0x0000_0000_0000_ff01L, 0, 0, 0);
        c.setReg(CpuState.RAX, DATA + 3);
        m.code(DATA + 3, "68656c6c6f00ffffffffffffffffffff");
        // ranges 01..ff, negative polarity: the first byte that is not a character
        assertEquals(-1, m.exec("660F3A630014"));
        assertEquals(5, c.reg(CpuState.RCX));
    }
}
