package org.xenolith.cpu.virt;

/**
 * One CPU's VMX or SVM in the hands of a hypervisor that is no guest code ({@link RootSoftware}): control structures in machine memory,
 * entries with all the checks of VMRESUME or VMRUN, and what an exit says.
 *
 * <p>After an exit the guest's state is in the VMCS or VMCB, and the CPU keeps it as well: it is read from the CPU. A hypervisor that
 * changes registers does so in the CPU: an entry takes the state from there. Entering is cheap; the translations of the
 * guest stay.
 */
public interface Virtualizer {
    /** Frames of machine memory that {@link #start} needs. */
    int frames();

    /**
     * Turns VMX operation or SVM on, with a fresh control structure that intercepts what a hypervisor of an HVM guest has to see: CPUID,
     * HLT, MSRs, XSETBV, INVD and WBINVD, VMCALL or VMMCALL, triple faults, every port; interrupts for the host exit. The present state of
     * the CPU is the guest's.
     *
     * @param mfns {@link #frames} frames of the hypervisor's own; they are zeroed
     * @param tables frame of the root of the second level of translation: an EPT of four levels, or nested page tables
     */
    void start(long[] mfns, long tables);

    /**
     * Enters the guest with every check; a pending event is injected at the next instruction boundary.
     *
     * @return false when a check failed: then {@link #failure} says which one in words, with the manual's section
     */
    boolean enter();

    /** The check that the last entry failed, or null. */
    String failure();

    /** Puts all state of the CPU into the control structure as the guest's; an entry does so by itself. */
    void save();

    /** Moves RIP behind the instruction that exited, and ends an interrupt shadow. */
    void skipInstruction();

    // ---- the last exit ----

    ExitKind kind();

    /** The exit's architectural name in lower case, for statistics: {@code ept_violation}, {@code npf}, {@code io}, {@code cpuid} … */
    String exitName();

    /** Bytes of the instruction that exited. */
    int instructionLength();

    /** The exit qualification (VMX), or EXITINFO1. */
    long qualification();

    /** NESTED_FAULT: the guest-physical address. */
    long gpa();

    /** NESTED_FAULT: the linear address, or 0. */
    long va();

    /** NESTED_FAULT: {@link NestedPaging#READ}, {@link NestedPaging#WRITE} or {@link NestedPaging#FETCH}. */
    int access();

    /** PORT. */
    int port();

    /** PORT: 1, 2 or 4 bytes. */
    int portBytes();

    /** PORT: IN or INS. */
    boolean portIn();

    /** PORT: INS or OUTS, which {@link #emulate} does. */
    boolean portString();

    /** EXCEPTION: the event, as {@link EventInfo} has it. */
    long exception();

    /** The event whose delivery the exit ended ({@link EventInfo}), to be injected again; 0 for none. */
    long interruptedEvent();

    // ---- what the guest is to meet ----

    /** Has the next entry inject an event ({@link EventInfo}); 0 for none. */
    void inject(long event);

    /** True when the event of {@link #inject} has not been delivered. */
    boolean injecting();

    /** RFLAGS.IF is set and no shadow holds an interrupt off. */
    boolean takesInterrupts();

    /** Asks for an exit as soon as the guest takes interrupts. */
    void requestWindow(boolean on);

    /**
     * The next entry has the guest execute one instruction (a REP one to its end) without interception: an address without a page goes
     * to {@code CpuEnvironment.mmioRead} and {@code mmioWrite}, a port to {@code in} and {@code out}.
     */
    void emulate();

    void interceptPort(int port, boolean on);

    void interceptMsr(int msr, boolean read, boolean write);

    /** Exceptions that exit: bit n for vector n. */
    void interceptExceptions(int vectors);

    /** Whether RDTSC and RDTSCP exit. */
    void interceptTsc(boolean on);

    /** Added to the time-stamp counter that the guest reads. */
    void setTscOffset(long ticks);

    /** Forgets the guest's translations: the second level has changed. */
    void flush();
}
