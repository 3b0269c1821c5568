package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.CODE64;
import static org.xenolith.cpu.TestMachine.CONFORMING64;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.IDT;
import static org.xenolith.cpu.TestMachine.IST;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.TSS;
import static org.xenolith.cpu.TestMachine.TSS_SELECTOR;
import static org.xenolith.cpu.TestMachine.USER_CODE64;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.descriptor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Events through 64-bit gates (SDM vol. 3, 6.14): the frame and its alignment, ring changes, interrupt stacks, every check of gate, target and
 * stack with its error code, double and triple faults.
 */
final class EventDelivery64Test {
    private static final String UD2 = "0F0B";
    private static final String INT_40 = "CD40";

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    @Test
    void frame_from_ring_0_is_aligned_and_keeps_ss() {
        m.long64(0);
        c.setReg(CpuState.RSP, STACK0 - 3);
        c.setRflags(Flags.IF | Flags.CF);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(STACK0 - 16 - 40, c.reg(CpuState.RSP));
        assertEquals(CODE, m.stack(0, 64));
        assertEquals(CODE64, m.stack(1, 64));
        assertEquals(Flags.IF | Flags.CF | Flags.FIXED | Flags.RF, m.stack(2, 64));
        assertEquals(STACK0 - 3, m.stack(3, 64));
        assertEquals(DATA, m.stack(4, 64));
        assertEquals(DATA, c.selector(CpuState.SS));
        assertFalse(c.systemFlag(Flags.IF | Flags.RF));
    }

    @Test
    void ring_change_loads_rsp0_and_a_null_ss() {
        m.long64(3);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(STACK0 - 40, c.reg(CpuState.RSP));
        assertEquals(USER_CODE64, m.stack(1, 64));
        assertEquals(STACK3, m.stack(3, 64));
        assertEquals(USER_DATA, m.stack(4, 64));
        assertEquals(0, c.selector(CpuState.SS));
        assertEquals(CODE64, c.selector(CpuState.CS));
        assertEquals(0, c.cpl());
    }

    @Test
    void trap_gate_keeps_interrupts_on() {
        m.long64(3);
        m.idt64(Vector.UD, CODE64, 0x8f, 0);
        c.setRflags(Flags.IF | Flags.NT);
        assertEquals(Vector.UD, m.exec(UD2));
        assertTrue(c.systemFlag(Flags.IF));
        assertFalse(c.systemFlag(Flags.NT));
    }

    @ParameterizedTest
    @CsvSource({"0,3", "3,5"})
    void interrupt_stack_is_used_in_any_ring(int cpl, int ist) {
        m.long64(cpl);
        m.idt64(Vector.UD, CODE64, 0x8e, ist);
        m.exec(UD2);
        assertEquals(IST + 0x1000 * ist - 40, c.reg(CpuState.RSP));
    }

    @Test
    void error_code_is_on_top_of_the_frame() {
        m.long64(3);
        // HLT, CLI and the like need CPL 0: MOV to SS of a ring 0 selector
        c.setReg(CpuState.RAX, DATA);
        assertEquals(Vector.GP, m.exec("8ED0"));
        assertEquals(DATA, m.stack(0, 64));
        assertEquals(CODE, m.stack(1, 64));
    }

    @Test
    void page_fault_gives_address_and_rights() {
        m.long64(3);
        c.setReg(CpuState.RAX, 0x4000_0000L);
        assertEquals(Vector.PF, m.exec("8900"));
        assertEquals(0x4000_0000L, c.field(CpuState.CR2));
        assertEquals(6, m.stack(0, 64));
    }

