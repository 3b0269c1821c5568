package org.xenolith.emulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.guests.net.NicSpec;
import org.xenolith.host.nat.NatNetwork;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.netback.Vif;
import org.xenolith.hypervisor.netback.VifCounts;
import org.xenolith.hypervisor.xenstore.Xenstored;

/** The network interfaces of one guest through all its reboots: cables, counts and addresses stay, back ends come and go. */
final class GuestNics implements AutoCloseable {
    /** One interface: {@code port} is a vif's, {@code card} an emulated card's, {@code nat} where it has a router of its own. */
    record Nic(NicSpec spec, MacAddress mac, NetPort port, NetPort card, Optional<NatNetwork> nat, VifCounts counts) {
        String network() {
            return switch (spec.network()) {
                case NAT -> "nat";
                case BRIDGE -> "bridge=" + spec.bridge();
                case NONE -> "none";
            };
        }
    }

    private final List<Nic> nics;
    private final List<Vif> vifs = new ArrayList<>();

    GuestNics(List<Nic> nics) {
        this.nics = List.copyOf(nics);
    }

    List<Nic> all() {
        return nics;
    }

    /** Gives a new domain its interfaces. */
    void attach(Domain domain, Xenstored xenstored) {
        for (int i = 0; i < nics.size(); i++) {
            Nic n = nics.get(i);
            n.nat().ifPresent(NatNetwork::reset);
            String bridge = n.spec().bridge().isEmpty() ? n.network() : n.spec().bridge();
            vifs.add(new Vif(domain, xenstored.client(), i, n.mac(), bridge, n.port(), n.counts()));
        }
    }

    /** Lets go of a domain that ends. */
    void detach() {
        vifs.forEach(Vif::close);
        vifs.clear();
    }

    List<NicCounts> counts() {
        List<NicCounts> all = new ArrayList<>();
        for (int i = 0; i < nics.size(); i++) {
            Nic n = nics.get(i);
            VifCounts c = n.counts();
            all.add(new NicCounts(i, n.mac().toString(), n.network(), c.rxFrames(), c.rxBytes(), c.rxDropped(),
                    c.rxErrors(), c.txFrames(), c.txBytes(), c.txErrors()));
        }
        return all;
    }

    @Override
    public void close() {
        detach();
        nics.forEach(n -> n.port().close());
    }
}
