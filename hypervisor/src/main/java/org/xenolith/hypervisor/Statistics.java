package org.xenolith.hypervisor;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts by name: hypercalls, or what guests asked for and did not get, such as unknown MSRs.
 * Iteration is in
 * the order of the names; the first of each kind is logged.
 */
public final class Statistics {
    private static final Logger LOG = LoggerFactory.getLogger(Statistics.class);
    /** More names than this are counted together, so that a guest cannot fill the heap. */
    private static final int MAX_NAMES = 4096;
    private static final String OTHER = "other";

    private final String what;
    private final SortedMap<String, Long> counts = new TreeMap<>();

    /**
     * Empty counts.
     *
     * @param what what is counted, for the log
     */
    public Statistics(String what) {
        this.what = what;
    }

    /** Adds one to the count of {@code name}. */
    public void count(String name) {
        String key = counts.size() < MAX_NAMES || counts.containsKey(name) ? name : OTHER;
        long n = counts.merge(key, 1L, Long::sum);
        if (n == 1) {
            LOG.debug("first {}: {}", what, key);
        }
    }

    public long get(String name) {
        return counts.getOrDefault(name, 0L);
    }

    /** A view that follows later changes. */
    public SortedMap<String, Long> counts() {
        return Collections.unmodifiableSortedMap(counts);
    }
}
