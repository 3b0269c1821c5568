package org.xenolith.hypervisor.netback;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.MacAddress;
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

/**
 * A guest with one interface, whose driver the test plays: one queue, TX ring in page {@value #TX}, RX ring in page {@value #RX}; page N is granted
 * with reference N. The network is the test, too.
 */
final class FakeNetfront implements NetPort, AutoCloseable {
    static final int TX = 16;
    static final int RX = 17;
    /** First page of data. */
    static final int DATA = 64;
    static final int PAGES = 1024;
    private static final int RING = 64;

    final PhysicalMemory memory = new PhysicalMemory(16 << 20);
    final Timers timers = new Timers();
    final Host host;
    final Xenstored xenstored;
    final Domain domain;
    final XenstoreClient store;
    final VifCounts counts = new VifCounts();
    final Vif vif;
    final List<NetFrame> sent = new ArrayList<>();
    private NetPort.Receiver receiver;
    private int port;
    int txProd;
    int rxProd;
    long now = 1_000_000;

    FakeNetfront() {
        host = new Host(memory, () -> now, timers, CpuModels.parse(CpuModels.DEFAULT), HostConfig.defaults(),
                new HypercallTable());
        UUID uuid = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
        domain = host.createDomain(DomainConfig.of("test", uuid, 1, PAGES + 64));
        if (!domain.populateRange(0, PAGES) || !domain.grants().grow(4)) {
            throw new IllegalStateException("out of memory");
        }
        xenstored = new Xenstored(new HostDomainAccess(host));
        DomainTree.createControlDomain(xenstored.client());
        GuestDescription.Ring ring = new GuestDescription.Ring(1, 1);
        DomainTree.create(xenstored.client(), new GuestDescription(domain.domid(), "test", uuid, "pvh", 1, 1, 4096,
                4096, 0, ring, new GuestDescription.Console(ring, "pty", "")));
        store = xenstored.client(domain.domid());
        vif = new Vif(domain, xenstored.client(), 0, new MacAddress(0x0016_3e01_0203L), "xenbr0", this, counts);
    }

    String front(String node) {
        return DomainTree.home(domain.domid()) + "/device/vif/0/" + node;
    }

    String back(String node) {
        return store.read("/local/domain/0/backend/vif/" + domain.domid() + "/0/" + node).orElse("");
    }

    void offer(String... features) {
        for (String f : features) {
            store.write(front(f), "1");
        }
    }

    /** Offers rings as Linux does and goes to Connected. */
    void connect() {
        for (int p : new int[]{TX, RX}) {
            domain.write((long) p << 12, new byte[4096], 0, 4096);
            domain.write32(((long) p << 12) + 4, 1);
            domain.write32(((long) p << 12) + 12, 1);
            domain.grants().grant(p, 0, p);
        }
        txProd = 0;
        rxProd = 0;
        if (port != 0) {
            domain.events().close(port);
        }
        port = domain.events().allocUnbound(0);
        store.write(front("tx-ring-ref"), TX);
        store.write(front("rx-ring-ref"), RX);
        store.write(front("event-channel"), port);
        store.write(front("request-rx-copy"), "1");
        store.write(front("state"), "4");
    }

    void grant(int page) {
        domain.grants().grant(page, 0, page);
    }

    /** Puts a TX request into the ring. */
    void request(int gref, int offset, int flags, int id, int size) {
        long at = slot(TX, txProd++, Netif.TX_SLOT);
        domain.write32(at, gref);
        domain.write32(at + 4, offset | flags << 16);
        domain.write32(at + 8, id | size << 16);
    }

    /** Puts extra info into the ring. */
    void extra(int type, int flags, int low, int high) {
        long at = slot(TX, txProd++, Netif.TX_SLOT);
        domain.write32(at, type | flags << 8 | low << 16);
        domain.write32(at + 4, high);
    }

    void post(int id, int gref) {
        long at = slot(RX, rxProd++, Netif.RX_SLOT);
        domain.write32(at, id);
        domain.write32(at + 4, gref);
    }

    static long slot(int page, int index, int size) {
        return ((long) page << 12) + RING + (long) (index & 255) * size;
    }

    /** Shows both rings' requests and signals; then time for the back end to look. */
    void kick() {
        domain.write32((long) TX << 12, txProd);
        domain.write32((long) RX << 12, rxProd);
        domain.events().send(port);
        now += VifQueue.TX_DELAY_NS;
        timers.expire(now);
    }

    int txResponses() {
        return domain.read32(((long) TX << 12) + 8);
    }

    int rxResponses() {
        return domain.read32(((long) RX << 12) + 8);
    }

    /** id and status of a TX response. */
    int txStatus(int index) {
        return (short) domain.read16(slot(TX, index, Netif.TX_SLOT) + 2);
    }

    int rxFlags(int index) {
        return domain.read16(slot(RX, index, Netif.RX_SLOT) + 4);
    }

    int rxStatus(int index) {
        return (short) domain.read16(slot(RX, index, Netif.RX_SLOT) + 6);
    }

    boolean takeEvent() {
        boolean pending = domain.events().isPending(port);
        domain.sharedInfo().page().testAndClearBit(domain.sharedInfo().pendingMap(), port);
        return pending;
    }

    /** The network has a frame for the guest. */
    boolean arrive(NetFrame f) {
        return receiver.receive(f);
    }

    long counted(String what) {
        return host.refusals().get("vif " + what);
    }

    @Override
    public void send(NetFrame frame) {
        sent.add(frame);
    }

    @Override
    public void setReceiver(Receiver r) {
        receiver = r;
    }

    @Override
    public void close() {
        vif.close();
        host.close();
        memory.close();
    }
}
