package org.xenolith.emulator;

import org.xenolith.cpu.CpuModel;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.hypercall.HypercallTable;
import org.xenolith.hypervisor.toolstack.HostDomainAccess;
import org.xenolith.hypervisor.xenstore.DomainTree;
import org.xenolith.hypervisor.xenstore.Xenstored;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** The hypervisor of a machine with the xenstore of its domain 0. */
record XenHost(Host host, Xenstored xenstored) implements AutoCloseable {
    static XenHost create(PhysicalMemory memory, VirtualClock clock, Timers timers, CpuModel model, long epochSeconds) {
        Host host = new Host(memory, clock, timers, model, HostConfig.defaults().withEpoch(epochSeconds),
                new HypercallTable());
        HostDomainAccess domains = new HostDomainAccess(host);
        Xenstored xenstored = new Xenstored(domains);
        domains.setListener(domid -> {
            if (xenstored.isIntroduced(domid)) {
                xenstored.ring(domid).onNotify();
            }
        });
        DomainTree.createControlDomain(xenstored.client());
        return new XenHost(host, xenstored);
    }

    @Override
    public void close() {
        host.close();
    }
}
