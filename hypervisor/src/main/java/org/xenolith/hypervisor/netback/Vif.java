package org.xenolith.hypervisor.netback;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.hypervisor.ControlDomain;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.xenbus.FrontendNodes;
import org.xenolith.hypervisor.xenbus.XenbusBackend;
import org.xenolith.hypervisor.xenbus.XenbusDevice;
import org.xenolith.hypervisor.xenbus.XenbusException;
import org.xenolith.hypervisor.xenstore.XenstoreClient;
import org.xenolith.time.Timers;

/**
 * One network interface of a guest and its back end: from the first nodes in the xenstore to the last frame. What a guest must not do is
 * counted by name in the host's statistics; where a ring has lost its meaning the interface is closed.
 */
public final class Vif implements AutoCloseable {
    /** Queues that a front end may ask for. */
    public static final int MAX_QUEUES = 8;
    private static final int MAX_GROUPS = 64;

    private final Domain domain;
    private final NetPort port;
    private final VifCounts counts;
    private final XenstoreClient client;
    private final XenbusBackend backend;
    private final Timers.Timer closing;
    private final List<VifQueue> queues = new ArrayList<>();
    private final Set<Long> groups = new LinkedHashSet<>();
    private FrontendOffers offers = new FrontendOffers(false, false, false, false, false, false);
    private String broken = "";

    /**
     * Creates the interface's nodes and waits for the guest's driver.
     *
     * @param client acts as domain 0; closed with the interface
     * @param number the interface's number, from 0
     * @param bridge what the network is called in the nodes
     * @param port the network; closed by the caller after the interface
     * @param counts where to count; they outlive the interface
     */
    public Vif(Domain domain, XenstoreClient client, int number, MacAddress mac, String bridge, NetPort port,
            VifCounts counts) {
        this.domain = domain;
        this.client = client;
        this.port = port;
        this.counts = counts;
        closing = domain.host().timers().timer(this::giveUp);
        XenbusDevice device = new XenbusDevice("vif", domain.domid(), number);
        TreeMap<String, String> front = new TreeMap<>();
        front.put("handle", Integer.toString(number));
        front.put("mac", mac.toString());
        TreeMap<String, String> back = new TreeMap<>(front);
        back.put("type", "vif");
        back.put("script", "/etc/xen/scripts/vif-bridge");
        back.put("bridge", bridge);
        back.put("hotplug-status", "connected");
        for (String feature : List.of("feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
                "feature-ipv6-csum-offload", "feature-rx-copy", "feature-split-event-channels",
                "feature-multicast-control")) {
            back.put(feature, "1");
        }
        back.put("feature-rx-flip", "0");
        back.put("multi-queue-max-queues", Integer.toString(MAX_QUEUES));
        device.create(client, front, back);
        port.setReceiver(this::receive);
        backend = new XenbusBackend(client, device, new Driver());
    }

    private final class Driver implements XenbusBackend.Driver {
        @Override
        public void connect(FrontendNodes front) throws XenbusException {
            if (!front.feature("request-rx-copy")) {
                throw new XenbusException("the front end does not ask for rx-copy");
            }
            offers = FrontendOffers.read(front);
            int wanted = (int) front.number("multi-queue-num-queues", 1, MAX_QUEUES, 1);
            boolean folders = front.text("multi-queue-num-queues").isPresent() && wanted > 1;
            boolean done = false;
            try {
                for (int i = 0; i < wanted; i++) {
                    queues.add(new VifQueue(Vif.this, front, folders ? "queue-" + i + "/" : ""));
                }
                done = true;
            } finally {
                if (!done) {
                    disconnect();
                }
            }
        }

        @Override
        public void disconnect() {
            queues.forEach(VifQueue::close);
            queues.clear();
            groups.clear();
            closing.cancel();
        }
    }

    Domain domain() {
        return domain;
    }

    NetPort port() {
        return port;
    }

    VifCounts counts() {
        return counts;
    }

    PinnedGrant grant(int ref, boolean write) throws GrantException {
        ControlDomain control = domain.host().control();
        return control.mapForCopy(domain.domid(), ref, write);
    }

    /** Counts something that the guest must not do. */
    void count(String what) {
        domain.countRefusal("vif " + what);
    }

    /** A ring has lost its meaning: the interface is closed, once the ring's code has returned. */
    void broken(String why) {
        count(why);
        broken = why;
        closing.arm(domain.host().clock().now());
    }

    private void giveUp() {
        backend.fail(broken);
    }

    /** Wants frames for a multicast group; false when there are too many. */
    boolean joinGroup(byte[] bytes, int at) {
        if (groups.size() >= MAX_GROUPS) {
            return false;
        }
        groups.add(MacAddress.bits(bytes, at));
        return true;
    }

    void leaveGroup(byte[] bytes, int at) {
        groups.remove(MacAddress.bits(bytes, at));
    }

    private boolean receive(NetFrame frame) {
        if (queues.isEmpty()) {
            counts.dropped();
            return false;
        }
        if (offers.multicastControl() && unwanted(frame)) {
            return true;
        }
        if (offers.takes(frame)) {
            return deliver(frame);
        }
        boolean[] all = {true};
        Offloads.complete(frame, part -> all[0] &= deliver(part));
        return all[0];
    }

    private boolean unwanted(NetFrame f) {
        MacAddress to = MacAddress.of(f.data(), 0);
        return to.isGroup() && !to.equals(MacAddress.BROADCAST) && !groups.contains(to.bits());
    }

    private boolean deliver(NetFrame frame) {
        if (frame.length() > 4096 && !offers.scatterGather() || !queue(frame).offer(frame)) {
            counts.dropped();
            return false;
        }
        return true;
    }

    /** All frames of a flow go through the same queue, so that they stay in order. */
    private VifQueue queue(NetFrame f) {
        if (queues.size() == 1) {
            return queues.getFirst();
        }
        Headers h = Headers.of(f.data(), f.length());
        long hash = switch (h.etherType()) {
            case Headers.IPV4, Headers.IPV6 -> h.protocol() < 0 ? 0 : h.pseudoSum(f.data(), 0);
            default -> 0;
        };
        if (h.protocol() == Headers.TCP || h.protocol() == Headers.UDP) {
            hash += Headers.u16(f.data(), h.transport()) + Headers.u16(f.data(), h.transport() + 2);
        }
        return queues.get((int) ((hash * 0x9e37_79b9L >>> 16 & 0x7fff_ffff) % queues.size()));
    }

    @Override
    public void close() {
        backend.close();
        client.close();
    }
}
