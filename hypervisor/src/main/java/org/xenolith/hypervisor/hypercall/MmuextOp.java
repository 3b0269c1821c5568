package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.pv.mm.PvMemory;
import org.xenolith.hypervisor.pv.mm.PvTlbs;

/** HYPERVISOR_mmuext_op (public/xen.h): pins, base pointers, flushes, whole pages, LDT. */
final class MmuextOp implements Hypercall {
    static final Struct OP = Struct.of("struct mmuext_op", u32("cmd"), word("arg1.mfn"), word("arg2.src_mfn"));

    @Override
    public long call(HypercallContext c) {
        int owner = PageTableCalls.owner(c, c.arg32(3) & 0xffff);
        if (owner == PageTableCalls.DOMID_IO) {
            return -Errno.EINVAL;
        }
        if (owner != 0) {
            return owner;
        }
        long rc = PageTableCalls.list(c, OP.size(c.abi()), at -> run(c, c.read(OP, at)));
        c.domain().pv().flushAfterUpdates();
        return rc;
    }

    private static long run(HypercallContext c, StructView op) {
        PvMemory m = c.domain().pv();
        PvTlbs tlbs = m.tlbs();
        long a = op.get("arg1.mfn");
        long b = op.get("arg2.src_mfn");
        int self = c.vcpu().id();
        switch (op.get32("cmd")) {
            case 0, 1, 2, 3 -> {
                return m.pin(a, op.get32("cmd") + 1);
            }
            case 4 -> {
                return m.unpin(a);
            }
            case 5 -> {
                return m.newBaseptr(c.vcpu(), a);
            }
            case 6 -> tlbs.flush(self);
            case 7 -> tlbs.flushPage(self, a);
            case 8 -> {
                return onVcpus(c, b, tlbs::flush);
            }
            case 9 -> {
                return onVcpus(c, b, v -> tlbs.flushPage(v, a));
            }
            case 10 -> PageTableCalls.forAllVcpus(c, tlbs::flush);
            case 11 -> PageTableCalls.forAllVcpus(c, v -> tlbs.flushPage(v, a));
            case 12 -> {
                // caches are for domains with devices
                return -Errno.EACCES;
            }
            case 13 -> {
                int rc = m.setLdt(c.vcpu(), a, (int) b);
                c.vcpu().pv().loadLdt(c.vcpu().cpu());
                return rc;
            }
            case 15 -> {
                return c.abi() == GuestAbi.X86_64 ? m.newUserBaseptr(c.vcpu(), a) : -Errno.EINVAL;
            }
            case 16 -> {
                return m.clearPage(a);
            }
            case 17 -> {
                return m.copyPage(a, b);
            }
            case 18 -> {
                return -Errno.EINVAL;
            }
            case 19, 20 -> {
                // superpages need the hypervisor's allowsuperpage, which 4.17 no longer has
                return -Errno.EOPNOTSUPP;
            }
            default -> {
                return c.notBuilt("mmuext_op." + Integer.toUnsignedString(op.get32("cmd")));
            }
        }
        return 0;
    }

    private static long onVcpus(HypercallContext c, long bitmap, java.util.function.IntConsumer action) {
        try {
            PageTableCalls.forEachVcpu(c, bitmap, action);
            return 0;
        } catch (ErrnoException e) {
            return -Errno.EINVAL;
        }
    }
}
