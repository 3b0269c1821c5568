/** From instructions to text in Intel syntax, driven by the instruction table. */
package org.xenolith.cpu.disasm;
