package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;

/** What could go wrong when guest code runs on the host: each program in both tiers, from the same state to the same state. */
final class NativeTierTest {
    private static final int DATA = 0x60_0000;
    private static final long TOO_LONG = 200_000;

    private TestMachine reference = new TestMachine();
    private TestMachine m = new TestMachine();
    private Translations translations;
    private NativeTier tier;

    @BeforeEach
    void machines() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        reference.long64(0);
        m.long64(0);
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

    private void code(String hex) {
        for (TestMachine each : new TestMachine[]{reference, m}) {
            each.code(TestMachine.CODE, hex);
            for (int vector = 0; vector < 32; vector++) {
                each.write8(TestMachine.handler(vector), 0xf4);
            }
            each.cpu.setActivity(Cpu.Activity.RUNNING);
        }
    }

    /** Runs both to the handler's HLT, in steps of {@code budget}, and compares what a guest could see. */
    private void same(long budget) {
        run(reference.interpreter, reference.cpu, budget);
        run(tier, m.cpu, budget);
        assertEquals(reference.cpu.retired(), m.cpu.retired(), "instructions");
        assertEquals(vector(reference), vector(m), "vector");
        for (int r = 0; r < 16; r++) {
            assertEquals(reference.cpu.reg(r), m.cpu.reg(r), "register " + r);
            assertEquals(reference.cpu.ymm(r, 0), m.cpu.ymm(r, 0), "xmm" + r);
        }
        assertEquals(reference.cpu.rflags(), m.cpu.rflags());
        assertEquals(reference.cpu.field32(CpuState.MXCSR), m.cpu.field32(CpuState.MXCSR));
        assertEquals(reference.cpu.field(CpuState.CR2), m.cpu.field(CpuState.CR2));
        long sp = m.cpu.reg(CpuState.RSP);
        for (int k = 0; k < 8; k++) {
            assertEquals(reference.read64(sp + 8L * k), m.read64(sp + 8L * k), "frame + " + 8 * k);
        }
        for (int k = 0; k < 512; k++) {
            assertEquals(reference.read64(DATA + 8L * k), m.read64(DATA + 8L * k), "data + " + 8 * k);
        }
    }

    /** The vector whose handler has executed its HLT, or -1 after a triple fault. */
    private static int vector(TestMachine machine) {
        if (machine.cpu.activity() == Cpu.Activity.SHUTDOWN) {
            return -1;
        }
        long place = machine.cpu.rip() - 1 - TestMachine.HANDLERS;
        assertEquals(0, place % 16, "in a handler");
        return (int) (place / 16);
    }

