package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.apic.StartUp;
import org.xenolith.cpu.virt.EventInfo;

/** Each intercept: with it the guest exits, and the exit says what the manual says; without it the guest goes on. */
class SvmExitsTest {
    private static final long RSI = 0x15_0000;

    private SvmMachine s = new SvmMachine();

    @AfterEach
    void close() {
        s.close();
    }

    private void prepare() {
        s.c.setReg(CpuState.RSI, RSI);
        s.c.setReg(CpuState.RCX, 0);
        s.c.setReg(CpuState.RDX, 0);
        s.v.put(Vmcb.RAX, 0);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"cr0_read, 0F20C3, 8000000000000003, 0", "cr0_write, 0F22C0, 8000000000000000, 0",
        "cr3_read, 0F20DA, 8000000000000002, 0", "cr3_write, 0F22DB, 8000000000000003, 0",
        "cr4_read, 0F20E1, 8000000000000001, 0", "cr4_write, 0F22E6, 8000000000000006, 0",
        "cr8_read, 44 0F20C1, 8000000000000001, 0", "cr8_write, 44 0F22C0, 8000000000000000, 0",
        "cr0_read, 0F01E0, 0, 0", "cr0_write, 0F01F0, 0, 0", "cr0_write, 0F06, 0, 0", "cr0_sel_write, 0F01F0, 0, 0",
        "dr0_read, 0F21C2, 2, 0", "dr7_write, 0F23FB, 3, 0", "idtr_read, 0F010E, 0, 0", "gdtr_read, 0F0106, 0, 0",
        "ldtr_read, 0F00C0, 0, 0", "tr_read, 0F00C8, 0, 0", "idtr_write, 0F011E, 0, 0", "gdtr_write, 0F0116, 0, 0",
        "ldtr_write, 0F00D0, 0, 0", "tr_write, 0F00D8, 0, 0", "rdtsc, 0F31, 0, 0", "rdtscp, 0F01F9, 0, 0",
        "rdpmc, 0F33, 0, 0", "pushf, 9C, 0, 0", "popf, 9D, 0, 0", "cpuid, 0FA2, 0, 0", "iret, 48CF, 0, 0",
        "swint, CD40, 40, 0", "invd, 0F08, 0, 0", "wbinvd, 0F09, 0, 0", "pause, F390, 0, 0", "hlt, F4, 0, 0",
        "invlpg, 0F013E, 150000, 0", "invpcid, 660F388206, 150000, 0", "vmmcall, 0F01D9, 0, 0", "vmrun, 0F01D8, 0, 0",
        "vmload, 0F01DA, 0, 0", "vmsave, 0F01DB, 0, 0", "stgi, 0F01DC, 0, 0", "clgi, 0F01DD, 0, 0",
        "invlpga, 0F01DF, 0, 0", "icebp, F1, 0, 0", "rsm, 0FAA, 0, 0", "msr, 0F32, 0, 0", "msr, 0F30, 1, 0",
        "io, EC, 211, 120001", "io, EF, 240, 120001"})
    void instruction_exits(String name, String hex, String info1, String info2) {
        int code = 0;
        while (!ExitCode.name(code).equals(name)) {
            code++;
        }
        s.intercept(code);
        if (code == ExitCode.MSR || code == ExitCode.IOIO) {
            s.m.write8(SvmMachine.MSRPM, 0xff);
            s.m.write8(SvmMachine.IOPM, 0xff);
        }
        prepare();
        assertEquals(name, ExitCode.name(s.run(hex + "F4")));
        assertEquals(info1, Long.toHexString(s.v.get(Vmcb.EXIT_INFO_1)).toLowerCase(Locale.ROOT));
        assertEquals(info2, Long.toHexString(s.v.get(Vmcb.EXIT_INFO_2)));
        assertEquals(SvmMachine.GUEST, s.v.get(Vmcb.RIP));
        assertEquals(SvmMachine.GUEST + hex.replace(" ", "").length() / 2, s.v.get(Vmcb.NEXT_RIP));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"0, F7F1", "1, F1", "3, CC", "6, 0F0B", "13, 0F23F8", "14, 48A10000000001000000"})
    void exception_exits(int vector, String hex) {
        s.intercept(ExitCode.EXCEPTION + vector);
        prepare();
        s.v.put(Vmcb.RAX, 1L << 40);
        assertEquals("excp" + vector, ExitCode.name(s.run(hex)));
        assertEquals(SvmMachine.GUEST, s.v.get(Vmcb.RIP));
        assertEquals(0, s.v.get(Vmcb.EXIT_INT_INFO));
    }

    @Test
    void write_trap_follows_the_write() {
        s.intercept(ExitCode.CR0_WRITE_TRAP + 4);
        long cr4 = s.v.get(Vmcb.CR4) | 0x80;
        s.v.put(Vmcb.RAX, cr4);
        assertEquals("cr4_write_trap", ExitCode.name(s.run("0F22E0 F4")));
        assertEquals(cr4, s.v.get(Vmcb.EXIT_INFO_1));
        assertEquals(SvmMachine.GUEST + 3, s.v.get(Vmcb.RIP));
    }

    @Test
    void string_port_access_names_its_segment() {
        s.intercept(ExitCode.IOIO);
        s.m.write8(SvmMachine.IOPM + 0x10, 1);
        prepare();
        s.c.setReg(CpuState.RDX, 0x80);
        s.c.setReg(CpuState.RCX, 1);
        assertEquals("io", ExitCode.name(s.run("F3 6E F4")));
        assertEquals(0x80L << 16 | CpuState.DS << 10 | 1 << 9 | 1 << 4 | 8 | 4, s.v.get(Vmcb.EXIT_INFO_1));
        assertEquals(SvmMachine.GUEST + 2, s.v.get(Vmcb.EXIT_INFO_2));
    }

    @Test
    void pause_filter_counts_before_it_exits() {
        s.intercept(ExitCode.PAUSE);
        s.v.putShort(Vmcb.PAUSE_COUNT, 3);
        assertEquals("pause", ExitCode.name(s.run("F390 F390 F390 F390 F390 F4")));
        assertEquals(SvmMachine.GUEST + 6, s.v.get(Vmcb.RIP));
    }

    @Test
    void exit_behind_sti_saves_the_shadow() {
        assertEquals("hlt", ExitCode.name(s.run("FB F4")));
        assertEquals(3, s.v.get(Vmcb.SHADOW));
    }

    @Test
    void shadow_of_the_vmcb_holds_for_one_instruction() {
        s.v.put(Vmcb.SHADOW, 1);
        s.v.put(Vmcb.RFLAGS, Flags.FIXED | Flags.IF);
        s.v.put(Vmcb.VIRTUAL_INTERRUPT, Vmcb.V_IRQ | Vmcb.V_IGNORE_TPR | Vmcb.V_MASKING | 0x51L << Vmcb.V_VECTOR_SHIFT);
        s.m.write8(TestMachine.handler(0x51), 0xf4);
        s.run("90 90 F4");
        assertEquals(SvmMachine.GUEST + 1, s.m.read64(s.v.get(Vmcb.RSP)));
    }

    @Test
    void nmi_exits_and_is_taken_by_the_host_at_stgi() {
        s.intercept(ExitCode.NMI);
        s.launch("EB FE");
        s.c.setNmiPending(true);
        assertEquals("nmi", ExitCode.name(s.exit()));
        assertTrue(s.c.nmiPending());
        s.m.code(SvmMachine.HOST + 3, "90 0F01DC");
        s.m.interpreter.run(1);
        assertEquals(SvmMachine.HOST + 4, s.c.rip());
        s.m.interpreter.run(1);
        s.m.interpreter.run(1);
        assertEquals(Vector.NMI, s.m.vector());
    }

    @Test
    void init_exits_and_waits_for_stgi() {
        s.intercept(ExitCode.INIT);
        s.launch("EB FE");
        StartUp.init(s.c);
        assertEquals("init", ExitCode.name(s.exit()));
        s.m.code(SvmMachine.HOST + 3, "0F01DC");
        s.m.interpreter.run(1);
        assertEquals(0xfff0, s.c.rip());
        assertTrue(s.svm.gif());
        assertNull(s.c.guestMode());
    }

    @Test
    void stepped_vmrun_traps_behind_the_exit() {
        s.m.code(SvmMachine.GUEST, "90 F4");
        s.c.setRflags(Flags.FIXED | Flags.TF);
        s.vmrun();
        s.exit();
        s.m.interpreter.run(1);
        assertEquals(Vector.DB, s.m.vector());
        assertEquals(SvmMachine.HOST + 3, s.m.read64(s.c.reg(CpuState.RSP)));
    }

    @Test
    void guest_of_32_bit_paging_runs_without_nested_paging() {
        s.v.put(Vmcb.NESTED, 0);
        s.v.put(Vmcb.EFER, 0x1000);
        s.v.put(Vmcb.CR4, 0x10);
        s.m.write32(0x16_0000, 0x83);
        s.v.put(Vmcb.CR3, 0x16_0000);
        s.v.putShort(Vmcb.SEGMENTS + 16 + 2, 0xc9b);
        assertEquals("hlt", ExitCode.name(s.run("40 F4")));
        assertEquals(1, s.v.get(Vmcb.RAX) & 0xff);
    }

    @Test
    void pdpte_with_reserved_bits_faults_when_it_is_walked_under_nested_paging() {
        s.v.put(Vmcb.EFER, 0x1000);
        s.v.put(Vmcb.CR4, 0x20);
        s.m.write64(0x16_0000, 0x16_1000 | 3);
        s.m.write64(0x16_1000, 0x83);
        s.v.put(Vmcb.CR3, 0x16_0000);
        s.v.putShort(Vmcb.SEGMENTS + 16 + 2, 0xc9b);
        s.intercept(ExitCode.EXCEPTION + Vector.PF);
        assertEquals("excp14", ExitCode.name(s.run("F4")));
        s.m.write64(0x16_0000, 0x16_1000 | 1);
        s.v.putByte(Vmcb.TLB_CONTROL, 1);
        s.launch();
        assertEquals("hlt", ExitCode.name(s.exit()));
    }

    @Test
    void task_switch_exits() {
        s.intercept(ExitCode.TASK_SWITCH);
        s.close();
        s = new SvmMachine();
        s.intercept(ExitCode.TASK_SWITCH);
        s.v.put(Vmcb.EFER, 0x1000);
        s.v.put(Vmcb.CR0, 0x11);
        s.v.putShort(Vmcb.SEGMENTS + 16 + 2, 0xc9b);
        s.m.gdt(TestMachine.FREE, TestMachine.descriptor(0x3800, 0x67, 0x89));
        assertEquals("task_switch", ExitCode.name(s.run("EA 00000000 A000")));
        assertEquals(TestMachine.FREE, s.v.get(Vmcb.EXIT_INFO_1));
        assertEquals(1L << 38, s.v.get(Vmcb.EXIT_INFO_2));
        assertEquals(SvmMachine.GUEST + 7, s.v.get(Vmcb.NEXT_RIP));
    }

    @Test
    void fault_while_an_injected_event_is_delivered_names_it() {
        s.v.put(Vmcb.EVENT_INJECTION, EventInfo.VALID | 0x60);
        s.m.write64(SvmMachine.entry(TestMachine.IDT), 0);
        assertEquals("npf", ExitCode.name(s.run("90")));
        assertEquals(EventInfo.VALID | 0x60, s.v.get(Vmcb.EXIT_INT_INFO));
    }

    @Test
    void registers_of_svm_check_what_is_written() {
        Cpu c = s.c;
        assertTrue(s.svm.wrmsr(0xc001_0117, 0x5000));
        assertEquals(0x5000, c.msrs().read(0xc001_0117));
        assertFalse(s.svm.wrmsr(0xc001_0117, 0x5010));
        assertFalse(s.svm.wrmsr(0xc001_0114, 0x10), "SVMDIS while SVM is on");
        c.setField(CpuState.EFER, c.efer() & ~0x1000L);
        assertTrue(s.svm.wrmsr(0xc001_0118, 77));
        assertTrue(s.svm.wrmsr(0xc001_0114, 0x18));
        assertTrue(s.svm.refusesEfer(0x1000));
        assertTrue(s.svm.wrmsr(0xc001_0114, 0));
        assertEquals(0x18, c.msrs().read(0xc001_0114));
        assertTrue(s.svm.wrmsr(0xc001_0118, 77));
        assertTrue(s.svm.wrmsr(0xc001_0114, 0));
        assertEquals(0, c.msrs().read(0xc001_0114));
        assertEquals(0, c.msrs().read(0xc001_0118));
    }
}
