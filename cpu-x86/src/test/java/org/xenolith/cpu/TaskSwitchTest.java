package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.GDT;
import static org.xenolith.cpu.TestMachine.IDT;
import static org.xenolith.cpu.TestMachine.LDT_SELECTOR;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.TSS;
import static org.xenolith.cpu.TestMachine.TSS_SELECTOR;
import static org.xenolith.cpu.TestMachine.USER_CODE32;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.descriptor;
import static org.xenolith.cpu.TestMachine.gate;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Hardware task switches (SDM vol. 3, 8.3): JMP, CALL, IRET, INT and faults through TSS descriptors and task gates, 16 and 32 bits; what is
 * saved and loaded, busy bits, NT and link, TS; and the checks before and after the commit.
 */
final class TaskSwitchTest {
    private static final int NEW_TSS = 0x5000;
    private static final int TARGET = 0x3_0000;
    private static final int NEW_STACK = 0x5_4000;
    /** Selectors: the new task, a task gate to it, descriptors for the checks. */
    private static final int TASK = FREE;
    private static final int TASK_GATE = FREE + 8;
    private static final int BAD = FREE + 16;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private void task32(int cpl) {
        m.protected32(cpl);
        m.gdt(TASK, descriptor(NEW_TSS, 0x67, 0xe9));
        m.gdt(TASK_GATE, gate(TASK, 0, 0xe5, 0));
        m.write32(NEW_TSS + 0x20, TARGET);
        m.write32(NEW_TSS + 0x24, Flags.FIXED | Flags.CF);
        for (int r = 0; r < 8; r++) {
            m.write32(NEW_TSS + 0x28 + 4 * r, 0x100 + r);
        }
        m.write32(NEW_TSS + 0x38, NEW_STACK);
        selectors(CODE32, DATA);
        m.write32(NEW_TSS + 0x60, LDT_SELECTOR);
        m.write32(NEW_TSS + 4, STACK0);
        m.write32(NEW_TSS + 8, DATA);
        m.write16(NEW_TSS + 0x64, 0);
        m.write16(NEW_TSS + 0x66, 0x68);
    }

    private void selectors(int cs, int data) {
        for (int k = 0; k < 6; k++) {
            m.write32(NEW_TSS + 0x48 + 4 * k, k == CpuState.CS ? cs : k >= CpuState.FS ? 0 : data);
        }
    }

    private static String far(String opcode, int selector) {
        return opcode + "00000000" + String.format("%02X%02X", selector & 0xff, selector >> 8);
    }

    private boolean busy(int selector) {
        return (m.read8(GDT + selector + 5) & 2) != 0;
    }

    @ParameterizedTest
    @CsvSource({"0xa0", "0xa8"})
    void jump_leaves_the_old_task_available(int selector) {
        task32(0);
        c.setReg(CpuState.RBX, 0xbbbb);
        c.setRflags(Flags.IF);
        assertEquals(-1, m.exec(far("EA", selector)));
        assertEquals(TARGET, c.rip());
        assertEquals(NEW_STACK, c.reg(CpuState.RSP));
        assertEquals(0x106, c.reg(CpuState.RSI));
        assertEquals(Flags.FIXED | Flags.CF, c.rflags());
        assertEquals(TASK, c.selector(CpuState.TR));
        assertTrue(busy(TASK));
        assertFalse(busy(TSS_SELECTOR));
        assertTrue((c.cr0() & ControlRegisters.CR0_TS) != 0);
        assertEquals(CODE + 7, m.read32(TSS + 0x20));
        assertEquals(Flags.IF | Flags.FIXED, m.read32(TSS + 0x24));
        assertEquals(0xbbbb, m.read32(TSS + 0x34));
        assertEquals(CODE32, m.read16(TSS + 0x4c));
        assertEquals(0, c.selector(CpuState.GS));
        assertEquals(LDT_SELECTOR, c.selector(CpuState.LDTR));
    }

