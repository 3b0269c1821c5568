package org.xenolith.host.nat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.net.DelayLine;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.guests.net.HostForward;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * The network of one guest behind NAT, as a port for its interface. The router 10.0.2.2 answers ARP, DHCP and pings itself, and stands for the
 * host's loopback; 10.0.2.3 is the host's name server. TCP and UDP to anywhere else go out through the host's sockets. IPv4 only.
 *
 * <p>Answers come a fixed virtual time after the question; what sockets say comes when {@link HostSockets#poll} is called.
 */
public final class NatNetwork implements NetPort {
    /** Virtual nanoseconds that a frame to the guest is under way. */
    static final long LATENCY_NS = 20_000;

    private static final int MAX_TRANSIT = 16_384;
    private static final int MAX_STATIONS = 64;
    private static final int DNS_PORT = 53;
    private static final int HOST_UNREACHABLE = 1;
    private static final int PROTOCOL_UNREACHABLE = 2;

    private final VirtualClock clock;
    private final Timers timers;
    private final HostSockets sockets;
    private final MacAddress guestMac;
    private final InetAddress nameServer;
    private final Consumer<String> counter;
    private final Packets packets;
    private final DelayLine<NetFrame> toGuest;
    private final TcpTable tcp = new TcpTable(this);
    private final UdpTable udp = new UdpTable(this);
    private final DhcpServer dhcp = new DhcpServer(this);
    private final Map<Integer, MacAddress> stations = new LinkedHashMap<>();
    private final List<AutoCloseable> listeners = new ArrayList<>();
    private Receiver receiver = f -> false;

    /**
     * A network without forwards.
     *
     * @param guestMac the interface's address, for hosts that speak to the guest before it has spoken
     * @param counter counts by name what guests ask for and do not get
     */
    public NatNetwork(VirtualClock clock, Timers timers, HostSockets sockets, MacAddress guestMac,
            Consumer<String> counter) {
        this.clock = clock;
        this.timers = timers;
        this.sockets = sockets;
        this.guestMac = guestMac;
        this.counter = counter;
        this.nameServer = NameServer.find();
        this.toGuest = new DelayLine<>(clock, timers, LATENCY_NS, MAX_TRANSIT, f -> receiver.receive(f));
        this.packets = new Packets(f -> {
            if (!toGuest.send(f)) {
                count("too many frames under way");
            }
        });
    }

    long now() {
        return clock.now();
    }

    Timers timers() {
        return timers;
    }

    HostSockets sockets() {
        return sockets;
    }

    Packets packets() {
        return packets;
    }

    void count(String what) {
        counter.accept("nat " + what);
    }

    /**
     * Listens at a port of the host.
     *
     * @throws IOException when the host does not let us; the message says why
     */
    public void forward(HostForward f) throws IOException {
        InetSocketAddress at = new InetSocketAddress(
                f.hostAddress().isEmpty() ? InetAddress.ofLiteral("0.0.0.0") : InetAddress.ofLiteral(f.hostAddress()),
                f.hostPort());
        int guest = f.guestAddress().isEmpty()
                ? NatLayout.GUEST
                : Headers.u32(InetAddress.ofLiteral(f.guestAddress()).getAddress(), 0);
        listeners.add(f.udp()
                ? udp.forward(at, guest, f.guestPort())
                : sockets.listen(at, socket -> tcp.forward(guest, f.guestPort(), socket)));
    }

    /** True while the guest may be waiting for a host outside of the machine: then time must not run ahead of the wall clock. */
    public boolean awaitsHost() {
        return tcp.awaitsHost() || udp.awaitsHost();
    }

    /** True when a host may speak first. */
    public boolean listens() {
        return !listeners.isEmpty();
    }

    /** The guest has begun anew: breaks all connections and forgets what is under way. */
    public void reset() {
        tcp.clear();
        udp.clear();
        toGuest.clear();
        stations.clear();
    }

    /** Where a guest's packet to an address goes, or null when nowhere. */
    InetSocketAddress hostAddress(int address, int port) {
        int top = address >>> 24;
        if (port == 0) {
            return null;
        }
        if (address == NatLayout.GATEWAY) {
            return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
        }
        if (address == NatLayout.DNS) {
            return port == DNS_PORT ? new InetSocketAddress(nameServer, port) : null;
        }
        if (NatLayout.local(address) || top == 0 || top == 127 || top >= 224) {
            return null;
        }
        try {
            byte[] octets = new byte[4];
            Headers.put32(octets, 0, address);
            return new InetSocketAddress(InetAddress.getByAddress(octets), port);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The Ethernet address of a guest. */
    MacAddress station(int address) {
        return stations.getOrDefault(address, guestMac);
    }

    private void learn(int address, byte[] frame, int macAt) {
        MacAddress mac = MacAddress.of(frame, macAt);
        if (!NatLayout.local(address) || router(address) || mac.isGroup()) {
            return;
        }
        if (stations.size() >= MAX_STATIONS && !stations.containsKey(address)) {
            stations.remove(stations.keySet().iterator().next());
        }
        stations.put(address, mac);
    }

    private static boolean router(int address) {
        return address == NatLayout.GATEWAY || address == NatLayout.DNS;
    }

    @Override
    public void setReceiver(Receiver r) {
        receiver = r;
    }

    @Override
    public void send(NetFrame frame) {
        byte[] f = frame.data();
        if (frame.length() < Headers.ETHERNET) {
            return;
        }
        Headers h = Headers.of(f, frame.length());
        MacAddress to = MacAddress.of(f, 0);
        if (!to.isGroup() && !to.equals(NatLayout.ROUTER_MAC)) {
            return;
        }
        switch (h.etherType()) {
            case Headers.ARP -> arp(f, frame.length(), h.network());
            case Headers.IPV4 -> ipv4(frame, h);
            default -> count("not IPv4");
        }
    }

    private void arp(byte[] f, int length, int at) {
        if (at + 28 > length || Headers.u32(f, at) != (1 << 16 | Headers.IPV4) || f[at + 4] != 6 || f[at + 5] != 4) {
            count("arp: not for Ethernet and IPv4");
            return;
        }
        int sender = Headers.u32(f, at + 14);
        int target = Headers.u32(f, at + 24);
        learn(sender, f, at + 8);
        if (Headers.u16(f, at + 6) != 1 || !router(target)) {
            return;
        }
        byte[] r = new byte[42];
        System.arraycopy(f, at + 8, r, 0, 6);
        NatLayout.ROUTER_MAC.put(r, 6);
        Headers.put16(r, 12, Headers.ARP);
        System.arraycopy(f, at, r, 14, 6);
        Headers.put16(r, 20, 2);
        NatLayout.ROUTER_MAC.put(r, 22);
        Headers.put32(r, 28, target);
        System.arraycopy(f, at + 8, r, 32, 10);
        toGuest.send(NetFrame.plain(r));
    }

    private void ipv4(NetFrame frame, Headers h) {
        byte[] f = frame.data();
        if (h.protocol() < 0 || h.network() != Headers.ETHERNET) {
            count("ip: malformed, tagged or a fragment");
            return;
        }
        if (InetChecksum.fold(InetChecksum.sum(f, h.network(), h.transport() - h.network())) != 0xffff) {
            count("ip: bad checksum");
            return;
        }
        if (frame.checksum() == Checksum.UNKNOWN && !h.checksumIsRight(f)) {
            count("ip: bad transport checksum");
            return;
        }
        int from = Headers.u32(f, h.network() + 12);
        int to = Headers.u32(f, h.network() + 16);
        boolean dhcpPort = h.protocol() == Headers.UDP
                && Headers.u16(f, h.transport() + 2) == DhcpServer.SERVER_PORT
                && (to == -1 || to == NatLayout.GATEWAY || to == NatLayout.BROADCAST);
        if (dhcpPort) {
            dhcp.message(f, h.transport() + 8, h.end() - h.transport() - 8);
            return;
        }
        if (!NatLayout.local(from) || router(from) || from == NatLayout.BROADCAST) {
            count("ip: source is not of this network");
            return;
        }
        learn(from, f, MacAddress.LENGTH);
        if (to == NatLayout.BROADCAST || to >>> 28 >= 0xe) {
            return; // nobody else is here
        }
        switch (h.protocol()) {
            case Headers.TCP -> tcp.segment(f, h);
            case Headers.UDP -> udp.datagram(f, h);
            case Packets.ICMP -> icmp(f, h, from, to);
            default -> {
                count("ip: protocol " + h.protocol());
                packets.unreachable(station(from), f, h.end(), PROTOCOL_UNREACHABLE);
            }
        }
    }

    private void icmp(byte[] f, Headers h, int from, int to) {
        int length = h.end() - h.transport();
        if (length < 8 || f[h.transport()] != 8) {
            return;
        }
        if (!router(to)) {
            // the host lets only the privileged send pings
            count("icmp: echo beyond the router");
            packets.unreachable(station(from), f, h.end(), HOST_UNREACHABLE);
            return;
        }
        byte[] m = new byte[length];
        System.arraycopy(f, h.transport(), m, 0, length);
        m[0] = 0;
        packets.icmp(station(from), to, from, m, length);
    }

    @Override
    public void close() {
        reset();
        for (AutoCloseable l : listeners) {
            try {
                l.close();
            } catch (Exception e) {
                count("a forwarded port did not close");
            }
        }
        listeners.clear();
    }
}
