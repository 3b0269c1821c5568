package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;

/** Lockstep: equal blocks pass with the interpreter's results, a spoiled instruction is found and named. */
final class LockstepTierTest {
    /** mov ecx, 5; mov rbx, 600000h; loop: add [rbx], rcx; add rbx, 8; dec ecx; jnz loop; ud2. */
    private static final String SUM = "b905000000 48c7c300006000 48010b 4883c308 ffc9 75f5 0f0b";
    private static final int DATA = 0x60_0000;

    private final TestMachine m = new TestMachine();
    private final Cpu c = m.cpu;
    private final InstructionTable table = InstructionSet.create();
    private Translations translations;
    private LockstepTier tier;

    @BeforeEach
    void machine() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        translations = new Translations(8 << 20);
        m.long64(0);
    }

    @AfterEach
    void close() {
        if (tier != null) {
            tier.close();
        }
        if (translations != null) {
            translations.close();
        }
        m.close();
    }

    private void start(long faultAt, String code) {
        tier = new LockstepTier(c, new CodeCache(m.memory), table, translations, faultAt);
        m.code(TestMachine.CODE, code);
    }

    /** Runs to the handler of an exception. */
    private long runToHandler(int vector) {
        while (m.vector() != vector) {
            assertTrue(tier.run(1000) > 0);
            assertTrue(c.retired() < 100_000, () -> "at " + Long.toHexString(c.rip()));
        }
        return c.retired();
    }

    @Test
    void a_loop_over_memory_is_compared_and_leaves_what_the_interpreter_leaves() {
        start(LockstepTier.NO_FAULT, SUM);
        m.write8(TestMachine.handler(6), 0xf4);
        c.setActivity(Cpu.Activity.RUNNING);
        tier.run(23);
        assertEquals(6, m.vector(), "#UD after 22 instructions and its delivery");
        assertEquals(23, c.retired());
        assertEquals(22, tier.compared());
        for (int i = 0; i < 5; i++) {
            assertEquals(5 - i, m.read64(DATA + 8 * i));
        }
        assertEquals(DATA + 40, c.reg(CpuState.RBX));
    }

    @Test
    void a_spoiled_instruction_is_found_and_named_with_both_states_and_both_codes() {
        start(1, "90 eb00 " + SUM);
        LockstepDifference d = assertThrows(LockstepDifference.class, () -> tier.run(100));
        assertTrue(d.getMessage().contains("differ") && d.getMessage().contains("mov ecx,0x5"), d.getMessage());
        String report = d.report();
        assertTrue(report.contains("rax") && report.contains("0000000000000001"), report);
        assertTrue(report.contains("lea    rax,[rax+0x1]") && report.contains("add    QWORD PTR [rbx],rcx"), report);
    }

    @Test
    void a_fault_that_its_own_block_hides_is_put_into_the_next() {
        // mov ecx, 1; xor eax, eax; jmp next; next: mov edx, 3; ud2
        start(0, "b901000000 31c0 eb00 ba03000000 0f0b");
        LockstepDifference d = assertThrows(LockstepDifference.class, () -> tier.run(100));
        assertTrue(d.getMessage().contains("mov edx,0x3"), d.getMessage());
    }

    @Test
    void writes_before_a_page_fault_in_the_same_block_are_made_once() {
        // inc qword [600000h]; mov [1000000h], al: not mapped
        start(LockstepTier.NO_FAULT, "48ff042500006000 880425 00000001");
        assertEquals(2, runToHandler(14));
        assertEquals(1, m.read64(DATA));
        assertEquals(0x100_0000, c.field(CpuState.CR2));
        assertEquals(1, tier.compared());
        assertEquals(TestMachine.CODE + 8, m.read64(c.reg(CpuState.RSP) + 8), "RIP in the frame");
    }

    @Test
    void an_iteration_of_a_string_instruction_that_faults_ends_the_comparison_before_it() {
        // rep stosq that runs into a page that is not mapped
        start(LockstepTier.NO_FAULT, "f348ab");
        c.setReg(CpuState.RAX, 0x1122_3344_5566_7788L);
        c.setReg(CpuState.RCX, 1000);
        c.setReg(CpuState.RDI, 0x80_0000 - 64);
        assertEquals(9, runToHandler(14));
        assertEquals(992, c.reg(CpuState.RCX));
        assertEquals(0x1122_3344_5566_7788L, m.read64(0x80_0000 - 8));
        assertEquals(8, tier.compared());
    }

    @Test
    void code_that_writes_into_its_own_page_is_left_to_the_interpreter_there() {
        // mov byte [rip + 1], 7; mov al, 1 (becomes 7); ud2
        start(LockstepTier.NO_FAULT, "c6050100000007 b001 0f0b");
        runToHandler(6);
        assertEquals(7, c.reg(CpuState.RAX) & 0xff);
    }

    @Test
    void a_page_table_entry_that_is_written_and_used_in_one_block_gets_its_accessed_bit() {
        int pde = TestMachine.PAGES + 0x2000 + 8 * 4;
        // mov qword [pde], 400087h (2 MiB at 800000h, not yet accessed); mov rax, [800000h]; ud2
        start(LockstepTier.NO_FAULT, "48c70425" + little(pde) + "87004000" + "488b0425" + little(0x80_0000) + "0f0b");
        m.write64(0x40_0000, 99);
        assertEquals(3, runToHandler(6));
        assertEquals(99, c.reg(CpuState.RAX));
        assertEquals(0x40_00a7, m.read64(pde));
    }

    @Test
    void a_copy_between_two_addresses_that_take_each_others_tlb_entry_is_no_difference() {
        // 256 MiB above, so that both have the same place in the TLB: the same page once more
        m.write64(TestMachine.PAGES + 0x2000 + 8 * (0x1060_0000 >> 21), DATA | 0x87);
        for (int i = 0; i < 8; i++) {
            m.write64(DATA + 8 * i, 0x0101_0101_0101_0101L * i);
        }
        // rep movsd; ud2
        start(LockstepTier.NO_FAULT, "f3a5 0f0b");
        c.setReg(CpuState.RCX, 16);
        c.setReg(CpuState.RSI, 0x1060_0000);
        c.setReg(CpuState.RDI, DATA + 0x100);
        assertEquals(17, runToHandler(6));
        for (int i = 0; i < 8; i++) {
            assertEquals(0x0101_0101_0101_0101L * i, m.read64(DATA + 0x100 + 8 * i));
        }
    }

    private static String little(int v) {
        return String.format("%08x", Integer.reverseBytes(v));
    }

    @Test
    void the_trace_shows_guest_code_beside_its_host_code() {
        start(LockstepTier.NO_FAULT, SUM);
        List<String> blocks = new ArrayList<>();
        translations.trace(table, blocks::add);
        runToHandler(6);
        assertTrue(blocks.size() >= 2, () -> "" + blocks);
        assertTrue(blocks.getFirst().startsWith("block 0000000000010000, 64-bit"), blocks.getFirst());
        int guest = blocks.getFirst().indexOf("mov    ecx,0x5");
        assertTrue(guest > 0 && blocks.getFirst().indexOf("mov    r10d,0x5") > guest, blocks.getFirst());
    }
}
