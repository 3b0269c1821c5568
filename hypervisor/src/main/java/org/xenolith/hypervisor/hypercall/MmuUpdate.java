package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.u64;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.pv.mm.PvMemory;

/** HYPERVISOR_mmu_update (public/xen.h): a list of changes to page tables or to the machine-to-physical table. */
final class MmuUpdate implements Hypercall {
    static final Struct UPDATE = Struct.of("struct mmu_update", u64("ptr"), u64("val"));

    /** Commands in the low bits of ptr; 0 and 3 store an entry as it is. */
    private static final int MACHPHYS = 1;
    private static final int PRESERVE_AD = 2;
    private static final int LAST_COMMAND = 3;

    @Override
    public long call(HypercallContext c) {
        int tables = c.arg32(3) >>> 16;
        if (tables != 0 && !ownTables(c, tables) && !PageTableCalls.exists(c, tables - 1)) {
            return -Errno.ESRCH;
        }
        int owner = PageTableCalls.owner(c, c.arg32(3) & 0xffff);
        if (owner == -Errno.ESRCH) {
            return owner;
        }
        long rc = PageTableCalls.list(c, UPDATE.size(c.abi()), at -> update(c, c.read(UPDATE, at), owner,
                tables == 0 || ownTables(c, tables)));
        c.domain().pv().flushAfterUpdates();
        return rc;
    }

    private static boolean ownTables(HypercallContext c, int tables) {
        return tables - 1 == c.domain().domid();
    }

    private static long update(HypercallContext c, StructView u, int owner, boolean ownTables) {
        PvMemory m = c.domain().pv();
        long ptr = u.get("ptr");
        int command = (int) ptr & 7;
        long at = ptr & ~7L;
        if (command > LAST_COMMAND) {
            return -Errno.ENOSYS;
        }
        if (owner < 0 || !ownTables) {
            // the right to another domain's frames or tables is the control domain's
            return -Errno.EPERM;
        }
        if (command == MACHPHYS) {
            return owner == 0 ? m.updateMachineToPhys(ptr >>> 12, u.get("val")) : -Errno.EINVAL;
        }
        return owner == 0
                ? m.updateEntry(at, u.get("val"), command == PRESERVE_AD)
                : m.updateEntryForDevice(at, u.get("val"), command == PRESERVE_AD);
    }
}
