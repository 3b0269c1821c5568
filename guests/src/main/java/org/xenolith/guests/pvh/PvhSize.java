package org.xenolith.guests.pvh;

import org.xenolith.guests.acpi.AcpiTables;

/**
 * How large a PVH guest is at the start and can become.
 *
 * @param memory its RAM in bytes at the start, at least 1 MiB; rounded down to pages
 * @param maxMemory RAM in its memory map in bytes, at least {@code memory}; rounded down to pages
 * @param vcpus vCPUs that are online at the start
 * @param maxVcpus vCPUs that it has, {@code vcpus} to {@link AcpiTables#MAX_VCPUS}
 */
public record PvhSize(long memory, long maxMemory, int vcpus, int maxVcpus) {
    private static final long PAGE = 4096;
    private static final long MIN_MEMORY = 1L << 20;

    public PvhSize {
        if (memory < MIN_MEMORY) {
            throw new IllegalArgumentException("a PVH guest needs at least 1 MiB of memory, not " + memory + " bytes");
        }
        if (maxMemory < memory) {
            throw new IllegalArgumentException("at most " + maxMemory + " bytes of memory are less than " + memory);
        }
        memory &= -PAGE;
        maxMemory &= -PAGE;
    }

    /** A guest that stays as it is. */
    public static PvhSize of(long memory, int vcpus) {
        return new PvhSize(memory, memory, vcpus, vcpus);
    }
}
