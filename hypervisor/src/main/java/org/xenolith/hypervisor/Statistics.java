package org.xenolith.hypervisor;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts by name of what guests asked for and did not get: unknown MSRs, hypercalls that are not built, and the like.
 * Iteration is in
 * the order of the names; the first of each kind is logged.
 */
public final class Statistics {
    private static final Logger LOG = LoggerFactory.getLogger(Statistics.class);
    /** More names than this are counted together, so that a guest cannot fill the heap. */
    private static final int MAX_NAMES = 4096;
    private static final String OTHER = "other";

    private final SortedMap<String, Long> counts = new TreeMap<>();

    /** Adds one to the count of {@code name}. */
    public void count(String name) {
        String key = counts.size() < MAX_NAMES || counts.containsKey(name) ? name : OTHER;
        long n = counts.merge(key, 1L, Long::sum);
        if (n == 1) {
            LOG.debug("not built or not known: {}", key);
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
