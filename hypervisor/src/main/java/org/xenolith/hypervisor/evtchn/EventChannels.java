package org.xenolith.hypervisor.evtchn;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.evtchn.EventChannel.State;
import org.xenolith.hypervisor.shared.SharedPage;

/**
 * The event channels of one domain: the operations of public/event_channel.h and what the Java services of the control
 * domain need.
 *
 * <p>Ports count from 1. Operations that fail throw {@link ErrnoException} with Xen's error number. Handlers of
 * Java-owned ports run at
 * once, inside the send.
 */
public final class EventChannels {
    /** What EVTCHNOP_status tells. {@code state} is EVTCHNSTAT_*; the rest has a meaning by state. */
    public record Status(int state, int vcpu, int remoteDomid, int remotePort, int irq) {
    }

    /** Physical interrupts of a guest: 16 of ISA, 8 more of an I/O APIC, and the 32 that Xen adds for each domain. */
    private static final int PIRQS = 56;

    private final EventDomain domain;
    private final int maxPort;
    private final List<EventChannel> channels = new ArrayList<>();
    private final int[][] virqPorts;
    private EventAbi abi;
    private FifoAbi fifo;

    /**
     * Creates the table of a domain without any port.
     *
     * @param maxPort highest port number that may be allocated (xl's {@code event_channels})
     */
    public EventChannels(EventDomain domain, int maxPort) {
        this.domain = domain;
        this.maxPort = maxPort;
        this.virqPorts = new int[Math.max(1, domain.vcpuCount())][Virq.COUNT];
        this.abi = domain.sharedInfo() == null ? new HandlersOnly() : new TwoLevelAbi(domain);
        channels.add(new EventChannel(0));
    }

    private static ErrnoException fail(int errno) {
        return new ErrnoException(errno);
    }

    public int domid() {
        return domain.domid();
    }

    // ---- lookups ----

    private EventChannel allocate() {
        int limit = Math.min(maxPort, abi.maxPorts() - 1);
        for (int p = 1; p < channels.size() && p <= limit; p++) {
            if (channels.get(p).state == State.CLOSED && !abi.isPending(p)) {
                return channels.get(p);
            }
        }
        if (channels.size() > limit) {
            throw fail(Errno.ENOSPC);
        }
        EventChannel c = new EventChannel(channels.size());
        channels.add(c);
        return c;
    }

    private EventChannel channel(int port) {
        if (port <= 0 || port >= channels.size()) {
            throw fail(Errno.EINVAL);
        }
        return channels.get(port);
    }

    /** True for a port number that the domain could use. */
    public boolean validPort(int port) {
        return port > 0 && port < channels.size();
    }

    private EventVcpu vcpu(int id) {
        EventVcpu v = id < 0 ? null : domain.eventVcpu(id);
        if (v == null) {
            throw fail(Errno.ENOENT);
        }
        return v;
    }

    public boolean isPending(int port) {
        return abi.isPending(port);
    }

    public boolean isMasked(int port) {
        return abi.isMasked(port);
    }

    // ---- binding ----

    /** EVTCHNOP_alloc_unbound: a port that {@code remoteDomid} may bind to. */
    public int allocUnbound(int remoteDomid) {
        EventChannel c = allocate();
        c.state = State.UNBOUND;
        c.remoteDomid = remoteDomid;
        return c.port;
    }

    /** As {@link #allocUnbound}, with a Java handler at this end. */
    public int allocUnbound(int remoteDomid, Runnable handler) {
        int port = allocUnbound(remoteDomid);
        channel(port).handler = handler;
        return port;
    }

    /**
     * EVTCHNOP_bind_interdomain: connects a new local port with an unbound one of the other domain, and sends one event
     * here.
     */
    public int bindInterdomain(int remoteDomid, int remotePort) {
        return bindInterdomain(remoteDomid, remotePort, null);
    }

    /** As {@link #bindInterdomain(int, int)}, with a Java handler at this end. */
    public int bindInterdomain(int remoteDomid, int remotePort, Runnable handler) {
        EventChannels remote = remoteDomid == domain.domid() ? this : domain.peer(remoteDomid);
        if (remote == null) {
            throw fail(Errno.ESRCH);
        }
        EventChannel local = allocate();
        EventChannel r = remote.channel(remotePort);
        if (r == local || r.state != State.UNBOUND || r.remoteDomid != domain.domid()) {
            throw fail(Errno.EINVAL);
        }
        connect(local, remote, r);
        local.handler = handler;
        r.state = State.INTERDOMAIN;
        r.remote = local;
        r.remoteOwner = this;
        // a send to the unbound port may have been lost
        notifyPort(local);
        return local.port;
    }

