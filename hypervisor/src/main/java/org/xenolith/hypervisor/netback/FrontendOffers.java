package org.xenolith.hypervisor.netback;

import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetFrame.Checksum;
import org.xenolith.devices.net.Headers;
import org.xenolith.hypervisor.xenbus.FrontendNodes;

/**
 * What a front end says that it can take, as it said when it connected.
 *
 * @param scatterGather frames of several slots
 * @param gsoV4 IPv4 TCP frames that are not segmented
 * @param gsoV6 the same for IPv6
 * @param checksumV4 IPv4 frames without transport checksum
 * @param checksumV6 the same for IPv6
 * @param multicastControl it names the multicast groups that it wants
 */
record FrontendOffers(boolean scatterGather, boolean gsoV4, boolean gsoV6, boolean checksumV4, boolean checksumV6,
        boolean multicastControl) {
    static FrontendOffers read(FrontendNodes front) {
        return new FrontendOffers(front.feature("feature-sg"), front.feature("feature-gso-tcpv4"),
                front.feature("feature-gso-tcpv6"), !front.feature("feature-no-csum-offload"),
                front.feature("feature-ipv6-csum-offload"), front.feature("request-multicast-control"));
    }

    /** Whether the frame can be passed on with what it leaves undone. */
    boolean takes(NetFrame f) {
        if (f.segmentSize() == 0 && f.checksum() != Checksum.PARTIAL) {
            return true;
        }
        boolean v4 = Headers.of(f.data(), f.length()).etherType() == Headers.IPV4;
        if (f.segmentSize() != 0) {
            return scatterGather && (v4 ? gsoV4 : gsoV6);
        }
        return v4 ? checksumV4 : checksumV6;
    }
}
