package org.xenolith.cpu;

/**
 * Instruction-set extensions and other CPUID features, each with the CPUID bit that reports it (SDM vol. 2, CPUID; AMD APM vol. 3,
 * appendix E).
 *
 * <p>{@link #leaf}, {@link #subleaf}, {@link #register} (0 EAX, 1 EBX, 2 ECX, 3 EDX) and {@link #bit} say where.
 */
public enum Feature {
    // @formatter:off
    FPU(1, 3, 0), VME(1, 3, 1), DE(1, 3, 2), PSE(1, 3, 3), TSC(1, 3, 4), MSR(1, 3, 5), PAE(1, 3, 6), MCE(1, 3, 7),
    CX8(1, 3, 8), APIC(1, 3, 9), SEP(1, 3, 11), MTRR(1, 3, 12), PGE(1, 3, 13), MCA(1, 3, 14), CMOV(1, 3, 15),
    PAT(1, 3, 16), PSE36(1, 3, 17), CLFSH(1, 3, 19), MMX(1, 3, 23), FXSR(1, 3, 24), SSE(1, 3, 25), SSE2(1, 3, 26),

    SSE3(1, 2, 0), PCLMULQDQ(1, 2, 1), MONITOR(1, 2, 3), VMX(1, 2, 5), SSSE3(1, 2, 9), FMA(1, 2, 12), CX16(1, 2, 13),
    PCID(1, 2, 17), SSE4_1(1, 2, 19), SSE4_2(1, 2, 20), X2APIC(1, 2, 21), MOVBE(1, 2, 22), POPCNT(1, 2, 23),
    TSC_DEADLINE(1, 2, 24), AES(1, 2, 25), XSAVE(1, 2, 26), AVX(1, 2, 28), F16C(1, 2, 29), RDRAND(1, 2, 30),

    FSGSBASE(7, 1, 0), TSC_ADJUST(7, 1, 1), BMI1(7, 1, 3), AVX2(7, 1, 5), SMEP(7, 1, 7), BMI2(7, 1, 8), ERMS(7, 1, 9),
    INVPCID(7, 1, 10), RDSEED(7, 1, 18), ADX(7, 1, 19), SMAP(7, 1, 20), CLFLUSHOPT(7, 1, 23), CLWB(7, 1, 24),
    SHA(7, 1, 29),
    UMIP(7, 2, 2), PKU(7, 2, 3), GFNI(7, 2, 8), VAES(7, 2, 9), VPCLMULQDQ(7, 2, 10), RDPID(7, 2, 22),
    MOVDIRI(7, 2, 27),
    FSRM(7, 3, 4), MD_CLEAR(7, 3, 10), SPEC_CTRL(7, 3, 26), STIBP(7, 3, 27), FLUSH_L1D(7, 3, 28),
    ARCH_CAPABILITIES(7, 3, 29), SSBD(7, 3, 31),
    BHI_CTRL(7, 2, 3, 4),

    XSAVEOPT(0xd, 1, 0, 0), XSAVEC(0xd, 1, 0, 1), XGETBV1(0xd, 1, 0, 2), XSAVES(0xd, 1, 0, 3),

    LAHF_LM(0x8000_0001, 2, 0), SVM(0x8000_0001, 2, 2), LZCNT(0x8000_0001, 2, 5), SSE4A(0x8000_0001, 2, 6),
    PREFETCHW(0x8000_0001, 2, 8), TOPOEXT(0x8000_0001, 2, 22),
    SYSCALL(0x8000_0001, 3, 11), NX(0x8000_0001, 3, 20), PAGE1GB(0x8000_0001, 3, 26), RDTSCP(0x8000_0001, 3, 27),
    LM(0x8000_0001, 3, 29),
    INVARIANT_TSC(0x8000_0007, 3, 8),
    XSAVEERPTR(0x8000_0008, 1, 2), AMD_IBPB_RET(0x8000_0008, 1, 30),
    WBNOINVD(0x8000_0008, 1, 9), AMD_IBPB(0x8000_0008, 1, 12), AMD_IBRS(0x8000_0008, 1, 14),
    AMD_STIBP(0x8000_0008, 1, 15), AMD_SSBD(0x8000_0008, 1, 24), AMD_SSB_NO(0x8000_0008, 1, 26),
    AMD_BTC_NO(0x8000_0008, 1, 29),
    LFENCE_SERIALIZING(0x8000_0021, 0, 2), NULL_SELECTOR_CLEARS_BASE(0x8000_0021, 0, 6),
    AUTO_IBRS(0x8000_0021, 0, 8), SRSO_NO(0x8000_0021, 0, 29),
    TSA_SQ_NO(0x8000_0021, 2, 1), TSA_L1_NO(0x8000_0021, 2, 2);
    // @formatter:on

    private final int leaf;
    private final int subleaf;
    private final int register;
    private final int bit;

    Feature(int leaf, int register, int bit) {
        this(leaf, 0, register, bit);
    }

    Feature(int leaf, int subleaf, int register, int bit) {
        this.leaf = leaf;
        this.subleaf = subleaf;
        this.register = register;
        this.bit = bit;
    }

    public int leaf() {
        return leaf;
    }

    public int subleaf() {
        return subleaf;
    }

    /** 0 EAX, 1 EBX, 2 ECX, 3 EDX. */
    public int register() {
        return register;
    }

    public int bit() {
        return bit;
    }
}
