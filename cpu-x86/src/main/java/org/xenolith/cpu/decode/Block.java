package org.xenolith.cpu.decode;

/**
 * A straight-line run of instructions on one page: the unit of both tiers. It ends at a branch, at the page's end, or at an instruction
 * that may change mode or must be alone.
 *
 * <p>Keyed by machine address and code size; stale once {@link #valid} is false.
 */
public final class Block {
    private final long machineAddress;
    private final int codeBits;
    private final Insn[] insns;
    private final int bytes;
    private final long secondMfn;
    private boolean valid = true;
    private Compiled compiled;
    private Block nextInBucket;

    /** @param secondMfn frame of the bytes past the page's end, or -1 */
    public Block(long machineAddress, int codeBits, Insn[] insns, int bytes, long secondMfn) {
        this.machineAddress = machineAddress;
        this.codeBits = codeBits;
        this.insns = insns;
        this.bytes = bytes;
        this.secondMfn = secondMfn;
    }

    /** Machine address of the first byte. */
    public long machineAddress() {
        return machineAddress;
    }

    public int codeBits() {
        return codeBits;
    }

    public Insn[] insns() {
        return insns;
    }

    /** Length in bytes of guest code; may reach into the next page by one instruction. */
    public int bytes() {
        return bytes;
    }

    /** Frame of the bytes past the page's end, or -1; the block holds only while the next virtual page maps to it. */
    public long secondMfn() {
        return secondMfn;
    }

    public boolean valid() {
        return valid;
    }

    public void invalidate() {
        valid = false;
        if (compiled != null) {
            compiled.blockInvalid();
            compiled = null;
        }
    }

    /** What another tier derived from a block. */
    public interface Compiled {
        /** The block is stale. */
        void blockInvalid();
    }

    public Compiled compiled() {
        return compiled;
    }

    public void setCompiled(Compiled compiled) {
        this.compiled = compiled;
    }

    public Block nextInBucket() {
        return nextInBucket;
    }

    public void setNextInBucket(Block next) {
        nextInBucket = next;
    }
}
