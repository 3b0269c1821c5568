package org.xenolith.hypervisor.shared;

import org.xenolith.hypervisor.abi.GuestAbi;

/** One {@code struct vcpu_info} (public/xen.h): in shared_info, in a page that the guest registered, or nowhere yet. */
public final class VcpuInfo {
    private static final int UPCALL_PENDING = 0;
    private static final int TIME = 32;

    private final SharedPage page;
    private final int offset;
    private final SharedInfo shared;

    public VcpuInfo(SharedPage page, int offset, SharedInfo shared) {
        this.page = page;
        this.offset = offset;
        this.shared = shared;
    }

    public SharedPage page() {
        return page;
    }

    /** Offset of the area in its page, in bytes. */
    public int offset() {
        return offset;
    }

    public boolean upcallPending() {
        return page.read8(offset + UPCALL_PENDING) != 0;
    }

    public void setUpcallPending(boolean pending) {
        page.write8(offset + UPCALL_PENDING, pending ? 1 : 0);
    }

    private int selector() {
        return offset + shared.abi().wordBytes();
    }

    /** Sets the bit of a word of the pending bit map and returns what it was. */
    public boolean testAndSetSelector(int bit) {
        return page.testAndSetBit(selector(), bit);
    }

    public void setAllSelectors() {
        if (shared.abi() == GuestAbi.X86_64) {
            page.write64(selector(), -1L);
        } else {
            page.write32(selector(), -1);
        }
    }

    public void copyFrom(VcpuInfo old) {
        byte[] bytes = new byte[SharedInfo.VCPU_INFO_SIZE];
        old.page.read(old.offset, bytes, 0, bytes.length);
        page.write(offset, bytes, 0, bytes.length);
    }

    /** Stores the time record under the version protocol. */
    public void setTime(TimeInfo time) {
        time.store(page, offset + TIME);
    }
}
