package org.xenolith.hypervisor;

import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;

/**
 * Copies between the hypervisor and memory at guest-virtual addresses of one vCPU, as hypercall arguments are passed.
 * Nothing is changed in the guest's page tables or TLB; only a PV guest's get accessed and dirty bits.
 */
public final class GuestAccess {
    private final Vcpu vcpu;

    GuestAccess(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    /** The gpa of a guest-virtual address of a guest with a physmap, or -1. */
    public long gpa(long gva) {
        boolean wide = vcpu.cpu().longMode();
        if (wide && !Mmu.isCanonical(gva)) {
            return -1;
        }
        if (vcpu.domain().config().hvm()) {
            return GuestWalk.gpa(vcpu.domain(), vcpu.cpu(), wide ? gva : gva & 0xffff_ffffL);
        }
        return vcpu.cpu().mmu().peekGpa(wide ? gva : gva & 0xffff_ffffL);
    }

    private boolean copy(long gva, byte[] data, int offset, int length, boolean out) {
        if (vcpu.domain().pv() != null) {
            return vcpu.domain().pv().copy(vcpu, gva, data, offset, length, out);
        }
        for (int done = 0; done < length;) {
            long gpa = gpa(gva + done);
            int n = (int) Math.min(length - done, 4096 - (gva + done & 0xfff));
            if (gpa < 0 || !(out
                    ? vcpu.domain().tryWrite(gpa, data, offset + done, n)
                    : vcpu.domain().tryRead(gpa, data, offset + done, n))) {
                return false;
            }
            done += n;
        }
        return true;
    }

    /**
     * Reads {@code to.length} bytes.
     *
     * @throws ErrnoException EFAULT for an address without memory
     */
    public void copyIn(long gva, byte[] to) {
        if (!copy(gva, to, 0, to.length, false)) {
            throw new ErrnoException(Errno.EFAULT);
        }
    }

    /**
     * Writes {@code length} bytes.
     *
     * @throws ErrnoException EFAULT for an address without writable memory; a part may be written
     */
    public void copyOut(long gva, byte[] from, int offset, int length) {
        if (!copy(gva, from, offset, length, true)) {
            throw new ErrnoException(Errno.EFAULT);
        }
    }

    /** Writes the first {@code length} bytes, or tells that it cannot. */
    public boolean tryCopyOut(long gva, byte[] from, int length) {
        return copy(gva, from, 0, length, true);
    }

    /** True when the byte at the address could be read. */
    public boolean readable(long gva) {
        if (vcpu.domain().pv() != null) {
            return vcpu.domain().pv().readable(vcpu, gva);
        }
        long gpa = gpa(gva);
        return gpa >= 0 && vcpu.domain().isRam(gpa, 1);
    }
}
