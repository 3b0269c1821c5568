package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.model.CpuModels;

/** Port instructions: sizes, string forms, and permission by IOPL and by the bitmap in the TSS. */
class PortOpsTest {
    private static final int NONE = -1;
    private static final int SCRATCH = 0x6_0000;

    private final TestMachine m = new TestMachine(CpuModels.named("intel"));
    private final Cpu c = m.cpu;
    private final List<String> log = new ArrayList<>();

    @BeforeEach
    void ports() {
        c.setEnvironment(new CpuEnvironment() {
            @Override
            public long in(Cpu cpu, int port, int size) {
                log.add("in " + Integer.toHexString(port) + " " + size);
                return 0x8877_6655_4433_2211L + log.size() - 1;
            }

            @Override
            public void out(Cpu cpu, int port, int size, long value) {
                log.add("out " + Integer.toHexString(port) + " " + size + " " + Long.toHexString(value));
            }
        });
    }

    @AfterEach
    void close() {
        m.close();
    }

    @ParameterizedTest
    @CsvSource({"e460, in 60 1, ffffffffffffff11", "66e5fe, in fe 2, ffffffffffff2211", "e560, in 60 4, 44332211",
        "48e560, in 60 4, 44332211", "ec, in 3f8 1, ffffffffffffff11", "66ed, in 3f8 2, ffffffffffff2211",
        "ed, in 3f8 4, 44332211"})
    void in(String code, String access, String rax) {
        m.long64(0);
        c.setReg(CpuState.RAX, -1);
        c.setReg(CpuState.RDX, 0xffff_0000_0001_03f8L);
        assertEquals(NONE, m.exec(code));
        assertEquals(List.of(access), log);
        assertEquals(Long.parseUnsignedLong(rax, 16), c.reg(CpuState.RAX));
    }

    @ParameterizedTest
    @CsvSource({"e6e9, out e9 1 de", "66e7fe, out fe 2 bcde", "e7fe, out fe 4 789abcde", "ee, out 3f8 1 de",
        "66ef, out 3f8 2 bcde", "ef, out 3f8 4 789abcde"})
    void out(String code, String access) {
        m.long64(0);
        c.setReg(CpuState.RAX, 0x1234_5678_789a_bcdeL);
        c.setReg(CpuState.RDX, 0x3f8);
        assertEquals(NONE, m.exec(code));
        assertEquals(List.of(access), log);
    }

    @Test
    void rep_ins_and_outs_move_until_the_count_ends() {
        m.long64(0);
        c.setReg(CpuState.RDX, 0x1f0);
        c.setReg(CpuState.RCX, 3);
        c.setReg(CpuState.RDI, SCRATCH);
        m.code(TestMachine.CODE, "f366 6d f366 6f".replace(" ", ""));
        m.runTo(TestMachine.CODE + 3, 10);
        assertEquals(List.of("in 1f0 2", "in 1f0 2", "in 1f0 2"), log);
        assertEquals(SCRATCH + 6, c.reg(CpuState.RDI));
        assertEquals(0, c.reg(CpuState.RCX));
        assertEquals(0x2213_2212_2211L, m.read64(SCRATCH));
        log.clear();
        c.setReg(CpuState.RCX, 2);
        c.setReg(CpuState.RSI, SCRATCH);
        m.runTo(TestMachine.CODE + 6, 10);
        assertEquals(List.of("out 1f0 2 2211", "out 1f0 2 2212"), log);
        assertEquals(SCRATCH + 4, c.reg(CpuState.RSI));
    }

    @Test
    void ins_to_a_page_that_is_not_there_does_not_read_the_port() {
        m.long64(0);
        c.setReg(CpuState.RDI, 0x100_0000);
        assertEquals(Vector.PF, m.exec("6c"));
        assertEquals(List.of(), log);
    }

    /** Bitmap at 68h of the TSS; bits are set for the ports named. */
    private void bitmap(int limit, int... denied) {
        m.write16(TestMachine.TSS + 102, 0x68);
        for (int i = 0; i < 0x80; i++) {
            m.write8(TestMachine.TSS + 0x68 + i, 0);
        }
        for (int port : denied) {
            int at = TestMachine.TSS + 0x68 + port / 8;
            m.write8(at, m.read8(at) | 1 << port % 8);
        }
        c.setSegment(CpuState.TR, TestMachine.TSS_SELECTOR, TestMachine.TSS, limit, 0x8b);
    }

    @ParameterizedTest
    @CsvSource({"3, 3, -1", "3, 2, 13", "0, 0, -1", "1, 0, 13", "1, 1, -1"})
    void privilege_level(int cpl, int iopl, int vector) {
        m.protected32(cpl);
        c.setSystemFlags(iopl << 12 | Flags.FIXED);
        assertEquals(vector, m.exec("e460"));
    }

    @ParameterizedTest
    @CsvSource({"ec, 40, -1", "ec, 41, 13", "66ed, 40, 13", "66ed, 3f, -1", "ed, 3e, 13", "ed, 42, -1", "66ed, 47, 13",
        "ec, 48, 13", "ec, 400, 13", "ec, 3f7, -1", "ec, 3f8, 13", "ee, 41, 13", "6c, 41, 13", "6e, 41, 13"})
    void bitmap_decides_for_each_port_of_the_access(String code, String port, int vector) {
        m.long64(3);
        bitmap(0x68 + 0x7f, 0x41, 0x48);
        c.setReg(CpuState.RDX, Integer.parseInt(port, 16));
        c.setReg(CpuState.RDI, SCRATCH);
        c.setReg(CpuState.RSI, SCRATCH);
        assertEquals(vector, m.exec(code));
    }

    @Test
    void last_byte_of_the_bitmap_must_be_followed_by_one_within_the_limit() {
        m.long64(3);
        bitmap(0x68 + 8);
        c.setReg(CpuState.RDX, 0x3f);
        assertEquals(NONE, m.exec("ec"));
        bitmap(0x68 + 7);
        assertEquals(Vector.GP, m.exec("ec"));
    }

    @Test
    void a_16_bit_tss_has_no_bitmap() {
        m.protected32(3);
        bitmap(0xff);
        PortOps.check(c, 0x40, 1);
        c.setSegment(CpuState.TR, TestMachine.TSS_SELECTOR, TestMachine.TSS, 0xff, 0x83);
        assertThrows(GuestFault.class, () -> PortOps.check(c, 0x40, 1));
        assertEquals(Vector.GP, c.faultVector());
    }

    @Test
    void virtual_8086_mode_always_asks_the_bitmap() {
        m.virtual8086(3);
        bitmap(0x68 + 0x7f, 0x41);
        assertEquals(NONE, m.exec("e440"));
        assertEquals(Vector.GP, m.exec("e441"));
    }

    @Test
    void real_mode_may_access_every_port() {
        m.real();
        assertEquals(NONE, m.exec("e441"));
        assertEquals(List.of("in 41 1"), log);
    }
}
