package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.GrantMappings;
import org.xenolith.hypervisor.gnttab.GrantStatus;
import org.xenolith.hypervisor.gnttab.GrantTable;

/** HYPERVISOR_grant_table_op (public/grant_table.h). Most operations are lists; each element has its own status. */
final class GrantTableOp implements Hypercall {
    static final Struct MAP = Struct.of("struct gnttab_map_grant_ref", u64("host_addr"), u32("flags"), u32("ref"),
            u16("dom"),
            u16("status"), u32("handle"), u64("dev_bus_addr"));
    static final Struct UNMAP = Struct.of("struct gnttab_unmap_grant_ref", u64("host_addr"), u64("dev_bus_addr"),
            u32("handle"),
            u16("status"));
    static final Struct UNMAP_AND_REPLACE = Struct.of("struct gnttab_unmap_and_replace", u64("host_addr"),
            u64("new_addr"), u32("handle"), u16("status"));
    static final Struct SETUP_TABLE = Struct.of("struct gnttab_setup_table", u16("dom"), u32("nr_frames"),
            u16("status"),
            word("frame_list"));
    static final Struct DUMP_TABLE = Struct.of("struct gnttab_dump_table", u16("dom"), u16("status"));
    static final Struct TRANSFER = Struct.of("struct gnttab_transfer", word("mfn"), u16("domid"), u32("ref"),
            u16("status"));
    static final Struct QUERY_SIZE = Struct.of("struct gnttab_query_size", u16("dom"), u32("nr_frames"),
            u32("max_nr_frames"),
            u16("status"));
    static final Struct GET_STATUS_FRAMES = Struct.of("struct gnttab_get_status_frames", u32("nr_frames"), u16("dom"),
            u16("status"), word("frame_list"));
    static final Struct GET_VERSION = Struct.of("struct gnttab_get_version", u16("dom"), u16("pad"), u32("version"));
    static final Struct SWAP = Struct.of("struct gnttab_swap_grant_ref", u32("ref_a"), u32("ref_b"), u16("status"));
    static final Struct CACHE_FLUSH = Struct.of("struct gnttab_cache_flush", u64("a.dev_bus_addr"), u16("offset"),
            u16("length"),
            u32("op"));

    private static final int CACHE_CLEAN = 1;
    private static final int CACHE_INVAL = 2;
    private static final int CACHE_SOURCE_GREF = 1 << 31;

    /** One element of a list; the status goes into its {@code status} field. */
    @FunctionalInterface
    interface Element {
        void run(HypercallContext c, StructView v) throws GrantException;
    }

    private final SubOperations operations = new SubOperations("grant_table_op")
            .add(0, "map_grant_ref", list(MAP, GrantTableOp::map))
            .add(1, "unmap_grant_ref",
                    list(UNMAP, (c, v) -> c.domain().mappings().unmap(v.get32("handle"), v.get("host_addr"),
                            v.get("dev_bus_addr"), c.vcpu().grantTarget())))
            .add(2, "setup_table", GrantTableOp::setupTable)
            .add(3, "dump_table", list(DUMP_TABLE, (c, v) -> target(c, v.get32("dom"))))
            .add(4, "transfer", list(TRANSFER, GrantTableOp::transfer))
            .add(5, "copy", list(GrantCopy.COPY, GrantCopy::copy))
            .add(6, "query_size", list(QUERY_SIZE, (c, v) -> {
                GrantTable t = target(c, v.get32("dom")).grants();
                v.set("nr_frames", t.frameCount());
                v.set("max_nr_frames", t.maxFrames());
            }))
            .add(7, "unmap_and_replace",
                    list(UNMAP_AND_REPLACE, (c, v) -> c.domain().mappings().replace(v.get32("handle"),
                            v.get("host_addr"), v.get("new_addr"), c.vcpu().grantTarget())))
            .add(8, "set_version", GrantTableOp::setVersion)
            .add(9, "get_status_frames", GrantTableOp::statusFrames)
            .add(10, "get_version", (c, arg) -> {
                StructView v = c.read(GET_VERSION, arg);
                v.set("version", c.self(v.get32("dom")).grants().version());
                c.write(v, arg);
                return 0;
            })
            .add(11, "swap_grant_ref", list(SWAP, (c, v) -> {
                int status = c.domain().grants().swap(v.get32("ref_a"), v.get32("ref_b"));
                if (status != GrantStatus.OKAY) {
                    throw new GrantException(status);
                }
            }))
            .add(12, "cache_flush", GrantTableOp::cacheFlush);

    @Override
    public long call(HypercallContext c) {
        // counts above 2^31 are negative to Xen
        return c.arg32(2) < 0 ? -Errno.EINVAL : operations.call(c, c.arg32(0), c.arg(1));
    }

