package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What user-mode comparison with a host cannot show of x87: when a pending exception is taken (SDM vol. 1, 8.7), device
 * not available by CR0 (vol. 3, 2.5), and the environment in its four layouts (vol. 1, 8.1.10).
 */
final class X87ControlTest {
    private static final String FLD1 = "D9E8";
    private static final String FLDZ = "D9EE";
    private static final String FDIVP = "DEF9";
    private static final String FNSTSW_AX = "DFE0";
    private static final String FWAIT = "9B";
    /** [0x5000] with a 32-bit address. */
    private static final String AT_5000 = "00500000";
    private static final long PLACE = 0x5000;
    private static final long NE = ControlRegisters.CR0_NE;
    private static final long TS = ControlRegisters.CR0_TS;
    private static final long MP = ControlRegisters.CR0_MP;
    private static final long EM = ControlRegisters.CR0_EM;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private void cr0(long set) {
        c.setField(CpuState.CR0, c.cr0() | set);
        c.updateMode();
    }

    private int run(String... instructions) {
        int vector = -1;
        for (String hex : instructions) {
            assertEquals(-1, vector);
            vector = m.exec(hex);
        }
        return vector;
    }

    /** Leaves a pending division by zero. */
    private void divideByZeroUnmasked() {
        c.x87().init();
        c.x87().setControl(0x37b);
        assertEquals(-1, run(FLD1, FLDZ, FDIVP));
    }

