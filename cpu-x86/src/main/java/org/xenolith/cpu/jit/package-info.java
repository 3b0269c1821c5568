/** The native translator: blocks of guest code as host machine code, which Java emits and enters; see {@code docs/translator.md}. */
package org.xenolith.cpu.jit;
