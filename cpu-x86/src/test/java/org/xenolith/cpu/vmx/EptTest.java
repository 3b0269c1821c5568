package org.xenolith.cpu.vmx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;

/** Extended page tables: violations, misconfigurations, accessed and dirty flags; and what of translations VPIDs keep. */
final class EptTest {
    private static final long DATA = 0x1e_0000;
    /** Bits of the qualification: the guest's linear address is valid, and what failed is its translation. */
    private static final long LINEAR = 0x80;
    private static final long FINAL = 0x180;

    private final VmxMachine x = new VmxMachine();
    private final TestMachine m = x.m;
    private final Cpu c = x.c;

    @AfterEach
    void close() {
        x.close();
    }

    private void entry(long gpa, long value) {
        m.write64(VmxMachine.eptEntry(gpa), value);
    }

    private void violation(String code, long gpa, long va, long qualification) {
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.EPT_VIOLATION, x.run(code));
        assertEquals(gpa, x.get(Field.GUEST_PHYSICAL));
        assertEquals(va, x.get(Field.GUEST_LINEAR));
        assertEquals(qualification, x.get(Field.QUALIFICATION));
        assertEquals(0, x.get(Field.VECTORING));
    }

    @Test
    void violations_say_what_was_tried_and_what_is_allowed() {
        entry(DATA, 0);
        // mov al, [DATA + 8]; mov [DATA], al
        violation("8a0425 08001e00", DATA + 8, DATA + 8, FINAL | 1);
        violation("880425 00001e00", DATA, DATA, FINAL | 2);
        entry(DATA, DATA | 0x31);
        violation("880425 00001e00", DATA, DATA, FINAL | 2 | 1 << 3);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        m.write8(DATA, 0x77);
        assertEquals(ExitReason.HLT, x.run("8a0425 00001e00 f4"));
        assertEquals(0x77, c.reg(CpuState.RAX) & 0xff);
        // jmp DATA
        c.setReg(CpuState.RAX, DATA);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.EPT_VIOLATION, x.run("ffe0"));
        assertEquals(FINAL | 4 | 1 << 3, x.get(Field.QUALIFICATION));
        assertEquals(DATA, x.get(Field.GUEST_RIP));
    }

    @Test
    void pages_can_be_for_execution_only() {
        entry(DATA, DATA | 0x34);
        m.code(DATA, "f4");
        c.setReg(CpuState.RAX, DATA);
        assertEquals(ExitReason.HLT, x.run("ffe0"));
        violation("8a0425 00001e00", DATA, DATA, FINAL | 1 | 4 << 3);
    }

    @Test
    void a_paging_structure_that_is_not_there_is_a_violation_of_its_own_kind() {
        entry(TestMachine.PAGES + 0x1000, 0);
        x.launch("8a0425 08001e00");
        assertEquals(ExitReason.EPT_VIOLATION, x.exit());
        assertEquals(LINEAR | 3, x.get(Field.QUALIFICATION), "with A and D an access to a structure is a write");
        assertEquals(TestMachine.PAGES + 0x1000, x.get(Field.GUEST_PHYSICAL));
        assertEquals(VmxMachine.GUEST, x.get(Field.GUEST_LINEAR));
        x.set(Field.EPTP, VmxMachine.EPT | 0x1e);
        x.launch();
        assertEquals(ExitReason.EPT_VIOLATION, x.exit());
        assertEquals(LINEAR | 1, x.get(Field.QUALIFICATION));
    }

    @Test
    void accessed_and_dirty_flags_are_set_as_the_guest_goes() {
        entry(DATA, DATA | 0x37);
        assertEquals(ExitReason.HLT, x.run("8a0425 00001e00 f4"));
        assertEquals(DATA | 0x137, m.read64(VmxMachine.eptEntry(DATA)));
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run("880425 00001e00 f4"));
        assertEquals(DATA | 0x337, m.read64(VmxMachine.eptEntry(DATA)));
        assertEquals(0x100, m.read64(VmxMachine.EPT) & 0x300);
        // without the flags nothing is written
        x.set(Field.EPTP, VmxMachine.EPT | 0x1e);
        x.set(Field.VPID, 2);
        entry(DATA, DATA | 0x37);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run("880425 00001e00 f4"));
        assertEquals(DATA | 0x37, m.read64(VmxMachine.eptEntry(DATA)));
    }

    @ParameterizedTest
    @ValueSource(longs = {DATA | 0x36 & ~1L, DATA | 0x17, DATA | 0x3f, 1L << 45 | 0x37})
    void reserved_settings_are_misconfigurations(long value) {
        entry(DATA, value);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.EPT_MISCONFIG, x.run("8a0425 08001e00"));
        assertEquals(DATA + 8, x.get(Field.GUEST_PHYSICAL));
    }

    @Test
    void pae_paging_takes_its_pdptes_from_the_vmcs_and_gives_them_back() {
        x.clear(Field.ENTRY, Controls.ENTRY_GUEST64);
        x.clear(Field.GUEST_EFER, ControlRegisters.EFER_LMA | ControlRegisters.EFER_LME);
        x.set(Field.GUEST_RIGHTS + 2, 0xc09b);
        x.set(Field.GUEST_PDPTE, TestMachine.PAGES + 0x2000 | 1);
        assertEquals(ExitReason.HLT, x.run("a1 00001e00 f4"));
        assertEquals(TestMachine.PAGES + 0x2000 | 1, x.get(Field.GUEST_PDPTE));
        // mov cr3, eax: from memory now
        c.setReg(CpuState.RAX, DATA);
        m.write64(DATA, TestMachine.PAGES + 0x2000 | 1);
        m.write64(DATA + 8, 0x5001);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run("0f22d8 f4"));
        assertEquals(0x5001, x.get(Field.GUEST_PDPTE + 2));
        assertEquals(DATA, x.get(Field.GUEST_CR3));
    }

    @Test
    void translations_of_a_vpid_outlive_an_exit_until_they_are_invalidated() {
        m.write8(DATA, 1);
        m.write8(DATA + 0x1000, 2);
        String read = "8a0425 00001e00 f4";
        assertEquals(ExitReason.HLT, x.run(read));
        long misses = c.mmu().counts().misses();
        // the page moves; what is cached stays, as it may
        entry(DATA, DATA + 0x1000 | 0x37);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run(read));
        assertEquals(1, c.reg(CpuState.RAX) & 0xff);
        assertEquals(misses, c.mmu().counts().misses());
        x.vmx.invept(1, VmxMachine.EPTP, 0);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run(read));
        assertEquals(2, c.reg(CpuState.RAX) & 0xff);
        entry(DATA, DATA | 0x37);
        for (int type = 0; type <= 3; type++) {
            x.vmx.invvpid(type, 1, DATA);
            x.set(Field.GUEST_RIP, VmxMachine.GUEST);
            assertEquals(ExitReason.HLT, x.run(read));
            assertEquals((type & 1) == 0 ? 1 : 2, c.reg(CpuState.RAX) & 0xff, "INVVPID type " + type);
            entry(DATA, (type & 1) == 0 ? DATA + 0x1000 | 0x37 : DATA | 0x37);
        }
    }

    @Test
    void without_a_vpid_an_exit_forgets_the_translations() {
        x.clear(Field.PROC2, Controls.VPID);
        m.write8(DATA + 0x1000, 2);
        String read = "8a0425 00001e00 f4";
        assertEquals(ExitReason.HLT, x.run(read));
        entry(DATA, DATA + 0x1000 | 0x37);
        x.set(Field.GUEST_RIP, VmxMachine.GUEST);
        assertEquals(ExitReason.HLT, x.run(read));
        assertEquals(2, c.reg(CpuState.RAX) & 0xff);
    }

    @Test
    void a_flush_in_the_guest_leaves_the_translations_of_the_host() {
        m.exec("8a0425 00001e00");
        long before = c.mmu().counts().misses();
        c.setReg(CpuState.RAX, c.cr4());
        // mov rax, cr4; xor rax, 80h (PGE); mov cr4, rax; hlt
        assertEquals(ExitReason.HLT, x.run("0f20e0 4835 80000000 0f22e0 f4"));
        c.setRip(TestMachine.CODE);
        m.exec("8a0425 00001e00");
        assertEquals(before, c.mmu().counts().misses());
    }

    @Test
    void a_guest_without_ept_uses_the_hosts_physical_addresses() {
        x.clear(Field.PROC2, Controls.EPT);
        m.write8(DATA, 0x5a);
        assertEquals(ExitReason.HLT, x.run("8a0425 00001e00 f4"));
        assertEquals(0x5a, c.reg(CpuState.RAX) & 0xff);
    }
}
