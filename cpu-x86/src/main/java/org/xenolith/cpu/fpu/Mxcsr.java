package org.xenolith.cpu.fpu;

/**
 * The MXCSR of one CPU while an instruction runs: modes to read, and the exceptions that it raised so far.
 *
 * <p>An instruction calls {@link #load}, then one operation for each element, then {@link #commit}, then stores {@link
 * #value} back. Source: Intel SDM vol. 1, sections 10.2.3 and 11.5.
 */
public final class Mxcsr {
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
    /** Precision (inexact result). */
    public static final int PE = 0x20;
    /** Denormals are zeros. */
    public static final int DAZ = 0x40;
    /** Distance from an exception flag to its mask. */
    public static final int MASK_SHIFT = 7;
    /** Rounding control, bits 14:13. */
    public static final int RC_SHIFT = 13;
    /** Flush to zero. */
    public static final int FTZ = 0x8000;
    /** Value after reset and FNINIT-like initialisation of SSE state. */
    public static final int RESET = 0x1f80;

    private static final int ALL_FLAGS = 0x3f;
    private static final int PRE_COMPUTATION = IE | DE | ZE;

    /** Operation must take the exact path: rounding is not to nearest. */
    static final int SLOW = 0;
    /** Host arithmetic gives the value, but the precision exception has to be found. */
    static final int FAST_CHECKED = 1;
    /** Host arithmetic gives the value and nobody can see whether it was inexact. */
    static final int FAST = 2;

    /** Scratch result of the exact operations; it saves an allocation for each. */
    final Unrounded scratch = new Unrounded();
    int speed = FAST_CHECKED;
    private int value = RESET;
    private int raised;

    /** Starts an instruction with the given register value; forgets what was raised before. */
    public void load(int mxcsr) {
        value = mxcsr;
        raised = 0;
        if ((mxcsr >> RC_SHIFT & 3) != 0) {
            speed = SLOW;
        } else {
            speed = (mxcsr & (PE | PE << MASK_SHIFT)) == (PE | PE << MASK_SHIFT) ? FAST : FAST_CHECKED;
        }
    }

    /** The register: as loaded, with the exceptions of every commit since. */
    public int value() {
        return value;
    }

    /** Exceptions raised since {@link #load} or {@link #commit}, as flag bits. */
    public int raised() {
        return raised;
    }

    /** Adds exceptions, as flag bits. */
    public void raise(int flags) {
        raised |= flags;
    }

    /** Rounding control: 0 nearest even, 1 down, 2 up, 3 toward zero. */
    public int rounding() {
        return value >> RC_SHIFT & 3;
    }

    /** Whether denormal operands count as zeros. */
    public boolean denormalsAreZeros() {
        return (value & DAZ) != 0;
    }

    /** Whether the exception with this flag bit is masked. */
    public boolean masked(int flag) {
        return (value & flag << MASK_SHIFT) != 0;
    }

    /** Whether a tiny result becomes zero: FTZ works only while underflow is masked. */
    boolean flushesToZero() {
        return (value & (FTZ | UE << MASK_SHIFT)) == (FTZ | UE << MASK_SHIFT);
    }

    /**
     * Moves the raised exceptions into the register.
     *
     * <p>When an exception found before computing (IE, DE, ZE) is unmasked, no element is computed, so the other three
     * are not reported (SDM vol. 1, section 11.5.3).
     *
     * @return true if one of them is unmasked: the instruction must raise #XM and leave its destination alone
     */
    public boolean commit() {
        int flags = raised;
        if (flags == 0) {
            return false;
        }
        raised = 0;
        int unmasked = ~(value >> MASK_SHIFT) & ALL_FLAGS;
        if ((flags & unmasked & PRE_COMPUTATION) != 0) {
            flags &= PRE_COMPUTATION;
        }
        value |= flags;
        return (flags & unmasked) != 0;
    }
}
