package org.xenolith.cpu.oracle;

import org.xenolith.cpu.Flags;
import org.xenolith.cpu.decode.InsnDef;

/** Fills a {@link MachineState} with random values, biased to what the row's kind of instruction finds interesting. */
final class StateMaker {
    /** Kinds of vector lanes. */
    enum Lanes {
        MIXED, FLOAT32, FLOAT64
    }

    private static final int X87_EXCEPTIONS = 0x3f;
    private static final int MXCSR_MASKED = 0x1f80;

    private final Random64 random;
    private final Arena arena;

    StateMaker(Random64 random, Arena arena) {
        this.random = random;
        this.arena = arena;
    }

    static Lanes lanesOf(InsnDef def) {
        String m = def.mnemonic();
        for (var operand : def.operands()) {
            switch (operand.size()) {
                case "ss", "ps":
                    return Lanes.FLOAT32;
                case "sd", "pd":
                    return Lanes.FLOAT64;
                default:
                    break;
            }
        }
        if (m.endsWith("PS") || m.endsWith("SS")) {
            return Lanes.FLOAT32;
        }
        return m.endsWith("PD") || m.endsWith("SD") ? Lanes.FLOAT64 : Lanes.MIXED;
    }

    long lane(Lanes lanes) {
        if (lanes == Lanes.MIXED || random.oneIn(16)) {
            return random.lane();
        }
        return lanes == Lanes.FLOAT64
                ? random.float64()
                : (long) random.float32() << 32 | random.float32() & 0xffff_ffffL;
    }

    void fill(MachineState state, InsnDef def) {
        for (int i = 0; i < 16; i++) {
            state.gpr[i] = i > 0 && random.oneIn(8) ? state.gpr[random.below(i)] : random.integer();
        }
        state.gpr[4] = stack();
        int flags = (int) random.next() & Flags.ARITHMETIC | 0x202;
        if (random.oneIn(4)) {
            flags |= Flags.DF;
        }
        if (random.oneIn(16)) {
            flags |= Flags.AC;
        }
        if (random.oneIn(16)) {
            flags |= Flags.NT;
        }
        if (random.oneIn(4)) {
            flags |= Flags.ID;
        }
        state.rflags = flags;
        Lanes lanes = lanesOf(def);
        for (int i = 0; i < 64; i++) {
            state.ymm[i] = i >= 4 && random.oneIn(16) ? state.ymm[i - 4] : lane(lanes);
        }
        state.mxcsr = mxcsr();
        x87(state);
        state.fsBase = base();
        state.gsBase = base();
        for (int i = 0; i < state.selector.length; i++) {
            state.selector[i] = 0;
        }
    }

    private long base() {
        return switch (random.below(4)) {
            case 0 -> 0;
            case 1 -> random.below(1 << 16);
            case 2 -> random.next() >> 17;
            default -> arena.dataBase();
        };
    }

    /** A stack pointer with room on both sides, mostly aligned. */
    long stack() {
        long at = arena.dataBase() + 256 + random.below(Arena.WRITABLE - 512);
        return random.oneIn(8) ? at : at & -8L;
    }

    private int mxcsr() {
        int value = MXCSR_MASKED | random.below(4) << 13;
        if (random.oneIn(2)) {
            value |= random.below(64);
        }
        if (random.oneIn(8)) {
            value &= ~(random.below(64) << 7);
        }
        if (random.oneIn(8)) {
            value |= 0x8000;
        }
        if (random.oneIn(8)) {
            value |= 0x40;
        }
        return value;
    }

    private void x87(MachineState state) {
        int masks = random.oneIn(8) ? random.below(64) : X87_EXCEPTIONS;
        int precision = random.oneIn(2) ? 3 : random.oneIn(8) ? 1 : random.below(2) * 2;
        state.fcw = masks | 0x40 | precision << 8 | random.below(4) << 10 | (random.oneIn(8) ? 0x1000 : 0);
        int flags = random.oneIn(2) ? 0 : random.below(64);
        if (!random.oneIn(8)) {
            flags &= masks;
        }
        boolean stackFault = (flags & 1) != 0 && random.oneIn(2);
        state.fsw = flags | (stackFault ? 0x40 : 0) | random.below(16) << 8 & 0x700 | random.below(2) << 14
                | random.below(8) << 11;
        if ((flags & ~masks & X87_EXCEPTIONS) != 0) {
            state.fsw |= 0x8080;
        }
        state.tags = random.oneIn(4) ? random.below(256) : 0xff;
        for (int i = 0; i < 8; i++) {
            int exponent = random.exponent80();
            long significand = random.significand80();
            if ((exponent & 0x7fff) == 0) {
                significand = random.oneIn(2) ? 0 : significand & (random.oneIn(4) ? -1L : Long.MAX_VALUE);
            } else if (random.oneIn(8)) {
                exponent = state.exponent[Math.max(0, i - 1)];
            }
            if (random.oneIn(6)) {
                // A small integer or a number that double can hold.
                long v = 1L + random.below(1 << 16);
                int shift = Long.numberOfLeadingZeros(v);
                significand = v << shift;
                exponent = 0x3fff + 63 - shift - (random.oneIn(2) ? 0 : random.below(16)) | random.below(2) << 15;
            }
            state.significand[i] = significand;
            state.exponent[i] = exponent;
        }
    }
}
