package org.xenolith.cpu;

/**
 * What a CPU asks of the machine or hypervisor around it. All calls come from the emulation thread, in the middle of an instruction.
 */
public interface CpuEnvironment {
    /** CPUID: {@code regs} holds the model's eax, ebx, ecx, edx and may be changed. */
    default void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
    }

    /**
     * RDMSR of an MSR that the CPU core does not own, or of a platform's (MTRRs, machine check, MISC_ENABLE, PLATFORM_INFO, DEBUGCTL,
     * microcode), for which the environment comes first: puts the value in {@code value[0]}; false raises #GP(0). */
    default boolean rdmsr(Cpu cpu, int msr, long[] value) {
        return false;
    }

    /** WRMSR of an MSR that the CPU core does not own; false raises #GP(0). */
    default boolean wrmsr(Cpu cpu, int msr, long value) {
        return false;
    }

    /** VMCALL or VMMCALL; false raises #UD. RIP is already past the instruction. */
    default boolean hypercall(Cpu cpu) {
        return false;
    }

    /**
     * An exception, interrupt or INT n is about to go through the IDT; RIP is the address to return to. True when the environment has
     * delivered it, or has done what the guest wanted, itself: hypervisors that run their guest's kernel in an outer ring.
     */
    default boolean takesEvent(Cpu cpu, int vector, Exceptions.Source source, boolean hasError, int error) {
        return false;
    }

    /** SYSCALL, before its checks; RIP is already past the instruction. True when the environment has handled it. */
    default boolean syscall(Cpu cpu) {
        return false;
    }

    /**
     * A deprivileged kernel writes where its page tables forbid it. True when the write shall be made by {@link #mmioWrite}, with what it
     * reads before by {@link #mmioRead}; otherwise it faults.
     */
    default boolean emulatesWrite(Cpu cpu, long va) {
        return false;
    }

    /** IN from a port; size 1, 2 or 4 bytes. A port where nothing is reads as ones. */
    default long in(Cpu cpu, int port, int size) {
        return size == 4 ? 0xffffffffL : (1L << (size * 8)) - 1;
    }

    default void out(Cpu cpu, int port, int size, long value) {
    }

    /** Read of a gpa that is not RAM (and not the local APIC); size 1 to 8 bytes. */
    default long mmioRead(Cpu cpu, long gpa, int size) {
        return -1L;
    }

    default void mmioWrite(Cpu cpu, long gpa, int size, long value) {
    }

    /**
     * An external interrupt vector to deliver now other than the local APIC's (PIC through INTA, Xen's callback vector), or -1. Asked only
     * when the CPU could take it.
     */
    default int externalInterrupt(Cpu cpu) {
        return -1;
    }

    /** True when {@link #externalInterrupt} would give a vector; ends HLT when interrupts are on. */
    default boolean hasExternalInterrupt(Cpu cpu) {
        return false;
    }

    /**
     * The ICR of a local APIC that is on no {@code ApicBus} was written, other than to itself by shorthand: deliver to every CPU that it
     * names, the sender included.
     *
     * @param icr in the layout of x2APIC: destination in bits 63 to 32
     */
    default void ipi(Cpu from, long icr) {
    }

    /** Triple fault or another shutdown of this CPU; the CPU stops running. */
    default void shutdown(Cpu cpu) {
    }

    /**
     * A waiting x87 or MMX instruction meets a pending exception with CR0.NE = 0: the CPU asserts FERR# (IRQ 13 of a PC). The instruction
     * then goes on as with IGNNE# asserted.
     */
    default void floatingPointError(Cpu cpu) {
        unimplemented(cpu, "x87 FERR#");
    }

    /** A VM entry failed: what did not hold, in words with the manual's section. */
    default void entryFailed(Cpu cpu, String check) {
    }

    /** Something named happened that is not built (an MSR, an instruction, a port): counted in the statistics. */
    default void unimplemented(Cpu cpu, String what) {
    }
}
