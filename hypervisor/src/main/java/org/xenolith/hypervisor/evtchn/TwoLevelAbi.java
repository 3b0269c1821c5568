package org.xenolith.hypervisor.evtchn;

import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.VcpuInfo;

/**
 * The original layout: bit maps in shared_info with a selector word for each vCPU (public/xen.h, struct shared_info).
 */
final class TwoLevelAbi implements EventAbi {
    private final EventDomain domain;

    TwoLevelAbi(EventDomain domain) {
        this.domain = domain;
    }

    @Override
    public int maxPorts() {
        return domain.sharedInfo().twoLevelPorts();
    }

    @Override
    public void setPending(EventVcpu vcpu, EventChannel channel) {
        SharedInfo shared = domain.sharedInfo();
        if (channel.port >= maxPorts() || shared.page().testAndSetBit(shared.pendingMap(), channel.port)) {
            return;
        }
        announce(vcpu, channel.port);
        Pollers.wake(domain, channel.port);
    }

    private void announce(EventVcpu vcpu, int port) {
        SharedInfo shared = domain.sharedInfo();
        VcpuInfo info = vcpu.info();
        if (info != null && !shared.page().testBit(shared.maskMap(), port)
                && !info.testAndSetSelector(port / shared.abi().wordBits())) {
            Pollers.markPending(vcpu, info);
        }
    }

    @Override
    public void clearPending(EventChannel channel) {
        SharedInfo shared = domain.sharedInfo();
        if (channel.port < maxPorts()) {
            shared.page().testAndClearBit(shared.pendingMap(), channel.port);
        }
    }

    @Override
    public void unmask(EventVcpu vcpu, EventChannel channel) {
        SharedInfo shared = domain.sharedInfo();
        if (channel.port < maxPorts() && shared.page().testAndClearBit(shared.maskMap(), channel.port)
                && isPending(channel.port)) {
            announce(vcpu, channel.port);
        }
    }

    @Override
    public boolean isPending(int port) {
        SharedInfo shared = domain.sharedInfo();
        return port < maxPorts() && shared.page().testBit(shared.pendingMap(), port);
    }

    @Override
    public boolean isMasked(int port) {
        SharedInfo shared = domain.sharedInfo();
        return port >= maxPorts() || shared.page().testBit(shared.maskMap(), port);
    }

    @Override
    public boolean setPriority(EventChannel channel, int priority) {
        return false;
    }
}
