package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.virt.ExitKind;
import org.xenolith.cpu.virt.VirtualizerContract;

/** A hypervisor in Java has a guest's CPU by VT-x. */
final class VmxVirtualizerTest extends VirtualizerContract {
    VmxVirtualizerTest() {
        super(new TestMachine(), cpu -> cpu.vmx().virtualizer(), "ept_violation", "external_interrupt",
                "interrupt_window");
    }

    @Test
    void the_guest_has_its_own_ne_and_vmxe() {
        m.code(RAM + 0xffff0, "ea00100000");
        // mov eax, cr0; mov ebx, eax; xor al, 20h; mov cr0, eax; mov ecx, cr0; mov edx, cr4; hlt
        m.code(RAM + 0x1000, "0f20c0 6689c3 3420 0f22c0 0f20c1 0f20e2 f4");
        run();
        assertEquals(List.of("hlt"), exits);
        assertEquals(0x6000_0010, c.reg(CpuState.RBX));
        assertEquals(0x6000_0030, c.reg(CpuState.RCX));
        assertEquals(0, c.reg(CpuState.RDX));
    }

    @Test
    void an_entry_that_fails_says_why() {
        c.setField(CpuState.GDTR_BASE, 1L << 60);
        assertFalse(v.enter());
        assertEquals("the GDTR base is canonical (SDM vol. 3, 27.3.1.3)", v.failure());
        assertEquals(ExitKind.ENTRY_FAILED, v.kind());
    }
}
