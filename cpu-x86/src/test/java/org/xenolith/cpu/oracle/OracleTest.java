package org.xenolith.cpu.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.cpu.jit.host.HostFeatures;

/**
 * The interpreter against the host CPU, and the oracle against faults planted in the table. {@code -Poracle} runs many
 * more cases.
 */
class OracleTest {
    private static final long CASES = Long.getLong("xenolith.oracle.cases", 200_000);
    private static final long SEED = Long.getLong("xenolith.oracle.seed", 1);

    private final List<String> log = new ArrayList<>();

    private OracleResult run(InstructionTable table, long seed, long cases) {
        Assumptions.assumeTrue(HostFeatures.isX64Linux(), "needs Linux on x86-64");
        try (Oracle oracle = new Oracle(table)) {
            return oracle.run(seed, cases, log::add);
        }
    }

    @Test
    void interpreter_agrees_with_the_host_on_every_user_mode_row() {
        OracleResult result = run(InstructionSet.create(), SEED, CASES);
        assertEquals(0, result.mismatches(), () -> String.join("\n", log));
        assertTrue(result.covered() >= 0.95 * result.table(), () -> "not covered: " + result.uncovered());
        assertEquals(CASES, result.cases());
    }

    @Test
    void same_seed_gives_the_same_result() {
        OracleResult first = run(InstructionSet.create(), 7, 5_000);
        assertEquals(first, run(InstructionSet.create(), 7, 5_000));
    }

    @Test
    void wrong_result_is_found_and_shrunk() {
        InstructionTable table = new InstructionTable();
        table.add("ADD", "01 /r", "Ev,Gv", "w:OSZAPC", OracleTest::addThatForgetsBit40);
        OracleResult result = run(table, SEED, 2_000);
        assertTrue(result.mismatches() > 0);
        String report = String.join("\n", log);
        assertTrue(report.contains("seed 1"), report);
        assertTrue(report.contains("interpreter"), report);
    }

    private static void addThatForgetsBit40(Cpu c, Insn i) {
        long a = i.readForWrite0(c);
        long b = i.read1(c);
        i.write0(c, org.xenolith.cpu.Alu.add(c, a, b, i.bits()) & ~(1L << 40));
    }

    @Test
    void missing_fault_is_found() {
        InstructionTable table = new InstructionTable();
        table.add("CLI", "FA", "", "", (c, i) -> {});
        assertTrue(run(table, SEED, 50).mismatches() > 0);
        assertTrue(log.stream().anyMatch(line -> line.contains("host #GP")), () -> String.join("\n", log));
    }

    @Test
    void summary_is_one_line_of_json() {
        OracleResult result = run(InstructionSet.create(), 3, 1_000);
        assertTrue(result.toJson().matches("\\{\"cases\":1000,\"table\":\\d+,\"covered\":\\d+,\"mismatches\":\\d+,"
                + "\"seed\":3,.*\\}"), result::toJson);
    }
}
