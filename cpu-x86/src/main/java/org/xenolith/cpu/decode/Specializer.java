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

    /** An exec that {@code specializer} may replace by a narrower one; null from it keeps {@code general}. */
    static Exec of(Exec general, Specializer specializer) {
        return new Specialized() {
            @Override
            public Exec specialize(Insn i) {
                Exec narrow = specializer.specialize(i);
                return narrow != null ? narrow : general;
            }

            @Override
            public void exec(org.xenolith.cpu.Cpu c, Insn i) {
                general.exec(c, i);
            }
        };
    }

    /** A row's exec that can be specialized per decoded instruction. */
    interface Specialized extends Exec, Specializer {
    }
}
