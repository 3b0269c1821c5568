package org.xenolith.host.nat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenolith.devices.net.Headers;
import org.xenolith.host.nat.HostSockets.TcpSocket;
import org.xenolith.time.Timers;

/** The TCP connections of one NAT network, by addresses and ports. */
final class TcpTable {
    /** Connections at a time; a guest's SYN beyond is refused. */
    static final int MAX_FLOWS = 1024;
    private static final int FIRST_PORT = 49_152;
    private static final int PORTS = 65_536 - FIRST_PORT;

    private final NatNetwork net;
    private final Map<FlowKey, TcpFlow> flows = new LinkedHashMap<>();
    private int nextPort;
    private int created;

    TcpTable(NatNetwork net) {
        this.net = net;
    }

    Timers timers() {
        return net.timers();
    }

    long now() {
        return net.now();
    }

    int initialSequence() {
        return (int) (now() / 4000) + 64_000 * created++;
    }

    /** A TCP segment of the guest whose checksum is right. */
    void segment(byte[] frame, Headers h) {
        FlowKey key = new FlowKey(Headers.u32(frame, h.network() + 12), Headers.u16(frame, h.transport()),
                Headers.u32(frame, h.network() + 16), Headers.u16(frame, h.transport() + 2));
        TcpSegment s = TcpSegment.parse(frame, h);
        TcpFlow flow = flows.get(key);
        boolean fresh = s.has(TcpSegment.SYN) && !s.has(TcpSegment.ACK);
        if (flow != null && flow.replaceable() && fresh) {
            flow.abort();
            flow = null;
        }
        if (flow != null) {
            flow.segment(s);
        } else if (fresh && !s.has(TcpSegment.RST)) {
            open(key, s);
        } else if (!s.has(TcpSegment.RST)) {
            refuse(key, s);
        }
    }

    private void open(FlowKey key, TcpSegment syn) {
        InetSocketAddress to = net.hostAddress(key.peer(), key.peerPort());
        if (to == null || flows.size() >= MAX_FLOWS) {
            net.count(to == null ? "tcp: no such address" : "tcp: too many connections");
            refuse(key, syn);
            return;
        }
        TcpFlow flow = TcpFlow.fromGuest(this, key, syn);
        try {
            flow.setSocket(net.sockets().connect(to, flow));
            flows.put(key, flow);
        } catch (IOException | RuntimeException e) {
            net.count("tcp: the host cannot connect");
            refuse(key, syn);
        }
    }

    private void refuse(FlowKey key, TcpSegment s) {
        if (s.has(TcpSegment.ACK)) {
            reset(key, s.ack(), 0, TcpSegment.RST);
        } else {
            reset(key, 0, s.seq() + s.sequenceLength(), TcpSegment.RST | TcpSegment.ACK);
        }
    }

    /** Opens a connection to the guest for one that came to a forwarded port; null when there are too many. */
    TcpFlow forward(int guest, int guestPort, TcpSocket socket) {
        if (flows.size() >= MAX_FLOWS) {
            net.count("tcp: too many connections");
            return null;
        }
        FlowKey key;
        do {
            key = new FlowKey(guest, guestPort, NatLayout.GATEWAY, FIRST_PORT + nextPort++ % PORTS);
        } while (flows.containsKey(key));
        TcpFlow flow = TcpFlow.toGuest(this, key, socket);
        flows.put(key, flow);
        return flow;
    }

    /** Sends a segment of {@code f}, whose TCP header is filled in but for the checksum. */
    void send(byte[] f, FlowKey key, int segment) {
        net.packets().tcp(f, net.station(key.guest()), key.peer(), key.guest(), segment);
    }

    /** Sends a segment without data that ends a connection. */
    void reset(FlowKey key, int seq, int ack, int flags) {
        byte[] f = Packets.frame(20);
        int t = Packets.PAYLOAD;
        Headers.put16(f, t, key.peerPort());
        Headers.put16(f, t + 2, key.guestPort());
        Headers.put32(f, t + 4, seq);
        Headers.put32(f, t + 8, ack);
        f[t + 12] = 5 << 4;
        f[t + 13] = (byte) flags;
        send(f, key, 0);
    }

    void remove(TcpFlow flow) {
        flows.remove(flow.key(), flow);
    }

    /** True while a guest may be waiting for a host. */
    boolean awaitsHost() {
        for (TcpFlow f : flows.values()) {
            if (f.awaitsHost()) {
                return true;
            }
        }
        return false;
    }

    int size() {
        return flows.size();
    }

    /** Breaks all connections. */
    void clear() {
        List<TcpFlow> all = new ArrayList<>(flows.values());
        all.forEach(TcpFlow::abort);
    }
}
