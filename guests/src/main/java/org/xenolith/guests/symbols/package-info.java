/** Names for addresses in a guest's kernel, from an ELF symbol table or from the kernel's own kallsyms. */
package org.xenolith.guests.symbols;
