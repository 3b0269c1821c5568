package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.CODE64;
import static org.xenolith.cpu.TestMachine.CONFORMING32;
import static org.xenolith.cpu.TestMachine.DATA;
import static org.xenolith.cpu.TestMachine.FREE;
import static org.xenolith.cpu.TestMachine.GDT;
import static org.xenolith.cpu.TestMachine.STACK0;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.TSS;
import static org.xenolith.cpu.TestMachine.USER_CODE32;
import static org.xenolith.cpu.TestMachine.USER_CODE64;
import static org.xenolith.cpu.TestMachine.USER_DATA;
import static org.xenolith.cpu.TestMachine.descriptor;
import static org.xenolith.cpu.TestMachine.gate;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Far JMP, CALL and RET: direct and indirect, to code segments and through 16-, 32- and 64-bit call gates, between rings, with the checks and
 * error codes of the manual.
 */
final class FarTransferTest {
    private static final int TARGET = 0x3_0000;
    private static final int POINTER = 0x3_8000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private static String le16(int v) {
        return String.format("%02X%02X", v & 0xff, v >> 8 & 0xff);
    }

    private static String le32(int v) {
        return le16(v) + le16(v >>> 16);
    }

    private static String jump(int selector, int offset) {
        return "EA" + le32(offset) + le16(selector);
    }

    private static String call(int selector, int offset) {
        return "9A" + le32(offset) + le16(selector);
    }

    @Test
    void direct_jump_changes_the_code_size() {
        m.compatibility(0);
        assertEquals(-1, m.exec(jump(CODE64, TARGET)));
        assertEquals(64, c.codeBits());
        assertEquals(TARGET, c.rip());
    }

    @Test
    void conforming_target_keeps_the_ring() {
        m.protected32(3);
        assertEquals(-1, m.exec(jump(CONFORMING32, TARGET)));
        assertEquals(CONFORMING32 | 3, c.selector(CpuState.CS));
        assertEquals(3, c.cpl());
    }

