package org.xenolith.hypervisor;

/** Carries out hypercalls: the table of package {@code hypercall}, seen from the containers. */
@FunctionalInterface
public interface Hypercalls {
    /** Runs the hypercall that the vCPU's registers ask for and stores its result in them. */
    void dispatch(Vcpu vcpu);
}
