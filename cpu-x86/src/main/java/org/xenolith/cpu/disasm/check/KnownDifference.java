package org.xenolith.cpu.disasm.check;

/** Where objdump and the decoder differ and objdump is not the measure, with the reason. */
enum KnownDifference {
    /** objdump takes WAIT and the x87 instruction after it for one; for the CPU they are two (SDM vol. 2, FSTCW and others). */
    WAIT_JOINED,
    /** objdump ends an instruction at a REX prefix that another prefix follows; the CPU ignores such a REX (SDM vol. 2, 2.2.1). */
    REX_NOT_LAST,
    /** LOCK without a memory destination, or on an instruction that does not take it, is #UD (SDM vol. 2, LOCK). */
    LOCK_INVALID
}
