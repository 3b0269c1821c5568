package org.xenolith.cpu.decode;

/**
 * One decoded operand.
 *
 * @param kind what it is
 * @param reg register number within its file; for {@link Kind#GPR8H} 0 to 3 for AH, CH, DH, BH; unused otherwise
 * @param bits width of the access in bits; 0 where there is none (LEA, INVLPG)
 */
public record Operand(Kind kind, int reg, int bits) {
    /** Where an operand lives. */
    public enum Kind {
        /** General register. */
        GPR,
        /** AH, CH, DH, BH. */
        GPR8H,
        /** Memory; the address parts are in the instruction. */
        MEM,
        /** Immediate in {@code Insn.imm()}, sign-extended from its encoding, or {@code imm2}. */
        IMM,
        /** Second immediate (ENTER, far pointer selector, EXTRQ). */
        IMM2,
        /** Relative branch target: displacement in {@code Insn.imm()}. */
        REL,
        /** Far pointer: offset in imm, selector in imm2. */
        FAR,
        SEG, CR, DR,
        /** DS:rSI (overridable) and ES:rDI of a string instruction. */
        SRC_STRING, DST_STRING,
        /** XMM or YMM by width. */
        XMM, MMX, ST
    }

    public boolean isMem() {
        return kind == Kind.MEM;
    }
}
