package org.xenolith.cpu.jit;

import org.jspecify.annotations.Nullable;
import org.xenolith.cpu.decode.Block;

/**
 * Host code of one block for one linear address and one mode. Dead once the block is stale or the code was evicted.
 *
 * <p>What the code depends on, and what is said of it here, is kept between runs by {@link StoredCode}.
 */
final class Translation implements Block.Compiled {
    /** Bytes between the start of the code, which is the exit for an empty budget, and its head. */
    static final int HEAD = 10;
    /** No group is open before the first instruction. */
    static final long UNKNOWN = 1;

    final int number;
    final Block block;
    /** Linear address (and RIP) of the first instruction. */
    final long rip;
    final int mode;
    /** Offset of the host code in the code cache, and its bytes. */
    int code;
    int codeBytes;
    /** Offset of each instruction's code from {@link #code}; one more for the end. */
    char[] at;
    /** Flags that EFLAGS holds wrongly before each instruction (the host's choice of undefined flags), or null where there are none. */
    short[] undefined;
    /** Offsets from {@link #code} of the displacements of jumps and calls to the fixed code of the cache; each JMP is an exit. */
    char[] links;
    /** Offsets in the cache of the patchable jump displacements to the taken target and to the next instruction, or -1. */
    int takenSite = -1;
    int nextSite = -1;
    /** Where those jumps go while they are not patched. */
    int takenStub;
    int nextStub;
    /** Instructions that emitted code always leaves to the interpreter, one bit each. */
    long interpreted;
    /** Instruction whose code was spoiled on purpose, or -1. */
    int spoiledAt = -1;
    private final Translations owner;
    /** Who jumps here: number of the translation, and whether by its taken jump (bit 0); and the offset of the displacement. */
    private int[] incoming = {};
    private int incomingCount;
    /** Mode of the code behind it, where that differs (STAC, CLAC). */
    int nextMode;
    /** Instructions that the code covers: all of the block, or those up to a change of mode. */
    int insnCount;
    /** First and last instruction with x87 or MMX registers; the code behind the first relies on their being loaded. */
    int x87First = -1;
    int x87Last = -1;
    /** For each instruction: whose x87 pointers are not in the state before it, see {@link X87Lowering}; null where there are none. */
    byte @Nullable [] x87Pending;
    boolean dead;
    /** Nothing leads to it any more but {@link Translations#find}: its region is emptied next. */
    boolean cooled;
    /** Region of the cache that its code is in. */
    int region;
    /** Some accesses share a check: see {@link AccessGroups}. */
    boolean grouped;
    /** Instructions before which a group is open, one bit each; {@link #UNKNOWN} until first needed. */
    long groupsOpen = UNKNOWN;
    /** Every access has a check of its own; made for a translation whose groups did not hold. */
    boolean plain;
    /** Entered only from the translation that it was made for, never by a block's address. */
    boolean secondary;
    /** The plain translation of the same code, or null. */
    @Nullable
    Translation plainForm;
    /** For many iterations of a loop: see {@link LoopAccesses}. */
    boolean loop;
    /** That of this block, or null. */
    @Nullable
    Translation loopForm;
    /** There is nothing to be gained by one. */
    boolean noLoop;
    /** Times that a group did not hold. */
    int failures;
    /** Next translation of the same block. */
    Translation next;

    Translation(int number, Block block, long rip, int mode, Translations owner) {
        this.owner = owner;
        this.number = number;
        this.block = block;
        this.rip = rip;
        this.mode = mode;
        this.nextMode = mode;
        this.insnCount = block.insns().length;
    }

    /** RIP of instruction k; of the next block for k = n. */
    long ripOf(int k) {
        return k == 0 ? rip : rip + block.insns()[k - 1].endOffset();
    }

    /** Whether code that is entered at instruction k, not by way of those before it, needs the x87 registers loaded. */
    boolean needsX87(int k) {
        return k > x87First && k <= x87Last;
    }

    int undefinedAt(int k) {
        return undefined == null ? 0 : undefined[k];
    }

    /** Offset in the code cache of where the block begins. */
    int head() {
        return code + HEAD;
    }

    /** Host address of where the block begins. */
    long address() {
        return owner.address(head());
    }

    void addIncoming(int who, int site) {
        if (2 * incomingCount == incoming.length) {
            incoming = java.util.Arrays.copyOf(incoming, Math.max(4, 2 * incoming.length));
        }
        incoming[2 * incomingCount] = who;
        incoming[2 * incomingCount++ + 1] = site;
    }

    void clearIncoming() {
        incomingCount = 0;
    }

    int incomingCount() {
        return incomingCount;
    }

    int incoming(int k) {
        return incoming[2 * k];
    }

    int incomingSite(int k) {
        return incoming[2 * k + 1];
    }

    @Override
    public void blockInvalid() {
        for (Translation t = this; t != null; t = t.next) {
            if (!t.dead) {
                owner.kill(t);
            }
        }
    }
}
