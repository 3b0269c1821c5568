package org.xenolith.hypervisor;

import org.xenolith.hypervisor.evtchn.EventChannels;
import org.xenolith.hypervisor.evtchn.EventDomain;
import org.xenolith.hypervisor.evtchn.EventVcpu;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.GrantStatus;
import org.xenolith.hypervisor.gnttab.GrantTable;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.SharedPage;

/**
 * Domain 0 as seen by guests: no vCPU and no memory, only ports and grant mappings that Java services own.
 *
 * <p>Handlers run at once, inside the guest's EVTCHNOP_send; a service that needs virtual time for its work arms a
 * timer there.
 */
public final class ControlDomain implements EventDomain {
    public static final int DOMID = 0;
    private static final int MAX_PORT = (1 << 17) - 1;

    private final Host host;
    private final EventChannels events;

    ControlDomain(Host host) {
        this.host = host;
        this.events = new EventChannels(this, MAX_PORT);
    }

    public EventChannels events() {
        return events;
    }

    /**
     * Connects a service with a port that a guest (or the toolstack for it) left unbound for domain 0. The handler runs
     * once at once.
     *
     * @return the local port, for {@link #notify} and {@link #unbind}
     * @throws org.xenolith.hypervisor.abi.ErrnoException ESRCH for no such domain, EINVAL for no such port
     */
    public int bind(int domid, int port, Runnable handler) {
        return events.bindInterdomain(domid, port, handler);
    }

    /** Sends an event to the guest at the other end of a local port. */
    public void notify(int localPort) {
        events.sendFromHandler(localPort);
    }

    /** Closes a local port; the guest's end becomes unbound. */
    public void unbind(int localPort) {
        events.closeHandler(localPort);
    }

    /** Maps a page that a guest granted to domain 0, until the result is closed. */
    public PinnedGrant map(int domid, int ref, boolean write) throws GrantException {
        GrantTable t = host.grantTable(domid);
        if (t == null) {
            throw new GrantException(GrantStatus.BAD_DOMAIN);
        }
        return t.pin(DOMID, ref, write);
    }

    /** As {@link #map}, for data that is only copied: also sub-page and transitive grants. */
    public PinnedGrant mapForCopy(int domid, int ref, boolean write) throws GrantException {
        GrantTable t = host.grantTable(domid);
        if (t == null) {
            throw new GrantException(GrantStatus.BAD_DOMAIN);
        }
        return t.pinForCopy(DOMID, ref, write);
    }

    @Override
    public int domid() {
        return DOMID;
    }

    @Override
    public SharedInfo sharedInfo() {
        return null;
    }

    @Override
    public EventVcpu eventVcpu(int id) {
        return null;
    }

    @Override
    public int vcpuCount() {
        return 0;
    }

    @Override
    public SharedPage borrow(long gfn) {
        return null;
    }

    @Override
    public void release(SharedPage page) {
        throw new IllegalStateException("domain 0 has no pages");
    }

    @Override
    public EventChannels peer(int domid) {
        return host.events(domid);
    }
}
