package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE64;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.STACK0;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Instruction and data breakpoints, single steps, RF, the delay after MOV SS, and DR6 (SDM vol. 3, chapter 18).
 */
final class DebugRegistersTest {
    private static final int BS = 1 << 14;
    private static final int PLACE = 0x3_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private long dr6() {
        return c.field(CpuState.DR + 6 * 8) & 0xe00f;
    }

    private void breakpoint(int n, long address, int kind, int length) {
        c.setField(CpuState.DR + 8 * n, address);
        c.setField(CpuState.DR + 7 * 8,
                c.field(CpuState.DR + 7 * 8) | 2L << 2 * n | (long) (kind | length << 2) << 16 + 4 * n);
        c.debug().armed();
    }

    @Test
    void single_step_traps_after_each_instruction() {
        m.long64(0);
        m.code(CODE, "9090");
        c.setRflags(Flags.TF);
        assertEquals(Vector.DB, m.step());
        assertEquals(BS, dr6());
        assertEquals(CODE + 1, m.stack(0, 64));
        assertEquals(Flags.TF | Flags.FIXED, m.stack(2, 64));
        assertFalse(c.systemFlag(Flags.TF));
    }

    @Test
    void popf_that_sets_tf_traps_after_the_next_instruction() {
        m.long64(0);
        m.frame(64, Flags.TF);
        m.code(CODE, "9D90");
        assertEquals(-1, m.step());
        assertEquals(Vector.DB, m.step());
        assertEquals(CODE + 2, m.stack(0, 64));
    }

    @Test
    void popf_that_clears_tf_still_traps() {
        m.long64(0);
        c.setRflags(Flags.TF);
        m.frame(64, 0);
        assertEquals(Vector.DB, m.exec("9D"));
        assertEquals(0, m.stack(2, 64) & Flags.TF);
    }

    @Test
    void software_interrupt_is_not_stepped() {
        m.long64(0);
        c.setRflags(Flags.TF);
        assertEquals(0x40, m.exec("CD40"));
        assertEquals(0, dr6());
        assertEquals(Flags.TF | Flags.FIXED, m.stack(2, 64));
    }

    @Test
    void faulting_instruction_is_not_stepped() {
        m.long64(0);
        c.setRflags(Flags.TF);
        assertEquals(Vector.UD, m.exec("0F0B"));
        assertEquals(0, dr6());
    }

    @Test
    void repeated_string_instruction_traps_after_each_iteration() {
        m.long64(0);
        c.setRflags(Flags.TF);
        c.setReg(CpuState.RCX, 2);
        c.setReg(CpuState.RDI, PLACE);
        assertEquals(Vector.DB, m.exec("F3AA"));
        assertEquals(1, c.reg(CpuState.RCX));
        assertEquals(CODE, m.stack(0, 64));
        assertTrue((m.stack(2, 64) & Flags.RF) != 0);
    }

    @Test
    void mov_ss_is_not_stepped_but_the_next_instruction_is() {
        m.long64(0);
        c.setRflags(Flags.TF);
        c.setReg(CpuState.RAX, DATA);
        m.code(CODE, "8ED090");
        assertEquals(-1, m.step());
        assertEquals(Vector.DB, m.step());
        assertEquals(CODE + 3, m.stack(0, 64));
    }

    @Test
    void instruction_breakpoint_is_a_fault_without_rf() {
        m.long64(0);
        m.code(CODE, "9090");
        breakpoint(1, CODE + 1, 0, 0);
        assertEquals(-1, m.step());
        assertEquals(Vector.DB, m.step());
        assertEquals(2, dr6());
        assertEquals(CODE + 1, m.stack(0, 64));
        assertEquals(0, m.stack(2, 64) & Flags.RF);
    }

    @Test
    void rf_passes_an_instruction_breakpoint_once() {
        m.long64(0);
        m.code(CODE, "90EBFD");
        breakpoint(0, CODE, 0, 0);
        c.setRflags(Flags.RF);
        assertEquals(-1, m.step());
        assertFalse(c.systemFlag(Flags.RF));
        assertEquals(-1, m.step());
        assertEquals(Vector.DB, m.step());
    }

    @Test
    void iret_with_rf_resumes_over_the_breakpoint() {
        m.long64(0);
        m.code(PLACE, "90");
        breakpoint(0, PLACE, 0, 0);
        m.frame(64, PLACE, CODE64, Flags.RF | Flags.FIXED, STACK0, DATA);
        assertEquals(-1, m.exec("48CF"));
        assertTrue(c.systemFlag(Flags.RF));
        assertEquals(-1, m.step());
        assertEquals(PLACE + 1, c.rip());
    }

