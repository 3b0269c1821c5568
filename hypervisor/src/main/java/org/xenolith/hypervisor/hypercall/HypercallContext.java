package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/**
 * One hypercall in progress: who makes it, its arguments, and checked access to what they point to. Copies fail with
 * EFAULT by
 * exception.
 */
final class HypercallContext {
    /** Elements that one call handles before it lets the guest take interrupts. */
    static final int WORK_LIMIT = 512;

    private final Vcpu vcpu;
    private final GuestAbi abi;
    private final long[] args;
    private final byte[] word = new byte[8];
    private boolean preempted;

    HypercallContext(Vcpu vcpu, GuestAbi abi, long[] args) {
        this.vcpu = vcpu;
        this.abi = abi;
        this.args = args;
    }

    Vcpu vcpu() {
        return vcpu;
    }

    Domain domain() {
        return vcpu.domain();
    }

    Host host() {
        return vcpu.domain().host();
    }

    GuestAbi abi() {
        return abi;
    }

    long arg(int i) {
        return args[i];
    }

    int arg32(int i) {
        return (int) args[i];
    }

    // ---- continuation ----

    /** Ends this part of the work: the guest makes the same call again, with arguments that say what is left. */
    long again(long... rest) {
        System.arraycopy(rest, 0, args, 0, rest.length);
        preempted = true;
        return 0;
    }

    boolean preempted() {
        return preempted;
    }

    // ---- domains ----

    /**
     * The domain that an argument names, which must be the caller itself.
     *
     * @throws ErrnoException ESRCH when it does not exist, EPERM when it is another
     */
    Domain self(int domid) {
        if (domid == Host.DOMID_SELF || domid == domain().domid()) {
            return domain();
        }
        throw new ErrnoException(domid == 0 || host().domain(domid) != null ? Errno.EPERM : Errno.ESRCH);
    }

    /** A domid with DOMID_SELF replaced. */
    int resolve(int domid) {
        return domid == Host.DOMID_SELF ? domain().domid() : domid;
    }

    // ---- guest memory ----

    StructView read(Struct struct, long gva) {
        StructView v = struct.view(abi);
        vcpu.access().copyIn(gva, v.data());
        return v;
    }

    void write(StructView v, long gva) {
        vcpu.access().copyOut(gva, v.data(), 0, v.data().length);
    }

    void writeBytes(long gva, byte[] bytes) {
        vcpu.access().copyOut(gva, bytes, 0, bytes.length);
    }

    byte[] readBytes(long gva, int length) {
        byte[] b = new byte[length];
        vcpu.access().copyIn(gva, b);
        return b;
    }

    private long readInteger(long gva, int bytes) {
        byte[] b = readBytes(gva, bytes);
        long v = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            v = v << 8 | b[i] & 0xff;
        }
        return v;
    }

    private void writeInteger(long gva, long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            word[i] = (byte) (value >>> 8 * i);
        }
        vcpu.access().copyOut(gva, word, 0, bytes);
    }

    int read16(long gva) {
        return (int) readInteger(gva, 2);
    }

    int read32(long gva) {
        return (int) readInteger(gva, 4);
    }

    long read64(long gva) {
        return readInteger(gva, 8);
    }

    void write32(long gva, int value) {
        writeInteger(gva, value, 4);
    }

    void write64(long gva, long value) {
        writeInteger(gva, value, 8);
    }

    /** Element {@code index} of an array of {@code unsigned long}. */
    long readWord(long array, long index) {
        return readInteger(array + index * abi.wordBytes(), abi.wordBytes());
    }

    void writeWord(long array, long index, long value) {
        writeInteger(array + index * abi.wordBytes(), value, abi.wordBytes());
    }

    /** Counts something that is not built; the result for it. */
    long notBuilt(String name) {
        domain().count("hypercall:" + name);
        return -Errno.ENOSYS;
    }
}
