package org.xenolith.cpu.decode;

/**
 * Chance for a family to give a decoded form a narrower {@link Exec} (register-only, one size): the meaning stays that of the row's method,
 * which must be built from the same micro-operations.
 */
@FunctionalInterface
public interface Specializer {
    /** The exec for this instruction. */
    Exec specialize(Insn i);

    static Exec select(Insn i, Exec exec) {
        return exec instanceof Specialized s ? s.specialize(i) : exec;
    }

    /** A row's exec that can be specialized per decoded instruction. */
    interface Specialized extends Exec, Specializer {
    }
}
