package org.xenolith.hypervisor.evtchn;

/** How pending and masked events are laid out in memory shared with the guest. */
interface EventAbi {
    /** Ports that the layout can hold. */
    int maxPorts();

    void setPending(EventVcpu vcpu, EventChannel channel);

    void clearPending(EventChannel channel);

    void unmask(EventVcpu vcpu, EventChannel channel);

    boolean isPending(int port);

    boolean isMasked(int port);

    /** False when the layout knows no priorities. */
    boolean setPriority(EventChannel channel, int priority);
}
