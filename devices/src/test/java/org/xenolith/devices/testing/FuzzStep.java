package org.xenolith.devices.testing;

/**
 * A step of a random program.
 *
 * @param at port, gpa, {@code devfn << 8 | offset} for configuration space, or {@code devfn << 32 | BAR << 28 | offset}
 * @param value what is written, or the nanoseconds that pass
 */
public record FuzzStep(Kind kind, long at, int size, long value) {
    /** What a step does. */
    public enum Kind {
        IN, OUT, READ, WRITE, CONFIG_READ, CONFIG_WRITE, BAR_READ, BAR_WRITE, POKE, ADVANCE, RESET
    }

    public static FuzzStep in(int port, int size) {
        return new FuzzStep(Kind.IN, port, size, 0);
    }

    public static FuzzStep out(int port, int size, long value) {
        return new FuzzStep(Kind.OUT, port, size, value);
    }

    public static FuzzStep write(long gpa, int size, long value) {
        return new FuzzStep(Kind.WRITE, gpa, size, value);
    }

    /** A doubleword or less of guest memory. */
    public static FuzzStep poke(long gpa, int size, long value) {
        return new FuzzStep(Kind.POKE, gpa, size, value);
    }

    public static FuzzStep advance(long ns) {
        return new FuzzStep(Kind.ADVANCE, 0, 0, ns);
    }

    @Override
    public String toString() {
        return kind + " " + Long.toHexString(at) + " size " + size + " value " + Long.toHexString(value);
    }
}