    /** Bits of key 1 in PKRU, whether the page is writable, opcode, error code: the key's bit stands beside a write violation. */
    @ParameterizedTest
    @CsvSource({"1, true, 8A00, 0x25", "1, true, 8800, 0x27", "2, true, 8800, 0x27", "1, false, 8800, 0x27",
        "2, false, 8800, 0x27", "0, false, 8800, 7"})
    void protection_key_violations_show_in_the_error_code(int pkru, boolean writable, String code, int error) {
        m.long64(3);
        m.write64(TestMachine.PAGES + 0x2008, 1L << 59 | 0x20_0000 | (writable ? 0xe7 : 0xe5));
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_PKE);
        c.setField32(CpuState.PKRU, pkru << 2);
        c.mmu().flushAll();
        c.setReg(CpuState.RAX, 0x20_0000);
        assertEquals(Vector.PF, m.exec(code));
        assertEquals(error, m.stack(0, 64));
    }

    @Test
    void software_interrupt_returns_behind_itself() {
        m.long64(3);
        m.idt64(0x40, CODE64, 0xee, 0);
        assertEquals(0x40, m.exec(INT_40));
        assertEquals(CODE + 2, m.stack(0, 64));
        assertEquals(0, m.stack(2, 64) & Flags.RF);
    }

    @Test
    void software_interrupt_needs_gate_dpl() {
        m.long64(3);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0x40 * 8 + 2, m.stack(0, 64));
        assertEquals(CODE, m.stack(1, 64));
    }

    @Test
    void breakpoint_needs_gate_dpl_but_int1_does_not() {
        m.long64(3);
        assertEquals(Vector.GP, m.exec("CC"));
        assertEquals(3 * 8 + 2, m.stack(0, 64));
        m.long64(3);
        assertEquals(Vector.DB, m.exec("F1"));
        assertEquals(CODE + 1, m.stack(0, 64));
    }

    /** Faults of the gate itself: those of INT n have EXT = 0. */
    @ParameterizedTest
    @CsvSource({
        // access byte of the gate, vector, error code
        "0x6e, 11, 0x202", "0xe5, 13, 0x202", "0xe6, 13, 0x202", "0xec, 13, 0x202", "0xe9, 13, 0x202",
        "0xfe, 13, 0x202"})
    void bad_gate_faults_with_its_index(int access, int vector, int error) {
        m.long64(3);
        m.idt64(0x40, CODE64, access, 0);
        assertEquals(vector, m.exec(INT_40));
        assertEquals(error, m.stack(0, 64));
    }

    @Test
    void gate_beyond_the_idt_limit_is_gp() {
        m.long64(0);
        c.setField(CpuState.IDTR_LIMIT, 0x40 * 16 + 14);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0x202, m.stack(0, 64));
    }

    @ParameterizedTest
    @CsvSource({
        // selector of the gate, vector, error code
        "0x0, 13, 0", "0x3, 13, 0", "0x10, 13, 0x10", "0x18, 13, 0x18", "0x43, 13, 0x40", "0x200, 13, 0x200",
        "0xa0, 11, 0xa0", "0xa8, 13, 0xa8"})
    void bad_target_faults_with_its_selector(int selector, int vector, int error) {
        m.long64(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xa01b));
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xe09b));
        m.idt64(0x40, selector, 0xee, 0);
        assertEquals(vector, m.exec(INT_40));
        assertEquals(error, m.stack(0, 64));
    }

    @Test
    void conforming_target_keeps_the_ring() {
        m.long64(3);
        m.idt64(0x40, CONFORMING64, 0xee, 0);
        assertEquals(0x40, m.exec(INT_40));
        assertEquals(3, c.cpl());
        assertEquals(CONFORMING64 | 3, c.selector(CpuState.CS));
        assertEquals(STACK3 - 40, c.reg(CpuState.RSP));
    }

    @Test
    void non_canonical_target_is_gp_0() {
        m.long64(0);
        m.write32(IDT + 16 * 0x40 + 8, 0x8000_0000L);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0, m.stack(0, 64));
    }

    @Test
    void non_canonical_interrupt_stack_is_ss_0() {
        m.long64(0);
        m.idt64(0x40, CODE64, 0xee, 1);
        m.write64(TSS + 36, 0x8000_0000_0000L + 100);
        assertEquals(Vector.SS, m.exec(INT_40));
        assertEquals(0, m.stack(0, 64));
    }

    @Test
    void short_tss_is_ts_with_its_selector() {
        m.long64(3);
        m.idt64(0x40, CODE64, 0xee, 0);
        m.idt64(Vector.TS, CONFORMING64, 0x8e, 0);
        c.setSegment(CpuState.TR, TSS_SELECTOR, TSS, 10, 0x8b);
        assertEquals(Vector.TS, m.exec(INT_40));
        assertEquals(TSS_SELECTOR, m.stack(0, 64));
    }

    @Test
    void external_event_faults_with_ext() {
        m.long64(0);
        c.setRflags(Flags.IF);
        m.idt64(0x40, DATA, 0x8e, 0);
        m.externalVector = 0x40;
        c.requestAttention();
        assertEquals(Vector.GP, m.exec("90"));
        assertEquals(DATA | 1, m.stack(0, 64));
    }

    @Test
    void fault_in_delivery_of_a_contributory_exception_is_a_double_fault() {
        m.long64(3);
        m.idt64(Vector.GP, CODE64, 0x0e, 0);
        assertEquals(Vector.DF, m.exec("0F06"));
        assertEquals(0, m.stack(0, 64));
        assertEquals(CODE, m.stack(1, 64));
    }

    @Test
    void page_fault_then_page_fault_is_a_double_fault() {
        m.long64(0);
        c.setReg(CpuState.RSP, 0x4000_0000L);
        m.idt64(Vector.DF, CODE64, 0x8e, 1);
        assertEquals(Vector.DF, m.exec("50"));
        assertEquals(IST + 0x1000 - 48, c.reg(CpuState.RSP));
    }

    @Test
    void benign_then_fault_is_delivered_serially() {
        m.long64(0);
        m.idt64(Vector.UD, CODE64, 0x0e, 0);
        assertEquals(Vector.NP, m.exec(UD2));
        assertEquals(6 * 8 + 3, m.stack(0, 64));
    }

    @Test
    void fault_in_delivery_of_a_double_fault_shuts_down() {
        m.long64(0);
        c.setField(CpuState.IDTR_LIMIT, 0);
        m.exec(UD2);
        assertEquals(Cpu.Activity.SHUTDOWN, c.activity());
        assertEquals(1, m.shutdowns);
    }

    @Test
    void compatibility_mode_takes_the_same_frame() {
        m.compatibility(3);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(64, c.codeBits());
        assertEquals(STACK0 - 40, c.reg(CpuState.RSP));
        assertEquals(TestMachine.USER_CODE32, m.stack(1, 64));
        assertEquals(0, CODE32 & 7);
    }

    @Test
    void code_segment_becomes_accessed() {
        m.long64(0);
        m.gdt(CODE64, descriptor(0, 0xfffff, 0xa09a));
        m.exec(UD2);
        assertEquals(0x9b, m.read8(TestMachine.GDT + CODE64 + 5));
        assertEquals(0x9b, c.segmentAttributes(CpuState.CS) & 0xff);
    }
}
