package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.word;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.E820Entry;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/** HYPERVISOR_memory_op (public/memory.h): the domain's reservation and its physmap. */
final class MemoryOp implements Hypercall {
    static final Struct RESERVATION = Struct.of("struct xen_memory_reservation",
            word("extent_start"), word("nr_extents"), u32("extent_order"), u32("mem_flags"), u16("domid"));
    static final Struct MEMORY_MAP = Struct.of("struct xen_memory_map", u32("nr_entries"), word("buffer"));
    static final Struct FOREIGN_MEMORY_MAP = Struct.of("struct xen_foreign_memory_map",
            u16("domid"), Struct.align(8), u32("map.nr_entries"), word("map.buffer"));
    static final Struct REMOVE_FROM_PHYSMAP = Struct.of("struct xen_remove_from_physmap", u16("domid"), word("gpfn"));

    /** The low bits of the command name the operation, the rest count the extents done so far. */
    private static final int CMD_BITS = 6;
    /** Largest extent that a guest without devices may ask for: 2 MiB. */
    private static final int MAX_ORDER = 9;
    private static final int POPULATE_ON_DEMAND = 1 << 16;
    private static final int MAX_MAP_ENTRIES = 1024;

    private final SubOperations operations = new SubOperations("memory_op");

    MemoryOp() {
        AddToPhysmap physmap = new AddToPhysmap();
        operations.add(0, "increase_reservation", MemoryOp::increase)
                .add(1, "decrease_reservation", MemoryOp::decrease)
                .add(2, "maximum_ram_page", (c, arg) -> c.host().frames().frames())
                .add(3, "current_reservation", (c, arg) -> c.self(c.read16(arg)).totalPages())
                .add(4, "maximum_reservation", (c, arg) -> c.self(c.read16(arg)).maxPages())
                .add(5, "machphys_mfn_list", pv((c, arg) -> PvMemoryOp.machphysMfnList(c, arg, false), Errno.EPERM))
                .add(6, "populate_physmap", MemoryOp::populate)
                .add(7, "add_to_physmap", hvm(physmap::one))
                .add(9, "memory_map", MemoryOp::memoryMap)
                .refuse(10, "machine_memory_map", Errno.ENOSYS)
                .add(11, "exchange", pv(PvMemoryOp::exchange, Errno.EOPNOTSUPP))
                .add(12, "machphys_mapping", pv(PvMemoryOp::machphysMapping, Errno.ENOSYS))
                .add(13, "set_memory_map", MemoryOp::setMemoryMap)
                .add(14, "maximum_gpfn", (c, arg) -> maximumGpfn(c.self(c.read16(arg))))
                .add(15, "remove_from_physmap", MemoryOp::removeFromPhysmap)
                .refuse(16, "set_pod_target", Errno.ENOSYS)
                .refuse(17, "get_pod_target", Errno.ENOSYS)
                .add(18, "get_sharing_freed_pages", (c, arg) -> 0)
                .add(19, "get_sharing_shared_pages", (c, arg) -> 0)
                .refuse(20, "paging_op", Errno.EPERM)
                .refuse(21, "access_op", Errno.EPERM)
                .refuse(22, "sharing_op", Errno.EPERM)
                .add(23, "add_to_physmap_batch", hvm(physmap::batch))
                .refuse(24, "claim_pages", Errno.EPERM)
                .add(25, "machphys_compat_mfn_list",
                        pv((c, arg) -> PvMemoryOp.machphysMfnList(c, arg, true), Errno.EPERM))
                .refuse(26, "get_vnumainfo", Errno.EOPNOTSUPP)
                .refuse(27, "reserved_device_memory_map", Errno.EPERM)
                .refuse(28, "acquire_resource", Errno.EPERM);
    }

    /** An operation for guests without a physmap of their own; others get an error. */
    private static SubOperations.Operation pv(SubOperations.Operation operation, int errno) {
        return (c, arg) -> c.domain().pv() != null ? operation.call(c, arg) : -errno;
    }

    /** An operation on a physmap, which PV guests do not have. */
    private static SubOperations.Operation hvm(SubOperations.Operation operation) {
        return (c, arg) -> c.domain().pv() == null ? operation.call(c, arg) : -Errno.EACCES;
    }

