package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE16;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.CODE32_RING1;
import static org.xenolith.cpu.TestMachine.CODE64;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.USER_CODE32;
import static org.xenolith.cpu.TestMachine.USER_CODE64;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.USER_DATA16;
import static org.xenolith.cpu.TestMachine.descriptor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * IRET to every mode: from 64-bit code (always with SS:RSP), from compatibility and protected mode to the same and outer rings and to
 * virtual-8086 mode, in real mode; the checks of CS and SS with their error codes; which flags each privilege level may change.
 */
final class InterruptReturnTest {
    private static final String IRETQ = "48CF";
    private static final String IRET = "CF";
    private static final int TARGET = 0x3_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    @Test
    void iretq_to_the_same_ring_pops_the_stack_pointer() {
        m.long64(0);
        m.frame(64, TARGET, CODE64, Flags.IF | Flags.ZF | Flags.FIXED, STACK3, DATA);
        assertEquals(-1, m.exec(IRETQ));
        assertEquals(TARGET, c.rip());
        assertEquals(STACK3, c.reg(CpuState.RSP));
        assertEquals(Flags.IF | Flags.ZF | Flags.FIXED, c.rflags());
    }

    @Test
    void iretq_to_ring_3_drops_inner_segments() {
        m.long64(0);
        c.setSegmentBase(CpuState.FS, 0x1234);
        m.frame(64, TARGET, USER_CODE64, Flags.IF | Flags.FIXED, STACK3, USER_DATA);
        assertEquals(-1, m.exec(IRETQ));
        assertEquals(3, c.cpl());
        assertEquals(USER_DATA, c.selector(CpuState.SS));
        assertEquals(0, c.selector(CpuState.DS));
        assertEquals(0x1234, c.segmentBase(CpuState.FS));
    }

    @Test
    void iretq_to_compatibility_mode() {
        m.long64(0);
        m.frame(64, TARGET, USER_CODE32, Flags.FIXED, 0x1_2345_6789L, USER_DATA);
        assertEquals(-1, m.exec(IRETQ));
        assertEquals(32, c.codeBits());
        assertEquals(0x2345_6789L, c.reg(CpuState.RSP));
    }

    @Test
    void return_to_a_16_bit_stack_changes_sp_only() {
        m.long64(0);
        c.setReg(CpuState.RSP, 0x12_0000 + 0x5000);
        m.frame(64, TARGET, USER_CODE32, Flags.FIXED, 0x4321, USER_DATA16);
        assertEquals(-1, m.exec(IRETQ));
        assertEquals(0x12_4321, c.reg(CpuState.RSP));
    }

    @Test
    void null_ss_is_allowed_for_64_bit_code_below_ring_3() {
        m.long64(0);
        m.frame(64, TARGET, CODE64, Flags.FIXED, STACK3, 0);
        assertEquals(-1, m.exec(IRETQ));
        assertEquals(0, c.selector(CpuState.SS));
        assertEquals(0, c.cpl());
    }

