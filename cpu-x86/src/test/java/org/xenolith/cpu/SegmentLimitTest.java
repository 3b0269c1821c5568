package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.CODE32;
import static org.xenolith.cpu.TestMachine.DATA;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Limits and types of 16- and 32-bit segments on data, stack and code accesses (SDM vol. 3, 5.3 and 5.4). */
final class SegmentLimitTest {
    private static final int BASE = 0x3_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    /** Attributes and limit of DS, offset, opcode with its memory operand at [EAX], fault. */
    @ParameterizedTest
    @CsvSource({
        "0x4093, 0xfff, 0xfff, 8A08, -1", "0x4093, 0xfff, 0x1000, 8A08, 13", "0x4093, 0xfff, 0xffd, 8B08, 13",
        "0x4093, 0xfff, 0xffc, 8B08, -1", "0x4093, 0xfff, 0xffe, 668B08, -1", "0x4093, 0xfff, 0xfff, 668B08, 13",
        "0x4091, 0xfff, 0, 8A08, -1", "0x4091, 0xfff, 0, 8808, 13", "0x409b, 0xfff, 0, 8A08, -1",
        "0x409b, 0xfff, 0, 8808, 13",
        "0x4099, 0xfff, 0, 8A08, 13", "0x4097, 0xfff, 0xfff, 8A08, 13", "0x4097, 0xfff, 0x1000, 8A08, -1",
        "0x4097, 0xfff, 0xfffd, 8B08, -1", "0x0097, 0xfff, 0xfffd, 8B08, 13", "0x0097, 0xfff, 0xfffc, 8B08, -1",
        "0x0097, 0xfff, 0x10000, 8A08, 13", "0x4095, 0xfff, 0x1000, 8808, 13", "0x10000, 0, 0, 8A08, 13",
        "0x4093, 0xfff, 0xffc, FF00, -1", "0x4093, 0xfff, 0xffd, FF00, 13", "0x4091, 0xfff, 0, 0108, 13"})
    void data_accesses(int attributes, long limit, long offset, String code, int vector) {
        m.protected32(0);
        c.setSegment(CpuState.DS, DATA, BASE, limit, attributes);
        c.setReg(CpuState.RAX, offset);
        assertEquals(vector, m.exec(code));
        if (vector >= 0) {
            assertEquals(0, m.stack(0, 32));
            assertEquals(CODE, m.stack(1, 32));
        }
    }

    /** ESP, limit of SS (base BASE, 32 bits), opcode, fault: through a ring 3 program, so that the handler has a stack. */
    @ParameterizedTest
    @CsvSource({
        "0x1000, 0xfff, 50, -1", "0x1001, 0xfff, 50, 12", "2, 0xfff, 50, 12", "0xffc, 0xfff, 58, -1",
        "0xffd, 0xfff, 58, 12",
        "0xffc, 0xfff, C3, -1", "0xffe, 0xfff, C3, 12", "0x1004, 0xfff, E800000000, 12", "0xff0, 0xfff, 61, 12",
        "0x10, 0xfff, 60, 12", "0x20, 0xfff, 60, -1", "0x4, 0xfff, C8000001, 12", "0x8, 0xfff, C8000001, -1"})
    void stack_accesses(long esp, long limit, String code, int vector) {
        m.protected32(3);
        c.setSegment(CpuState.SS, TestMachine.USER_DATA, BASE, limit, 0x40f3);
        c.setReg(CpuState.RSP, esp);
        assertEquals(vector, m.exec(code));
        if (vector >= 0) {
            assertEquals(0, m.stack(0, 32));
            assertEquals(CODE, m.stack(1, 32));
            assertEquals(esp, m.stack(4, 32));
        }
    }

    @Test
    void ebp_addresses_fault_as_stack_accesses() {
        m.protected32(3);
        c.setSegment(CpuState.SS, TestMachine.USER_DATA, BASE, 0xfff, 0x40f3);
        c.setReg(CpuState.RBP, 0x1000);
        assertEquals(Vector.SS, m.exec("8A4500"));
        m.protected32(3);
        c.setSegment(CpuState.SS, TestMachine.USER_DATA, BASE, 0xfff, 0x40f3);
        assertEquals(-1, m.exec("3E8A4500"));
    }

