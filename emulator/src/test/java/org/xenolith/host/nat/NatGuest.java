package org.xenolith.host.nat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.net.Headers;
import org.xenolith.devices.net.InetChecksum;
import org.xenolith.devices.net.MacAddress;
import org.xenolith.devices.net.Offloads;
import org.xenolith.time.Timers;

/** A guest on a NAT network that the test plays, on a cable that can lose, double and reorder frames in either direction. */
final class NatGuest implements AutoCloseable {
    static final int IP = NatLayout.GUEST;
    static final MacAddress MAC = new MacAddress(0x0016_3e01_0203L);

    final Timers timers = new Timers();
    final HostSockets sockets = new HostSockets();
    final TreeMap<String, Integer> counted = new TreeMap<>();
    final NatNetwork net;
    /** Frames that came to the guest and nobody has looked at. */
    final List<byte[]> inbox = new ArrayList<>();
    final List<GuestTcp> connections = new ArrayList<>();
    private final SplittableRandom random;
    private final int badPercent;
    private byte[] heldOut;
    private byte[] heldIn;
    long now;

    /** @param badPercent share of frames, in percent, that meet each kind of misfortune */
    NatGuest(long seed, int badPercent) {
        random = new SplittableRandom(seed);
        this.badPercent = badPercent;
        net = new NatNetwork(() -> now, timers, sockets, MAC, what -> counted.merge(what, 1, Integer::sum));
        net.setReceiver(f -> {
            Offloads.complete(f, part -> arrive(part.data()));
            return true;
        });
    }

    private boolean unlucky() {
        return random.nextInt(100) < badPercent;
    }

    void send(byte[] frame) {
        if (unlucky()) {
            return;
        }
        if (heldOut == null && unlucky()) {
            heldOut = frame;
            return;
        }
        net.send(NetFrame.plain(frame));
        if (unlucky()) {
            net.send(NetFrame.plain(frame.clone()));
        }
        if (heldOut != null) {
            byte[] late = heldOut;
            heldOut = null;
            net.send(NetFrame.plain(late));
        }
    }

    private void arrive(byte[] frame) {
        if (unlucky()) {
            return;
        }
        if (heldIn == null && unlucky()) {
            heldIn = frame;
            return;
        }
        take(frame);
        if (unlucky()) {
            take(frame);
        }
        if (heldIn != null) {
            byte[] late = heldIn;
            heldIn = null;
            take(late);
        }
    }

    private void take(byte[] f) {
        Headers h = Headers.of(f, f.length);
        if (h.protocol() == Headers.TCP) {
            if (!h.checksumIsRight(f)) {
                throw new AssertionError("a wrong checksum came");
            }
            for (GuestTcp c : List.copyOf(connections)) {
                if (c.take(f, h)) {
                    return;
                }
            }
        }
        inbox.add(f);
    }

    /** Lets virtual milliseconds pass until something is true; fails after a virtual minute or ten seconds of real time. */
    void until(BooleanSupplier done, Object... what) throws InterruptedException {
        for (int i = 0; !done.getAsBoolean(); i++) {
            if (i > 60_000) {
                throw new AssertionError("not within a minute: " + Arrays.toString(what));
            }
            step();
            if (net.awaitsHost() && i % 4 == 0) {
                sockets.await(1);
            }
        }
    }

    void step() {
        sockets.poll();
        for (int i = 0; i < 20; i++) {
            now += 50_000;
            timers.expire(now);
        }
        connections.forEach(GuestTcp::tick);
    }

    static byte[] ipv4(int protocol, int to, int payload) {
        byte[] f = new byte[34 + payload];
        NatLayout.ROUTER_MAC.put(f, 0);
        MAC.put(f, 6);
        Headers.put16(f, 12, Headers.IPV4);
        f[14] = 0x45;
        Headers.put16(f, 16, f.length - 14);
        f[22] = 64;
        f[23] = (byte) protocol;
        Headers.put32(f, 26, IP);
        Headers.put32(f, 30, to);
        Headers.put16(f, 24, InetChecksum.of(f, 14, 20));
        return f;
    }

    void udp(int fromPort, int to, int toPort, byte[] data) {
        byte[] f = ipv4(Headers.UDP, to, 8 + data.length);
        Headers.put16(f, 34, fromPort);
        Headers.put16(f, 36, toPort);
        Headers.put16(f, 38, 8 + data.length);
        System.arraycopy(data, 0, f, 42, data.length);
        Headers.of(f, f.length).fillChecksum(f);
        send(f);
    }

    @Override
    public void close() {
        net.close();
        sockets.close();
    }
}
