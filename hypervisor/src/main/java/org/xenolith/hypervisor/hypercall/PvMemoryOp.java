package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.align;
import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.pv.mm.MachineToPhys;
import org.xenolith.hypervisor.pv.mm.PvMemory;

/** The parts of HYPERVISOR_memory_op (public/memory.h) that speak of machine frames, for PV guests. */
final class PvMemoryOp {
    static final Struct EXCHANGE = Struct.of("struct xen_memory_exchange",
            word("in.extent_start"), word("in.nr_extents"), u32("in.extent_order"), u32("in.mem_flags"),
            u16("in.domid"), align(8), word("out.extent_start"), word("out.nr_extents"), u32("out.extent_order"),
            u32("out.mem_flags"), u16("out.domid"), align(8), word("nr_exchanged"));
    static final Struct MACHPHYS_MAPPING = Struct.of("struct xen_machphys_mapping", word("v_start"), word("v_end"),
            word("max_mfn"));
    static final Struct MACHPHYS_MFN_LIST = Struct.of("struct xen_machphys_mfn_list", u32("max_extents"),
            word("extent_start"), u32("nr_extents"));

    private static final int MAX_ORDER = 9;

    private PvMemoryOp() {
    }

    /** One extent of populate_physmap: takes frames, says where the guest will see them, and tells it which they are. */
    static boolean populate(HypercallContext c, Domain d, StructView r, long index) {
        long pfn = c.readWord(r.get("extent_start"), index);
        long mfn = d.allocateUnmapped(r.get32("extent_order"));
        if (mfn < 0) {
            return false;
        }
        for (int i = 0; i < 1 << r.get32("extent_order"); i++) {
            d.pv().setPfn(mfn + i, pfn + i);
        }
        c.writeWord(r.get("extent_start"), index, mfn);
        return true;
    }

    /** One extent of decrease_reservation, given by its first mfn. */
    static boolean decrease(HypercallContext c, Domain d, StructView r, long index) {
        long mfn = c.readWord(r.get("extent_start"), index);
        for (long i = 0; i < 1L << r.get32("extent_order"); i++) {
            if (d.pv().giveBack(mfn + i) != 0) {
                return false;
            }
        }
        return true;
    }

    /** XENMEM_exchange: gives frames up for others in pieces of another size. */
    static long exchange(HypercallContext c, long arg) {
        StructView e = c.read(EXCHANGE, arg);
        int in = e.get32("in.extent_order");
        int out = e.get32("out.extent_order");
        if (Integer.compareUnsigned(in, MAX_ORDER) > 0 || Integer.compareUnsigned(out, MAX_ORDER) > 0) {
            return -Errno.EPERM;
        }
        long inCount = e.get("in.nr_extents");
        long done = e.get("nr_exchanged");
        if (Long.compareUnsigned(done, inCount) > 0 || e.get("in.domid") != e.get("out.domid")
                || Long.compareUnsigned(-1L >>> in, inCount) < 0
                || Long.compareUnsigned(-1L >>> out, e.get("out.nr_extents")) < 0
                || inCount << in != e.get("out.nr_extents") << out) {
            return -Errno.EINVAL;
        }
        Domain d = c.self(e.get32("in.domid"));
        if (done == inCount) {
            return 0;
        }
        int inPerChunk = in < out ? 1 << out - in : 1;
        int outPerChunk = in > out ? 1 << in - out : 1;
        int pages = 1 << Math.max(in, out);
        int budget = Math.max(1, HypercallContext.WORK_LIMIT / pages);
        long rc = 0;
        long chunk = done / inPerChunk;
        // an odd start would exchange a part of a chunk twice
        if (done % inPerChunk != 0) {
            return -Errno.EINVAL;
        }
        for (int n = 0; Long.compareUnsigned(chunk, inCount / inPerChunk) < 0 && rc == 0; n++) {
            if (n == budget) {
                break;
            }
            rc = chunk(c, d, e, chunk, inPerChunk, outPerChunk);
            chunk += rc == 0 ? 1 : 0;
        }
        e.set("nr_exchanged", chunk * inPerChunk);
        c.write(e, arg);
        if (rc == 0 && Long.compareUnsigned(chunk, inCount / inPerChunk) < 0) {
            return c.again();
        }
        return rc;
    }

