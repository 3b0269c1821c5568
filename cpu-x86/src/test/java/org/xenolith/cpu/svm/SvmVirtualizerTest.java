package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.api.Test;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.virt.ExitKind;
import org.xenolith.cpu.virt.VirtualizerContract;

/** A hypervisor in Java has a guest's CPU by AMD-V. */
final class SvmVirtualizerTest extends VirtualizerContract {
    SvmVirtualizerTest() {
        super(new TestMachine(true), cpu -> cpu.svm().virtualizer(), "npf", "intr", "vintr");
    }

    @Test
    void an_entry_that_fails_says_why() {
        c.setField(CpuState.CR0, 0x2000_0010);
        assertFalse(v.enter());
        assertEquals("CR0.NW is not set without CR0.CD (APM vol. 2, 15.5.1)", v.failure());
        assertEquals(ExitKind.ENTRY_FAILED, v.kind());
    }
}
