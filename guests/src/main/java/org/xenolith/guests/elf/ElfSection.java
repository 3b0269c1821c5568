package org.xenolith.guests.elf;

/**
 * A section header (System V gABI, chapter 4).
 *
 * @param name the section's name, empty where the file gives none
 * @param type {@code sh_type}
 * @param flags {@code sh_flags}
 * @param address virtual address, unsigned
 * @param offset where the content starts in the file, unsigned
 * @param size size in bytes, unsigned
 * @param link index of a related section, unsigned
 * @param entrySize size of an entry where the section is a table
 */
public record ElfSection(
        String name, int type, long flags, long address, long offset, long size, long link, long entrySize) {
    /** Type of a symbol table. */
    public static final int SHT_SYMTAB = 2;

    /** Type of a section with notes. */
    public static final int SHT_NOTE = 7;

    /** Type of a section without content in the file. */
    public static final int SHT_NOBITS = 8;

    /** Type of the symbol table for dynamic linking. */
    public static final int SHT_DYNSYM = 11;
}
