package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.GDT;
import static org.xenolith.cpu.TestMachine.LDT;
import static org.xenolith.cpu.TestMachine.LDT_SELECTOR;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.TSS;
import static org.xenolith.cpu.TestMachine.TSS_SELECTOR;
import static org.xenolith.cpu.TestMachine.USER_CODE64;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.descriptor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** MOV, POP and LxS to segment registers, LLDT and LTR, and the queries LAR, LSL, VERR, VERW and ARPL: every kind of descriptor and privilege. */
final class SegmentLoadTest {
    private static final String MOV_DS_AX = "8ED8";
    private static final String MOV_SS_AX = "8ED0";

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private int load(int cpl, String code, int selector) {
        m.protected32(cpl);
        m.gdt(FREE, descriptor(0x1234_5678, 0xabcde, 0x4093));
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xc013));
        m.gdt(FREE + 16, descriptor(0, 0xfffff, 0xc099));
        m.gdt(FREE + 24, descriptor(0, 0xfffff, 0xc0f1));
        m.gdt(FREE + 32, descriptor(0, 0xfffff, 0xc0f3));
        c.setReg(CpuState.RAX, selector);
        return m.exec(code);
    }

    /** CPL, selector, fault (-1 none) and error code of MOV DS. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, -1, 0", "3, 3, -1, 0", "0, 0x10, -1, 0", "0, 0x13, 13, 0x10", "3, 0x10, 13, 0x10", "3, 0x3b, -1, 0",
        "3, 0x38, -1, 0", "0, 0x38, -1, 0", "0, 0x18, -1, 0", "3, 0x18, 13, 0x18", "3, 0x78, -1, 0", "3, 0x7b, -1, 0",
        "0, 0x200, 13, 0x200", "0, 0x48, 13, 0x48", "0, 0x58, 13, 0x58", "0, 0xa8, 11, 0xa8", "3, 0xa8, 13, 0xa8",
        "0, 0xb0, 13, 0xb0", "3, 0xb8, -1, 0", "0, 0x104, 13, 0x104"})
    void data_segment_checks(int cpl, int selector, int vector, int error) {
        assertEquals(vector, load(cpl, MOV_DS_AX, selector));
        if (vector >= 0) {
            assertEquals(error, m.stack(0, 32));
            assertEquals(CODE, m.stack(1, 32));
        } else {
            assertEquals(selector, c.selector(CpuState.DS));
        }
    }

    /** The same of MOV SS. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 13, 0", "3, 3, 13, 0", "0, 0x10, -1, 0", "0, 0x11, 13, 0x10", "0, 0x38, 13, 0x38", "3, 0x3b, -1, 0",
        "3, 0x38, 13, 0x38", "0, 0x18, 13, 0x18", "0, 0xa8, 12, 0xa8", "3, 0xbb, 13, 0xb8", "0, 0x200, 13, 0x200"})
    void stack_segment_checks(int cpl, int selector, int vector, int error) {
        assertEquals(vector, load(cpl, MOV_SS_AX, selector));
        if (vector >= 0) {
            assertEquals(error, m.stack(0, 32));
        } else {
            assertEquals(selector, c.selector(CpuState.SS));
            assertTrue(c.interruptShadow());
        }
    }

    @Test
    void descriptor_fields_are_unpacked() {
        load(0, MOV_DS_AX, FREE);
        assertEquals(0x1234_5678, c.segmentBase(CpuState.DS));
        assertEquals(0xabcde, c.segmentLimit(CpuState.DS));
        load(0, MOV_DS_AX, DATA);
        assertEquals(0xffff_ffffL, c.segmentLimit(CpuState.DS));
    }

    @Test
    void load_sets_the_accessed_bit() {
        m.protected32(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xc092));
        c.setReg(CpuState.RAX, FREE);
        m.exec(MOV_DS_AX);
        assertEquals(0x93, m.read8(GDT + FREE + 5));
        assertEquals(0xc093, c.segmentAttributes(CpuState.DS));
    }

    @Test
    void cs_and_the_two_unassigned_numbers_are_undefined() {
        for (String code : new String[]{"8EC8", "8EF0", "8EF8", "8CF0"}) {
            m.protected32(0);
            assertEquals(Vector.UD, m.exec(code), code);
        }
    }

    @Test
    void null_ss_in_64_bit_mode_needs_the_rpl_of_a_ring_below_3() {
        m.long64(0);
        c.setReg(CpuState.RAX, 0);
        assertEquals(-1, m.exec(MOV_SS_AX));
        assertEquals(0, c.cpl());
        m.long64(0);
        c.setReg(CpuState.RAX, 1);
        assertEquals(Vector.GP, m.exec(MOV_SS_AX));
        m.long64(3);
        c.setReg(CpuState.RAX, 3);
        assertEquals(Vector.GP, m.exec(MOV_SS_AX));
    }

    @Test
    void null_segment_cannot_be_accessed_outside_64_bit_mode() {
        m.protected32(0);
        c.setReg(CpuState.RAX, 0);
        m.exec(MOV_DS_AX);
        assertEquals(Vector.GP, m.exec("8A00"));
        assertEquals(0, m.stack(0, 32));
    }

    @Test
    void store_writes_16_bits_to_memory_and_extends_in_registers() {
        m.long64(0);
        c.setReg(CpuState.RAX, 0x3_0000);
        m.write32(0x3_0000, 0xffff_ffffL);
        m.exec("8C18");
        assertEquals(0xffff_0000L | DATA, m.read32(0x3_0000));
        c.setReg(CpuState.RAX, -1L);
        m.exec("8CD8");
        assertEquals(DATA, c.reg(CpuState.RAX));
    }

    @Test
    void pop_of_a_bad_selector_leaves_the_stack_pointer() {
        m.protected32(0);
        m.frame(32, 0x200);
        assertEquals(Vector.GP, m.exec("1F"));
        assertEquals(STACK0 - 4 - 16, c.reg(CpuState.RSP));
        m.protected32(0);
        m.frame(32, USER_DATA);
        assertEquals(-1, m.exec("07"));
        assertEquals(USER_DATA, c.selector(CpuState.ES));
        assertEquals(STACK0, c.reg(CpuState.RSP));
    }

    @Test
    void lss_loads_pointer_and_segment() {
        m.protected32(0);
        c.setReg(CpuState.RAX, 0x3_0000);
        m.write32(0x3_0000, 0x1234);
        m.write16(0x3_0004, DATA);
        assertEquals(-1, m.exec("0FB220"));
        assertEquals(0x1234, c.reg(CpuState.RSP));
        m.write16(0x3_0004, 0x200);
        c.setReg(CpuState.RSP, STACK0);
        assertEquals(Vector.GP, m.exec("0FB220"));
    }

    @Test
    void real_mode_load_keeps_the_limit() {
        m.real();
        c.setSegment(CpuState.DS, 0, 0, 0xffff_ffffL, 0xc093);
        c.setReg(CpuState.RAX, 0x1234);
        m.exec(MOV_DS_AX);
        assertEquals(0x1_2340, c.segmentBase(CpuState.DS));
        assertEquals(0xffff_ffffL, c.segmentLimit(CpuState.DS));
    }

    /** LTR: access byte of the descriptor in FREE, selector, fault, error code. */
    @ParameterizedTest
    @CsvSource({
        "0x89, 0xa0, -1, 0", "0x8b, 0xa0, 13, 0xa0", "0x09, 0xa0, 11, 0xa0", "0x81, 0xa0, -1, 0", "0x89, 0, 13, 0",
        "0x89, 0x200, 13, 0x200", "0x89, 4, 13, 4", "0x82, 0xa0, 13, 0xa0"})
    void ltr_checks(int access, int selector, int vector, int error) {
        m.protected32(0);
        m.gdt(FREE, descriptor(TSS, 0x67, access));
        c.setReg(CpuState.RAX, selector);
        assertEquals(vector, m.exec("0F00D8"));
        if (vector >= 0) {
            assertEquals(error, m.stack(0, 32));
        } else {
            assertEquals(access | 2, m.read8(GDT + FREE + 5));
            assertEquals(access | 2, c.segmentAttributes(CpuState.TR));
            assertEquals(0x67, c.segmentLimit(CpuState.TR));
        }
    }

    @Test
    void ltr_in_long_mode_reads_16_bytes_and_refuses_16_bit_tasks() {
        m.long64(0);
        m.gdt(FREE, descriptor(TSS, 0x67, 0x89));
        m.gdt(FREE + 8, 0xffff_8000L);
        c.setReg(CpuState.RAX, FREE);
        assertEquals(-1, m.exec("0F00D8"));
        assertEquals(0xffff_8000_0000_0000L | TSS, c.segmentBase(CpuState.TR));
        m.long64(0);
        m.gdt(FREE, descriptor(TSS, 0x67, 0x81));
        assertEquals(Vector.GP, m.exec("0F00D8"));
    }

    @Test
    void lldt_null_makes_the_table_unusable() {
        m.protected32(0);
        c.setReg(CpuState.RAX, 0);
        assertEquals(-1, m.exec("0F00D0"));
        c.setReg(CpuState.RAX, 0x0c);
        assertEquals(Vector.GP, m.exec(MOV_DS_AX));
        assertEquals(0x0c, m.stack(0, 32));
        m.protected32(0);
        m.write64(LDT + 8, descriptor(0x7000, 0xfffff, 0xc093));
        c.setReg(CpuState.RAX, LDT_SELECTOR);
        m.exec("0F00D0");
        c.setReg(CpuState.RAX, 0x0c);
        assertEquals(-1, m.exec(MOV_DS_AX));
        assertEquals(0x7000, c.segmentBase(CpuState.DS));
    }

    @Test
    void privileged_loads_fault_in_ring_3_and_real_mode() {
        m.protected32(3);
        assertEquals(Vector.GP, m.exec("0F00D8"));
        m.protected32(3);
        assertEquals(Vector.GP, m.exec("0F00D0"));
        m.real();
        c.setField(CpuState.CR0, 0);
        c.updateMode();
        assertEquals(Vector.UD, m.exec("0F00D8"));
    }

    /** LAR and LSL at CPL 3: selector, visible to LAR, visible to LSL (protected mode). */
    @ParameterizedTest
    @CsvSource({
        "0, false, false", "0x10, false, false", "0x38, true, true", "0x3b, true, true", "0x7b, true, true",
        "0x48, false, false", "0xa0, true, true", "0xa8, true, false", "0xb0, false, false", "0xb8, true, true",
        "0xc0, true, false", "0x200, false, false"})
    void queries_follow_type_and_privilege(int selector, boolean lar, boolean lsl) {
        m.protected32(3);
        m.gdt(FREE, descriptor(0, 0x67, 0xe9));
        m.gdt(FREE + 8, TestMachine.gate(0x18, 0, 0xec, 0));
        m.gdt(FREE + 16, descriptor(0, 0, 0xee));
        m.gdt(FREE + 24, descriptor(0, 0x67, 0xe1));
        m.gdt(FREE + 32, TestMachine.gate(0x18, 0, 0xe5, 0));
        c.setReg(CpuState.RCX, selector);
        c.setReg(CpuState.RAX, 0xdead);
        m.exec("0F02C1");
        assertEquals(lar, c.zf());
        assertEquals(lar, c.reg(CpuState.RAX) != 0xdead);
        m.exec("0F03C1");
        assertEquals(lsl, c.zf());
    }

    @Test
    void long_mode_hides_16_bit_system_descriptors_from_queries() {
        m.long64(0);
        m.gdt(FREE, descriptor(0, 0x67, 0xe1));
        m.gdt(FREE + 8, 0);
        c.setReg(CpuState.RCX, FREE);
        m.exec("0F02C1");
        assertEquals(false, c.zf());
        c.setReg(CpuState.RCX, TSS_SELECTOR);
        m.exec("0F03C1");
        assertEquals(true, c.zf());
        assertEquals(0xfff, c.reg(CpuState.RAX));
        c.setReg(CpuState.RCX, USER_CODE64);
        m.exec("0F02C1");
        assertEquals(0xaffb00, c.reg(CpuState.RAX));
    }

    /** VERR and VERW at CPL 3. */
    @ParameterizedTest
    @CsvSource({"0x10, false, false", "0x3b, true, true", "0xb8, true, false", "0x33, true, false", "0x7b, true, false",
        "0x48, false, false", "0, false, false"})
    void verification(int selector, boolean read, boolean write) {
        m.protected32(3);
        m.gdt(FREE + 24, descriptor(0, 0xfffff, 0xc0f1));
        c.setReg(CpuState.RAX, selector);
        m.exec("0F00E0");
        assertEquals(read, c.zf());
        m.exec("0F00E8");
        assertEquals(write, c.zf());
    }

    @Test
    void arpl_raises_the_rpl() {
        m.protected32(0);
        c.setReg(CpuState.RAX, 0x11);
        c.setReg(CpuState.RCX, 3);
        m.exec("63C8");
        assertEquals(0x13, c.reg(CpuState.RAX));
        assertTrue(c.zf());
        m.exec("63C8");
        assertEquals(false, c.zf());
    }
}
