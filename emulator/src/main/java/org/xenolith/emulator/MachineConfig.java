package org.xenolith.emulator;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A machine and the guests on it. Everything that a guest can see follows from this record.
 *
 * @param domains guests, started in order
 * @param cpu CPU model: {@code NAME[,+feature,-feature…]}
 * @param tier execution tier
 * @param pace how idle time passes
 * @param seed where random numbers, MAC addresses and uuids come from
 * @param epoch wall-clock time at power-on, as guests see it
 * @param timeoutNs limit of virtual time in nanoseconds, {@link Long#MAX_VALUE} for none
 * @param wallTimeoutMs limit of host time in milliseconds, {@link Long#MAX_VALUE} for none
 * @param idleTimeoutNs how long, in virtual nanoseconds, the machine may wait for its own timers only
 * @param codeCacheBytes most bytes of host code that the native tier keeps, 4 MiB to 1 GiB
 * @param translationCache folder in which translations are kept from run to run; empty to keep none
 * @param memorySets changes of the guests' memory during the run
 * @param diagnostics aids for work on the emulator itself
 */
public record MachineConfig(List<DomainConfig> domains, String cpu, Tier tier, Pace pace, long seed, Instant epoch,
        long timeoutNs,
        long wallTimeoutMs, long idleTimeoutNs, long codeCacheBytes, Optional<Path> translationCache,
        List<MemorySet> memorySets, Diagnostics diagnostics) {
    public MachineConfig {
        domains = List.copyOf(domains);
        memorySets = List.copyOf(memorySets);
    }

    /** Size of the cache of host code when none is given. */
    public static final long DEFAULT_CODE_CACHE = 256L << 20;
    /** Idle limit when none is given: 10 virtual minutes. */
    public static final long DEFAULT_IDLE_TIMEOUT_NS = 600_000_000_000L;
    /** Power-on time when none is given. */
    public static final Instant DEFAULT_EPOCH = Instant.parse("2026-01-01T00:00:00Z");
}