    /** CS, SS, RIP of the frame that IRETQ meets at ring 0, and the fault. */
    @ParameterizedTest
    @CsvSource({
        "0, 0x10, 0x30000, 13, 0", "3, 0x10, 0x30000, 13, 0", "0x200, 0x10, 0x30000, 13, 0x200",
        "0x10, 0x10, 0x30000, 13, 0x10", "0x48, 0x10, 0x30000, 13, 0x48", "0x40, 0x3b, 0x30000, 13, 0x40",
        "0x0b, 0x3b, 0x30000, 13, 0x08", "0xa0, 0x10, 0x30000, 11, 0xa0", "0xa8, 0x10, 0x30000, 13, 0xa8",
        "0x08, 0x10, 0x800000000000, 13, 0", "0x43, 0, 0x30000, 13, 0", "0x43, 3, 0x30000, 13, 0",
        "0x08, 1, 0x30000, 13, 0", "0x18, 0, 0x30000, 13, 0", "0x43, 0x10, 0x30000, 13, 0x10",
        "0x43, 0x38, 0x30000, 13, 0x38", "0x08, 0x08, 0x30000, 13, 0x08", "0x08, 0x200, 0x30000, 13, 0x200",
        "0x08, 0xb0, 0x30000, 12, 0xb0", "0x08, 0xb8, 0x30000, 13, 0xb8", "0x33, 0x3b, 0x100000000, -1, 0"})
    void iretq_checks(int cs, int ss, long rip, int vector, int error) {
        m.long64(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xa01b));
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xe09b));
        m.gdt(FREE + 16, descriptor(0, 0xfffff, 0xc013));
        m.gdt(FREE + 24, descriptor(0, 0xfffff, 0xc091));
        m.frame(64, rip, cs, Flags.FIXED, STACK3, ss);
        assertEquals(vector, m.exec(IRETQ));
        if (vector >= 0) {
            assertEquals(error, m.stack(0, 64));
            assertEquals(CODE, m.stack(1, 64));
            assertEquals(STACK0 - 40, m.stack(4, 64));
        }
    }

    @Test
    void nested_task_flag_is_gp_in_long_mode() {
        m.long64(0);
        c.setRflags(Flags.NT);
        m.frame(64, TARGET, CODE64, Flags.FIXED, STACK3, DATA);
        assertEquals(Vector.GP, m.exec(IRETQ));
    }

    @Test
    void iret_unblocks_nmi() {
        m.long64(0);
        c.setNmiBlocked(true);
        m.frame(64, TARGET, CODE64, Flags.FIXED, STACK3, DATA);
        m.exec(IRETQ);
        assertFalse(c.nmiBlocked());
    }

    @Test
    void iretd_in_64_bit_code_pops_five_doublewords() {
        m.long64(0);
        m.frame(32, TARGET, CODE64, Flags.FIXED, STACK3, DATA);
        assertEquals(-1, m.exec(IRET));
        assertEquals(TARGET, c.rip());
        assertEquals(STACK3, c.reg(CpuState.RSP));
    }

    /** Flags of the frame, CPL, IOPL, operand size (with its opcode), flags afterwards. */
    @ParameterizedTest
    @CsvSource({
        "0x3ffed7, 0, 0, 64, 0x3d7fd7", "0x3ffed7, 3, 0, 64, 0x254dd7", "0x3ffed7, 3, 3, 64, 0x257fd7",
        "0x3ffed7, 0, 0, 16, 0x007fd7", "0, 3, 3, 64, 0x3002", "0x200, 3, 2, 64, 0x2002"})
    void flags_follow_privilege_and_size(long image, int cpl, int iopl, int bits, long expected) {
        m.long64(cpl);
        c.setRflags(iopl << 12);
        int code = cpl == 0 ? CODE64 : USER_CODE64;
        int data = cpl == 0 ? DATA : USER_DATA;
        // TF would trap after the next instruction, it is left out of the images
        image &= ~Flags.TF;
        m.frame(bits, bits == 16 ? 0x9ff0 : TARGET, code, image, bits == 16 ? 0x5000 : STACK3, data);
        assertEquals(-1, m.exec(bits == 16 ? "66CF" : IRETQ));
        assertEquals(expected & ~Flags.TF, c.rflags());
    }

    @Test
    void protected_mode_same_ring_leaves_ss() {
        m.protected32(0);
        m.frame(32, TARGET, CODE32, Flags.IF | Flags.FIXED);
        assertEquals(-1, m.exec(IRET));
        assertEquals(STACK0, c.reg(CpuState.RSP));
        assertTrue(c.systemFlag(Flags.IF));
    }

    @Test
    void protected_mode_outer_ring() {
        m.protected32(0);
        m.frame(32, TARGET, USER_CODE32, Flags.IF | Flags.FIXED, STACK3, USER_DATA);
        assertEquals(-1, m.exec(IRET));
        assertEquals(3, c.cpl());
        assertEquals(STACK3, c.reg(CpuState.RSP));
        assertEquals(0, c.selector(CpuState.DS));
    }

    /** The same in protected mode: CS, SS, EIP, fault, error code. */
    @ParameterizedTest
    @CsvSource({
        "0, 0x10, 0x30000, 13, 0", "0x200, 0x10, 0x30000, 13, 0x200", "0x10, 0x10, 0x30000, 13, 0x10",
        "0x32, 0x3b, 0x30000, 13, 0x30", "0x33, 0, 0x30000, 13, 0", "0x33, 0x10, 0x30000, 13, 0x10",
        "0x33, 0x30, 0x30000, 13, 0x30", "0xa3, 0x3b, 0x30000, 11, 0xa0", "0x33, 0xab, 0x30000, 12, 0xa8",
        "0x20, 0x10, 0x10000, 13, 0", "0x84, 0x10, 0x30000, 13, 0x84"})
    void protected_mode_checks(int cs, int ss, long eip, int vector, int error) {
        m.protected32(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xc07b));
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xc073));
        m.frame(32, eip, cs, Flags.FIXED, STACK3, ss);
        assertEquals(vector, m.exec(IRET));
        assertEquals(error, m.stack(0, 32));
        assertEquals(CODE, m.stack(1, 32));
    }

    @Test
    void inner_ring_cannot_be_returned_to() {
        m.protected32(3);
        m.frame(32, TARGET, CODE32_RING1, Flags.FIXED);
        assertEquals(Vector.GP, m.exec(IRET));
        assertEquals(CODE32_RING1 & ~3, m.stack(0, 32));
    }

    @Test
    void stack_end_is_ss_0() {
        m.protected32(0);
        c.setSegment(CpuState.SS, DATA, 0, STACK0 + 7, 0x4093);
        assertEquals(Vector.SS, m.exec(IRET));
        assertEquals(0, m.stack(0, 32));
    }

    @Test
    void virtual_8086_frame_loads_all_segments() {
        m.protected32(0);
        m.frame(32, 0x123, 0x1000, Flags.VM | Flags.IF | Flags.FIXED, 0x4000, 0x5000, 1, 2, 3, 4);
        assertEquals(-1, m.exec(IRET));
        assertTrue(c.vm86());
        assertEquals(3, c.cpl());
        assertEquals(0x123, c.rip());
        assertEquals(0x1_0000, c.segmentBase(CpuState.CS));
        assertEquals(0x5_0000, c.segmentBase(CpuState.SS));
        assertEquals(0x4000, c.reg(CpuState.RSP));
        assertEquals(1, c.selector(CpuState.ES));
        assertEquals(0x20, c.segmentBase(CpuState.DS));
        assertEquals(3, c.selector(CpuState.FS));
        assertEquals(4, c.selector(CpuState.GS));
        assertEquals(0xffff, c.segmentLimit(CpuState.GS));
        assertEquals(16, c.codeBits());
    }

    @Test
    void long_mode_ignores_vm_in_the_image() {
        m.compatibility(0);
        m.frame(32, TARGET, CODE32, Flags.VM | Flags.FIXED);
        assertEquals(-1, m.exec(IRET));
        assertFalse(c.vm86());
        assertEquals(TARGET, c.rip());
    }

    @Test
    void sixteen_bit_return() {
        m.protected16(0);
        m.frame(16, 0x123, CODE16, Flags.FIXED | Flags.CF);
        assertEquals(-1, m.exec(IRET));
        assertEquals(0x123, c.rip());
        assertEquals(0x1000, c.reg(CpuState.RSP));
        assertTrue(c.cf());
    }

    @Test
    void real_mode_return() {
        m.real();
        m.frame(16, 0x10, 0x2345, 0x7202);
        m.exec(IRET);
        assertEquals(0x2_3450, c.segmentBase(CpuState.CS));
        assertEquals(0x10, c.rip());
        assertEquals(0x7202, c.rflags());
        assertEquals(0x1000, c.reg(CpuState.RSP));
    }

    @Test
    void virtual_8086_return_keeps_iopl_and_needs_it() {
        m.virtual8086(3);
        m.frame(16, 0x10, 0x2345, 0x202);
        assertEquals(-1, m.exec(IRET));
        assertEquals(3, c.iopl());
        assertTrue(c.systemFlag(Flags.IF));
        assertTrue(c.vm86());
        m.virtual8086(0);
        m.frame(16, 0x10, 0x2345, 0x202);
        assertEquals(Vector.GP, m.exec(IRET));
    }

    @Test
    void vme_return_loads_the_virtual_interrupt_flag() {
        m.virtual8086(0);
        c.setField(CpuState.CR4, ControlRegisters.CR4_VME);
        m.frame(16, 0x10, 0x2345, 0x202);
        assertEquals(-1, m.exec(IRET));
        assertTrue(c.systemFlag(Flags.VIF));
        assertFalse(c.systemFlag(Flags.IF));
    }
}
