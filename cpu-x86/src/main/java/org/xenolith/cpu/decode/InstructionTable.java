package org.xenolith.cpu.decode;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** All instruction forms, indexed by map and opcode; filled once by the families of {@code org.xenolith.cpu.insn}. */
public final class InstructionTable {
    private static final InsnDef[] NONE = {};

    private final List<InsnDef> rows = new ArrayList<>();
    /** Index: vex &lt;&lt; 10 | map &lt;&lt; 8 | opcode. */
    private final InsnDef[][] index = new InsnDef[2048][];

    public InstructionTable() {
        java.util.Arrays.fill(index, NONE);
    }

    /** Adds a form; see {@link InsnDef} for the notation. Earlier rows win where several match. */
    public void add(String mnemonic, String encoding, String operands, String attributes, Exec exec) {
        InsnDef d = new InsnDef(mnemonic, encoding, operands, attributes, exec);
        rows.add(d);
        for (int r = 0; r < (d.opcodeReg ? 8 : 1); r++) {
            int at = (d.vex ? 1024 : 0) | d.map << 8 | d.opcode + r;
            InsnDef[] old = index[at];
            InsnDef[] grown = java.util.Arrays.copyOf(old, old.length + 1);
            grown[old.length] = d;
            // all rows of an opcode agree on whether a ModRM byte follows
            if (old.length > 0 && old[0].modrm != d.modrm) {
                throw new IllegalArgumentException(d + " and " + old[0] + " disagree on ModRM");
            }
            index[at] = grown;
        }
    }

    public List<InsnDef> rows() {
        return Collections.unmodifiableList(rows);
    }

    /** Rows that share an opcode, in order of preference. */
    InsnDef[] candidates(boolean vex, int map, int opcode) {
        return index[(vex ? 1024 : 0) | map << 8 | opcode];
    }
}
