package org.xenolith.hypervisor.xenstore;

import java.util.UUID;

/**
 * What the toolstack writes into the tree for a new domain.
 *
 * @param domid domain, 1 to 0x7fef
 * @param name name of the domain
 * @param uuid identity of the virtual machine
 * @param type kind of guest as libxl names it: {@code pvh}, {@code pv} or {@code hvm}
 * @param vcpusMax vCPUs that the domain has
 * @param vcpusOnline how many of them are online at first, 1 to {@code vcpusMax}
 * @param memoryMaxKib most memory that the domain may use, in KiB
 * @param memoryTargetKib memory that it is to use, in KiB
 * @param videoKib video memory, in KiB; 0 for PVH
 * @param store xenstore ring
 * @param console primary console
 */
public record GuestDescription(int domid, String name, UUID uuid, String type, int vcpusMax, int vcpusOnline,
        long memoryMaxKib, long memoryTargetKib, long videoKib, Ring store, Console console) {
    /**
     * A ring page that the domain builder made.
     *
     * @param gfn frame of the page (an mfn for PV)
     * @param port the domain's event channel
     */
    public record Ring(long gfn, int port) {
    }

    /**
     * The primary console.
     *
     * @param ring its page
     * @param output where its output goes, {@code pty} as a rule
     * @param tty name of the terminal, empty if it has none
     */
    public record Console(Ring ring, String output, String tty) {
    }

    public GuestDescription {
        if (domid < 1 || domid >= Xenstored.DOMID_FIRST_RESERVED) {
            throw new IllegalArgumentException("domain id out of range: " + domid);
        }
        if (vcpusMax < 1 || vcpusOnline < 1 || vcpusOnline > vcpusMax) {
            throw new IllegalArgumentException("vCPU count out of range: " + vcpusOnline + " of " + vcpusMax);
        }
    }
}