    @Test
    void call_links_and_iret_comes_back() {
        task32(0);
        m.exec(far("9A", TASK));
        assertTrue(c.systemFlag(Flags.NT));
        assertTrue(busy(TASK) && busy(TSS_SELECTOR));
        assertEquals(TSS_SELECTOR, m.read16(NEW_TSS));
        assertEquals(-1, m.exec("CF"));
        assertEquals(CODE + 7, c.rip());
        assertEquals(STACK0, c.reg(CpuState.RSP));
        assertEquals(TSS_SELECTOR, c.selector(CpuState.TR));
        assertFalse(busy(TASK));
        assertTrue(busy(TSS_SELECTOR));
        assertFalse(c.systemFlag(Flags.NT));
        assertEquals(0, m.read32(NEW_TSS + 0x24) & Flags.NT);
        assertEquals(TARGET + 1, m.read32(NEW_TSS + 0x20));
    }

    @Test
    void interrupt_through_a_task_gate() {
        task32(3);
        m.write64(IDT + 8 * 0x40, gate(TASK, 0, 0xe5, 0));
        assertEquals(-1, m.exec("CD40"));
        assertEquals(TARGET, c.rip());
        assertEquals(0, c.cpl());
        assertTrue(c.systemFlag(Flags.NT));
        assertEquals(CODE + 2, m.read32(TSS + 0x20));
        assertEquals(NEW_STACK, c.reg(CpuState.RSP));
    }

    @Test
    void fault_through_a_task_gate_pushes_its_error_code() {
        task32(3);
        m.write64(IDT + 8 * Vector.GP, gate(TASK, 0, 0x85, 0));
        c.setReg(CpuState.RAX, 0x200);
        m.exec("8ED8");
        assertEquals(TARGET, c.rip());
        assertEquals(0x200, m.stack(0, 32));
        assertEquals(NEW_STACK - 4, c.reg(CpuState.RSP));
        assertEquals(CODE, m.read32(TSS + 0x20));
        assertTrue((m.read32(TSS + 0x24) & Flags.RF) != 0);
    }

    @Test
    void sixteen_bit_task() {
        task32(0);
        m.gdt(TASK, descriptor(NEW_TSS, 0x2b, 0x81));
        m.write16(NEW_TSS + 0x0e, 0x9ff8);
        m.write16(NEW_TSS + 0x10, Flags.FIXED);
        for (int r = 0; r < 8; r++) {
            m.write16(NEW_TSS + 0x12 + 2 * r, 0x200 + r);
        }
        for (int k = 0; k < 4; k++) {
            m.write16(NEW_TSS + 0x22 + 2 * k, k == CpuState.CS ? CODE32 : DATA);
        }
        m.write16(NEW_TSS + 0x2a, 0);
        assertEquals(-1, m.exec(far("9A", TASK)));
        assertEquals(0x9ff8, c.rip());
        assertEquals(0x201, c.reg(CpuState.RCX));
        assertEquals(0x83, c.segmentAttributes(CpuState.TR));
        assertEquals(-1, m.exec("CF"));
        assertEquals(CODE + 7, c.rip());
        assertEquals(0x9ff9, m.read16(NEW_TSS + 0x0e));
    }

    @Test
    void task_in_ring_3_and_in_virtual_8086_mode() {
        task32(0);
        selectors(USER_CODE32, USER_DATA);
        m.exec(far("EA", TASK));
        assertEquals(3, c.cpl());
        task32(0);
        m.write32(NEW_TSS + 0x20, 0x10);
        m.write32(NEW_TSS + 0x24, Flags.VM | Flags.FIXED);
        selectors(0x1000, 0x5000);
        m.exec(far("EA", TASK));
        assertTrue(c.vm86());
        assertEquals(0x1_0000, c.segmentBase(CpuState.CS));
        assertEquals(0x10, c.rip());
    }

    /** Access byte and limit of the TSS descriptor, CPL, opcode, fault and error code before the switch. */
    @ParameterizedTest
    @CsvSource({
        "0xeb, 0x67, 0, EA, 13, 0xa0", "0x69, 0x67, 0, 9A, 11, 0xa0", "0xe9, 0x66, 0, EA, 10, 0xa0",
        "0x89, 0x67, 3, EA, 13, 0xa0", "0xe1, 0x2a, 0, EA, 10, 0xa0"})
    void descriptor_checks(int access, int limit, int cpl, String opcode, int vector, int error) {
        task32(cpl);
        m.gdt(TASK, descriptor(NEW_TSS, limit, access));
        assertEquals(vector, m.exec(far(opcode, TASK)));
        assertEquals(error, m.stack(0, 32));
        assertEquals(CODE, m.stack(1, 32));
        assertEquals(TSS_SELECTOR, c.selector(CpuState.TR));
    }

