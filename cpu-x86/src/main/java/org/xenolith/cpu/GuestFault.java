package org.xenolith.cpu;

/** Unwinds a faulting instruction to the interpreter; one preallocated instance per CPU, details are in {@link Cpu}. */
public final class GuestFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GuestFault() {
        super(null, null, false, false);
    }
}
