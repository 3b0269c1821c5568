package org.xenolith.hypervisor.hypercall;

/** One hypercall. */
@FunctionalInterface
interface Hypercall {
    /**
     * Carries it out.
     *
     * @return the result for RAX; also ended by {@link org.xenolith.hypervisor.abi.ErrnoException}
     */
    long call(HypercallContext c);
}
