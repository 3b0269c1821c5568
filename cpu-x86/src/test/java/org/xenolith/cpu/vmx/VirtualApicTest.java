package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;

/** TPR shadow, APIC accesses, virtual interrupts and posted interrupts. */
final class VirtualApicTest {
    private static final long PAGE = VmxMachine.VIRTUAL_APIC;
    private static final int ISR = 0x100;
    private static final int IRR = 0x200;

    private final VmxMachine x = new VmxMachine();
    private final TestMachine m = x.m;
    private final Cpu c = x.c;

    VirtualApicTest() {
        x.add(Field.PROC, Controls.TPR_SHADOW);
    }

    @AfterEach
    void close() {
        x.close();
    }

    private void delivery() {
        x.add(Field.PIN, Controls.PIN_EXTERNAL);
        x.add(Field.PROC2, Controls.VIRTUAL_INTERRUPTS | Controls.APIC_REGISTERS | Controls.APIC_ACCESSES);
        x.add(Field.GUEST_RFLAGS, Flags.IF);
    }

    private void request(int vector) {
        m.write32(PAGE + IRR + (vector >> 5) * 16L, 1L << (vector & 31));
        x.set(Field.GUEST_INTERRUPT_STATUS, vector);
    }

    private void again() {
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
    }

    @Test
    void cr8_is_the_shadow_and_falls_below_the_threshold() {
        m.write32(PAGE + 0x80, 0x50);
        x.set(Field.TPR_THRESHOLD, 4);
        // mov rax, cr8; mov al, 3; mov cr8, rax; nop
        assertEquals(ExitReason.TPR_BELOW_THRESHOLD, x.run("440f20c0 88c3 b003 440f22c0 90"));
        assertEquals(5, c.reg(CpuState.RBX) & 0xff);
        assertEquals(0x30, m.read32(PAGE + 0x80));
        assertEquals(VmxMachine.GUEST + 12, x.get(Field.GUEST_RIP), "after the instruction");
    }

    @Test
    void the_apic_access_page_exits_but_for_the_task_priority() {
        x.add(Field.PROC2, Controls.APIC_ACCESSES);
        m.write32(PAGE + 0x80, 0x20);
        // mov eax, [page + 80h]; mov ebx, [page + 20h]
        assertEquals(ExitReason.APIC_ACCESS, x.run("8b0425 80701000 8b1c25 20701000"));
        assertEquals(0x20, c.reg(CpuState.RAX));
        assertEquals(0x20, x.get(Field.QUALIFICATION));
        assertEquals(VmxMachine.GUEST + 7, x.get(Field.GUEST_RIP));
        again();
        assertEquals(ExitReason.APIC_ACCESS, x.run("890425 b0701000"));
        assertEquals(1 << 12 | 0xb0, x.get(Field.QUALIFICATION));
        again();
        c.setReg(CpuState.RAX, VmxMachine.APIC_ACCESS);
        assertEquals(ExitReason.APIC_ACCESS, x.run("ffe0"));
        assertEquals(2 << 12, x.get(Field.QUALIFICATION));
    }

    @Test
    void registers_are_virtualized_and_writes_exit_after_the_instruction() {
        delivery();
        m.write32(PAGE + 0x20, 0x0700_0000);
        // mov ebx, [page + 20h]; mov [page + F0h], ebx
        assertEquals(ExitReason.APIC_WRITE, x.run("8b1c25 20701000 891c25 f0701000"));
        assertEquals(0xf0, x.get(Field.QUALIFICATION));
        assertEquals(0x0700_0000, m.read32(PAGE + 0xf0));
        assertEquals(VmxMachine.GUEST + 14, x.get(Field.GUEST_RIP));
    }

    @Test
    void a_virtual_interrupt_is_delivered_and_its_end_lets_the_next_in() {
        delivery();
        request(0x51);
        m.write32(PAGE + IRR + 0x20, 1L << 0x11 | 1L << 1);
        // the handler: mov [page + B0h], eax (EOI); iretq
        m.code(TestMachine.handler(0x51), "890425 b0701000 48cf");
        m.code(TestMachine.handler(0x41), "f4");
        assertEquals(ExitReason.HLT, x.run("ebfe"));
        assertEquals(TestMachine.handler(0x41), x.get(Field.GUEST_RIP));
        assertEquals(0x41 << 8, x.get(Field.GUEST_INTERRUPT_STATUS));
        assertEquals(2, m.read32(PAGE + ISR + 0x20));
        assertEquals(0, m.read32(PAGE + IRR + 0x20));
        assertEquals(0x40, m.read32(PAGE + 0xa0), "processor priority");
    }

