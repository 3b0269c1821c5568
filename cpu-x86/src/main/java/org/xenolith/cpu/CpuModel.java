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
}
