package org.xenolith.cpu.jit;

import org.xenolith.cpu.decode.Block;

/**
 * Host code of one block for one linear address and one mode. Dead once the block is stale or the code was evicted.
 */
final class Translation {
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
    /** Offsets in the cache of the patchable jump displacements to the taken target and to the next instruction, or -1. */
    int takenSite = -1;
    int nextSite = -1;
    /** Where those jumps go while they are not patched. */
    int takenStub;
    int nextStub;
    /** Sites (of other translations, or its own) that jump here. */
    private int[] incoming = {};
    private int incomingCount;
    boolean dead;
    /** Next translation of the same block. */
    Translation next;

    Translation(int number, Block block, long rip, int mode) {
        this.number = number;
        this.block = block;
        this.rip = rip;
        this.mode = mode;
    }

    /** RIP of instruction k; of the next block for k = n. */
    long ripOf(int k) {
        return k == 0 ? rip : rip + block.insns()[k - 1].endOffset();
    }

    int insnCount() {
        return block.insns().length;
    }

    int undefinedAt(int k) {
        return undefined == null ? 0 : undefined[k];
    }

    void addIncoming(int translationSite) {
        if (incomingCount == incoming.length) {
            incoming = java.util.Arrays.copyOf(incoming, Math.max(2, 2 * incomingCount));
        }
        incoming[incomingCount++] = translationSite;
    }

    int incomingCount() {
        return incomingCount;
    }

    int incoming(int k) {
        return incoming[k];
    }
}
