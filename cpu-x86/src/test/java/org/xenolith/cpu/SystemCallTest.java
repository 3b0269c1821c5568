package org.xenolith.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.xenolith.cpu.TestMachine.CODE;
import static org.xenolith.cpu.TestMachine.STACK3;
import static org.xenolith.cpu.TestMachine.TSS;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, and the flag instructions CLI, STI, PUSHF, POPF and CLTS: results and faults by mode and
 * privilege.
 */
final class SystemCallTest {
    private static final long ENTRY = 0x3_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;

    @AfterEach
    void close() {
        m.close();
    }

    private void star() {
        c.setField(CpuState.STAR, 0x0033_0008L << 32);
        c.setField(CpuState.LSTAR, ENTRY);
        c.setField(CpuState.FMASK, Flags.IF | Flags.DF);
    }

    @Test
    void syscall_saves_rip_and_flags_and_loads_flat_segments() {
        m.long64(3);
        star();
        c.setRflags(Flags.IF | Flags.CF | Flags.DF);
        assertEquals(-1, m.exec("0F05"));
        assertEquals(ENTRY, c.rip());
        assertEquals(CODE + 2, c.reg(CpuState.RCX));
        assertEquals(Flags.IF | Flags.CF | Flags.DF | Flags.FIXED, c.reg(11));
        assertEquals(Flags.CF | Flags.FIXED, c.rflags());
        assertEquals(8, c.selector(CpuState.CS));
        assertEquals(16, c.selector(CpuState.SS));
        assertEquals(0, c.cpl());
        assertEquals(STACK3, c.reg(CpuState.RSP));
        assertEquals(64, c.codeBits());
    }

    @Test
    void syscall_needs_sce_and_64_bit_mode() {
        m.long64(3);
        c.setField(CpuState.EFER, c.efer() & ~ControlRegisters.EFER_SCE);
        assertEquals(Vector.UD, m.exec("0F05"));
        m.compatibility(3);
        assertEquals(Vector.UD, m.exec("0F05"));
    }

    @Test
    void amd_has_syscall_in_compatibility_and_legacy_mode() {
        try (TestMachine a = new TestMachine(true)) {
            a.compatibility(3);
            a.cpu.setField(CpuState.STAR, 0x0033_0008L << 32);
            a.cpu.setField(CpuState.CSTAR, ENTRY);
            a.cpu.setField(CpuState.FMASK, 0);
            assertEquals(-1, a.exec("0F05"));
            assertEquals(ENTRY, a.cpu.rip());
            assertEquals(64, a.cpu.codeBits());
            a.protected32(3);
            a.cpu.setField(CpuState.EFER, ControlRegisters.EFER_SCE);
            a.cpu.setField(CpuState.STAR, 0x0033_0018L << 32 | ENTRY);
            a.cpu.setRflags(Flags.IF);
            assertEquals(-1, a.exec("0F05"));
            assertEquals(ENTRY, a.cpu.rip());
            assertEquals(32, a.cpu.codeBits());
            assertEquals(CODE + 2, a.cpu.reg(CpuState.RCX));
            assertFalse(a.cpu.systemFlag(Flags.IF));
            assertEquals(-1, a.exec("0F07"));
            assertEquals(3, a.cpu.cpl());
            assertEquals(CODE + 2, a.cpu.rip());
        }
    }

    @Test
    void sysret_to_64_and_32_bit_code() {
        m.long64(0);
        star();
        c.setReg(CpuState.RCX, ENTRY);
        c.setReg(11, Flags.IF | Flags.RF | Flags.VM | Flags.ZF);
        assertEquals(-1, m.exec("480F07"));
        assertEquals(3, c.cpl());
        assertEquals(0x43, c.selector(CpuState.CS));
        assertEquals(0x3b, c.selector(CpuState.SS));
        assertEquals(64, c.codeBits());
        assertEquals(Flags.IF | Flags.ZF | Flags.FIXED, c.rflags());
        m.long64(0);
        star();
        assertEquals(-1, m.exec("0F07"));
        assertEquals(32, c.codeBits());
        assertEquals(0x33, c.selector(CpuState.CS));
    }

    @Test
    void sysret_faults() {
        m.long64(0);
        c.setReg(CpuState.RCX, 0x8000_0000_0000L);
        assertEquals(Vector.GP, m.exec("480F07"));
        assertEquals(0, c.cpl());
        m.long64(3);
        assertEquals(Vector.GP, m.exec("480F07"));
    }

    @Test
    void sysenter_and_sysexit() {
        m.protected32(3);
        c.setField(CpuState.SYSENTER_CS, 0x18);
        c.setField(CpuState.SYSENTER_ESP, 0x6000);
        c.setField(CpuState.SYSENTER_EIP, ENTRY);
        c.setRflags(Flags.IF);
        assertEquals(-1, m.exec("0F34"));
        assertEquals(0x18, c.selector(CpuState.CS));
        assertEquals(0x20, c.selector(CpuState.SS));
        assertEquals(0x6000, c.reg(CpuState.RSP));
        assertEquals(ENTRY, c.rip());
        assertFalse(c.systemFlag(Flags.IF));
        c.setReg(CpuState.RDX, CODE);
        c.setReg(CpuState.RCX, STACK3);
        assertEquals(-1, m.exec("0F35"));
        assertEquals(0x2b, c.selector(CpuState.CS));
        assertEquals(0x33, c.selector(CpuState.SS));
        assertEquals(3, c.cpl());
        assertEquals(STACK3, c.reg(CpuState.RSP));
    }

