package org.xenolith.cpu.jit;

/** A running 64-bit hash of numbers and names, the same in every JVM; not a defence against forgery. */
final class Mixer {
    private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L;

    private long h;

    Mixer add(long v) {
        h = mix(h ^ v);
        return this;
    }

    Mixer add(String s) {
        add(s.length());
        for (int k = 0; k < s.length(); k++) {
            add(s.charAt(k));
        }
        return this;
    }

    long value() {
        return h;
    }

    static long mix(long v) {
        long m = (v + MULTIPLIER) * MULTIPLIER;
        m = (m ^ m >>> 29) * MULTIPLIER;
        return m ^ m >>> 32;
    }
}
