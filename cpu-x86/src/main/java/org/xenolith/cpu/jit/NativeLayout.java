package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.put64;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.X87Unit;
import org.xenolith.cpu.fpu.FpuContext;
import org.xenolith.cpu.mmu.Tlb;

/**
 * Where emitted code finds things: all by displacement from RSP, which is the CPU state's address plus {@link #BIAS}.
 *
 * <p>Constants and scratch words lie just below the state, where the ABI's red zone (128 bytes below RSP) keeps signal frames away, so that
 * they are reached with one displacement byte.
 */
final class NativeLayout {
    /** RSP's low six bits are 12, so that SHRX by RSP shifts by the page size without a register for the count. */
    static final int BIAS = 12;

    static final int MASK_SIGN = constant(1);
    static final int MASK_15 = constant(3);
    static final int MASK_31 = constant(4);
    static final int MASK_63 = constant(5);
    static final int MASK_BIT31 = constant(6);
    /** RFLAGS without IF, and without AC. */
    static final int MASK_NOT_IF = constant(7);
    static final int MASK_NOT_AC = constant(8);
    static final int SCRATCH = constant(9);
    /** Code address that an indirect call goes to once its return address is pushed. */
    static final int TARGET = constant(10);
    /** At entry and exit: LAHF's byte in AH, OF in AL. */
    static final int FLAGS = constant(11);
    /** At entry and exit: the complement of the budget. */
    static final int BUDGET = constant(12);
    /** At exit: R15, the linear address of a missed access or the target of a jump. */
    static final int ADDRESS = constant(13);
    static final int MASK_NOT_63 = field(CpuState.NATIVE + 16);
    static final int MASK_DF = field(CpuState.NATIVE + 24);
    static final int MASK_AC = field(CpuState.NATIVE + 80);
    static final int MASK_TF_AC = field(CpuState.NATIVE + 88);
    /** Bits 47 to 63: 0 for the lower canonical half. */
    static final int MASK_UPPER = field(CpuState.NATIVE + 96);
    static final int MASK_SELECTOR = field(CpuState.NATIVE + 104);
    /** The time-stamp counter plus the remaining budget, kept by Java at each entry; 0 when emitted code cannot tell the time. */
    static final int TSC_BASE = field(CpuState.NATIVE + 112);
    /** 0 while the guest's x87 registers are on the host's stack. */
    static final int X87_ABSENT = field(CpuState.NATIVE + 128);
    /** At entry: not 0 when the code relies on the guest's x87 registers being there. */
    static final int X87_ENTER = field(CpuState.NATIVE + 136);
    /** TOP in the status word; valid bits in the tag word; the bits of the control word that can be loaded. */
    static final int MASK_TOP = field(CpuState.NATIVE + 144);
    static final int MASK_TAGS = field(CpuState.NATIVE + 152);
    static final int MASK_FCW = field(CpuState.NATIVE + 160);
    static final int MASK_C1 = field(CpuState.NATIVE + 168);
    /** Environments as FNSTENV stores them, 28 bytes: the guest's while it is loaded or stored, and Java's. */
    static final int X87_ENVIRONMENT = field(CpuState.NATIVE + 192);
    static final int HOST_X87 = field(CpuState.NATIVE + 224);
    /** Not 0 when an interrupt waits for IF; kept by Java at each entry. */
    static final int EVENTS = field(CpuState.NATIVE + 32);
    /** Scratch of the string instructions. */
    static final int STRING_FLAGS = field(CpuState.NATIVE + 40);
    static final int STRING_COUNT = field(CpuState.NATIVE + 48);
    static final int STRING_SOURCE = field(CpuState.NATIVE + 56);
    static final int STRING_RSI = field(CpuState.NATIVE + 64);
    static final int STRING_RDI = field(CpuState.NATIVE + 72);
    /** Bits 5 to 31. */
    static final int MASK_UPPER_32 = field(CpuState.NATIVE + 504);
    static final int MASK_NOT_31 = field(CpuState.NATIVE + 256);
    /** Not 0 when 32-bit code must not use FS as a flat segment with a base; then the same of GS. Kept by Java at each entry to such code. */
    static final int NOT_FLAT = field(CpuState.NATIVE + 264);
    static final int CONSTANTS = 14;

