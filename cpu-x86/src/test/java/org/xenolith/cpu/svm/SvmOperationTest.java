package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.EventInfo;

/** Guests of VMRUN from small programs: what they may do, what makes them exit, and what the exit says. */
class SvmOperationTest {
    private final SvmMachine s = new SvmMachine();
    private final Cpu c = s.c;
    private final Vmcb v = s.v;

    @AfterEach
    void close() {
        s.close();
    }

    private void assertExit(int code, int actual) {
        assertEquals(ExitCode.name(code), ExitCode.name(actual));
    }

    @Test
    void guest_runs_until_hlt_exits_and_the_host_goes_on_behind_vmrun() {
        c.setReg(CpuState.RSP, 0x1234_0000);
        assertExit(ExitCode.HLT, s.run("B8 2A000000 BB 07000000 F4"));
        assertEquals(SvmMachine.GUEST + 10, v.get(Vmcb.RIP));
        assertEquals(SvmMachine.GUEST + 11, v.get(Vmcb.NEXT_RIP));
        assertEquals(42, v.get(Vmcb.RAX));
        assertEquals(7, c.reg(CpuState.RBX));
        assertEquals(SvmMachine.VMCB, c.reg(CpuState.RAX));
        assertEquals(0x1234_0000, c.reg(CpuState.RSP));
        assertEquals(SvmMachine.HOST + 3, c.rip());
        assertFalse(s.svm.gif());
        assertNull(c.guestMode());
    }

    @Test
    void vmrun_is_undefined_without_svme_and_privileged() {
        c.setField(CpuState.EFER, c.efer() & ~0x1000L);
        s.vmrun();
        assertEquals(Vector.UD, s.m.vector());
    }

    @Test
    void vmrun_faults_for_a_vmcb_that_is_no_page() {
        for (long bad : new long[]{SvmMachine.VMCB + 8, 1L << 45, 1L << 35}) {
            c.setReg(CpuState.RAX, bad);
            c.setRip(SvmMachine.HOST);
            s.m.interpreter.run(1);
            assertEquals(Vector.GP, s.m.vector());
        }
    }

    @Test
    void real_mode_guest_runs() {
        v.put(Vmcb.CR0, 0x10);
        v.put(Vmcb.CR4, 0);
        v.put(Vmcb.EFER, 0x1000);
        for (int seg = 0; seg < 4; seg++) {
            v.putShort(Vmcb.SEGMENTS + 16 * seg, 0);
            v.putShort(Vmcb.SEGMENTS + 16 * seg + 2, seg == 1 ? 0x9b : 0x93);
            v.putInt(Vmcb.SEGMENTS + 16 * seg + 4, 0xffff);
            v.put(Vmcb.SEGMENTS + 16 * seg + 8, seg == 1 ? SvmMachine.GUEST : 0);
        }
        v.put(Vmcb.RIP, 0);
        s.m.code(SvmMachine.GUEST, "B0 34 04 03 66 B9 40 00 00 00 66 43 67 E2 FB F4");
        c.setReg(CpuState.RBX, 0);
        s.launch();
        assertExit(ExitCode.HLT, s.exit());
        assertEquals(0x37, v.get(Vmcb.RAX) & 0xff);
        assertEquals(64, c.reg(CpuState.RBX));
        assertEquals(15, v.get(Vmcb.RIP));
        assertTrue(c.longMode());
    }

