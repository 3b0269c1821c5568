package org.xenolith.cpu.decode;

import org.xenolith.cpu.Cpu;

/**
 * The meaning of one instruction. RIP is already past the instruction; a fault unwinds by {@link Cpu#fault} with no guest-visible state
 * changed (RIP is put back by the caller).
 */
@FunctionalInterface
public interface Exec {
    void exec(Cpu c, Insn i);
}
