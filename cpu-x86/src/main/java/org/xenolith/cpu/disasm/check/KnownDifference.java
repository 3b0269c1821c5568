package org.xenolith.cpu.disasm.check;

import java.util.function.Predicate;

/**
 * Where objdump and the decoder differ and the decoder is right by the manuals, with the reason. "SDM" is Intel's
 * Software Developer's Manual.
 */
enum KnownDifference {
    /**
     * objdump takes WAIT and the x87 instruction after it for one; for the CPU they are two (SDM vol. 2, FSTCW and
     * others). The second is compared.
     */
    WAIT_JOINED(d -> false),

    /** objdump ends an instruction after 14 prefixes; past 15 bytes the CPU raises #GP (SDM vol. 2, 2.3.11). */
    PREFIX_RUN(d -> d.onlyPrefixes() && d.fields().prefixes() >= 14),

    /** objdump takes bytes for data where an instruction would reach past the next symbol. */
    CUT_BY_SYMBOL(d -> d.theirs().startsWith(".byte ")),

    /**
     * objdump ends an instruction at a REX prefix that another prefix follows; the CPU ignores such a REX (SDM vol. 2,
     * 2.2.1).
     */
    REX_NOT_LAST(d -> d.onlyPrefixes() && (d.fields().rexNotLast() || d.fields().is(0, 0x9b))),

    /**
     * LOCK without a memory destination, or on an instruction that does not take it, is #UD (SDM vol. 2, LOCK); objdump
     * prints the name. What is left without LOCK is compared.
     */
    LOCK_INVALID(d -> false),

    /**
     * 0F 18 to 0F 1F are NOPs on a CPU without MPX, CET and CLDEMOTE (SDM vol. 2, appendix A, table A-3); objdump names
     * those.
     */
    HINT_NOP(d -> (d.bad() || d.sameLength()) && d.mnemonic().equals("NOP") && d.fields().map() == 1
            && d.fields().opcode() >= 0x18 && d.fields().opcode() <= 0x1f),

    /** 0F 0D with a register is a NOP (SDM vol. 2, table A-3, "NOP Ev"). */
    PREFETCH_REGISTER(d -> d.bad() && d.mnemonic().equals("NOP") && d.fields().is(1, 0x0d)),

    /** 66, F2 and F3 before 0F 09 are ignored by a CPU without WBNOINVD (SDM vol. 2, WBNOINVD). */
    WBINVD_PREFIX(d -> d.mnemonic().equals("WBINVD") && (d.bad() || d.theirs().endsWith("wbnoinvd"))),

    /** F2 before BSF and BSR is ignored; tried on a CPU. */
    BIT_SCAN_REPNE(d -> d.bad() && d.fields().rep() == 0xf2 && (d.fields().is(1, 0xbc) || d.fields().is(1, 0xbd))),

    /**
     * Aliases of FCOM, FCOMP, FXCH, FSTP and others that all CPUs have (AMD APM vol. 3, appendix A, x87 opcodes; tried
     * on a CPU).
     */
    X87_ALIAS(d -> d.bad() && !d.undefined() && d.fields().map() == 0 && (d.fields().opcode() & 0xf8) == 0xd8
            && d.fields().modrm() >= 0xc0),

    /** MOV to and from the test registers of the 386 and 486 is #UD on later CPUs (SDM vol. 3, 24.22). */
    TEST_REGISTER(d -> d.undefined() && (d.fields().is(1, 0x24) || d.fields().is(1, 0x26))),

    /** LOCK MOV CR0 is CR8 on AMD CPUs alone (APM vol. 3, MOV CRn); #UD on Intel's. */
    LOCK_IS_CR8(d -> d.undefined() && d.fields().lock() && (d.fields().is(1, 0x20) || d.fields().is(1, 0x22))),

    /** 66, F2, F3, LOCK or REX before VEX is #UD (SDM vol. 2, 2.3.3 to 2.3.5). */
    PREFIX_BEFORE_VEX(d -> d.undefined() && d.fields().vex() && d.fields().forbiddenBeforeVex()),

