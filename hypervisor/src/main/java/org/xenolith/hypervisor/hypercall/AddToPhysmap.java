package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/** XENMEM_add_to_physmap and its batch: shows a page of the hypervisor, or one of the guest's own, at a gfn. */
final class AddToPhysmap {
    static final Struct ADD_TO_PHYSMAP = Struct.of("struct xen_add_to_physmap",
            u16("domid"), u16("size"), u32("space"), word("idx"), word("gpfn"));
    static final Struct ADD_TO_PHYSMAP_BATCH = Struct.of("struct xen_add_to_physmap_batch",
            u16("domid"), u16("space"), u16("size"), u16("u.foreign_domid"), word("idxs"), word("gpfns"), word("errs"));

    private static final int SPACE_SHARED_INFO = 0;
    private static final int SPACE_GRANT_TABLE = 1;
    private static final int SPACE_GMFN = 2;
    private static final int SPACE_GMFN_RANGE = 3;
    private static final int SPACE_GMFN_FOREIGN = 4;
    private static final long GRANT_TABLE_STATUS = 0x8000_0000L;

    long one(HypercallContext c, long arg) {
        StructView a = c.read(ADD_TO_PHYSMAP, arg);
        if (a.get("space") == SPACE_GMFN_FOREIGN) {
            return -Errno.ENOSYS;
        }
        Domain d = c.self(a.get32("domid"));
        if (a.get("space") != SPACE_GMFN_RANGE) {
            return map(c, d, a.get32("space"), a.get("idx"), a.get("gpfn"));
        }
        for (int done = 0; a.get("size") > 0; done++) {
            if (done == HypercallContext.WORK_LIMIT) {
                c.write(a, arg);
                return c.again();
            }
            long rc = map(c, d, SPACE_GMFN, a.get("idx"), a.get("gpfn"));
            if (rc != 0) {
                return rc;
            }
            a.set("size", a.get("size") - 1);
            a.set("idx", a.get("idx") + 1);
            a.set("gpfn", a.get("gpfn") + 1);
        }
        return 0;
    }

    long batch(HypercallContext c, long arg) {
        StructView b = c.read(ADD_TO_PHYSMAP_BATCH, arg);
        Domain d = c.self(b.get32("domid"));
        int space = b.get32("space");
        if (space == SPACE_GMFN_FOREIGN) {
            // the right to another domain's memory is the control domain's
            return b.get("size") == 0 ? 0 : -Errno.EPERM;
        }
        if (b.get("u.foreign_domid") != 0) {
            return -Errno.EINVAL;
        }
        long start = MemoryOp.startExtent(c);
        if (start > b.get("size")) {
            return -Errno.EINVAL;
        }
        for (long i = start; i < b.get("size"); i++) {
            if (i - start == HypercallContext.WORK_LIMIT) {
                return MemoryOp.again(c, i);
            }
            long rc;
            try {
                rc = map(c, d, space, c.readWord(b.get("idxs"), i), c.readWord(b.get("gpfns"), i));
            } catch (ErrnoException e) {
                return -e.errno();
            }
            c.write32(b.get("errs") + 4 * i, (int) rc);
        }
        return 0;
    }

    private static long map(HypercallContext c, Domain d, int space, long idx, long gfn) {
        switch (space) {
            case SPACE_SHARED_INFO -> {
                if (idx != 0 || !d.mapXenPage(gfn, d.sharedInfo().page().mfn())) {
                    return -Errno.EINVAL;
                }
                d.latchAbi(c.abi());
                return 0;
            }
            case SPACE_GRANT_TABLE -> {
                long mfn = idx < 0 || idx > 0xffff_ffffL
                        ? -1
                        : (idx & GRANT_TABLE_STATUS) != 0
                                ? d.grants().statusFrame((int) (idx & ~GRANT_TABLE_STATUS))
                                : d.grants().sharedFrame((int) idx);
                return mfn >= 0 && d.mapXenPage(gfn, mfn) ? 0 : -Errno.EINVAL;
            }
            case SPACE_GMFN -> {
                return d.movePage(idx, gfn) ? 0 : -Errno.EINVAL;
            }
            default -> {
                return -Errno.ENOSYS;
            }
        }
    }
}
