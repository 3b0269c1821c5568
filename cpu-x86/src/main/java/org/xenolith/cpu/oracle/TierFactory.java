package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.interp.CodeCache;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.cpu.jit.NativeTier;
import org.xenolith.cpu.jit.Translations;

/** Makes the execution tier that is to be judged. */
@FunctionalInterface
public interface TierFactory {
    /** A tier for a CPU that has not run yet. */
    Interpreter create(Cpu cpu, CodeCache cache, InstructionTable table);

    /** Host code, kept in the caller's cache. */
    static TierFactory host(Translations translations) {
        return (cpu, cache, table) -> new NativeTier(cpu, cache, table, translations);
    }
}
