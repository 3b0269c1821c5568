package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.mismatch;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.host.HostEntry;

/** x87 and MMX on the host's stack: each program in the interpreter, as host code and in lockstep, to the same state. */
final class X87LoweringTest {
    private static final int DATA = 0x60_0000;
    private static final int DATA_BYTES = 0x4000;
    private static final int STATE = CpuState.YMM + 16 * CpuState.YMM_SIZE;
    private static final long TOO_LONG = 200_000;
    /** sub rsp, 40; fnstenv [rsp]; mov eax, [rsp] (or 8 further, the tags); fldcw [rsp]; add rsp, 40; ret. */
    private static final String HOST_ENVIRONMENT = "4883ec28 d93424 8b44240%d d92c24 4883c428 c3";

    private final TestMachine reference = new TestMachine();
    private final TestMachine m = new TestMachine();
    private final TestMachine both = new TestMachine();
    private final TestMachine[] machines = {reference, m, both};
    private Translations translations;
    private NativeTier tier;
    private LockstepTier lockstep;

    @BeforeEach
    void machines() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        tiers(null);
        for (TestMachine each : machines) {
            each.long64(0);
            for (int vector = 0; vector < 32; vector++) {
                each.write8(TestMachine.handler(vector), 0xf4);
            }
            setCr0(each, ControlRegisters.CR0_NE | ControlRegisters.CR0_MP);
            each.cpu.x87().init();
        }
    }

    private void tiers(@Nullable HostX87 host) {
        translations = new Translations(4 << 20, host);
        tier = new NativeTier(m.cpu, new CodeCache(m.memory), InstructionSet.create(), translations);
        lockstep = new LockstepTier(both.cpu, new CodeCache(both.memory), InstructionSet.create(), translations,
                LockstepTier.NO_FAULT);
    }

    @AfterEach
    void close() {
        if (tier != null) {
            closeTiers();
        }
        for (TestMachine each : machines) {
            each.close();
        }
    }

    private void closeTiers() {
        lockstep.close();
        tier.close();
        translations.close();
    }

    private static void setCr0(TestMachine machine, long bits) {
        machine.cpu.setField(CpuState.CR0, machine.cpu.cr0() | bits);
        machine.cpu.updateMode();
    }

    private void data16(int offset, int... words) {
        for (TestMachine each : machines) {
            for (int k = 0; k < words.length; k++) {
                each.write16(DATA + offset + 2 * k, words[k]);
            }
        }
    }

    private void data64(int offset, long... values) {
        for (TestMachine each : machines) {
            for (int k = 0; k < values.length; k++) {
                each.write64(DATA + offset + 8 * k, values[k]);
            }
        }
    }

    /** Runs a program everywhere to a handler's HLT, in steps of {@code budget}; returns the vector. */
    private int same(long budget, String code) {
        for (TestMachine each : machines) {
            each.code(TestMachine.CODE, code);
            each.cpu.setActivity(Cpu.Activity.RUNNING);
        }
        run(reference.interpreter, reference.cpu, budget);
        run(tier, m.cpu, budget);
        run(lockstep, both.cpu, budget);
        for (TestMachine other : new TestMachine[]{m, both}) {
            assertEquals(reference.cpu.retired(), other.cpu.retired(), "instructions");
            other.cpu.setArithmeticFlags(other.cpu.arithmeticFlags());
            reference.cpu.setArithmeticFlags(reference.cpu.arithmeticFlags());
            assertEquals("same", difference(reference.cpu.stateAddress(), other.cpu.stateAddress(), STATE), "state");
            assertEquals("same",
                    difference(reference.memory.base() + DATA, other.memory.base() + DATA, DATA_BYTES), "data");
        }
        return (int) (m.cpu.rip() - 1 - TestMachine.HANDLERS) / 16;
    }

    private static String difference(long a, long b, int bytes) {
        long at = mismatch(a, b, bytes) & -4;
        return at < 0
                ? "same"
                : Long.toHexString(at) + ": " + Integer.toHexString(get32(a + at)) + ", "
                        + Integer.toHexString(get32(b + at));
    }

    private static void run(Interpreter tier, Cpu cpu, long budget) {
        while (cpu.activity() == Cpu.Activity.RUNNING) {
            tier.run(budget);
            assertTrue(cpu.retired() < TOO_LONG, "still running");
        }
    }

    private void ranOnHost(String... mnemonics) {
        Set<String> interpreted = tier.counts().interpretedByMnemonic().keySet();
        for (String mnemonic : mnemonics) {
            assertFalse(interpreted.contains(mnemonic), interpreted::toString);
        }
        assertTrue(tier.counts().entries() > 0, "host code ran");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 7, 13, 100_000})
    void a_loop_with_values_on_the_stack_stops_at_any_count(long budget) {
        data64(0x100, Double.doubleToLongBits(1.7), Float.floatToIntBits(-0.3f), 0xfff5);
        // mov ecx, 20; mov rbx, 600000h; fld1; loop: fld qword [rbx+100h]; fadd st, st(1); fmul dword [rbx+108h]; fst qword [rbx];
        // fistp dword [rbx+10h]; fild word [rbx+110h]; fsubp; fld st(0); fstp tbyte [rbx+20h]; add rbx, 8; dec ecx; jnz loop;
        // fnstenv [rbx+300h]; ud2
        assertEquals(Vector.UD, same(budget, "b914000000 48c7c300006000 d9e8 dd8300010000 d8c1 d88b08010000 dd13 db5b10"
                + "df8310010000 dee9 d9c0 db7b20 4883c308 ffc9 75d8 d9b300030000 0f0b"));
        if (budget > 1000) {
            ranOnHost("FLD", "FADD", "FMUL", "FST", "FISTP", "FILD", "FSUBP", "FSTP");
        }
    }

    @ParameterizedTest
    @CsvSource({"compatibility, 3", "compatibility, 100000", "protected, 3", "protected, 100000"})
    void flat_32_bit_code_runs_on_the_stack_too(String kind, long budget) {
        data64(0x100, Double.doubleToLongBits(1.7), Float.floatToIntBits(-0.3f), 0xfff5);
        for (TestMachine each : machines) {
            if (kind.equals("protected")) {
                each.protected32(0);
            } else {
                each.compatibility(3);
            }
            setCr0(each, ControlRegisters.CR0_NE | ControlRegisters.CR0_MP);
        }
        // mov ecx, 20; mov ebx, 600000h; fld1; loop: fld qword [ebx+100h]; fadd st, st(1); fmul dword [600108h];
        // fst qword es:[ebx+ecx*8]; fistp dword [ebx+10h]; fild word [ebx+110h]; fsubp; fld st(0); fstp tbyte [ebx+20h];
        // movq mm3, [ebx]; movd eax, mm3; emms; fld1; dec ecx; jnz loop; fnstenv [ebx+300h]; ud2
        assertEquals(Vector.UD, same(budget, "b914000000 bb00006000 d9e8 dd8300010000 d8c1 d80d08016000 26dd14cb db5b10"
                + "df8310010000 dee9 d9c0 db7b20 0f6f1b 0f7ed8 0f77 d9e8 49 75d1 d9b300030000 0f0b"));
        if (budget > 1000) {
            ranOnHost("FLD", "FADD", "FMUL", "FST", "FISTP", "FILD", "FSUBP", "FSTP", "MOVQ", "EMMS");
        }
    }

    @Test
    void an_exception_that_is_unmasked_first_is_raised_by_the_next_waiting_instruction() {
        data16(0, 0x37b);
        // fldcw [600000h] unmasks division by zero; fld1; fldz; fdivp; mov eax, 5; fld1: #MF; ud2
        assertEquals(Vector.MF, same(1000, "d92c2500006000 d9e8 d9ee def9 b805000000 d9e8 0f0b"));
        assertEquals(5, m.cpu.reg(CpuState.RAX));
        assertEquals(X87Unit.ES, m.cpu.x87().status() & X87Unit.ES);
    }

    @Test
    void an_exception_that_is_unmasked_afterwards_is_pending_for_fwait() {
        data16(0, 0x37b);
        // fld1; fldz; fdivp; fldcw [600000h]; mov eax, 5; fwait: #MF; ud2
        assertEquals(Vector.MF, same(1000, "d9e8 d9ee def9 d92c2500006000 b805000000 9b 0f0b"));
        assertEquals(5, m.cpu.reg(CpuState.RAX));
    }

    @Test
    void fldcw_at_the_end_of_a_block_takes_effect_in_the_next() {
        data16(0, 0x37b);
        // fld1; fldcw [600000h]; jmp $+2; fldz; fdivp; fwait: #MF; ud2
        assertEquals(Vector.MF, same(1000, "d9e8 d92c2500006000 eb00 d9ee def9 9b 0f0b"));
    }

    @Test
    void masked_stack_faults_give_indefinites_and_leave_the_contents_of_empty_registers() {
        // nine times fld1; fnstsw ax; fstp qword [600000h]; ffree st(2); fadd st, st(2); fld st(3); ffree st(1); fld st(1); fxch st(5);
        // fincstp; fincstp; fstp st(3); fcom st(6); fnstsw [600010h]; fucomi st, st(4); fcmovnu st, st(1); fnstenv [600020h]; ud2
        assertEquals(Vector.UD,
                same(1000, "d9e8 d9e8 d9e8 d9e8 d9e8 d9e8 d9e8 d9e8 d9e8 dfe0 dd1c2500006000 ddc2 d8c2 d9c3"
                        + "ddc1 d9c1 d9cd d9f7 d9f7 dddb d8d6 dd3c2510006000 dbec dbd9 d9342520006000 0f0b"));
        assertEquals(0x41, m.cpu.x87().status() & 0x41);
        ranOnHost("FLD1", "FADD", "FXCH", "FCOM", "FUCOMI", "FCMOVNU", "FNSTSW", "FFREE");
    }

    @ParameterizedTest
    @CsvSource({"true, true", "false, true", "true, false", "false, false"})
    void fld_of_a_register_onto_a_full_stack_is_alike_on_every_host(boolean sourceFirst, boolean keepsCodes) {
        closeTiers();
        tiers(new HostX87(sourceFirst, keepsCodes));
        // seven times fldz; fldpi; fld st(2): overflow; fnstsw [600000h]; fldl2e; ffree st(7); fld st(1); fld st(7): overflow;
        // fnstsw [600002h]; ffree st(3); fld st(3): empty; fnstsw [600004h]; fnstenv [600008h]; ud2
        assertEquals(Vector.UD,
                same(1000, "d9ee d9ee d9ee d9ee d9ee d9ee d9ee d9eb d9c2 dd3c2500006000 d9ea ddc7 d9c1 d9c7"
                        + "dd3c2502006000 ddc3 d9c3 dd3c2504006000 d9342508006000 0f0b"));
        assertEquals(0x241, m.read16(DATA + 2) & 0x241, "C1 tells overflow");
        assertEquals(0x041, m.read16(DATA + 4) & 0x241, "C1 tells underflow");
        assertEquals(keepsCodes, !tier.counts().interpretedByMnemonic().containsKey("FLDPI"));
        assertEquals(keepsCodes && sourceFirst, !tier.counts().interpretedByMnemonic().containsKey("FLD"));
    }

    @Test
    void code_entered_in_the_middle_has_the_registers_loaded() {
        // fld1; mov rbx, 601000h; fadd qword [rbx], a miss; fsin, interpreted; fmul st, st(0); fld tbyte [rbx+ff8h], on two pages;
        // faddp; fstp tbyte [rbx+1ffah], likewise; fld1; fstp qword [rbx+2000h]; ud2
        assertEquals(Vector.UD, same(1000,
                "d9e8 48c7c300106000 dc03 d9fe d8c8 dbabf80f0000 dec1 dbbbfa1f0000 d9e8 dd9b00200000 0f0b"));
    }

    @Test
    void mmx_instructions_make_all_registers_valid_and_emms_empties_them() {
        data64(0, 0x1234_5678_9abc_def0L);
        // fld1; fldpi; movq mm1, [600000h]; paddd mm1, mm1; movd eax, mm1; mov r9, rax; movq mm2, r9; movq [600008h], mm2;
        // fnstenv [600020h]; fstp tbyte [600050h]; emms; fld1; fnstenv [600060h]; ud2
        assertEquals(Vector.UD, same(1000, "d9e8 d9eb 0f6f0c2500006000 0ffec9 0f7ec8 4989c1 490f6ed1 0f7f142508006000"
                + "d9342520006000 db3c2550006000 0f77 d9e8 d9342560006000 0f0b"));
        assertEquals(0x3579_bde0L, m.cpu.reg(CpuState.RAX));
        ranOnHost("MOVQ", "PADDD", "MOVD", "EMMS");
    }

    @Test
    void the_control_words_precision_and_rounding_hold_until_the_next_one() {
        data16(0, 0x007f, 0x0a7f, 0x0c7f);
        data64(0x10, 0xc000_0000_0000_0001L, 0x4000);
        // fld1; fldcw [600000h]; fld tbyte [600010h]; fdiv st(1), st; fxch st(1); fstp tbyte [600020h]; fldcw [600002h];
        // fist dword [600030h]; fldcw [600004h]; frndint; fsqrt; fldl2t; fmulp; fstp tbyte [600038h]; fnstcw [600048h];
        // fnstenv [600050h]; ud2
        assertEquals(Vector.UD, same(1000, "d9e8 d92c2500006000 db2c2510006000 dcf9 d9c9 db3c2520006000 d92c2502006000"
                + "db142530006000 d92c2504006000 d9fc d9fa d9e9 dec9 db3c2538006000 d93c2548006000 d9342550006000 0f0b"));
        assertEquals(0x0c7f, m.read16(DATA + 0x48));
        ranOnHost("FLDCW", "FIST", "FRNDINT", "FSQRT", "FNSTCW");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // mov rbx, 600000h; fld qword [rbx+8]; fadd st, st(0); fnstenv [rbx+20h]; ud2
        "48c7c300006000 dd4308 d8c0 d97320 0f0b",
        // mov rbx, 600000h; fld dword [rbx+8]; fchs; fst qword [rbx+rcx*8+10h]; jmp $+2; fld1; jmp $+2; fnstenv [rbx+20h]; ud2
        "48c7c300006000 d94308 d9e0 dd54cb10 eb00 d9e8 eb00 d97320 0f0b",
        // mov rbx, 600000h; fld dword ss:[rbx+8], [rsp], fs:[rbx+8], [ebx+8]; jmp $+2; fnstenv [rbx+20h]; mov rdi, [1000000h]: #PF
        "48c7c300006000 36d94308 d90424 64dd4308 67d94308 eb00 d97320 488b3c2500000001",
        // mov rbx, 600000h; fld1; fadd dword [rbx]; mov rdi, [1000000h]: #PF
        "48c7c300006000 d9e8 d803 488b3c2500000001"})
    void pointers_are_those_of_the_guests_last_instruction(String code) {
        same(1000, code);
        assertTrue(m.cpu.field(CpuState.FIP) >= TestMachine.CODE, "FIP is in the guest's code");
    }

    @ParameterizedTest
    @ValueSource(strings = {"d9e8", "0ffec0", "9b"})
    void a_task_switch_denies_x87_mmx_and_fwait(String instruction) {
        for (TestMachine each : machines) {
            setCr0(each, ControlRegisters.CR0_TS);
        }
        // mov eax, 1; fld1, paddd mm0, mm0 or fwait
        assertEquals(Vector.NM, same(1000, "b801000000" + instruction + "0f0b"));
        assertEquals(1, m.cpu.reg(CpuState.RAX));
    }

    @Test
    void java_finds_its_own_control_word_and_an_empty_stack() {
        int control = hostEnvironment(0);
        data16(0, 0x077f);
        // fldcw [600000h]; fld1; fldpi; movd eax, mm0; ud2
        same(1000, "d92c2500006000 d9e8 d9eb 0f7ec0 0f0b");
        ranOnHost("FLDCW", "FLD1", "FLDPI", "MOVD");
        assertEquals(0x077f, m.cpu.x87().control());
        assertEquals(control, hostEnvironment(0));
        assertEquals(0xffff, hostEnvironment(8));
    }

    /** A word of the x87 environment that Java's thread has now. */
    private static int hostEnvironment(int offset) {
        String digits = HOST_ENVIRONMENT.formatted(offset).replace(" ", "");
        try (org.xenolith.cpu.jit.host.CodeCache cache = org.xenolith.cpu.jit.host.CodeCache.map(4096)) {
            cache.write(0, java.util.HexFormat.of().parseHex(digits));
            return new HostEntry(cache.base()).call(0, 0) & 0xffff;
        }
    }
}
