package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.jit.host.HostFeatures;
import org.xenolith.cpu.oracle.Oracle;
import org.xenolith.cpu.oracle.OracleResult;

/** The vector families against the host CPU: every row with registers and memory, alignment, faults and MXCSR. */
class VectorOracleTest {
    private static final long CASES = Long.getLong("xenolith.oracle.cases", 50_000);
    private static final long SEED = Long.getLong("xenolith.oracle.seed", 1);

    private static void agree(List<Consumer<InstructionTable>> families) {
        Assumptions.assumeTrue(HostFeatures.isX64Linux(), "needs Linux on x86-64");
        InstructionTable table = new InstructionTable();
        families.forEach(f -> f.accept(table));
        List<String> log = new ArrayList<>();
        try (Oracle oracle = new Oracle(table)) {
            OracleResult result = oracle.run(SEED, CASES, log::add);
            assertEquals(0, result.mismatches(), () -> String.join("\n", log));
        }
    }

    @Test
    void integer_moves_and_shuffles_agree_with_the_host() {
        agree(List.of(PackedInteger::define, VectorMoves::define, Shuffles::define, Blends::define));
    }

    @Test
    void floating_point_agrees_with_the_host() {
        agree(List.of(FloatArithmetic::define, FloatConvert::define, FusedMultiplyAdd::define));
    }

    @Test
    void strings_ciphers_and_avx_memory_agree_with_the_host() {
        agree(List.of(StringCompare::define, Cryptography::define, GaloisField::define, AvxPermutes::define,
                AvxMemory::define));
    }
}
