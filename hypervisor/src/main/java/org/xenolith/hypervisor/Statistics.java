package org.xenolith.hypervisor;

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
    private final SortedMap<String, Counter> counters = new TreeMap<>();

    /** One count, for what happens too often to look its name up. */
    public static final class Counter {
        private long n;

        private Counter() {
        }

        /** Adds one. */
        public void add() {
            n++;
        }
    }

    /**
     * Empty counts.
     *
     * @param what what is counted, for the log
     */
    public Statistics(String what) {
        this.what = what;
    }

    /** The count of {@code name}, which is listed once it is not 0. */
    public Counter counter(String name) {
        String key = counters.size() < MAX_NAMES || counters.containsKey(name) ? name : OTHER;
        return counters.computeIfAbsent(key, k -> new Counter());
    }

    /** Adds one to the count of {@code name}. */
    public void count(String name) {
        Counter c = counter(name);
        c.add();
        if (c.n == 1) {
            LOG.debug("first {}: {}", what, name);
        }
    }

    public long get(String name) {
        Counter c = counters.get(name);
        return c == null ? 0 : c.n;
    }

    /** The counts now, in alphabetical order. */
    public SortedMap<String, Long> counts() {
        SortedMap<String, Long> now = new TreeMap<>();
        counters.forEach((name, c) -> {
            if (c.n != 0) {
                now.put(name, c.n);
            }
        });
        return now;
    }
}
