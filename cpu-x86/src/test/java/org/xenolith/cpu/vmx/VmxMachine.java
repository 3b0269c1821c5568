package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;

/**
 * A {@link TestMachine} in 64-bit VMX root operation with a current VMCS whose guest is as the host: 64-bit code at {@link #GUEST} under
 * the same page tables, and an EPT that maps 8 MiB as they are.
 */
final class VmxMachine implements AutoCloseable {
    static final long VMXON = 0x10_0000;
    static final long VMCS = 0x10_1000;
    static final long MSR_BITMAP = 0x10_2000;
    static final long IO_BITMAP = 0x10_3000;
    static final long VIRTUAL_APIC = 0x10_6000;
    static final long APIC_ACCESS = 0x10_7000;
    static final long POSTED = 0x10_8000;
    static final long AREA = 0x10_9000;
    static final long EPT = 0x11_0000;
    static final long EPTP = EPT | 0x5e;
    /** Where the guest runs, and the host after an exit. */
    static final long GUEST = 0x12_0000;
    static final long HOST = 0x13_0000;
    static final long GUEST_STACK = 0x14_0000;

    final TestMachine m = new TestMachine();
    final Cpu c = m.cpu;
    final Vmx vmx = c.vmx();
    final Vmcs v = vmx.vmcs();

    VmxMachine() {
        m.long64(0);
        c.setField(CpuState.CR0, c.cr0() | ControlRegisters.CR0_NE);
        c.setField(CpuState.CR4, c.cr4() | ControlRegisters.CR4_VMXE);
        c.updateMode();
        vmx.setFeatureControl(5);
        m.write32(VMXON, Vmcs.REVISION);
        m.write32(VMCS, Vmcs.REVISION);
        vmx.beforeVmxon();
        vmx.vmxon(VMXON);
        vmx.vmclear(VMCS);
        vmx.vmptrld(VMCS);
        assertEquals(0, c.arithmeticFlags());
        ept();
        controls();
        host();
        guest();
    }

    private void ept() {
        m.write64(EPT, EPT + 0x1000 | 7);
        m.write64(EPT + 0x1000, EPT + 0x2000 | 7);
        for (int i = 0; i < 4; i++) {
            m.write64(EPT + 0x2000 + 8 * i, (long) i << 21 | 0xb7);
        }
        // the first 2 MiB in pages of 4 KiB, so that a test can take one away
        m.write64(EPT + 0x2000, EPT + 0x3000 | 7);
        for (int i = 0; i < 512; i++) {
            m.write64(EPT + 0x3000 + 8 * i, (long) i << 12 | 0x37);
        }
    }

    /** The entry of a page below 2 MiB. */
    static long eptEntry(long gpa) {
        return EPT + 0x3000 + (gpa >>> 12) * 8;
    }

    private void controls() {
        set(Field.PIN, Capabilities.PIN_MUST);
        set(Field.PROC, Capabilities.PROC_MUST | Controls.SECONDARY | Controls.HLT);
        set(Field.PROC2, Controls.EPT | Controls.VPID | Controls.RDTSCP | Controls.INVPCID | Controls.XSAVES);
        set(Field.EXIT,
                Capabilities.EXIT_MUST | Controls.EXIT_HOST64 | Controls.EXIT_SAVE_EFER | Controls.EXIT_LOAD_EFER);
        set(Field.ENTRY, Capabilities.ENTRY_MUST | Controls.ENTRY_GUEST64 | Controls.ENTRY_LOAD_EFER);
        set(Field.VPID, 1);
        set(Field.EPTP, EPTP);
        set(Field.LINK, -1);
        set(Field.IO_BITMAP_A, IO_BITMAP);
        set(Field.IO_BITMAP_B, IO_BITMAP + 0x1000);
        set(Field.MSR_BITMAP, MSR_BITMAP);
        set(Field.VIRTUAL_APIC, VIRTUAL_APIC);
        set(Field.APIC_ACCESS, APIC_ACCESS);
        set(Field.POSTED_DESCRIPTOR, POSTED);
    }

