package org.xenolith.cpu;

/** The numbers of RDRAND and RDSEED: a seeded generator (SplitMix64) whose state is part of the CPU's, so that runs repeat. */
public final class RandomSource {
    private static final long STEP = 0x9e37_79b9_7f4a_7c15L;

    private RandomSource() {
    }

    /** Sets where the sequence starts; CPUs with one seed and different numbers get different sequences. */
    public static void seed(Cpu c, long seed) {
        c.setField(CpuState.RANDOM, mix(seed + STEP) ^ mix(~(long) c.id()));
    }

    public static long next(Cpu c) {
        long state = c.field(CpuState.RANDOM) + STEP;
        c.setField(CpuState.RANDOM, state);
        return mix(state);
    }

    private static long mix(long v) {
        long z = (v ^ v >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
        return z ^ z >>> 31;
    }
}
