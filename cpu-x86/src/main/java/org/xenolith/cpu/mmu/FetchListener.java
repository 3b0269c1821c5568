package org.xenolith.cpu.mmu;

/**
 * Hears when translations for instruction fetch stop being present, so that what was derived from them (jump caches, chains between
 * pages) is present no longer than they are.
 *
 * <p>Called at the moment of the change, in the middle of an instruction or of a fetch; must not call the MMU.
 */
public interface FetchListener {
    /** No translation is left. */
    void allDropped();

    /** All but global translations are gone. */
    void nonGlobalDropped();

    /** All translations of the lower half are gone, and all for user rights. */
    void programsDropped();

    /** The translation of a page is gone, for user and supervisor. @param va address of the page, a multiple of 4096 */
    void pageDropped(long va);

    /** All but global translations are about to be parked for an address space. */
    default void parking(int pcid) {
    }

    /** What was parked for an address space has been brought back; {@code complete}: all of it. */
    default void restored(int pcid, boolean complete) {
    }
}
