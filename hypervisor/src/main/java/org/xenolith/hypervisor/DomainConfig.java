package org.xenolith.hypervisor;

import java.util.UUID;
import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * What a domain is created with.
 *
 * @param name shown by the toolstack only
 * @param uuid the domain handle
 * @param vcpus number of vCPUs, 1 to 128
 * @param maxPages limit of the domain's memory in 4 KiB pages
 * @param maxEventPort highest event channel port (xl {@code event_channels}, 1023 by default)
 * @param maxGrantFrames grant table limit in frames (xl {@code max_grant_frames}, 64)
 * @param maxMaptrackFrames limit of grants mapped, in pages of 256 (xl {@code max_maptrack_frames}, 1024)
 * @param tscMode value shown in CPUID leaf 4000_0003h: 0 default, 1 emulated, 2 native
 * @param console true lets the guest write to the hypervisor's console with HYPERVISOR_console_io
 * @param pv word size of a PV guest's kernel, or null for a guest that has a physmap (HVM, PVH)
 * @param hvm whether a guest with a physmap has a PC around its processors (HVM), or nothing (PVH)
 */
public record DomainConfig(String name, UUID uuid, int vcpus, long maxPages, int maxEventPort, int maxGrantFrames,
        int maxMaptrackFrames,
        int tscMode, boolean console, GuestAbi pv, boolean hvm) {
    public DomainConfig {
        if (vcpus < 1 || vcpus > 128) {
            throw new IllegalArgumentException("a domain has 1 to 128 vCPUs, not " + vcpus);
        }
        if (pv != null && hvm) {
            throw new IllegalArgumentException("a domain is PV or HVM, not both");
        }
        if (maxPages < 1) {
            throw new IllegalArgumentException("a domain needs memory");
        }
        if (maxGrantFrames < 1 || maxGrantFrames > 1024 || maxMaptrackFrames < 0 || maxMaptrackFrames > 1 << 16) {
            throw new IllegalArgumentException("grant table limits out of range");
        }
    }

    /** The limits that xl sets when the configuration file is silent. */
    public static DomainConfig of(String name, UUID uuid, int vcpus, long maxPages) {
        return new DomainConfig(name, uuid, vcpus, maxPages, 1023, 64, 1024, 0, false, null, false);
    }

    public DomainConfig withConsole(boolean allowed) {
        return new DomainConfig(name, uuid, vcpus, maxPages, maxEventPort, maxGrantFrames, maxMaptrackFrames, tscMode,
                allowed, pv, hvm);
    }

    /** The same for a PV guest of this word size. */
    public DomainConfig withPv(GuestAbi abi) {
        return new DomainConfig(name, uuid, vcpus, maxPages, maxEventPort, maxGrantFrames, maxMaptrackFrames, tscMode,
                console, abi, false);
    }

    /** The same for an HVM guest. */
    public DomainConfig withHvm() {
        return new DomainConfig(name, uuid, vcpus, maxPages, maxEventPort, maxGrantFrames, maxMaptrackFrames, tscMode,
                console, null, true);
    }
}