    private void host() {
        set(Field.HOST_CR0, c.cr0());
        set(Field.HOST_CR3, c.field(CpuState.CR3));
        set(Field.HOST_CR4, c.cr4());
        set(Field.HOST_EFER, c.efer());
        set(Field.HOST_SELECTOR + 2, TestMachine.CODE64);
        set(Field.HOST_SELECTOR + 4, TestMachine.DATA);
        set(Field.HOST_TR_SELECTOR, TestMachine.TSS_SELECTOR);
        set(Field.HOST_TR_BASE, TestMachine.TSS);
        set(Field.HOST_GDTR_BASE, TestMachine.GDT);
        set(Field.HOST_IDTR_BASE, TestMachine.IDT);
        set(Field.HOST_RSP, TestMachine.STACK0);
        set(Field.HOST_RIP, HOST);
        m.write8(HOST, 0xf4);
    }

    private void guest() {
        set(Field.GUEST_CR0, c.cr0());
        set(Field.GUEST_CR3, c.field(CpuState.CR3));
        set(Field.GUEST_CR4, c.cr4());
        set(Field.GUEST_EFER, c.efer());
        for (int seg = 0; seg < 8; seg++) {
            set(Field.GUEST_SELECTOR + 2 * seg, c.selector(seg));
            set(Field.GUEST_BASE + 2 * seg, c.segmentBase(seg));
            set(Field.GUEST_LIMIT + 2 * seg, c.segmentLimit(seg));
            set(Field.GUEST_RIGHTS + 2 * seg, c.segmentAttributes(seg));
        }
        set(Field.GUEST_GDTR_BASE, TestMachine.GDT);
        set(Field.GUEST_GDTR_LIMIT, 0x1ff);
        set(Field.GUEST_IDTR_BASE, TestMachine.IDT);
        set(Field.GUEST_IDTR_LIMIT, 0xfff);
        set(Field.GUEST_RSP, GUEST_STACK);
        set(Field.GUEST_RIP, GUEST);
        set(Field.GUEST_RFLAGS, Flags.FIXED);
        set(Field.GUEST_DR7, 0x400);
    }

    void set(int field, long value) {
        vmx.vmwrite(field, value);
        assertEquals(0, c.arithmeticFlags() & (Flags.CF | Flags.ZF), () -> "VMWRITE " + Integer.toHexString(field));
    }

    void add(int field, long bits) {
        set(field, v.get(field) | bits);
    }

    void clear(int field, long bits) {
        set(field, v.get(field) & ~bits);
    }

    long get(int field) {
        return v.get(field);
    }

    /** Enters the guest with code at its RIP. */
    void launch(String hex) {
        m.code(v.get(Field.GUEST_RIP), hex);
        launch();
    }

    void launch() {
        vmx.enter(v.launched());
        assertNull(vmx.failure());
        assertNotNull(c.guestMode(), () -> "error " + get(Field.INSTRUCTION_ERROR));
    }

    /** Runs until the next exit. */
    ExitReason exit() {
        for (int n = 0; c.guestMode() != null; n++) {
            if (n > 1000 || m.interpreter.run(1) == 0) {
                throw new AssertionError(
                        "no exit; RIP " + Long.toHexString(c.rip()) + " " + c.activity() + " vector " + m.vector());
            }
        }
        return ExitReason.of((int) get(Field.EXIT_REASON) & 0xffff);
    }

    /** Enters the guest with code and runs until it exits. */
    ExitReason run(String hex) {
        launch(hex);
        return exit();
    }

    /** Moves the guest's RIP behind the instruction that exited. */
    void skip() {
        set(Field.GUEST_RIP, get(Field.GUEST_RIP) + get(Field.EXIT_LENGTH));
    }

    @Override
    public void close() {
        m.close();
    }
}
