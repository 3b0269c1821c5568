package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.virt.EventInfo;

/** Instructions, events and memory accesses of a guest that exit, and what the VMCS then says. */
final class VmxExitsTest {
    private final VmxMachine x = new VmxMachine();
    private final TestMachine m = x.m;
    private final Cpu c = x.c;

    @AfterEach
    void close() {
        x.close();
    }

    private void exits(ExitReason reason, String code, long qualification) {
        assertEquals(reason, x.run(code));
        assertEquals(qualification, x.get(Field.QUALIFICATION));
    }

    @ParameterizedTest
    @CsvSource({"0fa2, 10, 0, 0", "0f08, 13, 0, 0", "0f01c1, 18, 0, 0", "f4, 12, 0x80, 0", "0f31, 16, 0x1000, 0",
        "0f01f9, 51, 0x1000, 0", "0f33, 15, 0x800, 0", "0f01c8, 39, 0x20000000, 0", "0f01c9, 36, 0x400, 0",
        "f390, 40, 0x40000000, 0", "0f09, 54, 0, 0x40", "0fc7f0, 57, 0, 0x800", "0fc7f8, 61, 0, 0x10000",
        "0f0100, 46, 0, 4", "0f0008, 47, 0, 4", "0f32, 31, 0, 0", "0f30, 32, 0, 0"})
    void an_instruction_exits_when_its_control_asks_for_it(String code, int reason, long proc, long proc2) {
        x.add(Field.PROC, proc);
        x.add(Field.PROC2, proc2);
        assertEquals(ExitReason.of(reason), x.run(code));
        assertEquals(code.length() / 2, x.get(Field.EXIT_LENGTH));
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
    }

    @Test
    void instructions_whose_controls_are_off_run_in_the_guest() {
        // rdtsc; pause; wbinvd; sgdt [rax]; rdrand eax; hlt
        c.setReg(CpuState.RAX, 0x1f_0000);
        x.clear(Field.PROC2, Controls.RDTSCP);
        assertEquals(ExitReason.HLT, x.run("f390 0f09 0f0100 0f31 0fc7f0 f4"));
        assertEquals(TestMachine.GDT, m.read64(0x1f_0002));
        // rdtscp without its control is #UD
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        x.set(Field.EXCEPTIONS, 1 << Vector.UD);
        assertEquals(ExitReason.EXCEPTION_NMI, x.run("0f01f9"));
        assertEquals(EventInfo.VALID | EventInfo.EXCEPTION << 8 | Vector.UD, x.get(Field.EXIT_EVENT));
    }

    @Test
    void control_registers_exit_by_mask_and_show_their_shadow() {
        x.set(Field.CR0_MASK, ControlRegisters.CR0_TS | ControlRegisters.CR0_NE);
        x.set(Field.CR0_SHADOW, ControlRegisters.CR0_TS);
        // mov rax, cr0; hlt
        assertEquals(ExitReason.HLT, x.run("0f20c0 f4"));
        assertEquals(0x8000_0019L, c.reg(CpuState.RAX));
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        // mov cr0, rax with what it shows; then clts, which the mask catches
        exits(ExitReason.CR_ACCESS, "0f22c0 0f06", 2 << 4);
        assertEquals(c.cr0(), x.get(Field.GUEST_CR0) | 0x10, "the bit that the host owns stays");
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        c.setReg(CpuState.RBX, 0x8000_0031L);
        exits(ExitReason.CR_ACCESS, "0f22c3", 3 << 8);
        c.setReg(CpuState.RCX, 1);
        exits(ExitReason.CR_ACCESS, "0f01f1", 3 << 4 | 1 << 16);
        x.add(Field.PROC, Controls.CR3_LOAD | Controls.CR3_STORE | Controls.CR8_LOAD);
        c.setReg(CpuState.RDX, TestMachine.PAGES);
        exits(ExitReason.CR_ACCESS, "0f22da", 3 | 2 << 8);
        exits(ExitReason.CR_ACCESS, "0f20de", 3 | 1 << 4 | 6 << 8);
        exits(ExitReason.CR_ACCESS, "440f22c2", 8 | 2 << 8);
        x.set(Field.CR3_TARGETS, 1);
        x.set(Field.CR3_TARGET, TestMachine.PAGES);
        assertEquals(ExitReason.HLT, x.run("0f22da f4"));
    }

