package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;

/** Flat 32-bit code as host code: each program in both tiers, from the same state to the same state. */
final class NativeTier32Test {
    private static final int DATA = 0x60_0000;
    private static final long TOO_LONG = 200_000;
    /** Instructions in the interpreter because of the mode: none where all is flat. */
    private static final String MODE = "(mode)";

    private final TestMachine reference = new TestMachine();
    private final TestMachine m = new TestMachine();
    private Translations translations;
    private NativeTier tier;

    @BeforeEach
    void machines() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        each(machine -> machine.protected32(0));
        translations = new Translations(4 << 20);
        tier = new NativeTier(m.cpu, new CodeCache(m.memory), InstructionSet.create(), translations);
    }

    @AfterEach
    void close() {
        if (tier != null) {
            tier.close();
            translations.close();
        }
        reference.close();
        m.close();
    }

    private void each(Consumer<TestMachine> change) {
        change.accept(reference);
        change.accept(m);
    }

    private void code(String hex) {
        each(machine -> {
            machine.code(TestMachine.CODE, hex);
            for (int vector = 0; vector < 32; vector++) {
                machine.write8(TestMachine.handler(vector), 0xf4);
            }
            machine.cpu.setActivity(Cpu.Activity.RUNNING);
        });
    }

    /** Runs both to the handler's HLT, in steps of {@code budget}, and compares what a guest could see. */
    private void same(long budget) {
        run(reference.interpreter, reference.cpu, budget);
        run(tier, m.cpu, budget);
        assertEquals(reference.cpu.retired(), m.cpu.retired(), "instructions");
        assertEquals(reference.cpu.rip(), m.cpu.rip(), "RIP");
        assertEquals(0, (m.cpu.rip() - 1 - TestMachine.HANDLERS) % 16, "in a handler");
        for (int r = 0; r < 16; r++) {
            assertEquals(reference.cpu.reg(r), m.cpu.reg(r), "register " + r);
            for (int lane = 0; lane < 4; lane++) {
                assertEquals(reference.cpu.ymm(r, lane), m.cpu.ymm(r, lane), "ymm" + r);
            }
        }
        assertEquals(reference.cpu.rflags(), m.cpu.rflags());
        assertEquals(reference.cpu.field(CpuState.CR2), m.cpu.field(CpuState.CR2));
        for (int at = TestMachine.STACK0 - 0x1000; at < TestMachine.STACK0 + 0x4000; at += 8) {
            assertEquals(reference.read64(at), m.read64(at), Integer.toHexString(at));
        }
        for (int k = 0; k < 512; k++) {
            assertEquals(reference.read64(DATA + 8L * k), m.read64(DATA + 8L * k), "data + " + 8 * k);
        }
    }

    private static void run(Interpreter tier, Cpu cpu, long budget) {
        while (cpu.activity() == Cpu.Activity.RUNNING) {
            tier.run(budget);
            assertTrue(cpu.retired() < TOO_LONG, "still running");
        }
    }

    private void hostCodeRan() {
        assertTrue(tier.counts().entries() > 0, "host code ran");
        assertEquals(null, tier.counts().interpretedByMnemonic().get(MODE), "left to the interpreter for its mode");
    }

    private int vector() {
        return (int) (m.cpu.rip() - 1 - TestMachine.HANDLERS) / 16;
    }

    @ParameterizedTest
    @CsvSource({"protected, 0", "protected, 1", "protected, 3", "compatibility, 0", "compatibility, 3"})
    void a_loop_with_calls_and_the_stack_runs_in_every_ring(String kind, int cpl) {
        each(machine -> {
            if (kind.equals("protected")) {
                machine.protected32(cpl);
            } else {
                machine.compatibility(cpl);
            }
        });
        // mov ecx, 50; xor eax, eax; again: push ecx; call f; pop edx; loop again; ud2;
        // f: enter by push ebp; mov ebp, esp; add eax, [ebp + 8]; inc eax; dec esi; leave; ret
        code("b932000000 31c0 51 e805000000 5a e2f7 0f0b 90 55 89e5 034508 40 4e c9 c3");
        same(1000);
        assertEquals(50 * 51 / 2 + 50, m.cpu.reg(CpuState.RAX));
        hostCodeRan();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // inc and dec of each kind of register, 16 bits too; 82h, with AH as well
        "b8ffffff7f 40 41 42 43 45 46 47 4d 6640 664f", "80c0ff 82c07f 82d480 82fc01",
        // lea with every form of address; 16-bit result
        "8d843a78563412 8d0dffffffff 668d14fd11111111 8d04e5ffffff7f",
        // mov moffs both ways
        "b85a5aa5a5 a300006000 31c0 a004006000 a100006000 66a302006000",
        // push and pop of memory, immediates and ESP
        "6aff 6878563412 ff3424 54 5c 5b 58",
        // jecxz taken and not; loop counting down through 0
        "31c9 e302 0f0b 41 e302 eb02 0f0b b903000000 e2fe",
        // indirect calls and jumps, through memory too
        "b814000100 ffe0 0f0b 0f0b 0f0b 0f0b 0f0b 6620c0 c70500006000 24000100 ff2500006000",
        // rep movs and stos, count 0, single ones, 16 bits
        "be00000100 bf00006000 b940000000 f3a4 b905000000 f3a5 b903000000 b8efbeadde f3ab 31c9 f3aa a4 66a5 aa",
        // bt, bts, btr and btc with a bit number in a register, near and far
        "b8ff070000 bb00006000 0fab03 0fb303 0fbb03 0fa3830001 0000 0fab0500006000 b8ffffffff 0fab4304",
        // pushf; lahf; sahf; cld; setcc and cmovcc
        "f9 9c 9f 9e fc 0f92c1 0f42c3 58",
        // andn with VEX.W set: 32 bits all the same
        "b8f0f0f0f0 bbff00ff00 c4e2f8f2cb",
        // xchg, bswap, movzx and movsx, imul, mul, div, shifts
        "b8d2040000 0fc8 93 0fb6c4 0fbef3 6bc007 f7e3 31d2 f7f6 d3e3 c1e803 0fa4c305",
        // address arithmetic that wraps at 4 GiB: [ebx + ecx * 8 + 8000_0000h] is 600000h
        "bb00006080 31c9 8b8400000000 80 ba00006080 89940b00000080 ff843300000080"})
    void what_differs_from_64_bit_code_comes_out_the_same(String program) {
        each(machine -> machine.cpu.setReg(CpuState.RSI, 0));
        code(program + " 0f0b");
        same(1000);
        hostCodeRan();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 7, 37})
    void a_program_stops_at_any_count(long budget) {
        // mov edi, 600ff0h; mov ecx, 100; rep stosd; mov ecx, 9; l: add [edi - 4], ecx; adc eax, [edi - 8]; dec ecx; jnz l
        code("bff00f6000 b964000000 f3ab b909000000 014ffc 1347f8 49 75f7 0f0b");
        same(budget);
    }

    @ParameterizedTest
    @CsvSource({"1, protected", "3, protected", "29, protected", "1000, protected", "5, long", "1000, long"})
    void scans_and_comparisons_of_strings_end_where_they_should(long budget, String kind) {
        each(machine -> {
            if (kind.equals("long")) {
                machine.long64(0);
            }
        });
        // repne scasb for f2h, repe cmpsb of the code with itself, repe cmpsd that differs, repne scasd with a count of 0,
        // lods, scas and cmps of each size, repe scasb; pushf after each
        code("bf00000100 b0f2 b940000000 f2ae 9c be00000100 bf00000100 b910000000 f3a6 9c"
                + " be00000100 bf01000100 b910000000 f3a7 9c 31c9 f2af 9c ac 66ad ad ae 66af af a6 66a7 a7 9c"
                + " 31c0 bf00006000 b9ff3f0000 f3ae 9c fd ac ae a6 fc 0f0b");
        same(budget);
        if (budget == 1000) {
            hostCodeRan();
        }
    }

    @Test
    void upper_halves_left_by_64_bit_code_are_cut_from_addresses_and_kept_in_registers() {
        each(machine -> {
            machine.compatibility(3);
            for (int r = 0; r < 8; r++) {
                machine.cpu.setReg(r, machine.cpu.reg(r) & 0xffff_ffffL | 0x1234_5678L << 32);
            }
            machine.cpu.setReg(CpuState.RBX, 0xabcd_0000_0060_0000L);
            machine.cpu.setReg(CpuState.RCX, 0xffff_0000_0000_0000L);
            machine.cpu.setReg(CpuState.RDI, 0xffff_0000_0060_0100L);
        });
        // rep stosb with ECX = 0; mov [ebx], eax; mov al, [ebx + ecx]; mov cl, 4; rep stosd; push ebx; mov bl, 1; pop edx
        code("f3aa 8903 8a040b b104 f3ab 53 b301 5a 0f0b");
        same(1000);
        assertEquals(0xabcd_0000_0060_0001L, m.cpu.reg(CpuState.RBX));
        hostCodeRan();
    }

    @Test
    void fs_and_gs_have_bases_that_wrap() {
        each(machine -> {
            machine.cpu.setSegment(CpuState.FS, TestMachine.DATA, DATA, 0xffff_ffffL, TestMachine.ATTR_DATA32);
            machine.cpu.setSegment(CpuState.GS, TestMachine.DATA, 0xffff_fff0L, 0xffff_ffffL, TestMachine.ATTR_DATA32);
        });
        // mov dword fs:[8], 77h; mov eax, fs:[8]; mov ebx, 600018h; add gs:[ebx], eax; mov ecx, gs:[600018h]
        code("64c7050800000077000000 64a108000000 bb18006000 650103 658b0d18006000 0f0b");
        same(1000);
        assertEquals(0xee, m.cpu.reg(CpuState.RCX));
        hostCodeRan();
    }

    @Test
    void fs_without_a_segment_or_with_a_limit_faults() {
        // mov eax, fs:[8]
        code("64a108000000 0f0b");
        same(1000);
        assertEquals(13, vector());
        each(machine -> {
            machine.protected32(0);
            machine.cpu.setSegment(CpuState.FS, TestMachine.DATA, DATA, 10, TestMachine.ATTR_DATA32);
        });
        code("64a106000000 64a107000000 64a108000000 0f0b");
        same(1000);
        assertEquals(13, vector());
        assertEquals(TestMachine.CODE + 12, m.read32(m.cpu.reg(CpuState.RSP) + 4));
    }

    @ParameterizedTest
    @ValueSource(ints = {CpuState.ES, CpuState.SS, CpuState.DS})
    void a_segment_that_is_not_flat_is_the_interpreters(int segment) {
        each(machine -> machine.cpu.setSegment(segment, TestMachine.DATA, 0x1000, 0xffff_ffffL,
                TestMachine.ATTR_DATA32));
        // mov ecx, 5; mov edi, 600000h; rep stosd; push edi; mov [edi], edi
        code("b905000000 bf00006000 f3ab 57 893f 0f0b");
        same(1000);
        assertTrue(tier.counts().interpretedByMnemonic().get(MODE) >= 9,
                () -> tier.counts().interpretedByMnemonic().toString());
    }

    @Test
    void a_load_of_a_segment_register_ends_the_translation() {
        each(machine -> machine.gdt(TestMachine.FREE,
                TestMachine.descriptor(0x100, 0xfffff, TestMachine.ATTR_DATA32)));
        // mov eax, 1; mov [600000h], eax; mov ecx, 0a0h; mov ds, ecx; mov [600000h], eax; mov ecx, 10h; mov ds, ecx;
        // inc eax; mov [600004h], eax
        code("b801000000 a300006000 b9a0000000 8ed9 a300006000 b910000000 8ed9 40 a304006000 0f0b");
        same(1000);
        assertEquals(1, m.read32(DATA + 0x100));
        assertEquals(2, m.read32(DATA + 4));
    }

    @Test
    void a_read_only_data_segment_faults_on_a_write() {
        each(machine -> machine.cpu.setSegment(CpuState.DS, TestMachine.DATA, 0, 0xffff_ffffL,
                TestMachine.ATTR_DATA32 & ~2));
        code("a100006000 a300006000 0f0b");
        same(1000);
        assertEquals(13, vector());
    }

    @Test
    void a_null_data_segment_faults() {
        each(machine -> machine.cpu.setSegment(CpuState.ES, 0, 0, 0xffff_ffffL,
                Segmentation.UNUSABLE | TestMachine.ATTR_DATA32));
        code("bf00006000 aa 0f0b");
        same(1000);
        assertEquals(13, vector());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // mov eax, [ffff_fffeh]: wraps, so beyond the limit; mov [ffff_fffdh], eax
        "a1feffffff", "a3fdffffff",
        // jmp to the last byte of the address space, and over its end
        "e9fafffefffff", "b8ffffffff ffe0",
        // push at the top: ESP = 2
        "bc02000000 50",
        // iret, int 5, sysenter, syscall in protected mode, lds: the interpreter's
        "cd05", "0f05", "c500", "c400", "cf", "0f34",
        // jump with a 16-bit target; call with one
        "66e90000", "66e80000", "66c3"})
    void what_would_leave_4_GiB_or_the_mode_faults_or_goes_on_the_same(String program) {
        String padded = program.replace(" ", "");
        code((padded.length() % 2 == 0 ? padded : padded + "0") + " 0f0b");
        each(machine -> machine.write16(0, 0x0b0f));
        same(1000);
    }

    @Test
    void vzeroall_leaves_the_registers_that_32_bit_code_does_not_know() {
        each(machine -> {
            machine.cpu.setField(CpuState.CR4, 0x4_0600);
            machine.cpu.setField(CpuState.XCR0, 7);
            machine.cpu.setYmm(9, 3, 5);
            machine.cpu.setYmm(2, 3, 5);
            machine.cpu.updateMode();
        });
        code("c5fc77 c5f877 0f0b");
        same(1000);
        assertEquals(5, m.cpu.ymm(9, 3));
    }

    @Test
    void a_rewritten_loop_runs_what_it_wrote() {
        // mov ecx, 5; loop: add eax, 1 (immediate is rewritten); inc byte [loop + 2]; dec ecx; jnz loop
        code("b905000000 83c001 fe0507000100 49 75f4 0f0b");
        same(1000);
        assertEquals(15, m.cpu.reg(CpuState.RAX));
    }
}