    private static void run(Interpreter tier, Cpu cpu, long budget) {
        while (cpu.activity() == Cpu.Activity.RUNNING) {
            tier.run(budget);
            assertTrue(cpu.retired() < TOO_LONG, "still running");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 7, 1000})
    void a_loop_stops_at_any_count(long budget) {
        // mov ecx, 9; mov rbx, 600000h; loop: add [rbx], rcx; adc r9, [rbx]; add rbx, 8; dec ecx; jnz loop; ud2
        code("b909000000 48c7c300006000 48010b 4c130b 4883c308 ffc9 75f2 0f0b");
        same(budget);
        assertTrue(budget < 7 || tier.counts().entries() > 0, "host code ran");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // div rbx with rbx = 0; with a quotient that does not fit; idiv ebx of 8000_0000h by -1
        "31db 48f7f3", "bb01000000 ba02000000 48f7f3", "b800000080 99 bbffffffff f7fb",
        // movaps xmm0, [600001h]: not aligned
        "0f28042501006000",
        // ret, jmp rax and call rax to c000_0000_0000_0000h and other targets that are not canonical
        "48b800000000000000c0 50 c3", "48b800000000000000c0 ffe0", "48b800000000000000c0 ffd0",
        "48b80000000000008000 ffe0",
        // mov [ffff_ffff_ffff_ffffh], eax; push to the top of the address space
        "a3ffffffffffffffff", "48c7c404000000 50",
        // std; rep movsb downwards; the direction stays the guest's
        "fd 48c7c620006000 48c7c740006000 b910000000 f3a4",
        // popf with DF, NT, AC and all arithmetic flags, then arithmetic
        "6668d547 669d b805000000 83c0fb"})
    void what_would_harm_the_host_faults_in_the_guest(String program) {
        code(program + " 0f0b");
        same(1000);
    }

    @Test
    void unmasked_sse_exceptions_are_the_interpreters() {
        // push 0; ldmxcsr [rsp]; xorps xmm0, xmm0; movaps xmm1, xmm0; divps xmm1, xmm0
        m.cpu.setField(CpuState.CR4, m.cpu.cr4() | 0x600);
        reference.cpu.setField(CpuState.CR4, reference.cpu.cr4() | 0x600);
        m.cpu.updateMode();
        reference.cpu.updateMode();
        code("6a00 0fae1424 0f57c0 0f28c8 0f5ec8 0f0b");
        same(1000);
        assertEquals(19, vector(m));
    }

    @Test
    void code_that_writes_the_next_instruction_takes_effect_at_once() {
        // mov byte [rip + 1], 7: the immediate of the MOV behind it; mov eax, 1; ud2
        code("c6050100000007 b801000000 0f0b");
        same(1000);
        assertEquals(7, m.cpu.reg(CpuState.RAX));
    }

    @Test
    void a_loop_that_rewrites_itself_runs_what_it_wrote() {
        // mov ecx, 5; loop: add eax, 1 (immediate is rewritten); inc byte [rip - 7], that immediate; dec ecx; jnz loop; ud2
        code("b905000000 83c001 fe05f9ffffff ffc9 75f3 0f0b");
        same(1000);
        assertEquals(15, m.cpu.reg(CpuState.RAX));
    }

    @Test
    void operands_that_share_an_entry_of_the_tlb_do_not_miss_for_ever() {
        // movsq from an address 16384 pages away from the destination's entry: the same slot, not mapped there
        code("48c7c600006000 48c7c700006000 48a5 48c7c600006000 48bf0000600000000000 f348a5 0f0b");
        same(1000);
    }

    @Test
    void undefined_flags_are_zero_in_the_frame_of_a_fault() {
        // mov eax, 7fff_ffffh; imul eax, eax; shl eax, 3; mov [1000000h], al: page fault
        code("b8ffffff7f 0fafc0 c1e003 880425 00000001");
        same(1000);
        assertEquals(14, vector(m));
        assertEquals(0, m.read64(m.cpu.reg(CpuState.RSP) + 24) & (Flags.AF | Flags.OF));
    }

    @Test
    void a_string_instruction_stops_in_the_middle_at_the_budget() {
        // mov rdi, 600000h; mov ecx, 100; mov al, 5ah; rep stosb; ud2
        code("48c7c700006000 b964000000 b05a f3aa 0f0b");
        same(37);
    }

    @Test
    void code_that_is_dropped_again_and_again_is_translated_again() {
        // loop: mov byte [rip + 2], 90h: the NOP below; inc eax; nop; cmp eax, 2000; jne loop; ud2
        code("c6050200000090 ffc0 90 3dd0070000 75ef 0f0b");
        same(100_000);
        assertTrue(translations.dropped() > 1000, () -> "dropped " + translations.dropped());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // mov rbx, 600000h; mov ecx, 400; loop: mov [rbx], rcx; mov rdx, [rbx + 8]; mov [rbx + 16], rdx; add rbx, 24; push rcx; push rdx;
        // pop rdx; pop rcx; dec ecx; jnz loop
        "48c7c300006000 b990010000 48890b 488b5308 48895310 4883c318 51 52 5a 59 ffc9 75e9",
        // the same place on two pages 100 times: mov rbx, 600ff8h; mov ecx, 100; loop: mov [rbx], rcx; add rdx, [rbx + 8]; dec ecx; jnz loop
        "48c7c3f80f6000 b964000000 48890b 48035308 ffc9 75f5",
        // mov rbx, 0fffff8h; mov rax, [rbx]; mov [rbx + 8], rax: the second page is not there
        "48c7c3f8ffff00 488b03 48894308",
        // lea rbx, [rip]; mov rax, [rbx]; mov [rbx + 40h], rax; mov rcx, [rbx + 40h]: a page with code
        "488d1d00000000 488b03 48894340 488b4b40",
        // the register moves: mov rbx, 600000h; mov [rbx], rbx; add rbx, 8; mov rbx, [rbx - 8]; lea rbx, [rbx + 16]; mov [rbx - 16], eax; inc rbx;
        // mov rbx, [rbx - 17]; mov [rbx], al
        "48c7c300006000 48891b 4883c308 488b5bf8 488d5b10 8943f0 48ffc3 488b5bef 8803"})
    void accesses_that_share_a_check_are_as_if_each_had_its_own(String program) {
        code(program + " 0f0b");
        same(1000);
        assertTrue(tier.counts().entries() > 0, "host code ran");
    }

    @Test
    void interrupted_group_of_accesses_goes_on_with_what_the_page_tables_say_now() {
        // mov rbx, 600000h; mov rax, [rbx]; invlpg [rbx]; mov rcx, [rbx + 8]; mov [rbx + 16], rcx; ud2
        code("48c7c300006000 488b03 0f013b 488b4b08 48894b10 0f0b");
        same(1000);
    }

    private static final String[] LOOP_PIECES = {
        // mov rax, [rsi]; mov [rdi], rax; mov al, [rsi]; mov [rdi], al; add rax, [rsi + rcx * 8 + 8]; mov [rdi + 3], ax
        "488b06", "488907", "8a06", "8807", "480344ce08", "66894703",
        // movdqu xmm0, [rsi]; movdqu [rdi], xmm0; add [rdi + 16], eax; cmp [rsi - 5], eax; mov [rbx + rcx], r9b; mov rbx, rdi
        "f30f6f06", "f30f7f07", "014710", "3946fb", "44880c0b", "4889fb",
        // inc rcx; dec rcx; add rsi, 8; sub rsi, 3; lea rdi, [rdi + 7]; add rdi, 120; sub rdi, 16; sub rsi, 100
        "48ffc1", "48ffc9", "4883c608", "4883ee03", "488d7f07", "4883c778", "4883ef10", "4883ee64"};

    @Test
    void loops_over_memory_are_the_same_in_both_directions_at_any_alignment_and_count() {
        java.util.SplittableRandom random = new java.util.SplittableRandom(5);
        for (int n = 0; n < 60; n++) {
            close();
            reference = new TestMachine();
            m = new TestMachine();
            machines();
            StringBuilder body = new StringBuilder();
            for (int k = 3 + random.nextInt(6); k > 0; k--) {
                body.append(LOOP_PIECES[random.nextInt(LOOP_PIECES.length)]);
            }
            // mov rsi, …; mov rdi, …; mov rbx, …; mov ecx, 40; mov edx, iterations; loop: …; dec rdx; jnz loop; ud2
            String program = String.format("48c7c6%08x48c7c7%08x48c7c3%08xb928000000ba%08x%s48ffca75%02x0f0b",
                    Integer.reverseBytes(0x64_0000 + random.nextInt(8192)),
                    Integer.reverseBytes(0x68_0000 + random.nextInt(8192)),
                    Integer.reverseBytes(0x6c_0000 + random.nextInt(8192)),
                    Integer.reverseBytes(2 + random.nextInt(1500)), body, -(body.length() / 2 + 5) & 0xff);
            code(program);
            long budget = 1L + random.nextInt(20_000);
            same(budget);
            for (long at = 0x60_0000; at < 0x70_0000; at += 8) {
                assertEquals(reference.read64(at), m.read64(at), () -> program);
            }
        }
    }
}