    @Test
    void debug_registers_exit() {
        x.add(Field.PROC, Controls.MOV_DR);
        exits(ExitReason.DR_ACCESS, "0f21f9", 7 | 1 << 4 | 1 << 8);
        exits(ExitReason.DR_ACCESS, "0f23c2", 2 << 8);
    }

    @Test
    void msrs_exit_by_bitmap() {
        x.add(Field.PROC, Controls.MSR_BITMAPS);
        m.write8(VmxMachine.MSR_BITMAP + 1024 + (0x102 >> 3), 1 << 2);
        m.write8(VmxMachine.MSR_BITMAP + 2048 + (0x174 >> 3), 1 << 4);
        c.setReg(CpuState.RCX, 0x174);
        c.setReg(CpuState.RAX, 5);
        assertEquals(ExitReason.HLT, x.run("0f32 f4"));
        assertEquals(0, c.reg(CpuState.RAX));
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.MSR_WRITE, x.run("0f30"));
        c.setReg(CpuState.RCX, 0xc000_0102L);
        assertEquals(ExitReason.MSR_READ, x.run("0f32"));
        c.setReg(CpuState.RCX, 0x4000_0000L);
        assertEquals(ExitReason.MSR_READ, x.run("0f32"));
    }

    @Test
    void ports_exit_by_bitmap_with_their_qualification() {
        x.add(Field.PROC, Controls.IO_BITMAPS);
        m.write8(VmxMachine.IO_BITMAP + (0x71 >> 3), 1 << 1);
        m.write8(VmxMachine.IO_BITMAP + 0x1000 + 0xfff, 0x80);
        // in al, 60h is not caught; in al, 71h is; in ax, 70h reaches into it
        exits(ExitReason.IO, "e460 e471", 8 | 64 | 0x71 << 16);
        assertEquals(VmxMachine.GUEST + 2, x.get(Field.GUEST_RIP));
        exits(ExitReason.IO, "66e570", 1 | 8 | 64 | 0x70 << 16);
        c.setReg(CpuState.RDX, 0xffff);
        exits(ExitReason.IO, "ee", 0xffffL << 16);
        c.setReg(CpuState.RCX, 3);
        c.setReg(CpuState.RSI, 0x1f_0000);
        exits(ExitReason.IO, "f36e", 16 | 32 | 0xffffL << 16);
        assertEquals(0x1f_0000, x.get(Field.GUEST_LINEAR));
        assertEquals(2 << 7 | CpuState.DS << 15, x.get(Field.EXIT_INFO));
        assertEquals(2, x.get(Field.EXIT_LENGTH));
        assertEquals(3, c.reg(CpuState.RCX));
    }

    @Test
    void exceptions_exit_by_bitmap_and_page_faults_by_error_code() {
        x.set(Field.EXCEPTIONS, 1 << Vector.GP | 1 << Vector.BP | 1 << Vector.PF);
        x.set(Field.PF_MASK, 2);
        x.set(Field.PF_MATCH, 2);
        // mov al, [1000000h] is a read and goes to the guest's handler; there int3
        m.code(TestMachine.handler(Vector.PF), "cc");
        assertEquals(ExitReason.EXCEPTION_NMI, x.run("8a0425 00000001"));
        assertEquals(EventInfo.VALID | EventInfo.SOFTWARE_EXCEPTION << 8 | Vector.BP, x.get(Field.EXIT_EVENT));
        assertEquals(TestMachine.handler(Vector.PF), x.get(Field.GUEST_RIP));
        assertEquals(1, x.get(Field.EXIT_LENGTH));
        assertEquals(0x100_0000, c.field(CpuState.CR2));
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        exits(ExitReason.EXCEPTION_NMI, "880425 08000001", 0x100_0008);
        assertEquals(EventInfo.VALID | EventInfo.HAS_ERROR | EventInfo.EXCEPTION << 8 | Vector.PF,
                x.get(Field.EXIT_EVENT));
        assertEquals(2, x.get(Field.EXIT_ERROR));
        assertEquals(0x100_0000, c.field(CpuState.CR2), "an exit leaves CR2 alone");
        assertEquals(Flags.RF, x.get(Field.GUEST_RFLAGS) & Flags.RF);
    }

    @Test
    void a_fault_in_the_delivery_of_an_event_leaves_vectoring_information() {
        x.set(Field.EXCEPTIONS, 1 << Vector.NP);
        m.idt64(Vector.UD, TestMachine.CODE64, 0x0e, 0);
        assertEquals(ExitReason.EXCEPTION_NMI, x.run("0f0b"));
        assertEquals(EventInfo.VALID | EventInfo.EXCEPTION << 8 | Vector.UD, x.get(Field.VECTORING));
        assertEquals(Vector.UD << 3 | 3, x.get(Field.EXIT_ERROR));
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
    }

    @Test
    void a_triple_fault_exits() {
        x.set(Field.GUEST_IDTR_LIMIT, 0);
        assertEquals(ExitReason.TRIPLE_FAULT, x.run("0f0b"));
        assertEquals(0, m.shutdowns);
    }

    // ---- event injection ----

    @Test
    void events_are_injected_at_the_entry() {
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EventInfo.HAS_ERROR | EventInfo.EXCEPTION << 8 | Vector.GP);
        x.set(Field.ENTRY_ERROR, 0x18);
        x.set(Field.EXCEPTIONS, 1 << Vector.GP);
        m.write8(TestMachine.handler(Vector.GP), 0xf4);
        assertEquals(ExitReason.HLT, x.run("90"), "not caught by the exception bitmap");
        assertEquals(TestMachine.handler(Vector.GP), x.get(Field.GUEST_RIP));
        assertEquals(0x18, m.read64(x.get(Field.GUEST_RSP)));
        assertEquals(VmxMachine.GUEST, m.read64(x.get(Field.GUEST_RSP) + 8));
        assertEquals(0, x.get(Field.ENTRY_EVENT) & EventInfo.VALID);
    }

    @Test
    void a_software_interrupt_is_injected_with_the_length_of_its_instruction() {
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EventInfo.SOFTWARE << 8 | 0x80);
        x.set(Field.ENTRY_LENGTH, 2);
        m.write8(TestMachine.handler(0x80), 0xf4);
        assertEquals(ExitReason.HLT, x.run("cd80"));
        assertEquals(VmxMachine.GUEST + 2, m.read64(x.get(Field.GUEST_RSP)));
        // its gate is not for everyone: the fault is the instruction's
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        m.idt64(0x80, TestMachine.CODE64, 0x0e, 0);
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EventInfo.SOFTWARE << 8 | 0x80);
        x.set(Field.EXCEPTIONS, 1 << Vector.NP);
        assertEquals(ExitReason.EXCEPTION_NMI, x.run("cd80"));
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
        assertEquals(EventInfo.VALID | EventInfo.SOFTWARE << 8 | 0x80, x.get(Field.VECTORING));
        assertEquals(2, x.get(Field.EXIT_LENGTH));
    }

    @Test
    void an_injected_nmi_blocks_nmis_until_iret_and_the_window_opens_then() {
        x.add(Field.PIN, Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI);
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EventInfo.NMI << 8 | Vector.NMI);
        m.code(TestMachine.handler(Vector.NMI), "f4 48cf");
        assertEquals(ExitReason.HLT, x.run("90 90"));
        assertEquals(Controls.BLOCKED_BY_NMI, x.get(Field.INTERRUPTIBILITY));
        x.skip();
        x.add(Field.PROC, Controls.NMI_WINDOW);
        x.launch();
        assertEquals(ExitReason.NMI_WINDOW, x.exit());
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
        x.clear(Field.PROC, Controls.NMI_WINDOW);
        x.launch();
        c.setNmiPending(true);
        assertEquals(ExitReason.EXCEPTION_NMI, x.exit());
        assertEquals(EventInfo.VALID | EventInfo.NMI << 8 | Vector.NMI, x.get(Field.EXIT_EVENT));
        assertTrue(c.nmiBlocked(), "in the host");
    }

    @Test
    void a_fault_of_the_iret_that_ends_an_nmi_says_so() {
        x.add(Field.PIN, Controls.PIN_NMI | Controls.PIN_VIRTUAL_NMI);
        x.set(Field.INTERRUPTIBILITY, Controls.BLOCKED_BY_NMI);
        x.set(Field.EXCEPTIONS, 1 << Vector.GP);
        m.write64(VmxMachine.GUEST_STACK + 8, 0x1000);
        assertEquals(ExitReason.EXCEPTION_NMI, x.run("48cf"));
        assertEquals(EventInfo.VALID | EventInfo.HAS_ERROR | EventInfo.EXCEPTION << 8 | Vector.GP | 1 << 12,
                x.get(Field.EXIT_EVENT));
        assertEquals(0, x.get(Field.INTERRUPTIBILITY));
        // the stack is not there
        x.set(Field.INTERRUPTIBILITY, Controls.BLOCKED_BY_NMI);
        m.write64(VmxMachine.eptEntry(VmxMachine.GUEST_STACK), 0);
        x.vmx.invept(2, 0, 0);
        exits(ExitReason.EPT_VIOLATION, "48cf", 0x181 | 1 << 12);
        exits(ExitReason.EPT_VIOLATION, "58", 0x181);
    }

    @Test
    void exits_are_counted_by_reason() {
        x.run("0fa2");
        x.run("0fa2");
        x.run("f4");
        assertEquals(Map.of("cpuid", 2L, "hlt", 1L), x.vmx.exits());
    }

    @Test
    void interrupts_exit_and_are_acknowledged_when_asked_for() {
        x.add(Field.PIN, Controls.PIN_EXTERNAL);
        x.launch("ebfe");
        m.externalVector = 0x31;
        c.requestAttention();
        assertEquals(ExitReason.EXTERNAL_INTERRUPT, x.exit());
        assertEquals(0, x.get(Field.EXIT_EVENT));
        assertEquals(0x31, m.externalVector, "still pending");
        x.add(Field.EXIT, Controls.EXIT_ACKNOWLEDGE);
        x.launch();
        assertEquals(ExitReason.EXTERNAL_INTERRUPT, x.exit());
        assertEquals(EventInfo.VALID | 0x31, x.get(Field.EXIT_EVENT));
        assertEquals(-1, m.externalVector);
    }

    @Test
    void the_interrupt_window_opens_one_instruction_after_sti() {
        x.add(Field.PROC, Controls.INTERRUPT_WINDOW);
        assertEquals(ExitReason.INTERRUPT_WINDOW, x.run("90 fb 90 90"));
        assertEquals(VmxMachine.GUEST + 3, x.get(Field.GUEST_RIP));
    }

    @Test
    void a_halted_guest_is_woken_by_an_interrupt_and_exits_halted() {
        x.add(Field.PIN, Controls.PIN_EXTERNAL);
        x.clear(Field.PROC, Controls.HLT);
        x.launch("f4 90");
        m.interpreter.run(10);
        assertEquals(Cpu.Activity.HALTED, c.activity());
        assertFalse(m.interpreter.runnable());
        m.externalVector = 0x31;
        assertEquals(ExitReason.EXTERNAL_INTERRUPT, x.exit());
        assertEquals(1, x.get(Field.ACTIVITY));
        assertEquals(VmxMachine.GUEST + 1, x.get(Field.GUEST_RIP));
        m.externalVector = -1;
        x.launch();
        assertEquals(Cpu.Activity.HALTED, c.activity());
    }

    @Test
    void a_guest_that_waits_for_a_start_up_message_exits_with_its_vector() {
        x.set(Field.ACTIVITY, 3);
        x.launch();
        assertFalse(m.interpreter.runnable());
        c.apic().receive(6, 0x9a, false);
        assertEquals(ExitReason.SIPI, x.exit());
        assertEquals(0x9a, x.get(Field.QUALIFICATION));
        assertEquals(3, x.get(Field.ACTIVITY));
    }

    @Test
    void the_monitor_trap_flag_exits_after_each_instruction_and_after_an_injection() {
        x.add(Field.PROC, Controls.MTF);
        assertEquals(ExitReason.MTF, x.run("90 90"));
        assertEquals(VmxMachine.GUEST + 1, x.get(Field.GUEST_RIP));
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EventInfo.EXCEPTION << 8 | Vector.UD);
        x.launch();
        assertEquals(ExitReason.MTF, x.exit());
        assertEquals(TestMachine.handler(Vector.UD), x.get(Field.GUEST_RIP));
        x.clear(Field.PROC, Controls.MTF);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        x.set(Field.ENTRY_EVENT, EventInfo.VALID | EntryChecks.OTHER_EVENT << 8);
        x.launch();
        assertEquals(ExitReason.MTF, x.exit());
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
    }

    @Test
    void pending_debug_exceptions_are_delivered_after_the_entry_and_saved_at_an_exit() {
        x.set(Field.PENDING_DEBUG, 0x4000);
        x.set(Field.EXCEPTIONS, 1 << Vector.DB);
        exits(ExitReason.EXCEPTION_NMI, "90", 0x4000);
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_RIP));
        assertEquals(0xffff_0ff0L, c.field(CpuState.DR + 6 * 8), "an exit leaves DR6 alone");
        // popf sets TF; the mov ss that follows holds its trap up, and cpuid exits with it
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        x.set(Field.GUEST_RFLAGS, Flags.FIXED | Flags.TF);
        c.setReg(CpuState.RAX, TestMachine.DATA);
        assertEquals(ExitReason.CPUID, x.run("8ed0 0fa2"));
        assertEquals(Controls.BLOCKED_BY_SS, x.get(Field.INTERRUPTIBILITY) & 3);
    }

    @Test
    void the_preemption_timer_exits_when_it_runs_out() {
        x.add(Field.PIN, Controls.PIN_TIMER);
        x.add(Field.EXIT, Controls.EXIT_SAVE_TIMER);
        x.set(Field.PREEMPTION_TIMER, 10);
        m.now = 1000;
        x.launch("ebfe");
        m.interpreter.run(100);
        assertNotNull(c.guestMode());
        assertEquals(31 * 32 + 320, m.timers.next());
        m.now = m.timers.next();
        m.timers.expire(m.now);
        assertEquals(ExitReason.PREEMPTION_TIMER, x.exit());
        assertEquals(0, x.get(Field.PREEMPTION_TIMER));
    }

    @Test
    void a_task_switch_exits_with_its_selector() {
        x.clear(Field.ENTRY, Controls.ENTRY_GUEST64);
        x.clear(Field.GUEST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        x.set(Field.GUEST_RIGHTS + 2, 0xc09b);
        x.add(Field.PROC2, Controls.UNRESTRICTED);
        x.clear(Field.GUEST_CR0, ControlRegisters.CR0_PG);
        m.gdt(TestMachine.FREE, TestMachine.descriptor(0x1f_0000, 0x67, 0x89));
        exits(ExitReason.TASK_SWITCH, "9a 00000000 a000", TestMachine.FREE);
        assertEquals(7, x.get(Field.EXIT_LENGTH));
        exits(ExitReason.TASK_SWITCH, "ea 00000000 a000", TestMachine.FREE | 2L << 30);
    }

    @Test
    void msr_areas_are_loaded_and_stored() {
        x.set(Field.ENTRY_MSR_LOAD, VmxMachine.AREA);
        x.set(Field.ENTRY_MSR_LOAD_COUNT, 1);
        x.set(Field.EXIT_MSR_STORE, VmxMachine.AREA + 0x100);
        x.set(Field.EXIT_MSR_STORE_COUNT, 1);
        x.set(Field.EXIT_MSR_LOAD, VmxMachine.AREA + 0x200);
        x.set(Field.EXIT_MSR_LOAD_COUNT, 1);
        for (int at = 0; at <= 0x200; at += 0x100) {
            m.write64(VmxMachine.AREA + at, 0xc000_0102L);
            m.write64(VmxMachine.AREA + at + 8, 0x1000 + at);
        }
        assertEquals(ExitReason.HLT, x.run("f4"));
        assertEquals(0x1000, m.read64(VmxMachine.AREA + 0x108));
        assertEquals(0x1200, c.field(CpuState.KERNEL_GS_BASE));
        m.write64(VmxMachine.AREA, 0x802);
        x.vmx.enter(true);
        assertEquals(ExitReason.MSR_LOAD.number | 1L << 31, x.get(Field.EXIT_REASON));
        assertEquals(1, x.get(Field.QUALIFICATION));
        assertNotNull(x.vmx.failure());
        assertNull(c.guestMode());
        assertEquals(VmxMachine.HOST, c.rip());
    }

    @Test
    void the_time_stamp_counter_is_offset() {
        x.add(Field.PROC, Controls.USE_TSC_OFFSET);
        x.set(Field.TSC_OFFSET, 0x5000);
        m.now = 100;
        assertEquals(ExitReason.HLT, x.run("0f31 f4"));
        assertEquals(0x5064, c.reg(CpuState.RAX));
        assertEquals(100, c.tsc());
    }

    // ---- guest modes ----

    @Test
    void an_unrestricted_guest_runs_in_real_mode() {
        x.add(Field.PROC2, Controls.UNRESTRICTED);
        x.clear(Field.ENTRY, Controls.ENTRY_GUEST64);
        x.set(Field.GUEST_EFER, 0);
        x.set(Field.GUEST_CR0, ControlRegisters.CR0_NE);
        for (int seg = 0; seg < 6; seg++) {
            x.set(Field.GUEST_SELECTOR + 2 * seg, 0x1000);
            x.set(Field.GUEST_BASE + 2 * seg, 0x1_0000);
            x.set(Field.GUEST_LIMIT + 2 * seg, 0xffff);
            x.set(Field.GUEST_RIGHTS + 2 * seg, seg == CpuState.CS ? 0x9b : 0x93);
        }
        x.set(Field.GUEST_RIP, 0x200);
        m.code(0x1_0200, "b83412 a30005 f4");
        x.launch();
        assertEquals(ExitReason.HLT, x.exit());
        assertEquals(0x1234, m.read16(0x1_0500));
        assertEquals(0x206, x.get(Field.GUEST_RIP));
    }

    @Test
    void eptp_switching_changes_the_pages_without_an_exit() {
        x.add(Field.PROC2, Controls.VMFUNC);
        x.set(Field.VM_FUNCTIONS, 1);
        x.set(Field.EPTP_LIST, VmxMachine.AREA);
        long second = VmxMachine.EPT + 0x8000;
        m.write64(second, second + 0x1000 | 7);
        m.write64(second + 0x1000, second + 0x2000 | 7);
        m.write64(second + 0x2000, VmxMachine.EPT + 0x3000 | 7);
        // the guest's third 2 MiB are the fourth
        m.write64(second + 0x2000 + 16, 3L << 21 | 0xb7);
        m.write64(VmxMachine.AREA + 8, second | 0x5e);
        m.write64(0x40_0000, 11);
        m.write64(0x60_0000, 22);
        c.setReg(CpuState.RAX, 0);
        c.setReg(CpuState.RCX, 1);
        // mov rbx, [400000h]; vmfunc; mov rdx, [400000h]; hlt
        assertEquals(ExitReason.HLT, x.run("488b1c25 00004000 0f01d4 488b1425 00004000 f4"));
        assertEquals(11, c.reg(CpuState.RBX));
        assertEquals(22, c.reg(CpuState.RDX));
        assertEquals(second | 0x5e, x.get(Field.EPTP));
        c.setReg(CpuState.RCX, 2);
        c.setReg(CpuState.RAX, 0);
        assertEquals(ExitReason.VMFUNC, x.run("0f01d4"));
    }
}
