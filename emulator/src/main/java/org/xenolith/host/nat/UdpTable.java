package org.xenolith.host.nat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenolith.devices.net.Headers;
import org.xenolith.host.nat.HostSockets.UdpSocket;

/** The UDP flows of one NAT network: a socket of the host for each, and the peers that came to forwarded ports. */
final class UdpTable {
    /** Flows at a time; the one silent for longest makes room. */
    static final int MAX_FLOWS = 256;
    /** Virtual nanoseconds for which the guest may be waiting for an answer. */
    private static final long PATIENCE_NS = 5_000_000_000L;
    /** Virtual nanoseconds after which a silent flow is closed. */
    private static final long IDLE_NS = 120_000_000_000L;
    private static final int FIRST_PORT = 49_152;
    private static final int PORTS = 65_536 - FIRST_PORT;
    private static final int PORT_UNREACHABLE = 3;

    /** One flow; {@code socket} is its own, or that of the forward which {@code peer} came to. */
    private final class Flow implements HostSockets.UdpEvents {
        private final FlowKey key;
        private UdpSocket socket;
        private final SocketAddress peer;
        private byte[] lastHeader = {};
        private long used;
        private boolean unanswered;

        private Flow(FlowKey key, UdpSocket socket, SocketAddress peer) {
            this.key = key;
            this.socket = socket;
            this.peer = peer;
        }

        private void send(byte[] frame, Headers h, int length) {
            lastHeader = Arrays.copyOf(frame, Math.min(frame.length, h.transport() + 8));
            used = net.now();
            unanswered = peer == null;
            socket.send(peer, frame, h.transport() + 8, length);
        }

        @Override
        public void datagram(SocketAddress from, byte[] bytes, int length) {
            used = net.now();
            unanswered = false;
            if (length <= 65_507) {
                net.packets().udp(net.station(key.guest()), key.peer(), key.peerPort(), key.guest(), key.guestPort(),
                        bytes, length);
            }
        }

        @Override
        public void unreachable() {
            unanswered = false;
            net.packets().unreachable(net.station(key.guest()), lastHeader, lastHeader.length, PORT_UNREACHABLE);
        }

        private void close() {
            if (peer == null) {
                socket.close();
            }
        }
    }

    private final NatNetwork net;
    /** In the order of their last use by the guest. */
    private final Map<FlowKey, Flow> flows = new LinkedHashMap<>();
    private int nextPort;

    UdpTable(NatNetwork net) {
        this.net = net;
    }

    /** A datagram of the guest whose checksum is right. */
    void datagram(byte[] frame, Headers h) {
        int length = Headers.u16(frame, h.transport() + 4) - 8;
        if (length < 0 || h.transport() + 8 + length > h.end()) {
            net.count("udp: bad length");
            return;
        }
        FlowKey key = new FlowKey(Headers.u32(frame, h.network() + 12), Headers.u16(frame, h.transport()),
                Headers.u32(frame, h.network() + 16), Headers.u16(frame, h.transport() + 2));
        Flow flow = flows.remove(key);
        if (flow == null) {
            flow = open(key);
        }
        if (flow == null) {
            net.packets().unreachable(net.station(key.guest()), frame, h.end(), PORT_UNREACHABLE);
            return;
        }
        flows.put(key, flow);
        flow.send(frame, h, length);
    }

    private Flow open(FlowKey key) {
        InetSocketAddress to = net.hostAddress(key.peer(), key.peerPort());
        if (to == null) {
            net.count("udp: no such address");
            return null;
        }
        makeRoom();
        Flow flow = new Flow(key, null, null);
        try {
            flow.socket = net.sockets().udp(null, to, flow);
            return flow;
        } catch (IOException | RuntimeException e) {
            net.count("udp: the host gives no socket");
            return null;
        }
    }

    private void makeRoom() {
        long now = net.now();
        Iterator<Flow> all = flows.values().iterator();
        while (all.hasNext()) {
            Flow f = all.next();
            if (flows.size() < MAX_FLOWS && now - f.used < IDLE_NS) {
                return;
            }
            f.close();
            all.remove();
        }
    }

    /** Listens at a port of the host that leads to the guest. */
    UdpSocket forward(InetSocketAddress at, int guest, int guestPort) throws IOException {
        UdpSocket[] self = new UdpSocket[1];
        self[0] = net.sockets().udp(at, null, new HostSockets.UdpEvents() {
            @Override
            public void datagram(SocketAddress from, byte[] bytes, int length) {
                flowOf(self[0], from, guest, guestPort).datagram(from, bytes, length);
            }

            @Override
            public void unreachable() {
                net.count("udp: the peer of a forward is gone");
            }
        });
        return self[0];
    }

    private Flow flowOf(UdpSocket socket, SocketAddress peer, int guest, int guestPort) {
        for (Flow f : flows.values()) {
            if (f.socket == socket && peer.equals(f.peer)) {
                return f;
            }
        }
        makeRoom();
        FlowKey key;
        do {
            key = new FlowKey(guest, guestPort, NatLayout.GATEWAY, FIRST_PORT + nextPort++ % PORTS);
        } while (flows.containsKey(key));
        Flow flow = new Flow(key, socket, peer);
        flows.put(key, flow);
        return flow;
    }

    /** True while the guest may be waiting for an answer. */
    boolean awaitsHost() {
        long now = net.now();
        for (Flow f : flows.values()) {
            if (f.unanswered && now - f.used < PATIENCE_NS) {
                return true;
            }
        }
        return false;
    }

    int size() {
        return flows.size();
    }

    void clear() {
        List<Flow> all = new ArrayList<>(flows.values());
        flows.clear();
        all.forEach(Flow::close);
    }
}