    @Test
    void sysenter_without_a_code_segment_is_gp() {
        m.protected32(3);
        c.setField(CpuState.SYSENTER_CS, 3);
        assertEquals(Vector.GP, m.exec("0F34"));
        m.protected32(0);
        assertEquals(Vector.GP, m.exec("0F35"));
    }

    @Test
    void sysexit_to_64_bit_code_checks_both_addresses() {
        m.long64(0);
        c.setField(CpuState.SYSENTER_CS, 0x18);
        c.setReg(CpuState.RDX, CODE);
        c.setReg(CpuState.RCX, 0x8000_0000_0000L);
        assertEquals(Vector.GP, m.exec("480F35"));
        m.long64(0);
        c.setReg(CpuState.RCX, STACK3);
        assertEquals(-1, m.exec("480F35"));
        assertEquals(0x3b, c.selector(CpuState.CS));
        assertEquals(64, c.codeBits());
    }

    @Test
    void swapgs_exchanges_bases_in_ring_0_only() {
        m.long64(0);
        c.setSegmentBase(CpuState.GS, 1);
        c.setField(CpuState.KERNEL_GS_BASE, 2);
        m.exec("0F01F8");
        assertEquals(2, c.segmentBase(CpuState.GS));
        assertEquals(1, c.field(CpuState.KERNEL_GS_BASE));
        m.long64(3);
        assertEquals(Vector.GP, m.exec("0F01F8"));
        m.protected32(0);
        assertEquals(Vector.UD, m.exec("0F01F8"));
    }

    /** CPL, IOPL, CR4, flags before, opcode, fault, flags that must be set and clear afterwards. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0, 0, FB, -1, 0x200, 0", "0, 0, 0, 0x200, FA, -1, 0, 0x200", "3, 2, 0, 0, FB, 13, 0, 0x200",
        "3, 3, 0, 0, FB, -1, 0x200, 0", "3, 0, 2, 0, FB, -1, 0x80000, 0x200", "3, 0, 2, 0x80000, FA, -1, 0, 0x80000",
        "3, 0, 2, 0x100000, FB, 13, 0, 0x80000", "3, 2, 0, 0x200, FA, 13, 0, 0"})
    void cli_and_sti(int cpl, int iopl, int cr4, int before, String code, int vector, int set, int clear) {
        m.protected32(cpl);
        c.setField(CpuState.CR4, cr4);
        c.setRflags(before | iopl << 12);
        assertEquals(vector, m.exec(code));
        assertEquals(set, c.rflags() & set);
        if (vector < 0) {
            assertEquals(0, c.rflags() & clear);
        }
    }

    /** IOPL, CR4, opcode with operand size, fault in virtual-8086 mode. */
    @ParameterizedTest
    @CsvSource({
        "3, 0, FA, -1", "0, 0, FA, 13", "0, 1, FA, -1", "0, 0, 9C, 13", "0, 1, 9C, -1", "0, 1, 669C, 13",
        "3, 0, 669C, -1", "0, 0, 9D, 13", "0, 1, 9D, -1", "0, 1, 669D, 13", "3, 0, 669D, -1"})
    void virtual_8086_mode_needs_iopl_or_vme(int iopl, int cr4, String code, int vector) {
        m.virtual8086(iopl);
        c.setField(CpuState.CR4, cr4);
        assertEquals(vector, m.exec(code));
    }

    @Test
    void pushf_shows_the_virtual_flag_under_vme() {
        m.virtual8086(0);
        c.setField(CpuState.CR4, ControlRegisters.CR4_VME);
        c.setRflags(c.rflags() | Flags.VIF);
        m.exec("9C");
        assertEquals(Flags.IF | Flags.IOPL | Flags.FIXED, m.stack(0, 16));
        m.frame(16, 0);
        m.exec("9D");
        assertFalse(c.systemFlag(Flags.VIF));
        assertTrue(c.vm86());
        m.frame(16, Flags.TF);
        assertEquals(Vector.GP, m.exec("9D"));
    }

    /** CPL, IOPL, value popped, flags afterwards (64-bit operand). */
    @ParameterizedTest
    @CsvSource({"0, 0, 0x3ffed7, 0x247ed7", "3, 0, 0x3ffed7, 0x244cd7", "3, 3, 0x3ffed7, 0x247ed7", "0, 3, 0, 2"})
    void popf_changes_what_privilege_allows(int cpl, int iopl, long image, long expected) {
        m.long64(cpl);
        c.setRflags(iopl << 12 | Flags.FIXED);
        m.frame(64, image);
        assertEquals(-1, m.exec("9D"));
        assertEquals(expected, c.rflags());
    }

    @Test
    void pushf_hides_rf_and_vm() {
        m.long64(0);
        c.setRflags(Flags.RF | Flags.AC | Flags.ID | Flags.CF);
        m.exec("9C");
        assertEquals(Flags.AC | Flags.ID | Flags.CF | Flags.FIXED, m.stack(0, 64));
    }

    @Test
    void sti_delays_interrupts_by_one_instruction() {
        m.long64(0);
        m.externalVector = 0x40;
        m.code(CODE, "FB9090");
        assertEquals(-1, m.step());
        assertEquals(-1, m.step());
        assertEquals(CODE + 2, c.rip());
        assertEquals(0x40, m.step());
        assertEquals(CODE + 2, m.stack(0, 64));
    }

    @Test
    void clts_clears_ts() {
        m.long64(0);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_TS);
        c.updateMode();
        m.exec("0F06");
        assertEquals(0, c.cr0() & ControlRegisters.CR0_TS);
        assertEquals(0, TSS & 0xfff);
        m.long64(3);
        assertEquals(Vector.GP, m.exec("0F06"));
    }
}