    @Test
    void nested_page_fault_tells_the_access() {
        long entry = SvmMachine.entry(0x15_0000);
        s.m.write64(entry, 0);
        assertExit(ExitCode.NPF, s.run("48 A3 1000150000000000 F4"));
        assertEquals(0x15_0010, v.get(Vmcb.EXIT_INFO_2));
        assertEquals(1L << 32 | 6, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(SvmMachine.GUEST, v.get(Vmcb.RIP));
        assertEquals(15, v.byteAt(Vmcb.FETCHED));
        assertEquals(0x48, v.byteAt(Vmcb.FETCHED + 1));
        assertEquals(0xa3, v.byteAt(Vmcb.FETCHED + 2));
        s.m.write64(entry, 0x15_0000 | 5);
        s.launch();
        assertExit(ExitCode.NPF, s.exit());
        assertEquals(1L << 32 | 7, v.get(Vmcb.EXIT_INFO_1));
        s.m.write64(entry, 0x15_0000 | 7);
        s.launch();
        assertExit(ExitCode.HLT, s.exit());
        assertEquals(0x15_0000 | 0x67, s.m.read64(entry));
    }

    @Test
    void fetch_from_a_page_without_execute_is_a_nested_page_fault() {
        s.m.write64(SvmMachine.entry(0x15_0000), 0x15_0000 | 7 | 1L << 63);
        assertExit(ExitCode.NPF, s.run("B8 00001500 FF E0"));
        assertEquals(1L << 32 | 0x15, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(0, v.byteAt(Vmcb.FETCHED));
    }

    @Test
    void walk_of_guest_tables_is_a_write() {
        long cr3 = v.get(Vmcb.CR3);
        s.m.write64(SvmMachine.entry(cr3), cr3 | 5);
        assertExit(ExitCode.NPF, s.run("F4"));
        assertEquals(1L << 33 | 7, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(cr3, v.get(Vmcb.EXIT_INFO_2) & -4096L);
    }

    @Test
    void io_exits_by_its_map() {
        s.intercept(ExitCode.IOIO);
        assertExit(ExitCode.HLT, s.run("BA F8030000 EC F4"));
        s.m.write8(SvmMachine.IOPM + 0x3f8 / 8, 1);
        v.put(Vmcb.RIP, SvmMachine.GUEST);
        assertExit(ExitCode.IOIO, s.run("BA F8030000 EE F4"));
        assertEquals(0x3f8L << 16 | 1 << 9 | 1 << 4, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(SvmMachine.GUEST + 6, v.get(Vmcb.EXIT_INFO_2));
    }

    @Test
    void msr_exits_by_its_map() {
        s.intercept(ExitCode.MSR);
        s.m.write8(SvmMachine.MSRPM + 0x800 + 0x82 / 4, 1 << 2 * 2 + 1);
        assertExit(ExitCode.MSR, s.run("B9 820000C0 0F32 0F30 F4"));
        assertEquals(1, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(SvmMachine.GUEST + 7, v.get(Vmcb.RIP));
    }

    @Test
    void intercepted_exception_does_not_reach_the_guest() {
        s.intercept(ExitCode.EXCEPTION + Vector.PF);
        v.put(Vmcb.CR2, 0x77);
        assertExit(ExitCode.EXCEPTION + Vector.PF, s.run("48 A1 0000000001000000 F4"));
        assertEquals(0x1_0000_0000L, v.get(Vmcb.EXIT_INFO_2));
        assertEquals(0, v.get(Vmcb.EXIT_INFO_1));
        assertEquals(0x77, v.get(Vmcb.CR2));
    }

    @Test
    void injected_event_goes_through_the_guests_idt() {
        v.put(Vmcb.EVENT_INJECTION,
                EventInfo.VALID | EventInfo.EXCEPTION << 8 | EventInfo.HAS_ERROR | Vector.GP | 0x1234L << 32);
        s.intercept(ExitCode.EXCEPTION + Vector.GP);
        s.m.write8(TestMachine.handler(Vector.GP), 0xf4);
        assertExit(ExitCode.HLT, s.run("90"));
        assertEquals(TestMachine.handler(Vector.GP), v.get(Vmcb.RIP));
        assertEquals(0x1234, s.m.read64(v.get(Vmcb.RSP)));
        assertEquals(0, v.get(Vmcb.EVENT_INJECTION) & EventInfo.VALID);
    }

    @Test
    void software_interrupt_that_is_injected_returns_to_nrip() {
        v.put(Vmcb.EVENT_INJECTION, EventInfo.VALID | EventInfo.SOFTWARE << 8 | 0x40);
        v.put(Vmcb.NEXT_RIP, SvmMachine.GUEST + 2);
        s.m.write8(TestMachine.handler(0x40), 0xf4);
        assertExit(ExitCode.HLT, s.run("CD 40"));
        assertEquals(SvmMachine.GUEST + 2, s.m.read64(v.get(Vmcb.RSP)));
    }

    @Test
    void exit_in_a_delivery_names_the_event() {
        s.m.write64(SvmMachine.entry(TestMachine.IDT), 0);
        assertExit(ExitCode.NPF, s.run("CD 40"));
        assertEquals(EventInfo.VALID | EventInfo.SOFTWARE << 8 | 0x40, v.get(Vmcb.EXIT_INT_INFO));
        assertEquals(SvmMachine.GUEST, v.get(Vmcb.RIP));
    }

    @Test
    void interrupt_for_the_host_exits_and_waits_for_gif() {
        s.intercept(ExitCode.INTR);
        c.setRflags(Flags.FIXED | Flags.IF);
        v.put(Vmcb.VIRTUAL_INTERRUPT, Vmcb.V_MASKING);
        s.launch("EB FE");
        s.m.interpreter.run(10);
        s.m.externalVector = 0x30;
        c.requestAttention();
        assertExit(ExitCode.INTR, s.exit());
        s.m.code(SvmMachine.HOST + 3, "90 90 0F01DC 90");
        s.m.interpreter.run(2);
        assertEquals(SvmMachine.HOST + 5, c.rip());
        s.m.interpreter.run(1);
        s.m.interpreter.run(1);
        assertEquals(0x30, s.m.vector());
    }

    @Test
    void host_without_interrupt_flag_keeps_its_interrupts_from_the_guest() {
        s.intercept(ExitCode.INTR);
        v.put(Vmcb.VIRTUAL_INTERRUPT, Vmcb.V_MASKING);
        v.put(Vmcb.RFLAGS, Flags.FIXED | Flags.IF);
        s.m.externalVector = 0x30;
        assertExit(ExitCode.HLT, s.run("90 90 F4"));
        assertEquals(0x30, s.m.externalVector);
    }

    @Test
    void virtual_interrupt_is_taken_when_the_guest_lets_it_in() {
        v.put(Vmcb.VIRTUAL_INTERRUPT,
                Vmcb.V_IRQ | 5L << Vmcb.V_PRIORITY_SHIFT | Vmcb.V_MASKING | 0x51L << Vmcb.V_VECTOR_SHIFT);
        s.m.write8(TestMachine.handler(0x51), 0xf4);
        assertExit(ExitCode.HLT, s.run("90 FB 90 90 F4"));
        assertEquals(TestMachine.handler(0x51), v.get(Vmcb.RIP));
        assertEquals(SvmMachine.GUEST + 3, s.m.read64(v.get(Vmcb.RSP)));
        assertEquals(0, v.get(Vmcb.VIRTUAL_INTERRUPT) & Vmcb.V_IRQ);
    }

    @Test
    void virtual_task_priority_holds_the_virtual_interrupt_back() {
        v.put(Vmcb.VIRTUAL_INTERRUPT,
                Vmcb.V_IRQ | 5L << Vmcb.V_PRIORITY_SHIFT | Vmcb.V_MASKING | 0x51L << Vmcb.V_VECTOR_SHIFT);
        assertExit(ExitCode.HLT, s.run("B8 05000000 44 0F22C0 FB 90 44 0F20C3 F4"));
        assertEquals(5, c.reg(CpuState.RBX));
        assertEquals(5, v.get(Vmcb.VIRTUAL_INTERRUPT) & 0xff);
        assertEquals(0, c.apic().tpr());
    }

    @Test
    void window_exits_as_vintr() {
        s.intercept(ExitCode.VINTR);
        v.put(Vmcb.VIRTUAL_INTERRUPT, Vmcb.V_IRQ | Vmcb.V_IGNORE_TPR | Vmcb.V_MASKING);
        assertExit(ExitCode.VINTR, s.run("90 FB 90 90 F4"));
        assertEquals(SvmMachine.GUEST + 3, v.get(Vmcb.RIP));
    }

    @Test
    void triple_fault_exits_as_shutdown() {
        v.putInt(Vmcb.IDTR + 4, 0);
        assertExit(ExitCode.SHUTDOWN, s.run("0F0B"));
        assertEquals(0, s.m.shutdowns);
    }

    @Test
    void translations_of_an_asid_stay_until_it_is_flushed() {
        s.run("48 A1 0000150000000000 F4");
        s.m.write64(SvmMachine.entry(0x15_0000), 0x16_0000 | 7);
        s.m.write64(0x15_0000, 1);
        s.m.write64(0x16_0000, 2);
        v.put(Vmcb.RIP, SvmMachine.GUEST);
        s.launch();
        s.exit();
        assertEquals(1, v.get(Vmcb.RAX));
        v.put(Vmcb.RIP, SvmMachine.GUEST);
        v.putByte(Vmcb.TLB_CONTROL, 3);
        s.launch();
        s.exit();
        assertEquals(2, v.get(Vmcb.RAX));
    }

    @Test
    void time_stamp_counter_has_the_offset() {
        s.m.now = 1000;
        v.put(Vmcb.TSC_OFFSET, 5_000_000);
        s.run("0F31 F4");
        assertEquals(5_001_000, v.get(Vmcb.RAX));
        assertEquals(1000, c.tsc());
    }

    @Test
    void vmsave_and_vmload_move_what_vmrun_does_not() {
        c.setSegmentBase(CpuState.GS, 0x1234_5678_9abcL);
        c.setField(CpuState.STAR, 77);
        c.setReg(CpuState.RAX, SvmMachine.VMCB);
        s.m.code(SvmMachine.HOST, "0F01DB 0F01DA");
        c.setRip(SvmMachine.HOST);
        s.m.interpreter.run(1);
        assertEquals(0x1234_5678_9abcL, v.get(Vmcb.SEGMENTS + 16 * CpuState.GS + 8));
        c.setSegmentBase(CpuState.GS, 0);
        c.setField(CpuState.STAR, 0);
        v.put(Vmcb.LSTAR, 0x8000_0000_0000L);
        s.m.interpreter.run(1);
        assertEquals(0x1234_5678_9abcL, c.segmentBase(CpuState.GS));
        assertEquals(77, c.field(CpuState.STAR));
        assertEquals(0xffff_8000_0000_0000L, c.field(CpuState.LSTAR));
    }
}
