package org.xenolith.cpu;

import org.xenolith.cpu.mmu.Tlb;

/**
 * Offsets in bytes into the off-heap block that holds all state of one CPU that both execution tiers touch. There is no second copy.
 *
 * <p>Arithmetic flags are kept lazily in two words, {@link #FLAG_RESULT} and {@link #FLAG_AUX}; see {@link Flags}.
 */
public final class CpuState {
    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: 8 bytes each, in encoding order. */
    public static final int GPR = 0x000;
    public static final int RIP = 0x080;
    /** Always zero: register number {@link #NONE}, so that address arithmetic needs no test for a missing base or index. */
    public static final int ZERO = 0x088;
    /** Register numbers beyond the sixteen, for address arithmetic: RIP (already past the instruction) and no register. */
    public static final int IP = 16;
    public static final int NONE = 17;
    /** Last result, sign-extended to 64 bits. */
    public static final int FLAG_RESULT = 0x090;
    /** Carry, overflow, adjust and correction bits. */
    public static final int FLAG_AUX = 0x098;
    /** RFLAGS without the six arithmetic flags. */
    public static final int SYSTEM_FLAGS = 0x0a0;
    /** The bits of {@link #SYSTEM_FLAGS} that can be set; {@link Flags#FIXED} always is. */
    public static final int SYSTEM_FLAG_BITS = 0x3f7f00 & ~Flags.OF;
    public static final int MXCSR = 0x0a8;
    public static final int CR0 = 0x0b0;
    public static final int CR2 = 0x0b8;
    public static final int CR3 = 0x0c0;
    public static final int CR4 = 0x0c8;
    public static final int CR8 = 0x0d0;
    public static final int EFER = 0x0d8;
    public static final int XCR0 = 0x0e0;
    /** DR0 to DR7, 8 bytes each; DR4 and DR5 are not used. */
    public static final int DR = 0x0e8;
    /** ES CS SS DS FS GS LDTR TR, {@link #SEGMENT_SIZE} bytes each: base, limit, selector, attributes. */
    public static final int SEGMENT = 0x128;
    public static final int SEGMENT_SIZE = 32;
    public static final int SEGMENT_BASE = 0;
    /** Highest valid offset in bytes (granularity applied). */
    public static final int SEGMENT_LIMIT = 8;
    public static final int SEGMENT_SELECTOR = 16;
    /** Access rights in the VMX layout: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16. */
    public static final int SEGMENT_ATTRIBUTES = 20;
    public static final int GDTR_BASE = 0x228;
    public static final int GDTR_LIMIT = 0x230;
    public static final int IDTR_BASE = 0x238;
    public static final int IDTR_LIMIT = 0x240;
    public static final int STAR = 0x248;
    public static final int LSTAR = 0x250;
    public static final int CSTAR = 0x258;
    public static final int FMASK = 0x260;
    public static final int KERNEL_GS_BASE = 0x268;
    public static final int SYSENTER_CS = 0x270;
    public static final int SYSENTER_ESP = 0x278;
    public static final int SYSENTER_EIP = 0x280;
    public static final int TSC_AUX = 0x288;
    /** Added to the machine's time-stamp count (WRMSR IA32_TSC, IA32_TSC_ADJUST). */
    public static final int TSC_OFFSET = 0x290;
    public static final int PAT = 0x298;
    public static final int PKRU = 0x2a0;
    /** x87 control word (16 bits), status word without TOP, abridged tag byte (1 = valid), TOP. */
    public static final int FCW = 0x2a8;
    public static final int FSW = 0x2ac;
    public static final int FTW = 0x2b0;
    public static final int FTOP = 0x2b4;
    public static final int FOP = 0x2b8;
    public static final int FIP = 0x2c0;
    public static final int FDP = 0x2c8;
    public static final int FCS = 0x2d0;
    public static final int FDS = 0x2d4;
    /** Physical x87/MMX registers R0 to R7, 16 bytes each: significand (or MMX value) at 0, sign and exponent at 8. */
    public static final int FPR = 0x2e0;
    /** YMM0 to YMM15, 32 bytes each; XMM is the low half. */
    public static final int YMM = 0x360;
    public static final int YMM_SIZE = 32;
    /** Not state: 32 bytes where a vector memory operand is gathered that is not in one page of RAM. */
    public static final int VECTOR_SOURCE = 0xfc0;
    /** Not state: 32 bytes where a vector result waits until the instruction can no longer fault. */
    public static final int VECTOR_RESULT = 0xfe0;
    /** MSRs that only RDMSR and WRMSR reach, and the state of the random number generator: 8 bytes each. */
    public static final int XSS = 0x800;
    public static final int SPEC_CTRL = 0x808;
    public static final int MISC_ENABLE = 0x810;
    public static final int DEBUGCTL = 0x818;
    public static final int TSC_ADJUST = 0x820;
    public static final int MCG_STATUS = 0x828;
    public static final int RANDOM = 0x830;
    public static final int HWCR = 0x838;
    public static final int SYSCFG = 0x840;
    public static final int DE_CFG = 0x848;
    public static final int NB_CFG = 0x930;
    /** What of a deprivileged guest runs: 0 for a CPU that is not under such a hypervisor, {@link #GUEST_USER}, {@link #GUEST_KERNEL} or {@link #GUEST_RING1}. */
    public static final int GUEST = 0x938;
    public static final int GUEST_USER = 1;
    public static final int GUEST_KERNEL = 2;
    /** A 32-bit guest whose kernel is in ring 1: the rings keep kernel and programs apart. */
    public static final int GUEST_RING1 = 3;
    public static final int MTRR_DEF_TYPE = 0x850;
    /** Base and mask of the eight variable ranges. */
    public static final int MTRR_VARIABLE = 0x858;
    /** The eleven fixed ranges. */
    public static final int MTRR_FIXED = 0x8d8;
    /** Not state: words that emitted code keeps for itself; RESET leaves them alone. */
    public static final int NATIVE = 0xa00;
    public static final int SIZE = 0x1000;
    /** The software TLB's tables follow the state. */
    public static final int TLB = SIZE;
    /** The jump caches of emitted code follow the TLB. */
    public static final int JUMP_CACHES = TLB + Tlb.BYTES;
    public static final int JUMP_CACHE_BYTES = 4 * 0x100000;
    /** Bytes kept free below the state: emitted code runs with RSP there, and signal frames go below RSP. */
    public static final int STACK_ROOM = 1 << 20;

    public static final int ES = 0;
    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;
    public static final int LDTR = 6;
    public static final int TR = 7;

    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;

    private CpuState() {
    }
}
