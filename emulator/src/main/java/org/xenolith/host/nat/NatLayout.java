package org.xenolith.host.nat;

import org.xenolith.devices.net.MacAddress;

/** Who is who on a guest's NAT network, 10.0.2.0/24; the numbers are those of QEMU's user network. */
final class NatLayout {
    static final int NETWORK = 0x0a00_0200;
    static final int MASK = 0xffff_ff00;
    /** The router; for guests it also stands for the host's loopback. */
    static final int GATEWAY = NETWORK | 2;
    /** Passes on to the host's name server. */
    static final int DNS = NETWORK | 3;
    /** What DHCP gives the guest. */
    static final int GUEST = NETWORK | 15;
    static final int BROADCAST = NETWORK | 255;
    static final MacAddress ROUTER_MAC = new MacAddress(0x0016_3eff_0002L);
    static final int MTU = 1500;
    static final int LEASE_SECONDS = 86_400;

    private NatLayout() {
    }

    static boolean local(int address) {
        return (address & MASK) == NETWORK;
    }
}