    /** Access byte and selector of the task gate, CPL, fault and error code. */
    @ParameterizedTest
    @CsvSource({
        "0x85, 0xa0, 3, 13, 0xa8", "0x65, 0xa0, 3, 11, 0xa8", "0xe5, 0xa4, 3, 13, 0xa4", "0xe5, 0x200, 3, 13, 0x200",
        "0xe5, 0x10, 3, 13, 0x10", "0xe5, 0x48, 3, 13, 0x48"})
    void gate_checks(int access, int selector, int cpl, int vector, int error) {
        task32(cpl);
        m.gdt(TASK_GATE, gate(selector, 0, access, 0));
        assertEquals(vector, m.exec(far("9A", TASK_GATE)));
        assertEquals(error, m.stack(0, 32));
    }

    /** Faults in the new task: offset of the selector in the TSS, its value, fault and error code. */
    @ParameterizedTest
    @CsvSource({
        "0x60, 0x200, 10, 0x200", "0x60, 0x10, 10, 0x10", "0x60, 0xb0, 10, 0xb0", "0x4c, 0, 10, 0",
        "0x4c, 0x200, 10, 0x200",
        "0x4c, 0x10, 10, 0x10", "0x4c, 0x30, 10, 0x30", "0x4c, 0xb8, 11, 0xb8", "0x50, 0, 10, 0",
        "0x50, 0x38, 10, 0x38",
        "0x50, 0xc0, 12, 0xc0", "0x54, 0x200, 10, 0x200", "0x48, 0x48, 10, 0x48", "0x58, 0xc0, 11, 0xc0",
        "0x5c, 0xc8, 10, 0xc8"})
    void segment_checks_belong_to_the_new_task(int field, int selector, int vector, int error) {
        task32(0);
        m.gdt(BAD, descriptor(0, 0xff, 0x02));
        m.gdt(BAD + 8, descriptor(0, 0xfffff, 0xc01b));
        m.gdt(BAD + 16, descriptor(0, 0xfffff, 0xc013));
        m.gdt(BAD + 24, descriptor(0, 0xfffff, 0xc099));
        m.write32(NEW_TSS + field, selector);
        // the handler gets its own task: the segments of the faulting one may not be usable
        m.gdt(BAD + 32, descriptor(0x6000, 0x67, 0x89));
        m.write64(IDT + 8 * vector, gate(BAD + 32, 0, 0x85, 0));
        for (int k = 0; k < 0x68; k += 4) {
            m.write32(0x6000 + k, 0);
        }
        m.write32(0x6020, TestMachine.handler(vector));
        m.write32(0x6038, STACK3);
        m.write32(0x604c, CODE32);
        m.write32(0x6050, DATA);
        assertEquals(vector, m.exec(far("EA", TASK)));
        assertEquals(error, m.stack(0, 32));
        assertEquals(TASK, m.read16(0x6000));
        assertEquals(TARGET, m.read32(NEW_TSS + 0x20));
    }

    @Test
    void return_to_a_task_that_is_not_busy_is_ts() {
        task32(0);
        c.setRflags(Flags.NT);
        m.write16(TSS, TASK);
        assertEquals(Vector.TS, m.exec("CF"));
        assertEquals(TASK, m.stack(0, 32));
    }

    @Test
    void trap_bit_raises_a_debug_exception_before_the_first_instruction() {
        task32(0);
        m.write16(NEW_TSS + 0x64, 1);
        m.exec(far("EA", TASK));
        m.step();
        assertEquals(0x8000, c.field(CpuState.DR + 6 * 8) & 0x8000);
        assertEquals(TARGET, m.stack(0, 32));
    }

    @Test
    void local_breakpoints_end_with_the_task() {
        task32(0);
        c.setField(CpuState.DR + 7 * 8, 0x7ff);
        m.exec(far("EA", TASK));
        assertEquals(0x6aa, c.field(CpuState.DR + 7 * 8));
    }

    @Test
    void long_mode_has_no_task_switches() {
        m.long64(0);
        m.compatibility(0);
        m.gdt(TASK, descriptor(NEW_TSS, 0x67, 0xe9));
        m.gdt(TASK + 8, 0);
        assertEquals(Vector.GP, m.exec(far("EA", TASK)));
        assertEquals(TASK, m.stack(0, 64));
    }
}
