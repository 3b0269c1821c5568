package org.xenolith.cpu;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;

import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.fpu.F80;
import org.xenolith.cpu.fpu.FpuContext;

/**
 * The x87 register stack of one CPU and its control, status and tag words.
 *
 * <p>All state is in {@link CpuState}; this class has only scratch values. Stack registers are named relative to TOP,
 * physical registers R0 to R7 are the MMX registers. Source: Intel SDM vol. 1, chapter 8, and vol. 3, chapter 14.
 */
public final class X87Unit {
    /** Status word: stack fault. */
    public static final int SF = 0x40;
    /** Status word: error summary, an unmasked exception is pending. */
    public static final int ES = 0x80;
    /** Status word: busy, a copy of ES. */
    public static final int BUSY = 0x8000;
    /** Control word after FNINIT. */
    public static final int INITIAL_CONTROL = 0x37f;

    /** Control word: the bits that can be loaded, and the one that is always set. */
    public static final int CONTROL_BITS = 0x1f3f;
    public static final int CONTROL_FIXED = 0x40;

    private static final int CODES = FpuContext.C0 | FpuContext.C1 | FpuContext.C2 | FpuContext.C3;
    private static final int EXCEPTIONS = 0x3f;
    private static final int TOP = 0x3800;

    /** Scratch values of the instruction that runs. */
    public final F80 a = new F80();
    public final F80 b = new F80();
    public final F80 r = new F80();

    private final Cpu cpu;
    private final long s;
    private final FpuContext context = new FpuContext();

    X87Unit(Cpu cpu) {
        this.cpu = cpu;
        s = cpu.stateAddress();
    }

    /** FNINIT. The contents of the registers stay. */
    public void init() {
        put32(s + CpuState.FCW, INITIAL_CONTROL);
        put32(s + CpuState.FSW, 0);
        put32(s + CpuState.FTOP, 0);
        put32(s + CpuState.FTW, 0);
        put32(s + CpuState.FOP, 0);
        put64(s + CpuState.FIP, 0);
        put64(s + CpuState.FDP, 0);
        put32(s + CpuState.FCS, 0);
        put32(s + CpuState.FDS, 0);
    }

    // ---- control, status and tag words ----

    public int control() {
        return get32(s + CpuState.FCW) & 0xffff;
    }

    /** Loads the control word; exceptions that it unmasks become pending, and the other way round. */
    public void setControl(int word) {
        put32(s + CpuState.FCW, word & CONTROL_BITS | CONTROL_FIXED);
        summarize();
    }

    /** The status word with TOP in bits 13:11. */
    public int status() {
        return get32(s + CpuState.FSW) & 0xffff & ~TOP | top() << 11;
    }

    /** Loads the status word and TOP; ES and B follow from the exceptions and their masks. */
    public void setStatus(int word) {
        put32(s + CpuState.FSW, word & 0xffff & ~TOP);
        put32(s + CpuState.FTOP, word >> 11 & 7);
        summarize();
    }

    private void summarize() {
        int sw = get32(s + CpuState.FSW);
        boolean pending = (sw & ~get32(s + CpuState.FCW) & EXCEPTIONS) != 0;
        put32(s + CpuState.FSW, pending ? sw | ES | BUSY : sw & ~(ES | BUSY));
    }

    /** FNCLEX. */
    public void clearExceptions() {
        put32(s + CpuState.FSW, get32(s + CpuState.FSW) & CODES);
    }

    public int top() {
        return get32(s + CpuState.FTOP) & 7;
    }

    private void setTop(int top) {
        put32(s + CpuState.FTOP, top & 7);
    }

    /** Turns the stack by n without a look at tags: FINCSTP, FDECSTP. */
    public void rotate(int n) {
        setTop(top() + n);
        put32(s + CpuState.FSW, get32(s + CpuState.FSW) & ~FpuContext.C1);
    }

    /** The tag byte of FXSAVE: bit n is set when physical register n is not empty. */
    public int abridgedTags() {
        return get32(s + CpuState.FTW) & 0xff;
    }

    public void setAbridgedTags(int tags) {
        put32(s + CpuState.FTW, tags & 0xff);
    }

    /** The tag word of FSTENV: two bits a physical register, 0 valid, 1 zero, 2 special, 3 empty. */
    public int fullTags() {
        int valid = abridgedTags();
        int tags = 0;
        for (int n = 7; n >= 0; n--) {
            tags = tags << 2 | ((valid >> n & 1) == 0 ? 3 : tag(n));
        }
        return tags;
    }

    private int tag(int physical) {
        long sig = significand(physical);
        int exponent = signExponent(physical) & 0x7fff;
        if (exponent == 0) {
            return sig == 0 ? 1 : 2;
        }
        return exponent == 0x7fff || sig >= 0 ? 2 : 0;
    }

