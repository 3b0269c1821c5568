package org.xenolith.guests.symbols;

import java.util.Optional;
import org.xenolith.guests.elf.ElfImage;

/** Where a kernel's symbols come from: its ELF symbol table, or else the kallsyms tables that Linux carries. */
public final class KernelSymbols {
    private KernelSymbols() {}

    /**
     * Finds a kernel's symbols. It takes some hundred milliseconds for a Linux kernel: do it when a report needs it.
     *
     * @param elf the kernel
     * @return its symbols, if it has any in a form that is known
     */
    public static Optional<SymbolTable> of(ElfImage elf) {
        Optional<SymbolTable> table = ElfSymbols.of(elf);
        return table.isPresent() ? table : Kallsyms.find(elf.bytes());
    }
}
