package org.xenolith.cpu.insn;

import org.xenolith.cpu.decode.InstructionTable;

/** The list of instruction families; a new family is added here. */
public final class InstructionSet {
    private InstructionSet() {
    }

    /** Builds the whole table. */
    public static InstructionTable create() {
        InstructionTable t = new InstructionTable();
        Arithmetic.define(t);
        return t;
    }
}
