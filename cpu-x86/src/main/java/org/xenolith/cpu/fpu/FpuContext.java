package org.xenolith.cpu.fpu;

/**
 * Modes and exceptions of one x87 instruction.
 *
 * <p>An instruction calls {@link #begin}, then an operation, then ORs {@link #status} into the status word; it stores a
 * result only when {@link #discardsResult} (or, for a memory destination, {@link #discardsStore}) is false. Results that
 * overflow or underflow with that exception unmasked come with the exponent moved by 24576, ready to be stored in a
 * register. Source: Intel SDM vol. 1, sections 8.1 and 8.5.
 */
public final class FpuContext {
    /** Invalid operation. */
    public static final int IE = 0x01;
    /** Denormal operand. */
    public static final int DE = 0x02;
    /** Divide by zero. */
    public static final int ZE = 0x04;
    /** Overflow. */
    public static final int OE = 0x08;
    /** Underflow. */
    public static final int UE = 0x10;
    /** Precision. */
    public static final int PE = 0x20;
    /** Condition code 0 in the status word. */
    public static final int C0 = 0x100;
    /** Condition code 1: rounded up, or the direction of a stack fault. */
    public static final int C1 = 0x200;
    /** Condition code 2. */
    public static final int C2 = 0x400;
    /** Condition code 3. */
    public static final int C3 = 0x4000;

    private static final int ALL = 0x3f;
    private static final int PRE_COMPUTATION = IE | DE | ZE;

    final Unrounded scratch = new Unrounded();
    final WideMath math = new WideMath();
    private int control = 0x37f;
    private int raised;
    private boolean roundedUp;
    private boolean memoryDenormal;

    /** Starts an instruction under a control word. */
    public void begin(int controlWord) {
        control = controlWord;
        raised = 0;
        roundedUp = false;
        memoryDenormal = false;
    }

    /** Exceptions of this instruction and C1, as bits of the status word. */
    public int status() {
        if ((raised & ~control & PRE_COMPUTATION) != 0) {
            // Nothing was computed, so neither rounding nor range can have gone wrong.
            return raised & PRE_COMPUTATION;
        }
        return raised | (roundedUp ? C1 : 0);
    }

    /** Whether an exception of this instruction is unmasked, so that ES and B get set. */
    public boolean faults() {
        return (status() & ~control & ALL) != 0;
    }

    /** Whether an unmasked exception leaves a destination register (and the stack) as it was. */
    public boolean discardsResult() {
        return (raised & ~control & PRE_COMPUTATION) != 0;
    }

    /** Whether an unmasked exception leaves a destination in memory (and the stack) as it was. */
    public boolean discardsStore() {
        return (raised & ~control & (PRE_COMPUTATION | OE | UE)) != 0;
    }

    /** Whether an unmasked exception keeps FLD m32fp or m64fp from pushing: a denormal is pushed all the same (Zen 4). */
    public boolean discardsLoad() {
        return (raised & ~control & IE) != 0;
    }

    /** Adds exceptions. */
    public void raise(int flags) {
        raised |= flags;
    }

    /** Rounding control: 0 nearest even, 1 down, 2 up, 3 toward zero. */
    public int rounding() {
        return control >> 10 & 3;
    }

    /** Bits of significand that precision control asks for; the reserved setting gives 64. */
    int precision() {
        return switch (control >> 8 & 3) {
            case 0 -> 24;
            case 2 -> 53;
            default -> 64;
        };
    }

    boolean masked(int flag) {
        return (control & flag) != 0;
    }

    void roundedUp(boolean up) {
        roundedUp = up;
    }

    /** A denormal was read from memory; it counts when the operation looks at its operands. */
    void memoryDenormal() {
        memoryDenormal = true;
    }

    void noteDenormals(F80 a, F80 b) {
        if (memoryDenormal || a.isDenormal() || b.isDenormal()) {
            raised |= DE;
        }
    }
}
