package org.xenolith.hypervisor.shared;

import org.xenolith.hypervisor.abi.GuestAbi;

/** One {@code struct vcpu_info} (public/xen.h): in shared_info, in a page that the guest registered, or nowhere yet. */
public final class VcpuInfo {
    private static final int UPCALL_PENDING = 0;
    private static final int UPCALL_MASK = 1;
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

    /** {@code evtchn_upcall_mask}: not 0 while a PV guest takes no events. */
    public int upcallMask() {
        return page.read8(offset + UPCALL_MASK) & 0xff;
    }

    public void setUpcallMask(int mask) {
        page.write8(offset + UPCALL_MASK, mask);
    }

    /** {@code arch.cr2}, which comes after the pending selector. */
    private int cr2At() {
        return offset + 2 * shared.abi().wordBytes();
    }

    /** The address of a PV guest's last page fault. */
    public long cr2() {
        return shared.abi() == GuestAbi.X86_64 ? page.read64(cr2At()) : page.read32(cr2At()) & 0xffff_ffffL;
    }

    public void setCr2(long address) {
        if (shared.abi() == GuestAbi.X86_64) {
            page.write64(cr2At(), address);
        } else {
            page.write32(cr2At(), (int) address);
        }
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
