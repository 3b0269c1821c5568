package org.xenolith.cpu.jit;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** What one CPU's emitted code did: entries, exits by reason, and instructions left to the interpreter by mnemonic. */
public final class NativeCounts {
    private final long[] exits = new long[ExitKind.COUNT];
    /** Asked for each instruction; only ever read out in the names' order. */
    private final Map<String, long[]> interpretedBy = new HashMap<>();
    private long interpreted;
    long entries;
    long missesServed;

    void exit(int kind) {
        exits[kind]++;
    }

    void interpreted(long n, String mnemonic) {
        interpreted += n;
        interpretedBy.computeIfAbsent(mnemonic, m -> new long[1])[0] += n;
    }

    /** Calls from Java into emitted code. */
    public long entries() {
        return entries;
    }

    /** TLB misses after which emitted code did the access itself. */
    public long missesServed() {
        return missesServed;
    }

    /** Instructions that the interpreter executed. */
    public long interpreted() {
        return interpreted;
    }

    /** The same by mnemonic. */
    public Map<String, Long> interpretedByMnemonic() {
        Map<String, Long> m = new TreeMap<>();
        interpretedBy.forEach((name, n) -> m.put(name, n[0]));
        return m;
    }

    /** Exits by reason. */
    public Map<String, Long> exits() {
        Map<String, Long> m = new TreeMap<>();
        for (int kind = 0; kind < exits.length; kind++) {
            m.merge(ExitKind.name(kind), exits[kind], Long::sum);
        }
        return m;
    }
}
