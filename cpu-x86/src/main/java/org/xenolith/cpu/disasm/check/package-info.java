/** The decoder and disassembler compared with binutils' objdump, on generated encodings and on whole programs. */
package org.xenolith.cpu.disasm.check;
