package org.xenolith.guests.elf;

/**
 * A program header (System V gABI, chapter 5).
 *
 * @param type {@code p_type}
 * @param flags {@code p_flags}
 * @param offset where the content starts in the file, unsigned
 * @param vaddr virtual address, unsigned
 * @param paddr physical address, unsigned
 * @param fileSize bytes in the file, unsigned
 * @param memorySize bytes in memory, unsigned; what exceeds the file is zero
 * @param align {@code p_align}
 */
public record ElfSegment(
        int type, int flags, long offset, long vaddr, long paddr, long fileSize, long memorySize, long align) {
    /** Type of a segment that is loaded. */
    public static final int PT_LOAD = 1;

    /** Type of a segment that holds notes. */
    public static final int PT_NOTE = 4;
}
