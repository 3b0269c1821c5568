package org.xenolith.cpu.jit;

import static org.xenolith.cpu.jit.HostAssembler.R15;
import static org.xenolith.cpu.jit.HostAssembler.RCX;
import static org.xenolith.cpu.jit.HostAssembler.RSP;

import java.util.Arrays;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.mmu.Tlb;

/**
 * Accesses of a block that is a loop of its own, whose addresses go up or down by the same step each time around. Each keeps the page it was in last, as a
 * TLB entry of its own: {negated page address, addend}.
 *
 * <p>The code has two bodies. The first iteration runs the first, with the checks of any block, and fills the entries; the others run the second, which
 * compares with them and goes to the TLB where the page is another. Since the address only ever moves one way while the loop runs, one compare is enough: of
 * the last byte on the way up, of the first on the way down. Java, which alone can change the TLB, never enters a body in the middle.
 */
final class LoopAccesses implements RegisterMoves.Sink {
    /** Entries, at most. */
    static final int MAX = 8;
    private static final int NONE = -1;
    private static final long UNKNOWN = Long.MIN_VALUE;
    private static final int INSNS = 128;

    private final BlockEmitter e;
    private final HostAssembler a;
    /** What one iteration adds to each register. */
    private final long[] steps = new long[16];
    private final int[] entryAt = new int[INSNS];
    private int entries;
    private boolean active;
    private boolean second;

    // places where the second body leaves for the TLB
    private final int[] coldSite = new int[MAX];
    private final int[] coldBack = new int[MAX];
    private final int[] coldInsn = new int[MAX];
    /** Base register, or R15 where the address is in there. */
    private final int[] coldRegister = new int[MAX];
    private final int[] coldLow = new int[MAX];
    private final int[] coldHigh = new int[MAX];
    private final boolean[] coldWrite = new boolean[MAX];
    private final int[] coldExit = new int[MAX];
    private int colds;

    LoopAccesses(BlockEmitter e) {
        this.e = e;
        this.a = e.a;
    }

    void stop() {
        active = false;
        second = false;
        colds = 0;
    }

    /** Begins a loop of n instructions; returns false when none of its addresses moves by steps. */
    boolean begin(Insn[] insns, int n) {
        Arrays.fill(steps, 0);
        for (int k = 0; k < n; k++) {
            RegisterMoves.of(insns[k], this);
        }
        Arrays.fill(entryAt, NONE);
        entries = 0;
        colds = 0;
        second = false;
        active = true;
        for (int k = 0; k < n; k++) {
            if (hasMemory(insns[k]) && step(insns[k]) != UNKNOWN) {
                return true;
            }
        }
        active = false;
        return false;
    }

    private static boolean hasMemory(Insn i) {
        for (int n = 0; n < i.operandCount(); n++) {
            if (i.isMem(n)) {
                return true;
            }
        }
        return false;
    }

    void secondBody() {
        second = true;
    }

    @Override
    public void moved(int register, int by) {
        if (steps[register] != UNKNOWN) {
            steps[register] += by;
        }
    }

    @Override
    public void changed(int register) {
        steps[register] = UNKNOWN;
    }

    private long step(Insn i) {
        if (i.addressBits() != 64 || BlockEmitter.hasBase(i) || BlockEmitter.isConstant(i)) {
            return UNKNOWN;
        }
        long base = i.base() == CpuState.NONE ? 0 : steps[i.base()];
        long index = i.indexRegister() == CpuState.NONE ? 0 : steps[i.indexRegister()];
        return base == UNKNOWN || index == UNKNOWN ? UNKNOWN : base + (index << i.scale());
    }

    /** The entry of instruction k's access, or -1. */
    private int entry(Insn i, int k) {
        if (!active || step(i) == UNKNOWN) {
            return NONE;
        }
        if (!second && entryAt[k] == NONE && entries < MAX) {
            entryAt[k] = entries++;
        }
        return entryAt[k];
    }

    /**
     * In the second body, the check of an access at [register + low, register + high); its addend goes to R15, or to RCX where the register is R15.
     *
     * @param exit kind of exit for a miss in the TLB
     * @param align power of two that the address must be a multiple of, or 1
     * @return false where the access has no entry, or in the first body
     */
    boolean check(Insn i, int k, int register, int low, int high, boolean write, int exit, int align) {
        int entry = second ? entry(i, k) : NONE;
        if (entry == NONE) {
            return false;
        }
        if (align > 1) {
            int at = register;
            if (register != R15 && low != 0) {
                a.lea(R15, register, low);
                at = R15;
            }
            e.aligned(at, align);
        }
        a.load(RCX, RSP, NativeLayout.loopTag(entry));
        a.lea(RCX, register, RCX, 0, step(i) >= 0 ? high - 1 : low);
        a.shrx(RCX, RCX, RSP);
        int hit = a.jrcxz();
        coldSite[colds] = a.jmp();
        a.bind8(hit);
        coldBack[colds] = a.size();
        coldInsn[colds] = k;
        coldRegister[colds] = register;
        coldLow[colds] = low;
        coldHigh[colds] = high;
        coldWrite[colds] = write;
        coldExit[colds++] = exit;
        a.load(register == R15 ? RCX : R15, RSP, NativeLayout.loopAddend(entry));
        return true;
    }

    /** Displacement of the word that holds the addend of the group that begins at instruction k, in the second body; 0 where it has none. */
    int addend(int k) {
        return second && entryAt[k] != NONE ? NativeLayout.loopAddend(entryAt[k]) : 0;
    }

    /**
     * In the first body, behind the check: the TLB's entry, whose index is in {@code index}, becomes the access's own.
     *
     * @return whether it has one; then RCX holds the addend
     */
    boolean fill(Insn i, int k, int index, boolean write) {
        int entry = second ? NONE : entry(i, k);
        if (entry != NONE) {
            copyEntry(entry, index, write);
        }
        return entry != NONE;
    }

    private void copyEntry(int entry, int index, boolean write) {
        a.at(RSP, index, 3, NativeLayout.tlb(e.rights(), write ? Tlb.WRITE : Tlb.READ)).op(true, 0x8b, RCX);
        a.store(RSP, NativeLayout.loopTag(entry), RCX);
        if (index == RCX) {
            e.index(RCX, R15);
        }
        a.at(RSP, index, 3, NativeLayout.tlb(e.rights(), Tlb.ADDEND)).op(true, 0x8b, RCX);
        a.store(RSP, NativeLayout.loopAddend(entry), RCX);
    }

    /** Emits the ways to the TLB and back. */
    void finish() {
        for (int c = 0; c < colds; c++) {
            a.bind32(coldSite[c]);
            e.instruction(coldInsn[c]);
            int register = coldRegister[c];
            int index = register == R15 ? RCX : R15;
            if (register == R15) {
                e.index(RCX, R15);
            } else {
                a.lea(R15, register, coldLow[c]);
                e.index(R15, R15);
            }
            a.at(RSP, index, 3, NativeLayout.tlb(e.rights(), coldWrite[c] ? Tlb.WRITE : Tlb.READ)).op(true, 0x8b, RCX);
            e.inPage(register, coldHigh[c] - 1, coldExit[c], register == R15 ? NONE : register, coldLow[c]);
            if (register == R15) {
                e.index(RCX, R15);
            }
            copyEntry(entryAt[coldInsn[c]], index, coldWrite[c]);
            a.b(0xe9);
            a.d(coldBack[c] - (a.size() + 4));
        }
        stop();
    }
}
