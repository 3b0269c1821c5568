package org.xenolith.cpu.oracle;

import java.util.Map;

/**
 * What a run of the oracle found.
 *
 * @param cases      cases compared
 * @param table      user-mode rows of the instruction table that the host CPU offers
 * @param covered    rows of those with at least one case
 * @param mismatches cases in which a result differed that must not
 * @param seed       the seed
 * @param host       the host CPU's vendor
 * @param uncovered  rows of the table that were not covered, and why
 * @param excluded   rows that are not counted, and why
 * @param failing    mismatches by row
 */
public record OracleResult(long cases, int table, int covered, long mismatches, long seed, String host,
        Map<String, String> uncovered, Map<String, String> excluded, Map<String, Long> failing) {
    /**
     * The summary as one line of JSON.
     *
     * @return an object with cases, table, covered, mismatches, seed and host
     */
    public String toJson() {
        return "{\"cases\":" + cases + ",\"table\":" + table + ",\"covered\":" + covered + ",\"mismatches\":"
                + mismatches + ",\"seed\":" + seed + ",\"host\":\"" + host + "\"}";
    }
}
