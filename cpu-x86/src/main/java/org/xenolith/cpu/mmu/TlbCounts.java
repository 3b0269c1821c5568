package org.xenolith.cpu.mmu;

/**
 * What the software TLBs of one CPU did since it was made.
 *
 * @param misses data accesses that had to walk
 * @param fetchMisses instruction fetches that had to walk
 * @param flushes times that all, or all but global, translations were dropped
 * @param programFlushes times that those of the lower half and of user rights were dropped, global ones too
 * @param switches MOV to CR3 that made another PCID current
 * @param parked translations put aside at a switch
 * @param restored translations brought back at a switch
 */
public record TlbCounts(long misses, long fetchMisses, long flushes, long programFlushes, long switches, long parked,
        long restored) {
}