    /** Loads the tag word of FLDENV: only which registers are empty is kept. */
    public void setFullTags(int tags) {
        int valid = 0;
        for (int n = 0; n < 8; n++) {
            if ((tags >> 2 * n & 3) != 3) {
                valid |= 1 << n;
            }
        }
        setAbridgedTags(valid);
    }

    // ---- registers ----

    private long significand(int physical) {
        return get64(s + CpuState.FPR + (physical << 4));
    }

    private int signExponent(int physical) {
        return get32(s + CpuState.FPR + (physical << 4) + 8) & 0xffff;
    }

    private int physical(int i) {
        return top() + i & 7;
    }

    /** Whether ST(i) is empty; i may be negative: -1 is the register that a push would take. */
    public boolean isEmpty(int i) {
        return (get32(s + CpuState.FTW) >> physical(i) & 1) == 0;
    }

    /** Copies ST(i), empty or not. */
    public void get(int i, F80 to) {
        int n = physical(i);
        to.set(signExponent(n), significand(n));
    }

    /** Stores to ST(i) and marks it not empty. */
    public void put(int i, F80 from) {
        int n = physical(i);
        put64(s + CpuState.FPR + (n << 4), from.sig);
        put64(s + CpuState.FPR + (n << 4) + 8, from.se);
        put32(s + CpuState.FTW, get32(s + CpuState.FTW) | 1 << n);
    }

    /** Pushes without a look at the tag. */
    public void push(F80 from) {
        setTop(top() - 1);
        put(0, from);
    }

    /** Empties ST(0) and pops it. */
    public void pop() {
        free(0);
        setTop(top() + 1);
    }

    /** FFREE. */
    public void free(int i) {
        put32(s + CpuState.FTW, get32(s + CpuState.FTW) & ~(1 << physical(i)));
    }

    // ---- last instruction ----

    /** What FOP holds after an instruction: the low bits of its opcode, and its ModRM byte. */
    public static int opcode(Insn i) {
        return (i.def().opcode() & 7) << 8 | i.modrm();
    }

    /**
     * Records FIP, FCS and FOP.
     *
     * @param rip    of the instruction
     * @param memory the last one with a memory operand, whose FDS is recorded too; FDP is not
     */
    public void setPointers(Insn i, long rip, @Nullable Insn memory) {
        cpu.setField(CpuState.FIP, rip);
        cpu.setField32(CpuState.FCS, cpu.selector(CpuState.CS));
        cpu.setField32(CpuState.FOP, opcode(i));
        if (memory != null) {
            cpu.setField32(CpuState.FDS, cpu.selector(memory.seg()));
        }
    }

    // ---- one instruction ----

    /** Starts a waiting instruction: raises #MF if an exception is pending (SDM vol. 1, section 8.7). */
    public FpuContext begin() {
        checkPending();
        context.begin(get32(s + CpuState.FCW));
        return context;
    }

    /** The context of the instruction that runs. */
    public FpuContext context() {
        return context;
    }

    /** Raises #MF if an unmasked exception is pending, as every waiting x87 and every MMX instruction does. */
    public void checkPending() {
        if ((get32(s + CpuState.FSW) & ~get32(s + CpuState.FCW) & EXCEPTIONS) != 0) {
            if ((cpu.cr0() & ControlRegisters.CR0_NE) != 0) {
                throw cpu.fault(Vector.MF);
            }
            cpu.environment().floatingPointError(cpu);
        }
    }

    /**
     * An operand register is empty, or the register to push to is not.
     *
     * @param overflow a push found its register in use
     * @return true if the exception is masked: the instruction goes on with the default NaN as its result
     */
    public boolean stackFault(boolean overflow) {
        context.raise(FpuContext.IE);
        int sw = get32(s + CpuState.FSW) & ~FpuContext.C1;
        put32(s + CpuState.FSW, sw | SF | (overflow ? FpuContext.C1 : 0));
        boolean masked = (get32(s + CpuState.FCW) & FpuContext.IE) != 0;
        put32(s + CpuState.FSW, get32(s + CpuState.FSW) | FpuContext.IE | (masked ? 0 : ES | BUSY));
        return masked;
    }

    /** Moves the exceptions and C1 of the instruction into the status word, with other condition codes. */
    public void commit() {
        commit(0, 0);
    }

    /** Clears condition codes. */
    public void clear(int codes) {
        put32(s + CpuState.FSW, get32(s + CpuState.FSW) & ~codes);
    }

    /** As {@link #commit()}, and replaces the condition codes in mask by those in codes. */
    public void commit(int codes, int mask) {
        int sw = get32(s + CpuState.FSW) & ~(FpuContext.C1 | mask) | codes | context.status();
        put32(s + CpuState.FSW, context.faults() ? sw | ES | BUSY : sw);
    }
}
