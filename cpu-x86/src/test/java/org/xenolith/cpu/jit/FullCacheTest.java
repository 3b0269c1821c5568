package org.xenolith.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.TestMachine;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.host.CodeCache;

/** A program with more code than the cache holds, some of which runs all the time. */
final class FullCacheTest {
    private static final int CALLS = 0x10_0000;
    private static final int COUNT = 60_000;
    private static final int HOT = 0x60_0000;
    private static final long SIZE = 4 << 20;

    @BeforeEach
    void needsHost() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
    }

    /** Calls of one function, each a block that is executed once; the function has a loop. */
    private static void program(TestMachine m) {
        m.long64(0);
        m.code(TestMachine.CODE, "49bc 0000100000000000 41ffe4");
        for (int k = 0; k < COUNT; k++) {
            int at = CALLS + 5 * k;
            m.write8(at, 0xe8);
            for (int b = 0; b < 4; b++) {
                m.write8(at + 1 + b, HOT - (at + 5) >>> 8 * b);
            }
        }
        m.code(CALLS + 5 * COUNT, "0f0b");
        // mov ecx, 3; loop: add rax, rcx; dec ecx; jnz loop; ret
        m.code(HOT, "b903000000 4801c8 ffc9 75f9 c3");
        for (int vector = 0; vector < 32; vector++) {
            m.write8(TestMachine.handler(vector), 0xf4);
        }
        m.cpu.setActivity(Cpu.Activity.RUNNING);
    }

    private static void run(Interpreter tier, Cpu cpu) {
        while (cpu.activity() == Cpu.Activity.RUNNING) {
            tier.run(100_000);
        }
    }

    @Test
    void code_that_is_in_use_is_not_translated_again() {
        check(new Translations(SIZE));
    }

    @Test
    void a_host_without_memory_that_is_writable_and_executable_runs_the_same() {
        check(new Translations(CodeCache.mapTwice(SIZE), null));
    }

    private static long madeWithRoom() {
        try (TestMachine m = new TestMachine();
                Translations translations = new Translations(16 * SIZE);
                NativeTier tier = new NativeTier(m.cpu, new org.xenolith.cpu.interp.CodeCache(m.memory),
                        InstructionSet.create(), translations)) {
            program(m);
            run(tier, m.cpu);
            assertEquals(0, translations.regionsEmptied());
            assertEquals(0, translations.kept());
            return translations.made();
        }
    }

    private static void check(Translations cache) {
        try (TestMachine m = new TestMachine();
                TestMachine reference = new TestMachine();
                Translations translations = cache;
                NativeTier tier = new NativeTier(m.cpu, new org.xenolith.cpu.interp.CodeCache(m.memory),
                        InstructionSet.create(), translations)) {
            program(m);
            program(reference);
            run(tier, m.cpu);
            run(reference.interpreter, reference.cpu);
            assertEquals(6L * COUNT, m.cpu.reg(CpuState.RAX));
            assertEquals(reference.cpu.retired(), m.cpu.retired());
            assertTrue(translations.regionsEmptied() > 16, "emptied " + translations.regionsEmptied());
            assertTrue(translations.kept() >= 6, "kept " + translations.kept());
            assertEquals(madeWithRoom(), translations.made());
            assertTrue(translations.bytesInUse() <= SIZE, "in use " + translations.bytesInUse());
        }
    }
}