    @ParameterizedTest
    @ValueSource(strings = {FLD1, FWAIT, "D9D0", "D92D00500000", "DD2500500000", "0F77"})
    void pending_exception_is_taken_by_the_next_waiting_instruction(String waiting) {
        m.protected32(0);
        cr0(NE);
        divideByZeroUnmasked();
        assertEquals(-1, run(FNSTSW_AX));
        assertEquals(0xb084, c.reg(CpuState.RAX, 16));
        long rip = c.rip();
        assertEquals(Vector.MF, m.exec(waiting));
        assertEquals(rip, m.stack(0, 32));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"DBE2", "DBE3", "D93D" + AT_5000, "D935" + AT_5000, "DD35" + AT_5000, "DD3D" + AT_5000, "DBE4"})
    void no_wait_forms_do_not_take_a_pending_exception(String noWait) {
        m.protected32(0);
        cr0(NE);
        divideByZeroUnmasked();
        assertEquals(-1, m.exec(noWait));
    }

    @Test
    void masking_a_pending_exception_forgets_it_and_unmasking_brings_it_back() {
        m.protected32(0);
        cr0(NE);
        divideByZeroUnmasked();
        m.write16(PLACE, 0x37f);
        // FNSTENV masks all exceptions and stores the state before
        assertEquals(-1, run("D935" + AT_5000, FLD1));
        assertEquals(0xffff_b084L, m.read32(PLACE + 4));
        assertEquals(0x04, c.x87().status() & 0x80ff);
        m.write16(PLACE, 0x37b);
        assertEquals(-1, run("D92D" + AT_5000));
        assertEquals(0x8084, c.x87().status() & 0x80ff);
        assertEquals(Vector.MF, m.exec(FLD1));
    }

    @Test
    void without_ne_the_machine_is_told_and_the_instruction_goes_on() {
        m.protected32(0);
        divideByZeroUnmasked();
        assertEquals(-1, m.exec(FLD1));
        assertEquals(List.of("x87 FERR#"), m.unimplemented);
        assertFalse(c.x87().isEmpty(0));
    }

    @ParameterizedTest
    @CsvSource({"0,0", "1,0", "0,1"})
    void task_switched_and_emulation_deny_x87_instructions(int ts, int em) {
        m.protected32(0);
        cr0(ts * TS | em * EM);
        assertEquals(ts + em > 0 ? Vector.NM : -1, m.exec(FLD1));
    }

    @ParameterizedTest
    @CsvSource({"0,0,-1", "1,0,-1", "0,1,-1", "1,1,7"})
    void fwait_looks_at_ts_only_with_mp(int ts, int mp, int vector) {
        m.protected32(0);
        cr0(ts * TS | mp * MP | EM);
        assertEquals(vector, m.exec(FWAIT));
    }

    @Test
    void last_instruction_and_operand_are_recorded_but_not_by_control_instructions() {
        m.protected32(0);
        c.x87().init();
        assertEquals(-1, run("D905" + AT_5000, "D93D" + AT_5000, "D935" + AT_5000));
        assertEquals(CODE, m.read32(PLACE + 12));
        assertEquals(0x0105_0000L | TestMachine.CODE32, m.read32(PLACE + 16));
        assertEquals(PLACE, m.read32(PLACE + 20));
        assertEquals(0xffff_0000L | TestMachine.DATA, m.read32(PLACE + 24));
    }

    @Test
    void environment_of_16_bit_protected_mode_has_selectors_and_no_opcode() {
        m.protected16(0);
        c.x87().init();
        assertEquals(-1, run(FLD1, "D9063412", "D9360050"));
        long at = 0x5_0000 + PLACE;
        assertEquals(0x37f, m.read16(at));
        assertEquals(0x3000, m.read16(at + 2));
        assertEquals(0x1fff, m.read16(at + 4));
        assertEquals(2, m.read16(at + 6));
        assertEquals(TestMachine.CODE16, m.read16(at + 8));
        assertEquals(0x1234, m.read16(at + 10));
        assertEquals(TestMachine.DATA16, m.read16(at + 12));
    }

    @Test
    void environment_of_real_mode_has_linear_addresses_and_opcode() {
        m.real();
        c.x87().init();
        c.setSegment(CpuState.DS, 0x5000, 0x5_0000, 0xffff, 0x93);
        assertEquals(-1, run(FLD1, "D9063412", "D9360050", "66D9368050"));
        long at = 0x5_0000 + PLACE;
        assertEquals(2, m.read16(at + 6));
        assertEquals(0x1106, m.read16(at + 8));
        assertEquals(0x1234, m.read16(at + 10));
        assertEquals(0x5000, m.read16(at + 12));
        at += 0x80;
        assertEquals(0xffff_0002L, m.read32(at + 12));
        assertEquals(0x1106, m.read32(at + 16));
        assertEquals(0xffff_1234L, m.read32(at + 20));
        assertEquals(0x5000, m.read32(at + 24));
    }

    @Test
    void environment_of_virtual_8086_mode_is_that_of_real_mode() {
        m.virtual8086(3);
        c.x87().init();
        assertEquals(-1, run(FLD1, "D9063412", "D9360050"));
        assertEquals(0x1106, m.read16(0x5_0000 + PLACE + 8));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "66"})
    void state_that_fnsave_stored_comes_back_with_frstor(String prefix) {
        m.protected32(0);
        c.x87().init();
        assertEquals(-1, run(FLD1, "D9EB", FLDZ, "D9C9", prefix + "DD35" + AT_5000));
        assertEquals(0, c.x87().status());
        assertEquals(0, c.x87().abridgedTags());
        assertEquals(0x37f, c.x87().control());
        c.x87().setControl(0x27f);
        for (int r = 0; r < 8; r++) {
            c.setField(CpuState.FPR + 16 * r, -1);
        }
        assertEquals(-1, run(prefix + "DD25" + AT_5000));
        assertEquals(5, c.x87().top());
        assertEquals(0xe0, c.x87().abridgedTags());
        assertEquals(0x37f, c.x87().control());
        c.x87().get(0, c.x87().a);
        assertEquals("4000:c90fdaa22168c235", c.x87().a.toString());
        c.x87().get(2, c.x87().a);
        assertEquals("3fff:8000000000000000", c.x87().a.toString());
    }

    @Test
    void fnsave_that_faults_changes_nothing() {
        m.long64(3);
        c.x87().init();
        c.setReg(CpuState.RBX, 0x4000_0000L - 60);
        assertEquals(-1, m.exec(FLD1));
        assertEquals(Vector.PF, m.exec("DD33"));
        assertEquals(7, c.x87().top());
        assertFalse(c.x87().isEmpty(0));
        assertTrue(c.field(CpuState.CR2) >= 0x4000_0000L - 60);
    }

    @Test
    void store_that_faults_does_not_pop_or_set_flags() {
        m.long64(3);
        c.x87().init();
        c.setReg(CpuState.RBX, 0x4000_0000L);
        assertEquals(-1, run("D9EB"));
        assertEquals(Vector.PF, m.exec("D91B"));
        assertEquals(7, c.x87().top());
        assertEquals(0, c.x87().status() & 0x3f);
    }
}
