package org.xenolith.hypervisor.pv.mm;

import org.xenolith.cpu.CpuState;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.memory.PhysicalMemory;

/** The software TLBs of a domain's vCPUs. */
final class VcpuTlbs implements PvTlbs {
    private final Domain domain;

    VcpuTlbs(Domain domain) {
        this.domain = domain;
    }

    @Override
    public void flush(int vcpu) {
        domain.vcpu(vcpu).cpu().mmu().flushAll();
    }

    @Override
    public void flushPage(int vcpu, long gva) {
        domain.vcpu(vcpu).cpu().mmu().flushPage(gva);
    }

    @Override
    public void dropFrame(long mfn) {
        for (Domain d : domain.host().domains()) {
            for (Vcpu v : d.vcpus()) {
                v.cpu().mmu().dropFrame(mfn);
            }
        }
    }

    @Override
    public void entryChanged(long mfn) {
        for (Vcpu v : domain.vcpus()) {
            v.cpu().mmu().dropFrame(mfn);
        }
    }

    @Override
    public void dropWritable(long mfn) {
        PhysicalMemory memory = domain.host().memory();
        if (memory.hasState(mfn, PhysicalMemory.WRITE_MAPPED)) {
            dropFrame(mfn);
            memory.clearState(mfn, PhysicalMemory.WRITE_MAPPED);
        }
    }

    @Override
    public void loadBase(int vcpu, long mfn, boolean sameUpperHalf) {
        domain.vcpu(vcpu).cpu().setField(CpuState.CR3, mfn << 12);
        if (sameUpperHalf) {
            domain.vcpu(vcpu).cpu().mmu().flushPrograms();
        } else {
            flush(vcpu);
        }
    }

    @Override
    public void loadUserBase(int vcpu) {
        domain.vcpu(vcpu).cpu().mmu().flushPrograms();
    }
}
