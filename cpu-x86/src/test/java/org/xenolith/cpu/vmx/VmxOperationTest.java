package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;

/** The VMX instructions as a program executes them, from VMXON to an exit. */
final class VmxOperationTest {
    private static final int POINTER = 0x1f_0000;

    private final VmxMachine x = new VmxMachine();
    private final TestMachine m = x.m;
    private final Cpu c = x.c;

    @AfterEach
    void close() {
        x.close();
    }

    private int flags() {
        return c.arithmeticFlags();
    }

    private void pointer(long address) {
        m.write64(POINTER, address);
        c.setReg(CpuState.RBX, POINTER);
    }

    private static final String VMXON = "f30fc733";
    private static final String VMCLEAR = "660fc733";
    private static final String VMPTRLD = "0fc733";
    private static final String VMPTRST = "0fc73b";
    private static final String VMREAD = "0f78c1";
    private static final String VMWRITE = "0f79c1";
    private static final String VMLAUNCH = "0f01c2";
    private static final String VMRESUME = "0f01c3";
    private static final String VMXOFF = "0f01c4";
    private static final String VMCALL = "0f01c1";

    private void error(int number) {
        assertEquals(Flags.ZF, flags());
        assertEquals(number, x.get(Field.INSTRUCTION_ERROR));
    }

    @Test
    void a_guest_of_64_bits_is_launched_by_instructions_exits_by_cpuid_and_is_resumed() {
        m.code(VmxMachine.GUEST, "b801000000 0fa2 f4");
        m.code(c.rip(), VMLAUNCH);
        assertEquals(-1, m.step());
        assertEquals(ExitReason.CPUID, x.exit());
        assertEquals(VmxMachine.HOST, c.rip());
        assertEquals(TestMachine.STACK0, c.reg(CpuState.RSP));
        assertEquals(1, c.reg(CpuState.RAX), "general registers stay");
        assertEquals(VmxMachine.GUEST + 5, x.get(Field.GUEST_RIP));
        assertEquals(2, x.get(Field.EXIT_LENGTH));
        x.skip();
        m.code(c.rip(), VMRESUME);
        m.step();
        assertEquals(ExitReason.HLT, x.exit());
        assertEquals(VmxMachine.GUEST + 7, x.get(Field.GUEST_RIP));
    }

    @Test
    void vmlaunch_needs_a_clear_and_vmresume_a_launched_vmcs() {
        m.exec(VMRESUME);
        error(Vmx.VMRESUME_NOT_LAUNCHED);
        x.run("f4");
        m.exec(VMLAUNCH);
        error(Vmx.VMLAUNCH_NOT_CLEAR);
        c.setRip(TestMachine.CODE);
        c.setReg(CpuState.RAX, TestMachine.DATA);
        m.exec("8ed0" + VMRESUME);
        m.step();
        error(Vmx.BLOCKED_BY_SS);
        m.exec(VMRESUME);
        assertEquals(ExitReason.HLT, x.exit());
    }

