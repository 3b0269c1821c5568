package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE16;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.CONFORMING32;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.HANDLERS;
import static org.xenolith.cpu.TestMachine.IDT;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.TSS;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.descriptor;
import static org.xenolith.cpu.TestMachine.gate;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Events in real mode, through 16- and 32-bit gates of protected mode, and from virtual-8086 mode (with the redirection bitmap of VME): frames,
 * inner stacks, checks with their error codes, double faults.
 */
final class EventDeliveryLegacyTest {
    private static final String UD2 = "0F0B";
    private static final String INT_40 = "CD40";

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    /** A hostile guest's way of hanging a processor for good (CVE-2015-5307). */
    @Test
    void alignment_check_that_its_own_delivery_meets_shuts_the_cpu_down() {
        m.protected32(3);
        m.idt32(Vector.AC, TestMachine.USER_CODE32, 0xee);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_AM);
        c.setReg(CpuState.RSP, STACK3 - 2);
        c.setRflags(Flags.FIXED | Flags.AC);
        c.updateMode();
        m.exec("A101000500");
        assertEquals(1, m.shutdowns);
        assertEquals(Cpu.Activity.SHUTDOWN, c.activity());
    }

    @Test
    void real_mode_pushes_three_words() {
        m.real();
        c.setRflags(Flags.IF | Flags.TF | Flags.CF);
        c.debug().suppressStep();
        assertEquals(0x40, m.exec(INT_40));
        assertEquals(0x1000 - 6, c.reg(CpuState.RSP));
        assertEquals(2, m.stack(0, 16));
        assertEquals(0x1000, m.stack(1, 16));
        assertEquals(Flags.IF | Flags.TF | Flags.CF | Flags.FIXED, m.stack(2, 16));
        assertFalse(c.systemFlag(Flags.IF | Flags.TF));
    }

    @Test
    void real_mode_has_no_error_codes() {
        m.real();
        c.setField(CpuState.IDTR_LIMIT, 0x40 * 4 + 2);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0, m.stack(0, 16));
        assertEquals(0x1000, m.stack(1, 16));
    }

    @Test
    void real_mode_without_a_vector_table_shuts_down() {
        m.real();
        c.setField(CpuState.IDTR_LIMIT, 0);
        m.exec(UD2);
        assertEquals(Cpu.Activity.SHUTDOWN, c.activity());
    }

    @Test
    void real_mode_stack_wraps_at_a_push_boundary() {
        m.real();
        c.setReg(CpuState.RSP, 2);
        assertEquals(0x40, m.exec(INT_40));
        assertEquals(0xfffc, c.reg(CpuState.RSP));
        assertEquals(2, m.read16(0x5_0000 + 0xfffc));
    }

    @Test
    void same_ring_pushes_three_slots_and_the_error_code() {
        m.protected32(0);
        c.setRflags(Flags.IF);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(STACK0 - 12, c.reg(CpuState.RSP));
        assertEquals(CODE, m.stack(0, 32));
        assertEquals(CODE32, m.stack(1, 32));
        assertEquals(Flags.IF | Flags.RF | Flags.FIXED, m.stack(2, 32));
        m.protected32(0);
        c.setReg(CpuState.RAX, 0x200);
        assertEquals(Vector.GP, m.exec("8ED8"));
        assertEquals(STACK0 - 16, c.reg(CpuState.RSP));
        assertEquals(0x200, m.stack(0, 32));
    }

    @Test
    void inner_ring_takes_its_stack_from_the_tss() {
        m.protected32(3);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(STACK0 - 20, c.reg(CpuState.RSP));
        assertEquals(DATA, c.selector(CpuState.SS));
        assertEquals(STACK3, m.stack(3, 32));
        assertEquals(USER_DATA, m.stack(4, 32));
        assertEquals(USER_DATA, c.selector(CpuState.DS));
    }

    @Test
    void sixteen_bit_gate_pushes_words() {
        m.protected32(3);
        m.write64(IDT + 8 * Vector.UD, gate(CODE32, HANDLERS + 16 * Vector.UD, 0x86, 0));
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(STACK0 - 10, c.reg(CpuState.RSP));
        assertEquals(CODE & 0xffff, m.stack(0, 16));
        assertEquals(USER_DATA, m.stack(4, 16));
    }

    @Test
    void sixteen_bit_tss_gives_words_too() {
        m.protected32(3);
        c.setSegment(CpuState.TR, TestMachine.TSS_SELECTOR, TSS, 0xfff, 0x83);
        m.write16(TSS + 2, 0x7000);
        m.write16(TSS + 4, DATA);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(0x7000 - 20, c.reg(CpuState.RSP));
    }

    @Test
    void sixteen_bit_stack_keeps_the_upper_half_of_esp() {
        m.protected16(0);
        c.setReg(CpuState.RSP, 0x1234_1000L);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(0x1234_0ff4L, c.reg(CpuState.RSP));
        assertEquals(CODE16, m.stack(1, 32));
    }

    /** Access byte, selector, fault and error code of INT 40h at CPL 3. */
    @ParameterizedTest
    @CsvSource({
        "0x8e, 0x18, 13, 0x202", "0x6e, 0x18, 11, 0x202", "0xec, 0x18, 13, 0x202", "0xee, 0, 13, 0",
        "0xee, 0x10, 13, 0x10", "0xee, 0x200, 13, 0x200", "0xee, 0xa0, 11, 0xa0", "0xe5, 0x18, 13, 0x18",
        "0xfe, 0x18, 13, 0x202"})
    void gate_checks(int access, int selector, int vector, int error) {
        m.protected32(3);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xc01b));
        m.idt32(0x40, selector, access);
        assertEquals(vector, m.exec(INT_40));
        assertEquals(error, m.stack(0, 32));
        assertEquals(CODE, m.stack(1, 32));
    }

    @Test
    void target_beyond_the_code_limit_is_gp_0() {
        m.protected32(3);
        m.gdt(FREE, descriptor(0, 0xff, 0x409b));
        m.idt32(0x40, FREE, 0xee);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0, m.stack(0, 32));
    }

    @Test
    void external_interrupt_faults_with_ext() {
        m.protected32(3);
        c.setRflags(Flags.IF);
        m.idt32(0x40, FREE, 0x8e);
        m.gdt(FREE, 0);
        m.externalVector = 0x40;
        c.requestAttention();
        assertEquals(Vector.GP, m.exec("90"));
        assertEquals(FREE | 1, m.stack(0, 32));
    }

    @Test
    void conforming_handler_runs_in_the_ring_of_the_program() {
        m.protected32(3);
        m.idt32(Vector.UD, CONFORMING32, 0x8e);
        assertEquals(Vector.UD, m.exec(UD2));
        assertEquals(3, c.cpl());
        assertEquals(STACK3 - 12, c.reg(CpuState.RSP));
    }

    @Test
    void into_and_bound_style_events() {
        m.protected32(0);
        assertEquals(-1, m.exec("CE"));
        c.setRflags(Flags.OF);
        assertEquals(Vector.OF, m.exec("CE"));
        assertEquals(CODE + 2, m.stack(0, 32));
    }

    @Test
    void faulting_stack_of_the_same_ring_becomes_a_double_fault() {
        m.protected32(0);
        // #SS while delivering #GP: the double fault meets the same stack, and shuts down
        c.setSegment(CpuState.SS, DATA, 0, 0x10, 0x4093);
        c.setReg(CpuState.RAX, 0x200);
        m.exec("8ED8");
        assertEquals(Cpu.Activity.SHUTDOWN, c.activity());
    }

    @Test
    void virtual_8086_event_saves_and_clears_data_segments() {
        m.virtual8086(0);
        c.setRflags(c.rflags() | Flags.IF);
        assertEquals(Vector.UD, m.exec(UD2));
        assertFalse(c.vm86());
        assertEquals(0, c.cpl());
        assertEquals(STACK0 - 36, c.reg(CpuState.RSP));
        assertEquals(0, m.stack(0, 32));
        assertEquals(0x1000, m.stack(1, 32));
        assertEquals(Flags.VM | Flags.IF | Flags.RF | Flags.FIXED, m.stack(2, 32));
        assertEquals(0x3000, m.stack(3, 32));
        for (int k = 4; k <= 8; k++) {
            assertEquals(0x5000, m.stack(k, 32));
        }
        assertEquals(0, c.selector(CpuState.GS));
        assertEquals(DATA, c.selector(CpuState.SS));
    }

    @Test
    void virtual_8086_handler_must_be_in_ring_0() {
        m.virtual8086(0);
        m.idt32(Vector.UD, CONFORMING32, 0x8e);
        assertEquals(Vector.GP, m.exec(UD2));
        assertEquals(CONFORMING32 | 1, m.stack(0, 32));
    }

    @Test
    void int_n_in_virtual_8086_mode_needs_iopl_3() {
        m.virtual8086(0);
        m.idt32(0x40, CODE32, 0xee);
        assertEquals(Vector.GP, m.exec(INT_40));
        assertEquals(0, m.stack(0, 32));
        m.virtual8086(3);
        m.idt32(0x40, CODE32, 0xee);
        assertEquals(0x40, m.exec(INT_40));
        assertEquals(2, m.stack(0, 32));
    }

    @Test
    void int3_in_virtual_8086_mode_does_not_need_iopl() {
        m.virtual8086(0);
        m.idt32(Vector.BP, CODE32, 0xee);
        assertEquals(Vector.BP, m.exec("CC"));
    }

    @Test
    void redirection_bitmap_sends_int_n_to_the_program() {
        m.virtual8086(0);
        c.setField(CpuState.CR4, ControlRegisters.CR4_VME);
        m.write16(TSS + 102, 136);
        c.setRflags(c.rflags() | Flags.VIF);
        assertEquals(0x40, m.exec(INT_40));
        assertTrue(c.vm86());
        assertEquals(2, m.stack(0, 16));
        assertEquals(0x1000, m.stack(1, 16));
        assertEquals(Flags.IF | Flags.IOPL | Flags.FIXED, m.stack(2, 16));
        assertFalse(c.systemFlag(Flags.VIF));
    }

    @Test
    void redirection_bit_set_goes_to_the_monitor() {
        m.virtual8086(0);
        c.setField(CpuState.CR4, ControlRegisters.CR4_VME);
        m.write16(TSS + 102, 136);
        m.write8(TSS + 104 + 8, 1);
        assertEquals(Vector.GP, m.exec(INT_40));
    }
}
