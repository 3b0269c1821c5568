package org.xenolith.hypervisor.pv.mm;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/** GDT and LDT of PV vCPUs: frames of checked descriptors, shown to the CPU in the hypervisor's window. */
final class PvDescriptorTables {
    private static final int MAX_LDT_ENTRIES = 8192;

    private final PhysicalMemory memory;
    private final PageTypes types;
    private final TypedPages pages;
    private final PvFailures failures;
    private final PvTlbs tlbs;
    private final XenSlots slots;
    private final boolean wide;

    PvDescriptorTables(PhysicalMemory memory, PageTypes types, TypedPages pages, PvFailures failures, PvTlbs tlbs,
            XenSlots slots, boolean wide) {
        this.memory = memory;
        this.types = types;
        this.pages = pages;
        this.failures = failures;
        this.tlbs = tlbs;
        this.slots = slots;
        this.wide = wide;
    }

    int setGdt(int vcpu, PvVcpuTables t, long[] frames, int entries) {
        int n = (entries + Pte.ENTRIES - 1) / Pte.ENTRIES;
        if (entries < 0 || entries > XenSlots.GUEST_GDT_ENTRIES || frames.length < n) {
            return -Errno.EINVAL;
        }
        for (int i = 0; i < n; i++) {
            int rc = pages.getPageAndType(frames[i], PageTypes.SEGMENT_DESCRIPTORS);
            if (rc != 0) {
                while (--i >= 0) {
                    pages.putPageAndType(frames[i]);
                }
                return rc;
            }
        }
        dropGdt(vcpu, t);
        for (int i = 0; i < n; i++) {
            t.gdtFrames[i] = frames[i];
            slots.mapGdt(vcpu, i, frames[i]);
        }
        t.gdtPages = n;
        t.gdtEntries = entries;
        tlbs.flush(vcpu);
        return 0;
    }

    void dropGdt(int vcpu, PvVcpuTables t) {
        for (int i = 0; i < t.gdtPages; i++) {
            slots.mapGdt(vcpu, i, -1);
            tlbs.dropFrame(t.gdtFrames[i]);
            pages.putPageAndType(t.gdtFrames[i]);
        }
        t.gdtPages = 0;
        t.gdtEntries = 0;
    }

    /** MMUEXT_SET_LDT; pages of the LDT are looked at when they are first used. */
    int setLdt(int vcpu, PvVcpuTables t, long base, int entries) {
        if (entries < 0 || entries > MAX_LDT_ENTRIES
                || entries > 0 && ((base & 0xfff) != 0 || !PvWalker.guestAddress(base, wide))) {
            return -Errno.EINVAL;
        }
        if (t.ldtEntries != entries || t.ldtBase != base) {
            dropLdt(vcpu, t);
            t.ldtBase = entries == 0 ? 0 : base;
            t.ldtEntries = entries;
        }
        return 0;
    }

    void dropLdt(int vcpu, PvVcpuTables t) {
        for (int i = 0; i < t.ldtFrames.length; i++) {
            if (t.ldtFrames[i] != 0) {
                slots.mapLdt(vcpu, i, -1);
                tlbs.dropFrame(t.ldtFrames[i]);
                pages.putPageAndType(t.ldtFrames[i]);
                t.ldtFrames[i] = 0;
            }
        }
    }

    /** Shows the LDT's page around a byte offset, whose level 1 entry in the guest's tables is given. */
    boolean mapLdt(int vcpu, PvVcpuTables t, int offset, long l1Entry) {
        int page = offset >>> 12;
        if (offset >>> 3 >= t.ldtEntries || (l1Entry & Pte.P) == 0 || t.ldtFrames[page] != 0) {
            return false;
        }
        long mfn = Pte.mfn(l1Entry);
        if (pages.getPageAndType(mfn, PageTypes.SEGMENT_DESCRIPTORS) != 0) {
            return false;
        }
        t.ldtFrames[page] = mfn;
        slots.mapLdt(vcpu, page, mfn);
        return true;
    }

    /** HYPERVISOR_update_descriptor: 8 bytes in any frame of the domain that is no page table. */
    int update(long at, long descriptor) {
        if ((at & 7) != 0) {
            return -Errno.EINVAL;
        }
        long mfn = at >>> 12;
        if (!Descriptors.allowed(descriptor, wide)) {
            return failures.fail(Kind.DESCRIPTOR, Kind.DESCRIPTOR.errno(), 0, (int) (at & 0xfff) >>> 3, descriptor,
                    mfn);
        }
        if (!pages.getPage(mfn)) {
            return failures.fail(Kind.BAD_OWNER, mfn);
        }
        boolean table = types.type(mfn) == PageTypes.SEGMENT_DESCRIPTORS;
        int rc = pages.getType(mfn, table ? PageTypes.SEGMENT_DESCRIPTORS : PageTypes.WRITABLE);
        if (rc == 0) {
            RawMemory.put64(memory.hostPage(mfn) + (at & 0xfff), Descriptors.fix(descriptor, wide));
            memory.written(mfn);
            pages.putType(mfn, -1);
        }
        pages.putPage(mfn);
        return rc;
    }
}