    /** Selector, offset, fault and error code of a direct far jump at CPL 3 (protected mode). */
    @ParameterizedTest
    @CsvSource({
        "0, 0x30000, 13, 0", "3, 0x30000, 13, 0", "0x200, 0x30000, 13, 0x200", "0x18, 0x30000, 13, 0x18",
        "0x38, 0x30000, 13, 0x38", "0xa3, 0x30000, 11, 0xa0", "0xab, 0x30000, 13, 0", "0x58, 0x30000, 13, 0x58",
        "0x104, 0x30000, 13, 0x104", "0xb3, 0x30000, 13, 0xb0"})
    void jump_checks(int selector, int offset, int vector, int error) {
        m.protected32(3);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xc07b));
        m.gdt(FREE + 8, descriptor(0, 0xffff, 0x40fb));
        m.gdt(FREE + 16, descriptor(0, 0xfffff, 0x00ef));
        for (String code : new String[]{jump(selector, offset), call(selector, offset)}) {
            m.protected32(3);
            assertEquals(vector, m.exec(code));
            assertEquals(error, m.stack(0, 32));
            assertEquals(CODE, m.stack(1, 32));
            assertEquals(STACK3, m.stack(4, 32));
        }
    }

    @Test
    void long_and_big_together_is_gp() {
        m.compatibility(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xe09b));
        assertEquals(Vector.GP, m.exec(jump(FREE, TARGET)));
        assertEquals(FREE, m.stack(0, 64));
    }

    @Test
    void indirect_call_with_rex_w_takes_a_64_bit_offset() {
        m.long64(0);
        c.setReg(CpuState.RAX, POINTER);
        m.write64(POINTER, TARGET);
        m.write16(POINTER + 8, CODE64);
        assertEquals(-1, m.exec("48FF18"));
        assertEquals(TARGET, c.rip());
        assertEquals(CODE + 3, m.stack(0, 64));
        assertEquals(CODE64, m.stack(1, 64));
    }

    @Test
    void indirect_jump_to_a_non_canonical_offset_is_gp_0() {
        m.long64(0);
        c.setReg(CpuState.RAX, POINTER);
        m.write64(POINTER, 0x8000_0000_0000L);
        m.write16(POINTER + 8, CODE64);
        assertEquals(Vector.GP, m.exec("48FF28"));
        assertEquals(0, m.stack(0, 64));
    }

    @Test
    void far_call_and_return_at_the_same_ring() {
        m.protected32(0);
        m.code(TARGET, "CA0800");
        m.exec(call(CODE32, TARGET));
        assertEquals(CODE + 7, m.stack(0, 32));
        m.step();
        assertEquals(CODE + 7, c.rip());
        assertEquals(STACK0 + 8, c.reg(CpuState.RSP));
    }

    @Test
    void return_to_an_outer_ring_releases_both_stacks() {
        m.protected32(0);
        m.frame(32, TARGET, USER_CODE32, 0xaaaa, 0xbbbb, STACK3, USER_DATA);
        assertEquals(-1, m.exec("CA0800"));
        assertEquals(3, c.cpl());
        assertEquals(STACK3 + 8, c.reg(CpuState.RSP));
        assertEquals(USER_DATA, c.selector(CpuState.SS));
        assertEquals(0, c.selector(CpuState.ES));
    }

    @Test
    void retfq_to_ring_3() {
        m.long64(0);
        m.frame(64, TARGET, USER_CODE64, STACK3, USER_DATA);
        assertEquals(-1, m.exec("48CB"));
        assertEquals(3, c.cpl());
        assertEquals(STACK3, c.reg(CpuState.RSP));
    }

    private void gate32(int access, int parameters) {
        m.gdt(FREE, gate(CODE32, TARGET, access, parameters));
    }

    @Test
    void call_gate_to_ring_0_copies_parameters() {
        m.protected32(3);
        gate32(0xec, 2);
        m.frame(32, 0x1111, 0x2222);
        assertEquals(-1, m.exec(call(FREE | 3, 0)));
        assertEquals(0, c.cpl());
        assertEquals(CODE32, c.selector(CpuState.CS));
        assertEquals(STACK0 - 24, c.reg(CpuState.RSP));
        assertEquals(CODE + 7, m.stack(0, 32));
        assertEquals(USER_CODE32, m.stack(1, 32));
        assertEquals(0x1111, m.stack(2, 32));
        assertEquals(0x2222, m.stack(3, 32));
        assertEquals(STACK3 - 8, m.stack(4, 32));
        assertEquals(USER_DATA, m.stack(5, 32));
    }

    @Test
    void call_gate_of_16_bits_pushes_words() {
        m.protected32(3);
        m.gdt(FREE, gate(CODE32, 0x8888, 0xe4, 1));
        m.frame(16, 0x1111);
        assertEquals(-1, m.exec(call(FREE | 3, 0)));
        assertEquals(0x8888, c.rip());
        assertEquals(STACK0 - 10, c.reg(CpuState.RSP));
        assertEquals(0x1111, m.stack(2, 16));
    }

    @Test
    void call_gate_at_the_same_ring_keeps_the_stack() {
        m.protected32(0);
        gate32(0x8c, 3);
        assertEquals(-1, m.exec(call(FREE, 0)));
        assertEquals(STACK0 - 8, c.reg(CpuState.RSP));
        assertEquals(CODE + 7, m.stack(0, 32));
    }

    @Test
    void call_gate_of_64_bits_goes_to_ring_0_with_a_null_ss() {
        m.compatibility(3);
        m.gdt(FREE, gate(CODE64, TARGET, 0xec, 0));
        m.gdt(FREE + 8, 0);
        assertEquals(-1, m.exec(call(FREE | 3, 0)));
        assertEquals(64, c.codeBits());
        assertEquals(STACK0 - 32, c.reg(CpuState.RSP));
        assertEquals(CODE + 7, m.stack(0, 64));
        assertEquals(USER_CODE32, m.stack(1, 64));
        assertEquals(STACK3, m.stack(2, 64));
        assertEquals(USER_DATA, m.stack(3, 64));
        assertEquals(0, c.selector(CpuState.SS));
    }

    /** Access byte and selector of the gate, the RPL used, fault and error code of CALL at CPL 3. */
    @ParameterizedTest
    @CsvSource({
        "0x8c, 0x18, 3, 13, 0xa0", "0xcc, 0x18, 3, 13, 0xa0", "0x6c, 0x18, 3, 11, 0xa0", "0xec, 0, 3, 13, 0",
        "0xec, 0x200, 3, 13, 0x200", "0xec, 0x10, 3, 13, 0x10", "0xec, 0xa8, 3, 11, 0xa8",
        "0xeb, 0x18, 3, 13, 0xa0"})
    void call_gate_checks(int access, int selector, int rpl, int vector, int error) {
        m.protected32(3);
        m.gdt(FREE, gate(selector, TARGET, access, 0));
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xc01b));
        assertEquals(vector, m.exec(call(FREE | rpl, 0)));
        assertEquals(error, m.stack(0, 32));
    }

    /** SS0 of the TSS, fault and error code. */
    @ParameterizedTest
    @CsvSource({"0, 10, 0", "0x200, 10, 0x200", "0x11, 10, 0x10", "0x38, 10, 0x38", "0x18, 10, 0x18", "0xa8, 12, 0xa8"})
    void inner_stack_checks(int ss, int vector, int error) {
        m.protected32(3);
        gate32(0xec, 0);
        m.gdt(FREE + 8, descriptor(0, 0xfffff, 0xc013));
        m.write32(TSS + 8, ss);
        // the handlers run at ring 3, so that they need no inner stack
        m.idt32(vector, USER_CODE32 & ~3, 0xee);
        assertEquals(vector, m.exec(call(FREE | 3, 0)));
        assertEquals(error, m.stack(0, 32));
        assertEquals(3, c.cpl());
    }

    @Test
    void inner_stack_without_room_is_ss_with_its_selector() {
        m.protected32(3);
        gate32(0xec, 0);
        m.gdt(FREE + 8, descriptor(0, STACK0 - 9, 0x4093));
        m.write32(TSS + 8, FREE + 8);
        m.idt32(Vector.SS, USER_CODE32 & ~3, 0xee);
        assertEquals(Vector.SS, m.exec(call(FREE | 3, 0)));
        assertEquals(FREE + 8, m.stack(0, 32));
    }

    @Test
    void jump_through_a_gate_stays_in_the_ring() {
        m.protected32(0);
        gate32(0x8c, 0);
        assertEquals(-1, m.exec(jump(FREE, 0)));
        assertEquals(TARGET, c.rip());
        m.protected32(3);
        gate32(0xec, 0);
        assertEquals(Vector.GP, m.exec(jump(FREE | 3, 0)));
        assertEquals(CODE32, m.stack(0, 32));
    }

    @Test
    void accessed_bit_is_set_by_a_jump() {
        m.protected32(0);
        m.gdt(FREE, descriptor(0, 0xfffff, 0xc09a));
        m.exec(jump(FREE, TARGET));
        assertEquals(0x9b, m.read8(GDT + FREE + 5));
        assertTrue((c.segmentAttributes(CpuState.CS) & 1) != 0);
    }

    @Test
    void real_mode_call_and_return() {
        m.real();
        m.code(0x2_0010, "CB");
        m.exec("9A" + le16(0x10) + le16(0x2000));
        assertEquals(0x2_0000, c.segmentBase(CpuState.CS));
        assertEquals(5, m.stack(0, 16));
        assertEquals(0x1000, m.stack(1, 16));
        m.step();
        assertEquals(5, c.rip());
        assertEquals(CODE, c.segmentBase(CpuState.CS));
    }

    @Test
    void data_selector_is_not_a_target() {
        m.long64(0);
        c.setReg(CpuState.RAX, POINTER);
        m.write32(POINTER, TARGET);
        m.write16(POINTER + 4, DATA);
        assertEquals(Vector.GP, m.exec("FF28"));
        assertEquals(DATA, m.stack(0, 64));
    }
}
