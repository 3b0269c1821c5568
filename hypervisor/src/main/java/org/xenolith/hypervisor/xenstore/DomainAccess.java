package org.xenolith.hypervisor.xenstore;

import java.util.Optional;
import org.xenolith.hypervisor.ring.RingPage;

/** What the daemon needs to know of the hypervisor's domains. */
public interface DomainAccess {
    /**
     * The means to talk to a domain.
     *
     * @param page the domain's xenstore page
     * @param signal raises the domain's xenstore event channel
     */
    record RingEnd(RingPage page, Runnable signal) {
    }

    /** Whether the domain exists, introduced or not. Nodes cannot be given to one that does not. */
    boolean exists(int domid);

    /**
     * Connects to a domain as an INTRODUCE request asks; empty if there is no such domain, page or port.
     *
     * @param gfn frame of the xenstore page
     * @param port the domain's unbound event channel
     */
    Optional<RingEnd> connect(int domid, long gfn, int port);
}
