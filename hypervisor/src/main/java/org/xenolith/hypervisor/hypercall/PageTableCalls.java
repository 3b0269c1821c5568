package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.pv.mm.PvMemory;

/** What the hypercalls that change page tables have in common: foreign domains, continuation, sets of vCPUs. */
final class PageTableCalls {
    /** DOMID_IO: frames that are not RAM. */
    static final int DOMID_IO = 0x7ff1;
    /** MMU_UPDATE_PREEMPTED: set in the count of a call that is made again. */
    static final int PREEMPTED = 1 << 31;
    /** Table entries that one call checks or releases before it lets the guest take interrupts. */
    private static final long ENTRY_LIMIT = 1 << 18;

    private PageTableCalls() {
    }

    /** One element of a list; returns 0 or a negative error number. */
    @FunctionalInterface
    interface Element {
        long run(long address);
    }

    /**
     * Carries out the elements of a list up to the first that fails; the number done is added up for the guest.
     *
     * @param size bytes of an element
     */
    static long list(HypercallContext c, int size, Element element) {
        PvMemory m = c.domain().pv();
        int count = c.arg32(1);
        long list = c.arg(0);
        long doneAt = c.arg(2);
        int before = 0;
        if ((count & PREEMPTED) != 0) {
            count &= ~PREEMPTED;
            if (doneAt != 0) {
                before = c.read32(doneAt);
            }
        }
        long start = m.work();
        long rc = 0;
        int i = 0;
        for (; i < count; i++) {
            if (i == HypercallContext.WORK_LIMIT || i > 0 && m.work() - start > ENTRY_LIMIT) {
                rc = c.again(list + (long) i * size, (count - i & 0xffff_ffffL) | 0x8000_0000L);
                break;
            }
            try {
                rc = element.run(list + (long) i * size);
            } catch (ErrnoException e) {
                rc = -e.errno();
            }
            if (rc != 0) {
                break;
            }
        }
        if (doneAt != 0) {
            int done = before + i;
            byte[] word = {(byte) done, (byte) (done >>> 8), (byte) (done >>> 16), (byte) (done >>> 24)};
            c.vcpu().access().tryCopyOut(doneAt, word, word.length);
        }
        return rc;
    }

    /**
     * Whose frames a call may map: 0 for the caller's own, {@link #DOMID_IO} as it is; otherwise a negative error number.
     * The caller's own domid stands for nobody here, as in Xen.
     */
    static int owner(HypercallContext c, int domid) {
        if (domid == Host.DOMID_SELF) {
            return 0;
        }
        if (domid == DOMID_IO) {
            return DOMID_IO;
        }
        return domid != c.domain().domid() && exists(c, domid) ? -Errno.EPERM : -Errno.ESRCH;
    }

    static boolean exists(HypercallContext c, int domid) {
        return domid == 0 || c.host().domain(domid) != null;
    }

    /** Does something for each vCPU of a bit map in guest memory. */
    static void forEachVcpu(HypercallContext c, long bitmap, java.util.function.IntConsumer action) {
        Domain d = c.domain();
        int bits = c.abi().wordBits();
        for (int first = 0; first < d.vcpuCount(); first += bits) {
            long word = c.readWord(bitmap, first / bits);
            for (int i = 0; i < bits && first + i < d.vcpuCount(); i++) {
                if ((word >>> i & 1) != 0) {
                    action.accept(first + i);
                }
            }
        }
    }

    static void forAllVcpus(HypercallContext c, java.util.function.IntConsumer action) {
        for (int i = 0; i < c.domain().vcpuCount(); i++) {
            action.accept(i);
        }
    }
}
