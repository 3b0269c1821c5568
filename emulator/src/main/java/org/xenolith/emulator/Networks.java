package org.xenolith.emulator;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.LearningSwitch;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.PcapPort;
import org.xenolith.guests.net.HostForward;
import org.xenolith.guests.net.NicSpec;
import org.xenolith.host.nat.HostSockets;
import org.xenolith.host.nat.NatNetwork;
import org.xenolith.hypervisor.netback.VifCounts;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** The networks of one machine: bridges by name, a router for each interface behind NAT, and the host's sockets. */
final class Networks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Networks.class);

    private final VirtualClock clock;
    private final Timers timers;
    private final Consumer<String> count;
    private final long epochSeconds;
    private final long seed;
    private final Map<String, LearningSwitch> bridges = new TreeMap<>();
    private final List<NatNetwork> nats = new ArrayList<>();
    private HostSockets sockets;

    /** @param count hears what is asked of the networks and not built */
    Networks(VirtualClock clock, Timers timers, Consumer<String> count, long epochSeconds, long seed) {
        this.clock = clock;
        this.timers = timers;
        this.count = count;
        this.epochSeconds = epochSeconds;
        this.seed = seed;
    }

    /** A port without a cable. */
    private static final class NoCable implements NetPort {
        @Override
        public void send(NetFrame frame) {
            // into the void
        }

        @Override
        public void setReceiver(Receiver receiver) {
            // nobody will call it
        }

        @Override
        public void close() {
            // nothing to let go of
        }
    }

    /**
     * Plugs in the interfaces of a guest.
     *
     * @throws IllegalArgumentException when a port of the host or a capture file is not to be had; the message says which
     */
    GuestNics plug(DomainConfig guest) {
        List<GuestNics.Nic> nics = new ArrayList<>();
        boolean done = false;
        try {
            for (int i = 0; i < guest.nics().size(); i++) {
                NicSpec spec = guest.nics().get(i);
                String name = seed + "/" + guest.name() + "/" + i;
                nics.add(plug(guest.type(), spec, spec.mac().orElseGet(() -> MacAddress.derive(name))));
            }
            done = true;
            return new GuestNics(nics);
        } finally {
            if (!done) {
                nics.forEach(n -> n.port().close());
            }
        }
    }

    private GuestNics.Nic plug(GuestType type, NicSpec spec, MacAddress mac) {
        Optional<NatNetwork> nat = Optional.empty();
        NetPort port;
        switch (spec.network()) {
            case NAT -> {
                NatNetwork n = nat(spec, mac);
                nat = Optional.of(n);
                port = n;
            }
            case BRIDGE -> port = bridges
                    .computeIfAbsent(spec.bridge(), name -> new LearningSwitch(clock, timers)).plug();
            default -> port = new NoCable();
        }
        if (spec.pcap().isPresent()) {
            port = capture(port, spec.pcap().get());
        }
        NetPort card = port;
        if (type == GuestType.HVM) {
            SplitCable cable = new SplitCable(port);
            port = cable.plug();
            card = cable.plug();
        }
        return new GuestNics.Nic(spec, mac, port, card, nat, new VifCounts());
    }

    private NatNetwork nat(NicSpec spec, MacAddress mac) {
        if (sockets == null) {
            sockets = new HostSockets();
        }
        NatNetwork n = new NatNetwork(clock, timers, sockets, mac, count);
        nats.add(n);
        for (HostForward f : spec.forwards()) {
            try {
                n.forward(f);
            } catch (IOException e) {
                n.close();
                throw new IllegalArgumentException("hostfwd: cannot listen at " + (f.udp() ? "UDP" : "TCP") + " port "
                        + f.hostPort() + (f.hostAddress().isEmpty() ? "" : " of " + f.hostAddress()) + ": "
                        + e.getMessage(), e);
            }
        }
        return n;
    }

    private NetPort capture(NetPort port, Path file) {
        try {
            return new PcapPort(port, new BufferedOutputStream(Files.newOutputStream(file), 1 << 16), clock,
                    epochSeconds, e -> LOG.warn("the capture file {} is not complete: {}", file, e.getMessage()));
        } catch (IOException e) {
            port.close();
            throw new IllegalArgumentException("pcap: cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Lets in what the host's network has said since the last call; the only place where it enters the machine.
     *
     * @return true when it has said something
     */
    boolean poll() {
        return sockets != null && sockets.poll();
    }

    /** True when a guest may be waiting for a host, or a host may speak first: idle time is then the wall clock's. */
    boolean awaitsHost() {
        for (NatNetwork n : nats) {
            if (n.listens() || n.awaitsHost()) {
                return true;
            }
        }
        return false;
    }

    /** Waits until the host's network says something, {@link #wakeup} is called or time is up. */
    void await(long millis) {
        sockets.await(millis);
    }

    /** Ends {@link #await}; from any thread. */
    void wakeup() {
        HostSockets s = sockets;
        if (s != null) {
            s.wakeup();
        }
    }

    @Override
    public void close() {
        nats.forEach(NatNetwork::close);
        if (sockets != null) {
            sockets.close();
        }
    }
}