    /** A PV guest says itself how many frames it has room for, in shared_info. */
    private static long maximumGpfn(Domain d) {
        return d.pv() == null ? d.physmap().highestGfn() : Math.max(d.sharedInfo().maxPfn(), 1) - 1;
    }

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0) & (1 << CMD_BITS) - 1, c.arg(1));
    }

    /** Index of the first extent that earlier parts of the same call have not done. */
    static long startExtent(HypercallContext c) {
        return c.arg(0) >>> CMD_BITS;
    }

    static long again(HypercallContext c, long extent) {
        return c.again(c.arg(0) & (1 << CMD_BITS) - 1 | extent << CMD_BITS);
    }

    /** Does one extent; false stops the whole call. */
    private interface Extent {
        boolean run(Domain d, StructView r, long index);
    }

    private static long eachExtent(HypercallContext c, long arg, Extent body) {
        StructView r = c.read(RESERVATION, arg);
        long start = startExtent(c);
        long count = r.get("nr_extents");
        Domain d;
        try {
            d = c.self((int) r.get("domid"));
        } catch (ErrnoException e) {
            return start;
        }
        if (start >= count || Long.compareUnsigned(count, -1L >>> CMD_BITS + 1) > 0
                || Integer.compareUnsigned(r.get32("extent_order"), MAX_ORDER) > 0) {
            return start;
        }
        long pagesEach = 1L << r.get32("extent_order");
        long limit = Math.max(1, HypercallContext.WORK_LIMIT / pagesEach);
        for (long i = start; i < count; i++) {
            if (i - start == limit) {
                return again(c, i);
            }
            boolean done;
            try {
                done = body.run(d, r, i);
            } catch (ErrnoException e) {
                done = false;
            }
            if (!done) {
                return i;
            }
        }
        return count;
    }

    private static long populate(HypercallContext c, long arg) {
        return eachExtent(c, arg, (d, r, i) -> {
            if ((r.get("mem_flags") & POPULATE_ON_DEMAND) != 0) {
                return false;
            }
            return d.pv() != null
                    ? PvMemoryOp.populate(c, d, r, i)
                    : d.populate(c.readWord(r.get("extent_start"), i), r.get32("extent_order"));
        });
    }

    private static long increase(HypercallContext c, long arg) {
        return eachExtent(c, arg, (d, r, i) -> {
            long mfn = d.allocateUnmapped(r.get32("extent_order"));
            if (mfn >= 0 && r.get("extent_start") != 0) {
                c.writeWord(r.get("extent_start"), i, mfn);
            }
            return mfn >= 0;
        });
    }

    private static long decrease(HypercallContext c, long arg) {
        return eachExtent(c, arg, (d, r, i) -> {
            if (d.pv() != null) {
                return PvMemoryOp.decrease(c, d, r, i);
            }
            long gfn = c.readWord(r.get("extent_start"), i);
            for (long p = 0; p < 1L << r.get32("extent_order"); p++) {
                if (!d.remove(gfn + p)) {
                    return false;
                }
            }
            return true;
        });
    }

    private static long memoryMap(HypercallContext c, long arg) {
        StructView map = c.read(MEMORY_MAP, arg);
        List<E820Entry> entries = c.domain().memoryMap();
        if (entries.isEmpty()) {
            return -Errno.ENOSYS;
        }
        int n = (int) Math.min(map.get("nr_entries"), entries.size());
        byte[] out = new byte[n * E820Entry.SIZE];
        for (int i = 0; i < n; i++) {
            put(out, i * E820Entry.SIZE, entries.get(i).start(), 8);
            put(out, i * E820Entry.SIZE + 8, entries.get(i).length(), 8);
            put(out, i * E820Entry.SIZE + 16, entries.get(i).type(), 4);
        }
        c.writeBytes(map.get("buffer"), out);
        map.set("nr_entries", n);
        c.write(map, arg);
        return 0;
    }

    private static long setMemoryMap(HypercallContext c, long arg) {
        StructView map = c.read(FOREIGN_MEMORY_MAP, arg);
        long n = map.get("map.nr_entries");
        if (n > MAX_MAP_ENTRIES) {
            return -Errno.EINVAL;
        }
        Domain d = c.self(map.get32("domid"));
        byte[] in = c.readBytes(map.get("map.buffer"), (int) n * E820Entry.SIZE);
        List<E820Entry> entries = new ArrayList<>();
        for (int at = 0; at < in.length; at += E820Entry.SIZE) {
            entries.add(new E820Entry(get(in, at, 8), get(in, at + 8, 8), (int) get(in, at + 16, 4)));
        }
        d.setMemoryMap(entries);
        return 0;
    }

    private static long removeFromPhysmap(HypercallContext c, long arg) {
        StructView r = c.read(REMOVE_FROM_PHYSMAP, arg);
        Domain d = c.self(r.get32("domid"));
        if (d.pv() != null) {
            // nothing is mapped by it that could go
            return d.pv().allocated(r.get("gpfn")) ? 0 : -Errno.ENOENT;
        }
        return d.remove(r.get("gpfn")) ? 0 : -Errno.ENOENT;
    }

    private static void put(byte[] b, int at, long v, int n) {
        for (int i = 0; i < n; i++) {
            b[at + i] = (byte) (v >>> 8 * i);
        }
    }

    private static long get(byte[] b, int at, int n) {
        long v = 0;
        for (int i = n - 1; i >= 0; i--) {
            v = v << 8 | b[at + i] & 0xff;
        }
        return v;
    }
}
