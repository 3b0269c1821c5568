package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.gnttab.GrantException;
import org.xenolith.hypervisor.gnttab.GrantStatus;
import org.xenolith.hypervisor.gnttab.GrantTable;
import org.xenolith.hypervisor.gnttab.PinnedGrant;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.hypervisor.shared.SharedPage;

/** One element of GNTTABOP_copy: bytes between two pages, each given by grant or by the caller's own gfn. */
final class GrantCopy {
    static final Struct COPY = Struct.of("struct gnttab_copy", word("source.u.gmfn"), u16("source.domid"),
            u16("source.offset"),
            Struct.align(8), word("dest.u.gmfn"), u16("dest.domid"), u16("dest.offset"), Struct.align(8), u16("len"),
            u16("flags"), u16("status"));

    private static final int SOURCE_GREF = 1;
    private static final int DEST_GREF = 2;

    /** One end of a copy, held while it lasts. */
    private record End(SharedPage page, PinnedGrant pin, Domain lender, int start, int length)
            implements
                AutoCloseable {
        @Override
        public void close() {
            if (pin != null) {
                pin.close();
            }
            if (lender != null) {
                lender.release(page);
            }
        }
    }

    private GrantCopy() {
    }

    static void copy(HypercallContext c, StructView v) throws GrantException {
        int length = v.get32("len");
        int from = v.get32("source.offset");
        int to = v.get32("dest.offset");
        int flags = v.get32("flags");
        boolean byGref = (flags & SOURCE_GREF) != 0;
        boolean toGref = (flags & DEST_GREF) != 0;
        if (!byGref && c.resolve(v.get32("source.domid")) != c.domain().domid()
                || !toGref && c.resolve(v.get32("dest.domid")) != c.domain().domid()) {
            throw new GrantException(GrantStatus.PERMISSION_DENIED);
        }
        if (from + length > 4096 || to + length > 4096) {
            throw new GrantException(GrantStatus.BAD_COPY_ARG);
        }
        try (End source = end(c, v, "source", byGref, false); End dest = end(c, v, "dest", toGref, true)) {
            if (!covers(source, from, length) || !covers(dest, to, length)) {
                throw new GrantException(GrantStatus.GENERAL_ERROR);
            }
            byte[] bytes = new byte[length];
            source.page.read(from, bytes, 0, length);
            dest.page.write(to, bytes, 0, length);
        }
    }

    private static boolean covers(End e, int offset, int length) {
        return offset >= e.start && offset + length <= e.start + e.length;
    }

    private static End end(HypercallContext c, StructView v, String which, boolean byGrant, boolean write)
            throws GrantException {
        Domain caller = c.domain();
        if (byGrant) {
            GrantTable t = caller.grantTable(c.resolve(v.get32(which + ".domid")));
            if (t == null) {
                throw new GrantException(GrantStatus.BAD_DOMAIN);
            }
            // only the low half of the union is the reference
            PinnedGrant pin = t.pinForCopy(caller.domid(), v.get32(which + ".u.gmfn"), write);
            return new End(pin.page(), pin, null, pin.start(), pin.length());
        }
        long gfn = v.get(which + ".u.gmfn");
        Physmap.Type type = caller.physmap().type(gfn);
        if (type == Physmap.Type.NONE || write && type != Physmap.Type.RAM_RW) {
            throw new GrantException(GrantStatus.BAD_PAGE);
        }
        if (write) {
            SharedPage page = caller.borrow(gfn);
            if (page == null) {
                throw new GrantException(GrantStatus.BAD_PAGE);
            }
            return new End(page, null, caller, 0, 4096);
        }
        return new End(new SharedPage(caller.machineMemory(), caller.physmap().frame(gfn)), null, null, 0, 4096);
    }
}