    private static void connect(EventChannel local, EventChannels remote, EventChannel r) {
        local.state = State.INTERDOMAIN;
        local.remoteDomid = remote.domid();
        local.remote = r;
        local.remoteOwner = remote;
    }

    /** EVTCHNOP_bind_virq. */
    public int bindVirq(int virq, int vcpuId) {
        if (virq < 0 || virq >= Virq.COUNT || !Virq.perVcpu(virq) && vcpuId != 0) {
            throw fail(Errno.EINVAL);
        }
        vcpu(vcpuId);
        if (virqPorts[vcpuId][virq] != 0) {
            throw fail(Errno.EEXIST);
        }
        EventChannel c = allocate();
        c.state = State.VIRQ;
        c.irq = virq;
        c.vcpu = vcpuId;
        virqPorts[vcpuId][virq] = c.port;
        return c.port;
    }

    /** EVTCHNOP_bind_pirq of an HVM guest: the port exists, but no device here is routed to it. */
    public int bindPirq(int pirq) {
        if (pirq < 0 || pirq >= PIRQS) {
            throw fail(Errno.EINVAL);
        }
        for (EventChannel c : channels) {
            if (c.state == State.PIRQ && c.irq == pirq) {
                throw fail(Errno.EEXIST);
            }
        }
        EventChannel c = allocate();
        c.state = State.PIRQ;
        c.irq = pirq;
        return c.port;
    }

    /** EVTCHNOP_bind_ipi. */
    public int bindIpi(int vcpuId) {
        vcpu(vcpuId);
        EventChannel c = allocate();
        c.state = State.IPI;
        c.vcpu = vcpuId;
        return c.port;
    }

    /** EVTCHNOP_close by the guest. */
    public void close(int port) {
        EventChannel c = channel(port);
        if (c.handler != null || c.state == State.CLOSED) {
            throw fail(Errno.EINVAL);
        }
        free(c);
    }

    /** Closes a port that has a Java handler. */
    public void closeHandler(int port) {
        EventChannel c = channel(port);
        if (c.handler != null) {
            free(c);
        }
    }

    /** Closes all ports with Java handlers that face a domain, when it has died. */
    public void closeHandlersOf(int remoteDomid) {
        for (EventChannel c : channels) {
            if (c.handler != null && c.state != State.CLOSED && c.remoteDomid == remoteDomid) {
                free(c);
            }
        }
    }

    private void free(EventChannel c) {
        if (c.state == State.INTERDOMAIN) {
            c.remote.state = State.UNBOUND;
            c.remote.remoteDomid = domain.domid();
            c.remote.remote = null;
            c.remote.remoteOwner = null;
        } else if (c.state == State.VIRQ) {
            for (int[] ports : virqPorts) {
                if (ports[c.irq] == c.port) {
                    ports[c.irq] = 0;
                }
            }
        }
        c.reset();
        abi.clearPending(c);
    }

    /** EVTCHNOP_reset: closes every port that the guest may close and returns to the 2-level ABI. */
    public void reset() {
        for (EventChannel c : channels) {
            if (c.state != State.CLOSED && c.handler == null) {
                free(c);
            }
        }
        if (fifo != null) {
            fifo.close();
            fifo = null;
            abi = new TwoLevelAbi(domain);
        }
    }

    /** Closes everything, when the domain dies. */
    public void destroy() {
        for (EventChannel c : channels) {
            if (c.state != State.CLOSED) {
                free(c);
            }
        }
        if (fifo != null) {
            fifo.close();
            fifo = null;
        }
        abi = new HandlersOnly();
    }

    // ---- sending ----

    /** EVTCHNOP_send by the guest. */
    public void send(int port) {
        EventChannel c = channel(port);
        if (c.handler != null) {
            throw fail(Errno.EINVAL);
        }
        switch (c.state) {
            case INTERDOMAIN -> c.remoteOwner.notifyPort(c.remote);
            case IPI -> notifyPort(c);
            // sent into the void: whoever binds gets an event for it
            case UNBOUND -> {}
            default -> throw fail(Errno.EINVAL);
        }
    }

    /** Sends from a port that has a Java handler; nothing happens unless it is connected. */
    public void sendFromHandler(int port) {
        EventChannel c = channel(port);
        if (c.handler != null && c.state == State.INTERDOMAIN) {
            c.remoteOwner.notifyPort(c.remote);
        }
    }

    /** Raises a virtual interrupt of a vCPU, if it is bound. */
    public void sendVirq(int virq, int vcpuId) {
        int port = virqPorts[Virq.perVcpu(virq) ? vcpuId : 0][virq];
        if (port != 0) {
            notifyPort(channels.get(port));
        }
    }

