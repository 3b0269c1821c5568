package org.xenolith.cpu.jit;

import java.util.IdentityHashMap;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;

/** The recipe of each row of the instruction table, worked out once. */
final class Recipes {
    private final IdentityHashMap<InsnDef, Recipe> known = new IdentityHashMap<>();

    Recipe of(Insn i) {
        return known.computeIfAbsent(i.def(), Recipe::of);
    }
}
