package org.xenolith.hypervisor.shared;

import org.xenolith.hypervisor.abi.GuestAbi;

/**
 * A domain's {@code struct shared_info} (public/xen.h) in either layout. The page belongs to the hypervisor and exists
 * as long as the
 * domain, mapped by the guest or not.
 */
public final class SharedInfo {
    /** vCPUs whose vcpu_info is in this page until they register another. */
    public static final int LEGACY_MAX_VCPUS = 32;
    public static final int VCPU_INFO_SIZE = 64;

    private final SharedPage page;
    private GuestAbi abi = GuestAbi.X86_64;

    public SharedInfo(SharedPage page) {
        this.page = page;
    }

    public SharedPage page() {
        return page;
    }

    public GuestAbi abi() {
        return abi;
    }

    /** The layout follows the mode of the vCPU that last set the callback or mapped the page, as Xen latches it. */
    public void setAbi(GuestAbi abi) {
        this.abi = abi;
    }

    /** Ports that the 2-level bit maps hold: 4096 or 1024. */
    public int twoLevelPorts() {
        return abi.wordBits() * abi.wordBits();
    }

    public int pendingMap() {
        return 2048;
    }

    public int maskMap() {
        return 2048 + twoLevelPorts() / 8;
    }

    private int wallclock() {
        return 2048 + twoLevelPorts() / 4;
    }

    private int wallclockHigh() {
        return abi == GuestAbi.X86_64 ? wallclock() + 12 : wallclock() + 36;
    }

    /** {@code arch.max_pfn}: one more than the highest frame number that a PV guest keeps a p2m for, unsigned. */
    public long maxPfn() {
        return abi == GuestAbi.X86_64 ? page.read64(wallclock() + 16) : page.read32(wallclock() + 12) & 0xffff_ffffL;
    }

    /** Stores the wall-clock time of system time 0 under the version protocol. */
    public void setWallclock(long seconds, int nanoseconds) {
        int at = wallclock();
        int version = page.read32(at);
        page.write32(at, version + 1 | 1);
        page.write32(at + 4, (int) seconds);
        page.write32(at + 8, nanoseconds);
        page.write32(wallclockHigh(), (int) (seconds >>> 32));
        page.write32(at, (version + 1 | 1) + 1);
    }
}
