package org.xenolith.hypervisor.blkback;

import java.util.SortedMap;

/**
 * What was asked of a virtual disk and what came of it.
 *
 * @param reads read requests done
 * @param writes write requests done, those with a barrier among them
 * @param flushes flush requests done, empty barriers among them
 * @param discards discard requests done
 * @param bytesRead and {@code bytesWritten}: bytes of the requests done
 * @param errors requests that failed because the image's file did: the guest was told
 * @param refused requests refused, and rings stopped, by what was wrong with them
 */
public record DiskCounts(long reads, long writes, long flushes, long discards, long bytesRead, long bytesWritten,
        long errors, SortedMap<String, Long> refused) {
    /** Requests that were answered, of any kind. */
    public long requests() {
        return reads + writes + flushes + discards + errors + refused.values().stream().mapToLong(n -> n).sum();
    }
}