    /** An operation on each of a list of structures, with continuation. */
    private static SubOperations.Operation list(Struct struct, Element element) {
        return (c, arg) -> {
            int count = c.arg32(2);
            int size = struct.size(c.abi());
            for (int i = 0; i < count; i++) {
                if (i == HypercallContext.WORK_LIMIT) {
                    return c.again(c.arg(0), arg + (long) i * size, count - i);
                }
                long at = arg + (long) i * size;
                StructView v = c.read(struct, at);
                int status = GrantStatus.OKAY;
                try {
                    element.run(c, v);
                } catch (GrantException e) {
                    status = e.status();
                } catch (ErrnoException e) {
                    if (e.errno() == Errno.EFAULT) {
                        throw e;
                    }
                    status = e.errno() == Errno.EPERM ? GrantStatus.PERMISSION_DENIED : GrantStatus.BAD_DOMAIN;
                }
                v.set("status", status);
                c.write(v, at);
            }
            return 0;
        };
    }

    private static Domain target(HypercallContext c, int domid) {
        return c.self(domid);
    }

    private static void transfer(HypercallContext c, StructView v) throws GrantException {
        Domain from = c.domain();
        long mfn = v.get("mfn");
        // a page of a guest with a physmap cannot be taken from it
        if (from.pv() == null || !from.pv().idle(mfn)) {
            throw new GrantException(GrantStatus.BAD_PAGE);
        }
        Domain to = c.host().domain(v.get32("domid"));
        if (to == null) {
            throw new GrantException(GrantStatus.BAD_DOMAIN);
        }
        int ref = v.get32("ref");
        if (to == from || to.totalPages() >= to.maxPages() || !to.grants().commitTransfer(ref, from.domid())) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        long gfn = to.grants().transferGfn(ref);
        if (!from.giveFrame(mfn, to, gfn)) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        to.grants().completeTransfer(ref, to.pv() == null ? gfn : mfn);
    }

    private static void map(HypercallContext c, StructView v) throws GrantException {
        GrantMappings.Mapped m = c.domain().mappings().map(v.get32("dom"), v.get32("ref"), v.get32("flags"),
                v.get("host_addr"), c.vcpu().grantTarget());
        v.set("handle", m.handle());
        v.set("dev_bus_addr", m.devBusAddr());
    }

    private static long setupTable(HypercallContext c, long arg) {
        if (c.arg32(2) != 1) {
            return -Errno.EINVAL;
        }
        StructView v = c.read(SETUP_TABLE, arg);
        int status = GrantStatus.OKAY;
        try {
            Domain d = target(c, v.get32("dom"));
            long n = v.get("nr_frames");
            if (n > d.grants().maxFrames() || !d.grants().grow((int) n)) {
                status = GrantStatus.GENERAL_ERROR;
            } else {
                for (int i = 0; i < n; i++) {
                    c.writeWord(v.get("frame_list"), i, d.gfnOf(d.grants().sharedFrame(i)));
                }
            }
        } catch (ErrnoException e) {
            status = switch (e.errno()) {
                case Errno.EFAULT -> GrantStatus.BAD_VIRT_ADDR;
                case Errno.EPERM -> GrantStatus.PERMISSION_DENIED;
                default -> GrantStatus.BAD_DOMAIN;
            };
        }
        v.set("status", status);
        c.write(v, arg);
        return 0;
    }

    private static long setVersion(HypercallContext c, long arg) {
        int rc = c.domain().grants().setVersion(c.read32(arg));
        c.write32(arg, c.domain().grants().version());
        return -rc;
    }

    private static long statusFrames(HypercallContext c, long arg) {
        if (c.arg32(2) != 1) {
            return -Errno.EINVAL;
        }
        StructView v = c.read(GET_STATUS_FRAMES, arg);
        int status = GrantStatus.OKAY;
        try {
            Domain d = target(c, v.get32("dom"));
            long n = v.get("nr_frames");
            if (n > d.grants().statusFrameCount()) {
                status = GrantStatus.GENERAL_ERROR;
            } else {
                for (int i = 0; i < n; i++) {
                    c.write64(v.get("frame_list") + 8L * i, d.gfnOf(d.grants().statusFrame(i)));
                }
            }
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EFAULT) {
                throw e;
            }
            status = e.errno() == Errno.EPERM ? GrantStatus.PERMISSION_DENIED : GrantStatus.BAD_DOMAIN;
        }
        v.set("status", status);
        c.write(v, arg);
        return 0;
    }

    /** Caches are coherent here, so that only the arguments are judged. */
    private static long cacheFlush(HypercallContext c, long arg) {
        int count = c.arg32(2);
        int size = CACHE_FLUSH.size(c.abi());
        for (int i = 0; i < count; i++) {
            if (i == HypercallContext.WORK_LIMIT) {
                return c.again(c.arg(0), arg + (long) i * size, count - i);
            }
            StructView v = c.read(CACHE_FLUSH, arg + (long) i * size);
            int op = v.get32("op");
            if (v.get("offset") + v.get("length") > 4096
                    || (op & ~(CACHE_CLEAN | CACHE_INVAL | CACHE_SOURCE_GREF)) != 0) {
                return -Errno.EINVAL;
            }
            if ((op & CACHE_SOURCE_GREF) != 0 && v.get("a.dev_bus_addr") >>> 32 != 0) {
                return -Errno.EINVAL;
            }
        }
        return 0;
    }
}
