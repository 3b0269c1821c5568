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
        Moves.define(t);
        Stack.define(t);
        Branches.define(t);
        Shifts.define(t);
        MulDiv.define(t);
        BitOps.define(t);
        StringOps.define(t);
        Atomic.define(t);
        FlagOps.define(t);
        Decimal.define(t);
        SegmentMoves.define(t);
        FarBranches.define(t);
        SystemCalls.define(t);
        VmxOps.define(t);
        SvmOps.define(t);
        FlagControl.define(t);
        SegmentQueries.define(t);
        PackedInteger.define(t);
        VectorMoves.define(t);
        Shuffles.define(t);
        FloatArithmetic.define(t);
        FloatConvert.define(t);
        ControlOps.define(t);
        SystemOps.define(t);
        PortOps.define(t);
        XsaveOps.define(t);
        X87.define(t);
        Blends.define(t);
        StringCompare.define(t);
        Cryptography.define(t);
        GaloisField.define(t);
        AvxPermutes.define(t);
        AvxMemory.define(t);
        FusedMultiplyAdd.define(t);
        return t;
    }
}