    @Test
    void instruction_breakpoint_after_mov_ss_is_lost() {
        m.long64(0);
        c.setReg(CpuState.RAX, DATA);
        m.code(CODE, "8ED090");
        breakpoint(0, CODE + 2, 0, 0);
        m.step();
        assertEquals(-1, m.step());
        assertEquals(CODE + 3, c.rip());
    }

    /** Kind and length of the breakpoint at PLACE + 4, opcode at DS:RAX, RAX - PLACE, whether it traps. */
    @ParameterizedTest
    @CsvSource({
        "1, 0, 8800, 4, true", "1, 0, 8A00, 4, false", "3, 0, 8A00, 4, true", "3, 0, 8800, 4, true",
        "1, 0, 8800, 3, false",
        "1, 0, 8800, 5, false", "1, 3, 8800, 7, true", "1, 3, 8800, 8, false", "1, 0, 8900, 1, true",
        "1, 0, 8900, 0, false",
        "1, 2, 488900, 0, true", "1, 1, 8800, 5, true", "3, 0, 0000, 4, true", "1, 0, 8600, 4, true"})
    void data_breakpoints(int kind, int length, String code, int offset, boolean traps) {
        m.long64(0);
        c.setReg(CpuState.RAX, PLACE + offset);
        breakpoint(2, PLACE + 4, kind, length);
        assertEquals(traps ? Vector.DB : -1, m.exec(code));
        assertEquals(traps ? 4 : 0, dr6());
        if (traps) {
            assertEquals(CODE + code.length() / 2, m.stack(0, 64));
        }
    }

    @Test
    void data_breakpoint_of_mov_ss_waits_for_the_next_instruction() {
        m.long64(0);
        c.setReg(CpuState.RAX, PLACE);
        m.write16(PLACE, DATA);
        breakpoint(0, PLACE, 3, 0);
        m.code(CODE, "8E1090");
        assertEquals(-1, m.step());
        assertEquals(Vector.DB, m.step());
        assertEquals(1, dr6());
        assertEquals(CODE + 3, m.stack(0, 64));
    }

    @Test
    void step_and_data_breakpoint_come_together() {
        m.long64(0);
        c.setRflags(Flags.TF);
        c.setReg(CpuState.RAX, PLACE);
        breakpoint(3, PLACE, 1, 0);
        assertEquals(Vector.DB, m.exec("8800"));
        assertEquals(BS | 8, dr6());
    }

    @Test
    void condition_bits_show_the_last_exception_and_bs_stays() {
        m.long64(0);
        c.setField(CpuState.DR + 6 * 8, 0xffff_4ff7L);
        breakpoint(3, CODE, 0, 0);
        assertEquals(Vector.DB, m.exec("90"));
        assertEquals(BS | 8, dr6());
    }

    @Test
    void disabled_breakpoints_do_nothing() {
        m.long64(0);
        c.setField(CpuState.DR, CODE);
        c.debug().armed();
        assertEquals(-1, m.exec("90"));
    }

    @Test
    void general_detect_faults_and_is_cleared_on_delivery() {
        m.long64(0);
        c.setField(CpuState.DR + 7 * 8, 0x2400);
        try {
            c.debug().checkGeneralDetect();
            throw new AssertionError("no fault");
        } catch (GuestFault _) {
            assertEquals(Vector.DB, c.faultVector());
        }
        assertEquals(1 << 13, dr6());
        Exceptions.deliver(c, Vector.DB, Exceptions.Source.EXCEPTION, false, 0);
        assertEquals(0x400, c.field(CpuState.DR + 7 * 8));
    }

    @Test
    void port_breakpoint_needs_cr4_de() {
        m.long64(0);
        breakpoint(0, 0x3f8, 2, 0);
        c.debug().port(0x3f8, 1);
        assertFalse(c.debug().pending());
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_DE);
        c.debug().armed();
        c.debug().port(0x3f7, 2);
        assertTrue(c.debug().pending());
    }

    @Test
    void syscall_with_tf_masked_traps_when_sysret_is_done() {
        m.long64(3);
        c.setField(CpuState.STAR, 0x0033_0008L << 32);
        c.setField(CpuState.LSTAR, PLACE);
        c.setField(CpuState.FMASK, Flags.TF);
        m.code(PLACE, "480F07");
        c.setRflags(Flags.TF);
        m.exec("0F05");
        assertEquals(PLACE, c.rip());
        m.step();
        m.interpreter.run(1);
        assertEquals(Vector.DB, m.vector());
        assertEquals(CODE + 2, m.stack(0, 64));
    }
}