    @Test
    void an_end_of_interrupt_exits_by_bitmap() {
        delivery();
        request(0x51);
        x.set(Field.EOI_EXIT + 2, 1L << 0x11);
        m.code(TestMachine.handler(0x51), "890425 b0701000 90");
        assertEquals(ExitReason.VIRTUALIZED_EOI, x.run("ebfe"));
        assertEquals(0x51, x.get(Field.QUALIFICATION));
        assertEquals(TestMachine.handler(0x51) + 7, x.get(Field.GUEST_RIP));
    }

    @Test
    void task_priority_holds_a_virtual_interrupt_off() {
        delivery();
        request(0x51);
        m.write32(PAGE + 0x80, 0x60);
        m.code(TestMachine.handler(0x51), "f4");
        // xor eax, eax; mov cr8, rax; nop
        assertEquals(ExitReason.HLT, x.run("90 31c0 440f22c0 90 90"));
        assertEquals(VmxMachine.GUEST + 7, m.read64(x.get(Field.GUEST_RSP)));
    }

    @Test
    void a_self_ipi_by_the_icr_stays_in_the_guest_and_others_exit() {
        delivery();
        m.code(TestMachine.handler(0x61), "f4");
        assertEquals(ExitReason.HLT, x.run("c70425 00731000 61000400 ebfe"));
        assertEquals(TestMachine.handler(0x61), x.get(Field.GUEST_RIP));
        again();
        assertEquals(ExitReason.APIC_WRITE, x.run("c70425 00731000 61000800 ebfe"));
        assertEquals(0x300, x.get(Field.QUALIFICATION));
    }

    @Test
    void posted_interrupts_reach_the_guest_without_an_exit() {
        delivery();
        x.add(Field.PIN, Controls.PIN_POSTED);
        x.add(Field.EXIT, Controls.EXIT_ACKNOWLEDGE);
        x.set(Field.POSTED_VECTOR, 0xf2);
        m.code(TestMachine.handler(0x71), "f4");
        x.launch("ebfe");
        m.interpreter.run(5);
        m.write64(VmxMachine.POSTED + 8, 1L << (0x71 - 64));
        m.write32(VmxMachine.POSTED + 32, 1);
        c.apic().postOrKeep(0xf2);
        c.apic().mmioWrite(0xf0, 4, 0x1ff);
        assertEquals(ExitReason.HLT, x.exit());
        assertEquals(TestMachine.handler(0x71), x.get(Field.GUEST_RIP));
        assertEquals(0, m.read64(VmxMachine.POSTED + 8));
        assertEquals(0, m.read32(VmxMachine.POSTED + 32));
        assertEquals(0, c.apic().mmioRead(0x170, 4), "the notification is over");
    }

    @Test
    void x2apic_registers_are_virtualized_by_msr() {
        x.add(Field.PIN, Controls.PIN_EXTERNAL);
        x.add(Field.PROC, Controls.MSR_BITMAPS);
        x.add(Field.PROC2, Controls.X2APIC | Controls.VIRTUAL_INTERRUPTS | Controls.APIC_REGISTERS);
        x.add(Field.GUEST_RFLAGS, Flags.IF);
        m.write32(PAGE + 0x20, 0x77);
        m.code(TestMachine.handler(0x61), "f4");
        // mov ecx, 802h; rdmsr; mov ebx, eax; mov ecx, 83fh; mov eax, 61h; xor edx, edx; wrmsr
        assertEquals(ExitReason.HLT, x.run("b902080000 0f32 89c3 b93f080000 b861000000 31d2 0f30 ebfe"));
        assertEquals(0x77, c.reg(CpuState.RBX));
        assertEquals(TestMachine.handler(0x61), x.get(Field.GUEST_RIP));
    }
}
