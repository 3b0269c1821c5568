package org.xenolith.cpu.insn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.jit.host.HostFeatures;
import org.xenolith.cpu.oracle.Oracle;
import org.xenolith.cpu.oracle.OracleResult;

/** The x87 families alone against the host CPU: stack faults, tags, condition codes, memory operands, environments. */
class X87OracleTest {
    private static final long CASES = Long.getLong("xenolith.oracle.cases", 100_000);
    private static final long SEED = Long.getLong("xenolith.oracle.seed", 1);

    @Test
    void x87_instructions_agree_with_the_host() {
        Assumptions.assumeTrue(HostFeatures.isX64Linux(), "needs Linux on x86-64");
        InstructionTable table = new InstructionTable();
        X87.define(table);
        List<String> log = new ArrayList<>();
        try (Oracle oracle = new Oracle(table)) {
            OracleResult result = oracle.run(SEED, CASES, log::add);
            assertEquals(0, result.mismatches(), () -> String.join("\n", log));
        }
    }
}