    /** Addends of the groups of accesses of the block that runs. */
    private static final int GROUPS = field(CpuState.NATIVE + 512);

    /** Entries of {@link LoopAccesses}: 16 bytes each. */
    private static final int LOOP = field(CpuState.NATIVE + 576);

    /** Host state across a run. */
    static final int HOST_RSP = CpuState.NATIVE - BIAS;
    static final int HOST_MXCSR = CpuState.NATIVE + 8 - BIAS;

    /** Jump caches ({@link JumpCaches}): tags (negated RIP), then code addresses. */
    static final int JUMP_ENTRIES = 65536;
    static final int JUMP_TABLE = 2 * 8 * JUMP_ENTRIES;
    static final int JUMP_TABLES = CpuState.JUMP_CACHES - BIAS;

    private NativeLayout() {
    }

    private static int constant(int k) {
        return -112 + 8 * k - BIAS;
    }

    /** Displacement of a field of {@link CpuState}. */
    static int field(int offset) {
        return offset - BIAS;
    }

    /** The word of a group: the two first ones where one byte of displacement reaches them. */
    static int group(int word) {
        return switch (word) {
            case 0 -> constant(0);
            case 1 -> constant(2);
            default -> GROUPS + 8 * word;
        };
    }

    static int loopTag(int entry) {
        return LOOP + 16 * entry;
    }

    static int loopAddend(int entry) {
        return LOOP + 16 * entry + 8;
    }

    static int slot(int gpr) {
        return CpuState.GPR + 8 * gpr - BIAS;
    }

    /** Displacement of an array of a table of the TLB. */
    static int tlb(int rights, int array) {
        return CpuState.TLB + rights * Tlb.TABLE_BYTES + array - BIAS;
    }

    static int jumpTags(int table) {
        return JUMP_TABLES + table * JUMP_TABLE;
    }

    static int jumpCode(int table) {
        return jumpTags(table) + 8 * JUMP_ENTRIES;
    }

    /** The low 16 bits of RIP: one MOVZX for emitted code. */
    static int jumpIndex(long rip) {
        return (int) rip & JUMP_ENTRIES - 1;
    }

    /** Writes the constants into the area of a CPU. */
    static void prepare(long state) {
        long[] v = constants();
        for (int k = 0; k < v.length; k++) {
            put64(state - 112 + 8L * k, v[k]);
        }
        put64(state + BIAS + MASK_NOT_63, ~63L);
        put64(state + BIAS + MASK_UPPER_32, 0xffff_ffff_0000_0000L);
        put64(state + BIAS + MASK_NOT_31, 0xffff_ffe0L);
        put64(state + BIAS + MASK_DF, Flags.DF);
        put64(state + BIAS + MASK_AC, Flags.AC);
        put64(state + BIAS + MASK_TF_AC, Flags.TF | Flags.AC);
        put64(state + BIAS + MASK_UPPER, -1L << 47);
        put64(state + BIAS + MASK_SELECTOR, 0xfffc);
        put64(state + BIAS + X87_ABSENT, 1);
        put64(state + BIAS + MASK_TOP, 0x3800);
        put64(state + BIAS + MASK_TAGS, 0x5555);
        put64(state + BIAS + MASK_FCW, X87Unit.CONTROL_BITS);
        put64(state + BIAS + MASK_C1, FpuContext.C1);
    }

    private static long[] constants() {
        long[] v = new long[CONSTANTS];
        v[index(MASK_SIGN)] = 1L << 63;
        v[index(MASK_15)] = 15;
        v[index(MASK_31)] = 31;
        v[index(MASK_63)] = 63;
        v[index(MASK_BIT31)] = 1L << 31;
        v[index(MASK_NOT_IF)] = ~(long) Flags.IF;
        v[index(MASK_NOT_AC)] = ~(long) Flags.AC;
        return v;
    }

    private static int index(int constant) {
        return constant + 112 + BIAS >> 3;
    }
}
