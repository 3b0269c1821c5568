package org.xenolith.hypervisor;

import org.xenolith.hypervisor.gnttab.GrantTarget;

/** Grants in the page tables that one PV vCPU uses now. */
record PvGrantTarget(Vcpu vcpu) implements GrantTarget {
    @Override
    public boolean map(long hostAddr, int flags, long mfn) {
        return vcpu.domain().pv().mapGrant(vcpu, hostAddr, flags, mfn);
    }

    @Override
    public boolean unmap(long hostAddr, int flags, long mfn, long newAddr) {
        return vcpu.domain().pv().unmapGrant(vcpu, hostAddr, flags, mfn, newAddr);
    }

    @Override
    public void drop(long hostAddr, long mfn) {
        // the entries went with the page tables
    }
}
