package org.xenolith.hypervisor.toolstack;

import java.util.Optional;
import java.util.function.IntConsumer;
import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.ring.GuestRingPage;
import org.xenolith.hypervisor.xenstore.DomainAccess;

/** The domains of a host as the xenstore daemon sees them. */
public final class HostDomainAccess implements DomainAccess {
    private final Host host;
    private IntConsumer listener = domid -> {};

    public HostDomainAccess(Host host) {
        this.host = host;
    }

    /** Hears, by domid, of signals from domains that were connected by request rather than at their creation. */
    public void setListener(IntConsumer listener) {
        this.listener = listener;
    }

    @Override
    public boolean exists(int domid) {
        return domid == ControlDomain.DOMID || host.domain(domid) != null;
    }

    @Override
    public Optional<RingEnd> connect(int domid, long gfn, int port) {
        Domain d = host.domain(domid);
        if (d == null || !d.isRam(gfn << 12, 4096)) {
            return Optional.empty();
        }
        try {
            int local = host.control().bind(domid, port, () -> {});
            return Optional.of(new RingEnd(new GuestRingPage(d, gfn), () -> host.control().notify(local)));
        } catch (ErrnoException e) {
            return Optional.empty();
        }
    }
}
