package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.LockstepTier;
import org.xenolith.cpu.jit.NativeTier;
import org.xenolith.cpu.jit.Translations;

/** A hypervisor of a few instructions and its guest, in every tier, to the same state and count. */
final class SvmTiersTest {
    /** mov edi, 600000h; mov r14d, 50; loop: mov [rdi], rsi; add rsi, [rdi]; inc rsi; add rdi, 8; dec r14; jnz loop; cpuid; jmp start. */
    private static final String GUEST = "bf00006000 41be32000000 488937 480337 48ffc6 4883c708 49ffce 75ee 0fa2 ebdf";
    /** start: vmrun; add qword [VMCB + RIP], 2; dec r15; jnz start; hlt. */
    private static final String HOST = "0f01d8 48830425 78151000 02 49ffcf 75ef f4";
    private static final int ROUNDS = 60;

    private final SvmMachine reference = new SvmMachine();
    private final SvmMachine x = new SvmMachine();
    private Translations translations;

    @BeforeEach
    void programs() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        translations = new Translations(8 << 20);
        for (SvmMachine each : new SvmMachine[]{reference, x}) {
            each.m.code(SvmMachine.HOST, HOST);
            each.m.code(SvmMachine.GUEST, GUEST);
            each.c.setReg(15, ROUNDS);
            each.intercept(ExitCode.CPUID);
            each.c.setReg(CpuState.RAX, SvmMachine.VMCB);
            each.c.setRip(SvmMachine.HOST);
        }
    }

    @AfterEach
    void close() {
        if (translations != null) {
            translations.close();
        }
        reference.close();
        x.close();
    }

    private static void run(Interpreter tier, Cpu c) {
        for (int i = 0; i < 100_000 && c.activity() == Cpu.Activity.RUNNING; i++) {
            tier.run(777);
        }
        assertEquals(Cpu.Activity.HALTED, c.activity());
    }

    private void same(Interpreter tier) {
        run(reference.m.interpreter, reference.c);
        run(tier, x.c);
        assertEquals(reference.c.retired(), x.c.retired(), "instructions");
        assertTrue(x.c.retired() > 50 * 6 * ROUNDS, "the guest ran");
        for (int r = 0; r < 16; r++) {
            assertEquals(reference.c.reg(r), x.c.reg(r), "register " + r);
        }
        assertEquals(reference.m.read64(0x60_0000 + 8 * 49), x.m.read64(0x60_0000 + 8 * 49));
        assertEquals(reference.v.get(Vmcb.RIP), x.v.get(Vmcb.RIP));
        assertEquals(reference.c.field(CpuState.RIP), x.c.rip());
    }

    @Test
    void the_native_tier_runs_guests_as_the_interpreter_does() {
        try (NativeTier tier = new NativeTier(x.c, new CodeCache(x.m.memory), InstructionSet.create(), translations)) {
            same(tier);
            assertTrue(tier.counts().interpreted() < x.c.retired() / 5, "in emitted code");
        }
    }

    @Test
    void lockstep_finds_no_difference_in_guests() {
        try (LockstepTier tier = new LockstepTier(x.c, new CodeCache(x.m.memory), InstructionSet.create(), translations,
                LockstepTier.NO_FAULT)) {
            same(tier);
            assertTrue(tier.compared() > 10_000);
        }
    }
}
