package org.xenolith.host.nat;

/**
 * Names a flow between a guest and what it talks to, as the guest sees it.
 *
 * @param guest IPv4 address
 * @param peer IPv4 address
 */
record FlowKey(int guest, int guestPort, int peer, int peerPort) {
}
