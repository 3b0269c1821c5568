package org.xenolith.cpu;

/** What a CPU says of itself: CPUID leaves and the clock rate that follows from them. */
public interface CpuModel {
    String name();

    /** CPUID.1:EAX, family, model and stepping. */
    int signature();

    /** Writes eax, ebx, ecx, edx of the leaf for this CPU to {@code regs}. */
    void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs);

    /** True when the model offers the feature; decides which instructions decode and which control bits are reserved. */
    boolean has(Feature feature);

    /** Physical address width in bits, 36 to 52. */
    int maxPhysicalAddressBits();

    /** TSC ticks that have passed at a virtual time in nanoseconds. */
    long ticks(long nanoseconds);

    /** TSC frequency in kHz. */
    int tscKhz();

    /** The earliest virtual time in nanoseconds at which {@link #ticks} is at least {@code ticks}; Long.MAX_VALUE if never. */
    default long nanoseconds(long ticks) {
        int khz = tscKhz();
        long whole = Long.divideUnsigned(ticks, khz);
        if (whole >= Long.MAX_VALUE / 1_000_000 - 1) {
            return Long.MAX_VALUE;
        }
        return whole * 1_000_000 + (Long.remainderUnsigned(ticks, khz) * 1_000_000 + khz - 1) / khz;
    }

    /**
     * The same model in a machine or domain of several CPUs; a model without topology returns itself.
     *
     * @param count number of CPUs
     * @param idShift the APIC id of CPU n is n &lt;&lt; idShift (Xen's guests have 1, a bare machine 0)
     */
    default CpuModel withTopology(int count, int idShift) {
        return this;
    }

    /** AuthenticAMD rather than GenuineIntel, where the two differ. */
    default boolean amd() {
        return false;
    }

    /** IA32_ARCH_CAPABILITIES. */
    default long archCapabilities() {
        return 0;
    }

    /** The XCR0 bits that may be set. */
    default long xcr0Mask() {
        return ControlRegisters.XCR0_X87 | ControlRegisters.XCR0_SSE
                | (has(Feature.AVX) ? ControlRegisters.XCR0_AVX : 0)
                | (has(Feature.PKU) ? ControlRegisters.XCR0_PKRU : 0);
    }
}
