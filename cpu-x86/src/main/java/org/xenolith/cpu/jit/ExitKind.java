package org.xenolith.cpu.jit;

/**
 * Why emitted code comes back. An exit's number carries the translation (20 bits), the instruction (7 bits) and the kind (5 bits).
 */
final class ExitKind {
    /** Instruction k is for the interpreter; nothing of it is done. */
    static final int STEP = 0;
    /** The budget does not reach to the end of the block; nothing of it is done. */
    static final int BUDGET = 1;
    /** The block is done and goes to the direct target of its last instruction, on the same page. */
    static final int TAKEN = 2;
    /** The block is done and goes on behind its last instruction, on the same page. */
    static final int NEXT = 3;
    /** The block is done and goes to the address in ADDRESS, which the jump cache does not know. */
    static final int JUMP = 4;
    /** Instruction k is an indirect branch whose target the jump cache does not know; nothing of it is done. */
    static final int INDIRECT = 5;
    /** Instruction k reads (6 to 11) or writes (12 to 17) 1, 2, 4, 8, 16 or 32 bytes at ADDRESS, which the TLB does not know. */
    static final int MISS_READ = 6;
    static final int MISS_WRITE = 12;
    /** Instruction k is the first of a group of accesses that are not all in one page the TLB knows. */
    static final int GROUP = 18;
    static final int COUNT = 19;

    private static final String[] NAMES = {"step", "budget", "taken", "next", "jump", "indirect", "miss_read",
        "miss_write", "group"};

    private ExitKind() {
    }

    static int number(int translation, int insn, int kind) {
        return translation << 12 | insn << 5 | kind;
    }

    /** The same exit of another translation. */
    static int of(int translation, int number) {
        return translation << 12 | number & 0xfff;
    }

    static int kind(int number) {
        return number & 31;
    }

    static int insn(int number) {
        return number >>> 5 & 127;
    }

    static int translation(int number) {
        return number >>> 12;
    }

    static int miss(int bytes, boolean write) {
        return (write ? MISS_WRITE : MISS_READ) + Integer.numberOfTrailingZeros(bytes);
    }

    static int missBytes(int kind) {
        return 1 << (kind - MISS_READ) % 6;
    }

    /** Name of a kind for statistics. */
    static String name(int kind) {
        return NAMES[kind < MISS_READ ? kind : kind < MISS_WRITE ? 6 : kind < GROUP ? 7 : 8];
    }
}
