package org.xenolith.cpu.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Exec;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.LockstepDifference;
import org.xenolith.cpu.jit.LockstepTier;
import org.xenolith.cpu.jit.Translations;
import org.xenolith.cpu.jit.host.HostFeatures;

/**
 * Random programs in every tier and on the host CPU. {@code -Dxenolith.random.programs=N -Dxenolith.random.seed=S} runs more, or others.
 */
class RandomProgramsTest {
    private static final long PROGRAMS = Long.getLong("xenolith.random.programs", 1_000);
    private static final long SEED = Long.getLong("xenolith.random.seed", 1);
    private static final long CODE_CACHE = 16L << 20;

    private final List<String> log = new ArrayList<>();

    @BeforeEach
    void needsHost() {
        Assumptions.assumeTrue(HostFeatures.isX64Linux(), "needs Linux on x86-64");
    }

    private RandomPrograms.Result run(@Nullable TierFactory tier, long seed, long programs) {
        try (RandomPrograms random = new RandomPrograms(InstructionSet.create(), tier)) {
            return random.run(seed, 0, programs, log::add, done -> {});
        }
    }

    @Test
    void programs_end_alike_in_both_tiers_and_on_the_host() {
        Assumptions.assumeTrue(Translations.obstacle().isEmpty(), "this host cannot run emitted code");
        try (Translations translations = new Translations(CODE_CACHE)) {
            for (long seed = SEED; seed < SEED + 3; seed++) {
                RandomPrograms.Result result = run(TierFactory.host(translations), seed, PROGRAMS / 3 + 1);
                assertEquals(0, result.mismatches(), () -> String.join("\n", log));
                assertTrue(result.hosted() > result.programs() / 4, result::toString);
                assertTrue(result.faulted() < result.programs() * 3 / 4, result::toString);
            }
        }
    }

    @Test
    void programs_end_alike_in_lockstep() {
        Assumptions.assumeTrue(Translations.obstacle().isEmpty(), "this host cannot run emitted code");
        try (Translations translations = new Translations(CODE_CACHE)) {
            TierFactory lockstep = (cpu, cache, table) -> new LockstepTier(cpu, cache, table, translations,
                    LockstepTier.NO_FAULT);
            RandomPrograms.Result result = run(lockstep, SEED, PROGRAMS / 3 + 1);
            assertEquals(0, result.mismatches(), () -> String.join("\n", log));
        } catch (LockstepDifference e) {
            throw new AssertionError(e.report(), e);
        }
    }

    @Test
    void same_seed_gives_the_same_programs() {
        assertEquals(run(null, 5, 100), run(null, 5, 100));
    }

    @Test
    void difference_between_tiers_is_found_and_cut_down_to_one_instruction() {
        TierFactory wrong = (cpu, cache, table) -> new Interpreter(cpu, cache,
                tableWith((c, i) -> c.setReg32(CpuState.RAX, 1)));
        RandomPrograms.Result result;
        try (RandomPrograms random = new RandomPrograms(tableWith((c, i) -> c.setReg32(CpuState.RAX, 2)), wrong)) {
            result = random.run(1, 0, 500, log::add, done -> {});
        }
        assertTrue(result.mismatches() > 0);
        String report = String.join("\n", log);
        assertTrue(report.contains("seed 1, program "), report);
        assertTrue(report.contains("0f04 "), report);
        assertTrue(report.contains(", \"0f04\");"), report);
    }

    /** A table with an instruction of our own, at an opcode that is not taken. */
    private static InstructionTable tableWith(Exec exec) {
        InstructionTable table = InstructionSet.create();
        table.add("SPOILED", "0F 04", "", "", exec);
        return table;
    }
}