    /**
     * A prefix that the opcode does not have with these is #UD (SDM vol. 2, "NP" in the opcode column); tried on a CPU.
     */
    PREFIX_NOT_CHECKED(d -> d.undefined() && d.fields().mandatoryPrefix() && d.theirs().matches(
            "(?:[a-zA-Z0-9.]+ )*(?:vzero(?:upper|all)|[lms]fence|stac|clac|x[gs]etbv|"
                    + "v?ldmxcsr|v?stmxcsr|v?pmovmskb|fx(?:save|rstor)|xsave[cs]?|xrstors?|vmptr(?:ld|st)|vmread|vmwrite|vm(?:launch|resume|xoff|func))"
                    + "(?:64)?(?: .*)?")),

    /** Outside 64-bit mode the top bit of VEX.vvvv is ignored where it names a register (SDM vol. 2, 2.3.5.6). */
    VVVV_TOP_BIT(d -> d.bad() && !d.undefined() && d.codeBits() != 64 && d.fields().vvvvTopBit()),

    /**
     * A far pointer with REX.W has a 64-bit offset (SDM vol. 2, LFS; JMP m16:64); objdump prints the size of a 32-bit
     * one.
     */
    FAR_POINTER_64(d -> d.sameLength() && d.codeBits() == 64
            && plain(d.ours()).equals(plain(d.theirs()).replaceAll("\\b[FD]WORD", "TBYTE"))),

    /** REX.W goes before 66 in MOVSXD (SDM vol. 2, 2.2.1.2; tried on a CPU); objdump takes 66. */
    MOVSXD_SIZE(d -> d.sameLength() && d.fields().is(0, 0x63) && d.fields().operandSize() && d.fields().rex()),

    /**
     * REX.W goes before 66 in FLDENV, FNSTENV, FRSTOR and FNSAVE: the 32-bit image (tried on a CPU); objdump takes 66.
     */
    ENVIRONMENT_SIZE(d -> d.sameLength() && (d.fields().is(0, 0xd9) || d.fields().is(0, 0xdd))
            && d.fields().operandSize() && d.fields().rex()
            && plain(d.theirs()).replaceFirst("^(f[a-z]+)w ", "$1 ").equals(plain(d.ours()))),

    /** 66, F2 and F3 before VMMCALL are ignored without SEV-ES (APM vol. 3, VMGEXIT; tried on a CPU). */
    VMMCALL_PREFIX(
            d -> d.mnemonic().equals("VMMCALL") && (d.bad() || d.sameLength() && d.theirs().endsWith("vmgexit"))),

    /** F3 90 with REX.B is XCHG R8 (tried on a CPU), not PAUSE. */
    PAUSE_WITH_REX_B(d -> d.sameLength() && d.mnemonic().equals("XCHG") && d.theirs().endsWith("pause")),

    /** FRSTPM is #UD on CPUs of today (tried on a CPU). */
    FRSTPM(d -> d.undefined() && d.fields().is(0, 0xdb) && d.fields().modrm() == 0xe5),

    /** SWAPGS, RDFSBASE and its kind exist in 64-bit mode alone (SDM vol. 2). */
    LONG_MODE_ONLY(d -> d.undefined() && d.codeBits() != 64 && (d.fields().is(1, 0xae) || d.fields().is(1, 1))
            && d.theirs().matches(".*(?:(?:rd|wr)[fg]sbase .*|swapgs)")),

    /** RDFSBASE and its kind have 32- or 64-bit operands, never 16 bits (SDM vol. 2, RDFSBASE). */
    FSGSBASE_SIZE(d -> d.sameLength() && d.fields().is(1, 0xae) && d.fields().operandSize()
            && d.theirs().matches(".*(?:rd|wr)[fg]sbase .*")),

