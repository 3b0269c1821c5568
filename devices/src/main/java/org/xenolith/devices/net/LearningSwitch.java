package org.xenolith.devices.net;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * An Ethernet switch that learns which station is behind which port (IEEE 802.1D, without a spanning tree). Frames arrive {@link #LATENCY_NS} of
 * virtual time after they were sent, in the order in which they were sent.
 */
public final class LearningSwitch {
    /** Virtual nanoseconds that a frame is under way. */
    public static final long LATENCY_NS = 5_000;
    /** Virtual nanoseconds after which a silent station is forgotten: 5 minutes, as 802.1D recommends. */
    public static final long AGEING_NS = 300_000_000_000L;
    /** Stations known at most; the one silent for longest makes room. */
    public static final int MAX_STATIONS = 1024;

    private record Station(Port port, long seen) {
    }

    /** Frames under way at most. */
    private static final int MAX_TRANSIT = 16_384;

    private record Transit(Port from, NetFrame frame) {
    }

    private final VirtualClock clock;
    private final DelayLine<Transit> transit;
    private final List<Port> ports = new ArrayList<>();
    private final Map<Long, Station> stations = new LinkedHashMap<>();
    private long forwarded;
    private long flooded;
    private long lost;

    public LearningSwitch(VirtualClock clock, Timers timers) {
        this.clock = clock;
        this.transit = new DelayLine<>(clock, timers, LATENCY_NS, MAX_TRANSIT, t -> forward(t.from, t.frame));
    }

    private final class Port implements NetPort {
        private Receiver receiver = f -> false;
        private boolean open = true;

        @Override
        public void send(NetFrame frame) {
            if (!open || frame.length() < Headers.ETHERNET) {
                return;
            }
            learn(MacAddress.bits(frame.data(), MacAddress.LENGTH), this);
            if (!transit.send(new Transit(this, frame))) {
                lost++;
            }
        }

        @Override
        public void setReceiver(Receiver r) {
            receiver = r;
        }

        @Override
        public void close() {
            open = false;
            ports.remove(this);
            stations.values().removeIf(s -> s.port == this);
        }
    }

    /** Adds a port. */
    public NetPort plug() {
        Port p = new Port();
        ports.add(p);
        return p;
    }

    private void learn(long mac, Port port) {
        if (MacAddress.isGroup(mac)) {
            return;
        }
        // taken out first, so that the order is that of the last sign of life
        stations.remove(mac);
        if (stations.size() >= MAX_STATIONS) {
            stations.remove(stations.keySet().iterator().next());
        }
        stations.put(mac, new Station(port, clock.now()));
    }

    private void forward(Port from, NetFrame frame) {
        long mac = MacAddress.bits(frame.data(), 0);
        Station s = stations.get(mac);
        if (s != null && clock.now() - s.seen > AGEING_NS) {
            stations.remove(mac);
            s = null;
        }
        if (s != null) {
            forwarded++;
            if (s.port != from) {
                s.port.receiver.receive(frame);
            }
            return;
        }
        flooded++;
        for (Port p : List.copyOf(ports)) {
            if (p != from) {
                p.receiver.receive(frame);
            }
        }
    }

    /** Frames that went to the one port of their station. */
    public long forwarded() {
        return forwarded;
    }

    /** Frames for all, or for a station not known. */
    public long flooded() {
        return flooded;
    }

    /** Frames lost because too many were under way. */
    public long lost() {
        return lost;
    }
}
