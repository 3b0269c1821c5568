package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.pv.mm.PvMemory;
import org.xenolith.hypervisor.pv.mm.PvTlbs;

/** HYPERVISOR_update_va_mapping and its form for frames of another domain: one level 1 entry, by linear address. */
final class UpdateVaMapping implements Hypercall {
    private static final int FLUSH_TYPE = 3;
    private static final int TLB_FLUSH = 1;
    private static final int INVLPG = 2;
    private static final long ALL = 4;

    private final boolean otherDomain;

    /** @param otherDomain for update_va_mapping_otherdomain, which has a domid as last argument */
    UpdateVaMapping(boolean otherDomain) {
        this.otherDomain = otherDomain;
    }

    @Override
    public long call(HypercallContext c) {
        boolean wide = c.abi() == GuestAbi.X86_64;
        long va = c.arg(0);
        long entry = wide ? c.arg(1) : c.arg(1) & 0xffff_ffffL | c.arg(2) << 32;
        long flags = c.arg(wide ? 2 : 3);
        int owner = otherDomain ? PageTableCalls.owner(c, c.arg32(wide ? 3 : 4) & 0xffff) : 0;
        if (owner < 0) {
            return owner;
        }
        PvMemory m = c.domain().pv();
        int rc = owner == 0
                ? m.updateVaMapping(c.vcpu(), va, entry)
                : m.updateVaMappingForDevice(c.vcpu(), va, entry);
        if (rc == 0) {
            flush(c, m.tlbs(), va, flags);
        }
        return rc;
    }

    private static void flush(HypercallContext c, PvTlbs tlbs, long va, long flags) {
        switch ((int) flags & FLUSH_TYPE) {
            case TLB_FLUSH -> forVcpus(c, flags & ~FLUSH_TYPE, tlbs::flush);
            case INVLPG -> forVcpus(c, flags & ~FLUSH_TYPE, v -> tlbs.flushPage(v, va));
            default -> {}
        }
    }

    /** Which vCPUs: none named is the caller, else all, or those of a bit map in guest memory. */
    private static void forVcpus(HypercallContext c, long which, java.util.function.IntConsumer action) {
        if (which == 0) {
            action.accept(c.vcpu().id());
        } else if (which == ALL) {
            PageTableCalls.forAllVcpus(c, action);
        } else {
            PageTableCalls.forEachVcpu(c, which, action);
        }
    }
}
