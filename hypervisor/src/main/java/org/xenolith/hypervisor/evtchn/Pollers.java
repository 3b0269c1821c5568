package org.xenolith.hypervisor.evtchn;

import org.xenolith.hypervisor.shared.VcpuInfo;

/** What both ABIs do once an event is recorded. */
final class Pollers {
    private Pollers() {
    }

    /** Wakes the vCPUs that wait in SCHEDOP_poll for the port. */
    static void wake(EventDomain domain, int port) {
        for (int i = 0; i < domain.vcpuCount(); i++) {
            EventVcpu v = domain.eventVcpu(i);
            if (v != null) {
                v.pollWake(port);
            }
        }
    }

    /** Raises the vCPU's upcall flag, and the upcall itself when the flag was down. */
    static void markPending(EventVcpu vcpu, VcpuInfo info) {
        if (!info.upcallPending()) {
            info.setUpcallPending(true);
            vcpu.upcall();
        }
    }
}
