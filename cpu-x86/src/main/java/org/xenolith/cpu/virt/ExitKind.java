package org.xenolith.cpu.virt;

/** What made a guest exit, where VMX and SVM have the same reasons; the architectural name is {@link Virtualizer#exitName}. */
public enum ExitKind {
    CPUID, HLT, PORT, RDMSR, WRMSR,
    /** EPT violation or nested page fault. */
    NESTED_FAULT, CR_ACCESS, DR_ACCESS, EXCEPTION,
    /** An interrupt for the host. */
    INTERRUPT, NMI,
    /** The guest can take an interrupt, or an NMI. */
    WINDOW, TRIPLE_FAULT,
    /** VMCALL, VMMCALL or VMGEXIT. */
    HYPERCALL, PAUSE, XSETBV,
    /** INVD or WBINVD. */
    CACHE, TASK_SWITCH, INIT, SIPI,
    /** The guest's state failed the checks of an entry. */
    ENTRY_FAILED, OTHER
}
