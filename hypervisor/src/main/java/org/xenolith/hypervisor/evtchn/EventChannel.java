package org.xenolith.hypervisor.evtchn;

/** One port of a domain (Xen: struct evtchn). Only {@link EventChannels} and the ABIs change it. */
final class EventChannel {
    /** The states, in the order and with the numbers of EVTCHNSTAT_*. */
    enum State {
        CLOSED, UNBOUND, INTERDOMAIN, PIRQ, VIRQ, IPI
    }

    static final int PRIORITY_DEFAULT = 7;

    final int port;
    State state = State.CLOSED;
    /** vCPU that is told. */
    int vcpu;
    /** Who may bind ({@code UNBOUND}) or is bound ({@code INTERDOMAIN}). */
    int remoteDomid;
    EventChannel remote;
    EventChannels remoteOwner;
    /** VIRQ or PIRQ number. */
    int irq;
    /** Runs instead of telling a guest, for ports that Java services own. */
    Runnable handler;

    /** FIFO: queue for the next time it is linked, 0 (first) to 15. */
    int priority = PRIORITY_DEFAULT;
    /** FIFO: queue that it was linked on last. */
    int lastVcpu;
    int lastPriority = PRIORITY_DEFAULT;
    /** FIFO: pending, but its word is in a page that the guest has not given yet. */
    boolean pendingWithoutWord;

    EventChannel(int port) {
        this.port = port;
    }

    void reset() {
        state = State.CLOSED;
        vcpu = 0;
        remoteDomid = 0;
        remote = null;
        remoteOwner = null;
        irq = 0;
        handler = null;
        priority = PRIORITY_DEFAULT;
        pendingWithoutWord = false;
    }
}