    /** The low bits of ModRM do not matter to LFENCE, MFENCE and SFENCE (SDM vol. 2, MFENCE; tried on a CPU). */
    FENCE_ENCODING(d -> d.bad() && d.mnemonic().endsWith("FENCE")),

    /**
     * 3E before an indirect branch is both a hint and, outside 64-bit mode, the DS override; objdump shows the hint
     * alone.
     */
    NOTRACK_DS(d -> d.sameLength() && d.theirs().contains("notrack ")
            && plain(d.ours()).replace(" ds:", " ")
                    .equals(plain(d.theirs()).replace(" ds:", " "))),

    /** MOVQ2DQ and MOVDQ2Q have an MMX register whatever 66 says; objdump makes it an XMM register. */
    MMX_WITH_66(d -> d.sameLength() && d.fields().is(1, 0xd6) && d.fields().rep() != 0 && d.fields().operandSize()
            && plain(d.theirs()).replace("xmm", "mm")
                    .equals(plain(d.ours()).replace("xmm", "mm"))),

    /**
     * Bits 0 and 4 of the immediate choose the halves (SDM vol. 2, PCLMULQDQ); objdump names 2 and 3 as if they were
     * 10h and 11h.
     */
    PCLMUL_NAME(d -> d.sameLength() && d.mnemonic().endsWith("PCLMULQDQ") && d.ours().matches(".*,0x[23]( #.*)?")),

    /** VEX.L is ignored by the register form of VMOVSS and VMOVSD; objdump names a YMM register. */
    SCALAR_MOVE_LENGTH(d -> d.sameLength() && d.theirs().replace('y', 'x').equals(d.ours().replace('y', 'x'))
            && d.theirs().matches("(?:[a-zA-Z0-9.]+ )*vmovs[sd] .*")),

    /**
     * With 32-bit address size a RIP-relative address has 32 bits (SDM vol. 2, 2.2.1.6); objdump does not cut it in its
     * remark.
     */
    EIP_TARGET(d -> d.sameLength() && d.ours().contains("[eip+") && plain(d.theirs()).equals(plain(d.ours()))),

    /**
     * A short branch with 16-bit operand size goes within 64 KiB (SDM vol. 2, Jcc); objdump does not cut its target.
     */
    SHORT_TARGET(d -> d.sameLength() && d.codeBits() != 64 && sameModulo64K(d.theirs(), d.ours())),

    /** SALC is not in the manual's text and exists on every CPU (SDM vol. 2, table A-2 leaves D6 empty). */
    SALC(d -> d.bad() && d.fields().is(0, 0xd6)),

    /** SYSCALL and SYSRET are #UD outside 64-bit mode on Intel CPUs (SDM vol. 2, SYSCALL); AMD's have them. */
    SYSCALL_IN_LEGACY_MODE(d -> d.undefined() && d.codeBits() != 64 && (d.fields().is(1, 5) || d.fields().is(1, 7)));

    private final Predicate<Disagreement> condition;

    KnownDifference(Predicate<Disagreement> condition) {
        this.condition = condition;
    }

    private static boolean sameModulo64K(String theirs, String ours) {
        int a = theirs.lastIndexOf(' ');
        int b = ours.lastIndexOf(' ');
        if (!theirs.startsWith("0x", a + 1) || !ours.startsWith("0x", b + 1)
                || !Comparison.strip(theirs.substring(0, a + 1)).equals(Comparison.strip(ours.substring(0, b + 1)))) {
            return false;
        }
        long difference = Long.parseUnsignedLong(theirs.substring(a + 3), 16)
                - Long.parseUnsignedLong(ours.substring(b + 3), 16);
        return (difference & 0xffff) == 0;
    }

    /**
     * Without names of prefixes, and with an EIP-relative target cut to 32 bits, so that two known differences may
     * meet.
     */
    private static String plain(String text) {
        return Comparison.strip(text).replaceFirst(" # 0x(?:f{8})?([0-9a-f]{8})$", " # 0x$1");
    }

    boolean explains(Disagreement d) {
        return condition.test(d);
    }
}