    private void notifyPort(EventChannel c) {
        if (c.handler != null) {
            c.handler.run();
            return;
        }
        EventVcpu v = domain.eventVcpu(c.vcpu);
        if (v != null) {
            abi.setPending(v, c);
        }
    }

    // ---- the rest ----

    /** EVTCHNOP_status. */
    public Status status(int port) {
        EventChannel c = channel(port);
        return switch (c.state) {
            case UNBOUND -> new Status(c.state.ordinal(), c.vcpu, c.remoteDomid, 0, 0);
            case INTERDOMAIN -> new Status(c.state.ordinal(), c.vcpu, c.remoteDomid, c.remote.port, 0);
            default -> new Status(c.state.ordinal(), c.vcpu, 0, 0, c.irq);
        };
    }

    /** EVTCHNOP_bind_vcpu. */
    public void bindVcpu(int port, int vcpuId) {
        vcpu(vcpuId);
        EventChannel c = channel(port);
        boolean movable = switch (c.state) {
            case VIRQ -> !Virq.perVcpu(c.irq);
            case UNBOUND, INTERDOMAIN, PIRQ -> true;
            default -> false;
        };
        if (c.handler != null || !movable) {
            throw fail(Errno.EINVAL);
        }
        c.vcpu = vcpuId;
    }

    /** EVTCHNOP_unmask. */
    public void unmask(int port) {
        EventChannel c = channel(port);
        EventVcpu v = domain.eventVcpu(c.vcpu);
        if (v != null) {
            abi.unmask(v, c);
        }
    }

    /**
     * EVTCHNOP_init_control: a vCPU's control block; the first one switches the domain to the FIFO ABI. Returns the
     * link bits.
     */
    public int initControl(int vcpuId, long gfn, int offset) {
        vcpu(vcpuId);
        if (offset < 0 || offset > 4096 - FifoAbi.CONTROL_BLOCK_SIZE || (offset & 7) != 0
                || fifo != null && fifo.hasControl(vcpuId)) {
            throw fail(Errno.EINVAL);
        }
        SharedPage page = domain.borrow(gfn);
        if (page == null) {
            throw fail(Errno.EINVAL);
        }
        page.write32(offset, 0);
        for (int q = 0; q < FifoAbi.QUEUES; q++) {
            page.write32(offset + 8 + 4 * q, 0);
        }
        if (fifo == null) {
            fifo = new FifoAbi(domain);
            for (EventChannel c : channels) {
                c.pendingWithoutWord = abi.isPending(c.port);
                c.priority = EventChannel.PRIORITY_DEFAULT;
            }
            abi = fifo;
        }
        fifo.setControl(vcpuId, page, offset);
        return FifoAbi.LINK_BITS;
    }

    /** EVTCHNOP_expand_array: another page of 1024 event words. */
    public void expandArray(long gfn) {
        if (fifo == null) {
            throw fail(Errno.EOPNOTSUPP);
        }
        if (fifo.pages() >= FifoAbi.MAX_PAGES) {
            throw fail(Errno.ENOSPC);
        }
        SharedPage page = domain.borrow(gfn);
        if (page == null) {
            throw fail(Errno.EINVAL);
        }
        int first = fifo.pages() * 1024;
        fifo.addPage(page);
        for (int p = first; p < Math.min(first + 1024, channels.size()); p++) {
            EventChannel c = channels.get(p);
            if (c.pendingWithoutWord) {
                c.pendingWithoutWord = false;
                notifyPort(c);
            }
        }
    }

    /** EVTCHNOP_set_priority. */
    public void setPriority(int port, int priority) {
        if (priority < 0 || priority >= FifoAbi.QUEUES) {
            throw fail(Errno.EINVAL);
        }
        if (!abi.setPriority(channel(port), priority)) {
            throw fail(Errno.ENOSYS);
        }
    }

    /** The control domain's ABI: all its ports have handlers, so nothing is ever recorded. */
    private static final class HandlersOnly implements EventAbi {
        @Override
        public int maxPorts() {
            return 1 << FifoAbi.LINK_BITS;
        }

        @Override
        public void setPending(EventVcpu vcpu, EventChannel channel) {
        }

        @Override
        public void clearPending(EventChannel channel) {
        }

        @Override
        public void unmask(EventVcpu vcpu, EventChannel channel) {
        }

        @Override
        public boolean isPending(int port) {
            return false;
        }

        @Override
        public boolean isMasked(int port) {
            return true;
        }

        @Override
        public boolean setPriority(EventChannel channel, int priority) {
            return false;
        }
    }
}
