/** ELF32 and ELF64 images: segments, notes, symbols, and what Xen reads from them. */
package org.xenolith.guests.elf;