    @Test
    void vmxon_checks_mode_privilege_feature_control_and_region() {
        pointer(VmxMachine.VMXON);
        m.exec(VMXON);
        error(Vmx.VMXON_IN_ROOT);
        m.exec(VMXOFF);
        assertEquals(0, flags());
        assertEquals(Vector.UD, m.exec(VMXOFF));
        c.setRip(TestMachine.CODE);
        pointer(VmxMachine.VMXON + 1);
        m.exec(VMXON);
        assertEquals(Flags.CF, flags(), "not aligned");
        pointer(VmxMachine.AREA);
        m.exec(VMXON);
        assertEquals(Flags.CF, flags(), "no revision identifier");
        c.setField(CpuState.CR0, c.cr0() & ~ControlRegisters.CR0_NE);
        assertEquals(Vector.GP, m.exec(VMXON), "CR0.NE");
        c.setRip(TestMachine.CODE);
        c.setField(CpuState.CR4, c.cr4() & ~ControlRegisters.CR4_VMXE);
        assertEquals(Vector.UD, m.exec(VMXON));
        c.vmx().reset();
        c.setRip(TestMachine.CODE);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_NE);
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_VMXE);
        assertEquals(Vector.GP, m.exec(VMXON), "feature control is not locked");
    }

    @Test
    void vmcs_pointers_are_checked_and_vmptrst_stores_the_current_one() {
        pointer(VmxMachine.VMCS + 8);
        m.exec(VMPTRLD);
        error(Vmx.VMPTRLD_ADDRESS);
        m.exec(VMCLEAR);
        error(Vmx.VMCLEAR_ADDRESS);
        pointer(1L << 40);
        m.exec(VMPTRLD);
        error(Vmx.VMPTRLD_ADDRESS);
        pointer(VmxMachine.VMXON);
        m.exec(VMPTRLD);
        error(Vmx.VMPTRLD_VMXON);
        m.exec(VMCLEAR);
        error(Vmx.VMCLEAR_VMXON);
        pointer(VmxMachine.AREA);
        m.exec(VMPTRLD);
        error(Vmx.VMPTRLD_REVISION);
        m.exec(VMPTRST);
        assertEquals(VmxMachine.VMCS, m.read64(POINTER));
        m.exec(VMCLEAR);
        assertEquals(0, flags());
        m.exec(VMPTRST);
        assertEquals(-1, m.read64(POINTER));
        m.exec(VMLAUNCH);
        assertEquals(Flags.CF, flags());
    }

    @Test
    void fields_are_read_and_written_by_encoding_with_their_width() {
        c.setReg(CpuState.RCX, 0x1234_5678_9abc_def0L);
        c.setReg(CpuState.RAX, Field.GUEST_RIP);
        // VMWRITE rax, rcx; VMREAD rcx, rax
        m.exec(VMWRITE);
        c.setReg(CpuState.RCX, 0);
        m.exec(VMREAD);
        assertEquals(0x1234_5678_9abc_def0L, c.reg(CpuState.RCX));
        c.setReg(CpuState.RAX, Field.VPID);
        m.exec(VMWRITE);
        m.exec(VMREAD);
        assertEquals(0xdef0, c.reg(CpuState.RCX));
        c.setReg(CpuState.RAX, Field.TSC_OFFSET + 1);
        c.setReg(CpuState.RCX, 0x1_2345_6789L);
        m.exec(VMWRITE);
        assertEquals(0x2345_6789L << 32, x.get(Field.TSC_OFFSET));
        m.exec(VMREAD);
        assertEquals(0x2345_6789L, c.reg(CpuState.RCX));
        c.setReg(CpuState.RAX, Field.EXIT_REASON);
        m.exec(VMWRITE);
        error(Vmx.READ_ONLY_FIELD);
        for (long none : new long[]{0x0006, 0x0801, 0x1800, 0x8000_0000_0000_0000L, 0x7000, 0x2034}) {
            c.setReg(CpuState.RAX, none);
            m.exec(VMREAD);
            error(Vmx.UNSUPPORTED_FIELD);
        }
    }

    @Test
    void fixed_bits_of_cr0_and_cr4_cannot_be_cleared_in_vmx_operation() {
        c.setReg(CpuState.RAX, c.cr0() & ~ControlRegisters.CR0_NE);
        assertEquals(Vector.GP, m.exec("0f22c0"));
        c.setRip(TestMachine.CODE);
        c.setReg(CpuState.RAX, c.cr4() & ~ControlRegisters.CR4_VMXE);
        assertEquals(Vector.GP, m.exec("0f22e0"));
    }

    @Test
    void vmcall_in_root_operation_fails_and_vmx_instructions_of_a_guest_exit() {
        m.exec(VMCALL);
        error(Vmx.VMCALL_IN_ROOT);
        assertEquals(ExitReason.VMCALL, x.run(VMCALL));
        assertEquals(ExitReason.VMXOFF, x.run(VMXOFF));
        assertEquals(ExitReason.VMLAUNCH, x.run(VMLAUNCH));
        assertEquals(ExitReason.VMREAD, x.run(VMREAD));
        assertEquals(1 << 10 | 1 << 3, x.get(Field.EXIT_INFO), "vmread rcx, rax");
        // vmptrld [rbx + 8*rcx + 10h]
        assertEquals(ExitReason.VMPTRLD, x.run("0fc774cb10"));
        assertEquals(3 | 2 << 7 | 3 << 15 | 1 << 18 | 3 << 23, x.get(Field.EXIT_INFO));
        assertEquals(0x10, x.get(Field.QUALIFICATION));
    }

    @Test
    void init_waits_in_root_operation_and_exits_in_a_guest() {
        c.apic().receive(5, 0, false);
        assertEquals(VmxMachine.VMCS, x.vmx.current());
        assertEquals(TestMachine.CODE, c.rip());
        x.launch("ebfe");
        assertEquals(ExitReason.INIT, x.exit());
        c.apic().receive(5, 0, false);
        m.exec(VMXOFF);
        assertEquals(0xfff0, c.rip());
    }

    @Test
    void capabilities_say_what_kvm_asks_for() {
        long basic = c.msrs().read(0x480);
        assertEquals(6, basic >>> 50 & 15, "write-back");
        assertTrue((basic >>> 55 & 1) != 0, "true controls");
        assertEquals(4096, basic >>> 32 & 0x1fff);
        assertEquals(0x8000_0021L, c.msrs().read(0x486));
        for (int msr = 0x481; msr <= 0x484; msr++) {
            long v = c.msrs().read(msr);
            assertEquals(0, v & ~(v >>> 32) & 0xffff_ffffL, "what must be one may be one");
        }
        assertNull(x.vmx.failure());
    }
}
