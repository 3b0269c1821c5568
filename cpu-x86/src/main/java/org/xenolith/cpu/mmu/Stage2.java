package org.xenolith.cpu.mmu;

/**
 * The second stage of translation, from guest frame to machine frame (a p2m, an EPT, or identity on a bare machine).
 */
@FunctionalInterface
public interface Stage2 {
    /** No RAM there: the access goes to {@code CpuEnvironment.mmioRead} and {@code mmioWrite}. */
    long MMIO = -1;
    /** Set in the result when the frame may not be written; a write goes to {@code mmioWrite}. */
    long READ_ONLY = 1L << 62;

    /** The mfn (possibly with {@link #READ_ONLY}) behind a gfn, or {@link #MMIO}. */
    long mfn(long gfn);
}