    private static long chunk(HypercallContext c, Domain d, StructView e, long chunk, int inPerChunk,
            int outPerChunk) {
        PvMemory m = d.pv();
        int order = e.get32("in.extent_order");
        int perExtent = 1 << order;
        long[] old = new long[inPerChunk * perExtent];
        for (int j = 0; j < inPerChunk; j++) {
            long mfn = c.readWord(e.get("in.extent_start"), chunk * inPerChunk + j);
            for (int k = 0; k < perExtent; k++) {
                old[j * perExtent + k] = mfn + k;
            }
        }
        long[] sorted = old.clone();
        java.util.Arrays.sort(sorted);
        for (int i = 0; i < sorted.length; i++) {
            if (i > 0 && sorted[i] == sorted[i - 1] || !m.idle(sorted[i])) {
                return -Errno.EINVAL;
            }
        }
        long[] pfns = new long[outPerChunk];
        for (int j = 0; j < outPerChunk; j++) {
            pfns[j] = c.readWord(e.get("out.extent_start"), chunk * outPerChunk + j);
        }
        int outOrder = e.get32("out.extent_order");
        long[] fresh = allocate(d, outPerChunk, outOrder, old.length, e.get32("out.mem_flags") & 0xff);
        if (fresh.length == 0) {
            return -Errno.ENOMEM;
        }
        for (long mfn : old) {
            m.giveBack(mfn);
        }
        long rc = 0;
        for (int j = 0; j < outPerChunk; j++) {
            for (int k = 0; k < 1 << outOrder; k++) {
                m.setPfn(fresh[j] + k, pfns[j] + k);
            }
            try {
                c.writeWord(e.get("out.extent_start"), chunk * outPerChunk + j, fresh[j]);
            } catch (ErrnoException x) {
                rc = -x.errno();
            }
        }
        return rc;
    }

    /** Extents for an exchange, whose frames the domain has twice for a moment; none when there is no memory. */
    private static long[] allocate(Domain d, int extents, int order, int pages, int addressBits) {
        long limit = d.maxPages();
        d.setMaxPages(Math.max(limit, d.totalPages()) + pages);
        long[] out = new long[extents];
        int n = 0;
        for (; n < extents; n++) {
            out[n] = d.allocateUnmapped(order);
            if (out[n] < 0) {
                break;
            }
            if (addressBits > 12 && addressBits < 64 && out[n] + (1L << order) > 1L << addressBits - 12) {
                n++;
                break;
            }
        }
        d.setMaxPages(limit);
        boolean complete = n == extents && (addressBits <= 12 || addressBits >= 64
                || out[n - 1] + (1L << order) <= 1L << addressBits - 12);
        if (complete) {
            return out;
        }
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < 1 << order; k++) {
                d.pv().giveBack(out[j] + k);
            }
        }
        return new long[0];
    }

    static long machphysMapping(HypercallContext c, long arg) {
        StructView v = MACHPHYS_MAPPING.view(c.abi());
        boolean wide = c.abi() == GuestAbi.X86_64;
        long start = wide ? MachineToPhys.START : MachineToPhys.START_32;
        long end = wide ? MachineToPhys.END : MachineToPhys.END_32;
        v.set("v_start", start);
        v.set("v_end", end);
        v.set("max_mfn", (end - start) / (wide ? 8 : 4) - 1);
        c.write(v, arg);
        return 0;
    }

    /** XENMEM_machphys_mfn_list and its form for the 32-bit table. */
    static long machphysMfnList(HypercallContext c, long arg, boolean compat) {
        StructView v = c.read(MACHPHYS_MFN_LIST, arg);
        long[] extents = c.host().machineToPhys().extents(compat || c.abi() == GuestAbi.X86_32);
        int n = (int) Math.min(v.get("max_extents"), extents.length);
        for (int i = 0; i < n; i++) {
            c.writeWord(v.get("extent_start"), i, extents[i]);
        }
        v.set("nr_extents", n);
        c.write(v, arg);
        return 0;
    }
}
