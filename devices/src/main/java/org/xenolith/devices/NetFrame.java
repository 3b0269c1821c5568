package org.xenolith.devices;

/**
 * An Ethernet frame without its FCS, with what offloads have left undone.
 *
 * @param data the frame begins at 0; not changed after it has been handed on
 * @param length bytes of the frame, at least 14; above 1514 (plus VLAN tag) only where {@code segmentSize} is not 0
 * @param checksum how far the TCP or UDP checksum is trusted or filled in
 * @param segmentSize bytes of TCP payload in each segment that this frame is to be cut into (TSO/GSO), or 0
 */
public record NetFrame(byte[] data, int length, Checksum checksum, int segmentSize) {
    /** State of the transport checksum. */
    public enum Checksum {
        /** Nothing is known: the receiver checks it. */
        UNKNOWN,
        /** The sender vouches for the data; the field holds a sum over the pseudo header only. */
        PARTIAL,
        /** It has been checked. */
        VALID
    }

    /** A frame that is complete as it is. */
    public static NetFrame plain(byte[] data) {
        return new NetFrame(data, data.length, Checksum.UNKNOWN, 0);
    }
}
