package org.xenolith.cpu.jit;

import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.Operand;

/**
 * Memory accesses of a block that lie close together off the same base register, so that one TLB check serves them all: pushes and pops, fields of one
 * object, a word that is read and written back.
 *
 * <p>A group's check covers its whole range and, when one of its accesses is a write, asks for the right to write. Where it does not hold, the block's
 * plain translation does the accesses one by one.
 */
final class AccessGroups implements RegisterMoves.Sink {
    /** Groups in a block, at most: each has a word for its addend. */
    static final int MAX = 6;
    /** Bytes that a group spans, at most; longer ranges would too often reach into a second page. */
    private static final int SPAN = 256;
    /** An instruction number is 7 bits of an exit. */
    private static final int INSNS = 128;
    private static final int CANDIDATES = 32;
    private static final int NONE = -1;

    private final Recipes recipes;
    private int count;

    // by instruction
    private final int[] groupAt = new int[INSNS];
    /** What has been added to each register since its group's first access. */
    private final int[] before = new int[INSNS * 16];
    private final int[] disp = new int[INSNS];
    private final int[] bytes = new int[INSNS];
    private final boolean[] writes = new boolean[INSNS];

    // by group
    private final int[] register = new int[CANDIDATES];
    private final int[] first = new int[CANDIDATES];
    private final int[] last = new int[CANDIDATES];
    private final int[] members = new int[CANDIDATES];
    private final int[] low = new int[CANDIDATES];
    private final int[] high = new int[CANDIDATES];
    private final boolean[] written = new boolean[CANDIDATES];
    private final int[] word = new int[CANDIDATES];

    // by register, while planning
    private final int[] open = new int[16];
    private final int[] delta = new int[16];

    AccessGroups(Recipes recipes) {
        this.recipes = recipes;
    }

    /** Finds the groups among the first n instructions of a block of 64-bit code; returns whether there are any. */
    boolean plan(Insn[] insns, int n) {
        count = 0;
        closeAll();
        for (int k = 0; k < n; k++) {
            groupAt[k] = NONE;
            System.arraycopy(delta, 0, before, k * 16, 16);
            instruction(insns[k], k);
        }
        int words = 0;
        for (int g = 0; g < count; g++) {
            word[g] = members[g] > 1 && words < MAX ? words++ : NONE;
        }
        return words > 0;
    }

    /** The group of instruction k's access, or -1. */
    int at(int k) {
        int g = groupAt[k];
        return g >= 0 && word[g] >= 0 ? g : NONE;
    }

    /** Number of the word that holds a group's addend. */
    int word(int group) {
        return word[group];
    }

    /** Guest register that a group's accesses are relative to. */
    int register(int group) {
        return register[group];
    }

    /** Lowest displacement of a group, from its register as it is before instruction k. */
    int low(int group, int k) {
        return low[group] - distance(group, k);
    }

    /** End of the range. */
    int high(int group, int k) {
        return high[group] - distance(group, k);
    }

    boolean written(int group) {
        return written[group];
    }

    /** Groups planned, of which some may have no word. */
    int count() {
        return count;
    }

    /** The instruction with a group's first access. */
    int first(int group) {
        return first[group];
    }

    /** True when instruction k comes behind the group's first access and not behind its last. */
    boolean openAt(int group, int k) {
        return word[group] >= 0 && first[group] < k && k <= last[group];
    }

    /** One bit for each of the first 64 instructions before which some group is open. */
    long openBefore() {
        long bits = 0;
        for (int g = 0; g < count; g++) {
            for (int k = first[g] + 1; k < Long.SIZE && openAt(g, k); k++) {
                bits |= 1L << k;
            }
        }
        return bits;
    }

    /** Displacement, bytes and direction of instruction k's access. */
    int disp(int k) {
        return disp[k];
    }

    int bytes(int k) {
        return bytes[k];
    }

    boolean writes(int k) {
        return writes[k];
    }

    private int distance(int group, int k) {
        return k == first[group] ? 0 : before[k * 16 + register[group]];
    }

    private void closeAll() {
        java.util.Arrays.fill(open, NONE);
        java.util.Arrays.fill(delta, 0);
    }

    private void instruction(Insn i, int k) {
        switch (recipes.of(i)) {
            case COPY -> {
                copied(i, k);
                RegisterMoves.of(i, this);
            }
            case LEA, MOV_IMMEDIATE, BSWAP -> RegisterMoves.of(i, this);
            case NOP, JCC -> {
                // no access, nothing written
            }
            case PUSH -> push(i, k);
            case POP -> pop(i, k);
            case CALL -> {
                if (i.operandBits() == 64 && !i.isMem(0)) {
                    join(k, CpuState.RSP, -8, 8, true);
                }
            }
            case RET -> {
                if (i.operandBits() == 64) {
                    join(k, CpuState.RSP, 0, 8, false);
                }
            }
            default -> closeAll();
        }
    }

    private void push(Insn i, int k) {
        if (i.operandBits() != 64 || i.op0().kind() != Operand.Kind.GPR && i.op0().kind() != Operand.Kind.IMM) {
            closeAll();
            return;
        }
        join(k, CpuState.RSP, -8, 8, true);
        delta[CpuState.RSP] -= 8;
    }

    private void pop(Insn i, int k) {
        if (i.operandBits() != 64 || i.op0().kind() != Operand.Kind.GPR) {
            closeAll();
            return;
        }
        join(k, CpuState.RSP, 0, 8, false);
        delta[CpuState.RSP] += 8;
        changed(i.op0().reg());
    }

    private void copied(Insn i, int k) {
        int base = i.base();
        for (int n = 0; n < i.operandCount(); n++) {
            if (i.operand(n).kind() == Operand.Kind.MEM && i.addressBits() == 64 && !BlockEmitter.hasBase(i)
                    && i.indexRegister() == CpuState.NONE && base >= 0 && base < 16 && BlockEmitter.host(base) >= 0
                    && Math.abs(i.disp()) < 1 << 30) {
                join(k, base, (int) i.disp(), Math.max(1, i.operand(n).bits() >>> 3),
                        i.def().operands()[n].write());
            }
        }
    }

    private void join(int k, int base, int displacement, int size, boolean write) {
        int from = displacement + delta[base];
        int to = from + size;
        int g = open[base];
        if (g == NONE || Math.max(high[g], to) - Math.min(low[g], from) > SPAN) {
            if (count == CANDIDATES) {
                return;
            }
            delta[base] = 0;
            from = displacement;
            to = from + size;
            g = count++;
            open[base] = g;
            register[g] = base;
            first[g] = k;
            members[g] = 0;
            low[g] = from;
            high[g] = to;
            written[g] = false;
        }
        groupAt[k] = g;
        disp[k] = displacement;
        bytes[k] = size;
        writes[k] = write;
        last[g] = k;
        members[g]++;
        low[g] = Math.min(low[g], from);
        high[g] = Math.max(high[g], to);
        written[g] |= write;
    }

    @Override
    public void moved(int moved, int by) {
        if (Math.abs((long) delta[moved] + by) < 1 << 20) {
            delta[moved] += by;
        } else {
            changed(moved);
        }
    }

    @Override
    public void changed(int changed) {
        open[changed] = NONE;
        delta[changed] = 0;
    }
}
