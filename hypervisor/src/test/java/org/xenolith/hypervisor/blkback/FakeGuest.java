package org.xenolith.hypervisor.blkback;

import java.util.List;
import java.util.UUID;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.DomainConfig;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.hypercall.HypercallTable;
import org.xenolith.hypervisor.toolstack.HostDomainAccess;
import org.xenolith.hypervisor.xenstore.DomainTree;
import org.xenolith.hypervisor.xenstore.GuestDescription;
import org.xenolith.hypervisor.xenstore.XenstoreClient;
import org.xenolith.hypervisor.xenstore.Xenstored;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** A host with one domain whose part the test plays: memory, grants, ports and xenstore, and no instruction run. */
final class FakeGuest implements AutoCloseable {
    static final int PAGES = 3072;

    final PhysicalMemory memory = new PhysicalMemory(32 << 20);
    final Timers timers = new Timers();
    final Host host;
    final Xenstored xenstored;
    final Domain domain;
    /** The store with the guest's own rights. */
    final XenstoreClient store;
    long now = 1_000_000;

    FakeGuest() {
        host = new Host(memory, () -> now, timers, CpuModels.parse(CpuModels.DEFAULT), HostConfig.defaults(),
                new HypercallTable());
        UUID uuid = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
        domain = host.createDomain(DomainConfig.of("test", uuid, 1, PAGES + 64));
        if (!domain.populateRange(0, PAGES) || !domain.grants().grow(8)) {
            throw new IllegalStateException("out of memory");
        }
        xenstored = new Xenstored(new HostDomainAccess(host));
        DomainTree.createControlDomain(xenstored.client());
        GuestDescription.Ring ring = new GuestDescription.Ring(1, 1);
        DomainTree.create(xenstored.client(),
                new GuestDescription(domain.domid(), "test", uuid, "pvh", 1, 1, 4096, 4096,
                        0, ring, new GuestDescription.Console(ring, "pty", "")));
        store = xenstored.client(domain.domid());
    }

    Blkback attach(VirtualDisk disk) {
        return new Blkback(host, xenstored.client(), domain, disk, "test.img");
    }

    String backend(int devid, String key) {
        return store.read("/local/domain/0/backend/vbd/" + domain.domid() + "/" + devid + "/" + key).orElse("");
    }

    String frontPath(int devid) {
        return DomainTree.home(domain.domid()) + "/device/vbd/" + devid;
    }

    /** Grants a page to domain 0, with a reference that is its gfn. */
    void grant(int gfn) {
        domain.grants().grant(gfn, 0, gfn);
    }

    void grantAll(List<Integer> gfns) {
        gfns.forEach(this::grant);
    }

    /** Moves virtual time and runs what is due. */
    void advance(long ns) {
        now += ns;
        timers.expire(now);
    }

    boolean takeEvent(int port) {
        boolean pending = domain.events().isPending(port);
        domain.sharedInfo().page().testAndClearBit(domain.sharedInfo().pendingMap(), port);
        return pending;
    }

    @Override
    public void close() {
        host.close();
        memory.close();
    }
}