    /** Limit of CS, offset of RIP, code, fault. */
    @ParameterizedTest
    @CsvSource({
        "0x1ffff, 0x1ffff, 90, -1", "0x1ffff, 0x20000, 90, 13", "0x1ffff, 0x1ffff, 6690, 13",
        "0x1ffff, 0x1fffe, 6690, -1",
        "0x1ffff, 0x10000, EB7F, -1", "0x1007f, 0x10000, EB7F, 13", "0x1ffff, 0x10000, E9FFFF0100, 13"})
    void code_fetches(long limit, long rip, String code, int vector) {
        m.protected32(0);
        c.setSegment(CpuState.CS, CODE32, 0, limit, 0x409b);
        c.setRip(rip);
        assertEquals(vector, m.exec(code));
        if (vector >= 0) {
            assertEquals(rip, m.stack(1, 32));
        }
    }

    @Test
    void cached_code_respects_a_smaller_limit() {
        m.protected32(0);
        m.code(CODE, "909090F4");
        m.steps(3);
        c.setSegment(CpuState.CS, CODE32, 0, CODE + 1, 0x409b);
        c.setRip(CODE);
        assertEquals(-1, m.step());
        assertEquals(-1, m.step());
        assertEquals(Vector.GP, m.step());
        assertEquals(CODE + 2, m.stack(1, 32));
    }

    @Test
    void sixteen_bit_addresses_do_not_wrap_within_an_operand() {
        m.real();
        c.setSegment(CpuState.DS, 0x3000, BASE, 0xffff, 0x93);
        c.setReg(CpuState.RBX, 0xffff);
        assertEquals(-1, m.exec("8A07"));
        assertEquals(Vector.GP, m.exec("8B07"));
        m.real();
        c.setReg(CpuState.RBX, 0xffff);
        c.setReg(CpuState.RSI, 2);
        m.write8(BASE + 1, 0x5a);
        c.setSegment(CpuState.DS, 0x3000, BASE, 0xffff, 0x93);
        assertEquals(-1, m.exec("8A00"));
        assertEquals(0x5a, c.reg8(CpuState.RAX));
    }

    @Test
    void big_real_mode_reaches_four_gigabytes() {
        m.real();
        c.setSegment(CpuState.DS, 0, 0, 0xffff_ffffL, 0x93);
        c.setReg(CpuState.RBX, 0x12_3456);
        m.write8(0x12_3456, 0x77);
        assertEquals(-1, m.exec("678A03"));
        assertEquals(0x77, c.reg8(CpuState.RAX));
    }

    @Test
    void sixteen_bit_stack_wraps() {
        m.real();
        c.setReg(CpuState.RSP, 0);
        c.setReg(CpuState.RAX, 0x1234);
        assertEquals(-1, m.exec("50"));
        assertEquals(0xfffe, c.reg(CpuState.RSP));
        assertEquals(0x1234, m.read16(0x5_fffe));
    }

    @Test
    void long_mode_ignores_limits_but_not_fs_bases() {
        m.long64(0);
        c.setSegment(CpuState.DS, DATA, BASE, 0, 0x4093);
        c.setSegment(CpuState.FS, 0, BASE, 0, Segmentation.UNUSABLE);
        m.write8(BASE + 0x10, 0x42);
        c.setReg(CpuState.RAX, 0x10);
        assertEquals(-1, m.exec("648A08"));
        assertEquals(0x42, c.reg8(CpuState.RCX));
        c.setReg(CpuState.RAX, BASE + 0x10);
        assertEquals(-1, m.exec("8A10"));
        assertEquals(0x42, c.reg8(CpuState.RDX));
    }

    /** Opcode with operand at [RAX], [RBP] or [RSP], fault for a non-canonical address. */
    @ParameterizedTest
    @CsvSource({"8A08, 13", "8A4D00, 12", "8A0C24, 12", "648A08, 13", "50, 12", "58, 12", "8A4C05F0, 12"})
    void non_canonical_addresses(String code, int vector) {
        m.long64(3);
        c.setReg(CpuState.RAX, code.endsWith("05F0") ? 0x10 : 0x8000_0000_0000L);
        c.setReg(CpuState.RBP, 0x8000_0000_0000L);
        c.setReg(CpuState.RSP, 0x8000_0000_0010L);
        assertEquals(vector, m.exec(code));
        assertEquals(0, m.stack(0, 64));
    }

    @Test
    void running_off_the_canonical_half_is_gp() {
        m.long64(0);
        c.setRip(0x8000_0000_0000L);
        assertEquals(Vector.GP, m.step());
        assertEquals(0x8000_0000_0000L, m.stack(1, 64));
    }
}
