package org.xenolith.hypervisor.evtchn;

import org.xenolith.hypervisor.shared.VcpuInfo;

/** What event channels need of a vCPU. */
public interface EventVcpu {
    int id();

    /** Its current vcpu_info; null while a vCPU above the 32nd has not registered one. */
    VcpuInfo info();

    /** The upcall-pending flag went from 0 to 1: makes the guest notice. */
    void upcall();

    /** An event became pending on a port; wakes the vCPU if SCHEDOP_poll waits for it. */
    void pollWake(int port);
}
