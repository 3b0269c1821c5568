package org.xenolith.cpu;

/** Delivery of exceptions and interrupts through the IDT or the interrupt vector table (SDM vol. 3, chapter 6). */
public final class Exceptions {
    private Exceptions() {
    }

    /** How an event came about; decides on the DPL check, the return address and the EXT bit. */
    public enum Source {
        /** A fault or abort of an instruction: RIP is the faulting instruction. */
        EXCEPTION,
        /** External interrupt or NMI. */
        EXTERNAL,
        /** INT n: the gate's DPL is checked. */
        SOFTWARE,
        /** INT3 and INTO: like {@link #SOFTWARE}. */
        SOFTWARE_EXCEPTION,
        /** INT1 (ICEBP): no DPL check. */
        PRIVILEGED_SOFTWARE
    }

    /**
     * Delivers an event; faults met while delivering become double or triple faults. RIP must be the address to return to.
     */
    public static void deliver(Cpu c, int vector, Source source, boolean hasError, int error) {
        c.environment().unimplemented(c, "exception delivery " + vector + source + hasError + error);
    }
}
