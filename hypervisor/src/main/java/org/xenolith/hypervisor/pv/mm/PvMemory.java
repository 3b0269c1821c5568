package org.xenolith.hypervisor.pv.mm;

import java.util.TreeMap;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.gnttab.GrantMappings;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.hypervisor.pv.mm.PvFailure.Kind;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * The memory of one PV domain under direct paging. Its page tables hold machine frame numbers and are used by the CPU as
 * they are, without a second stage; the domain's physmap has each of its frames at the gfn of the same number.
 *
 * <p>Methods that return int give 0 or a negative error number of Xen, and {@link #lastFailure} says why. All addresses
 * of entries are machine addresses. A 32-bit guest runs in compatibility mode under a level 4 table of the hypervisor,
 * whose only guest entry is the guest's PDPT.
 */
public final class PvMemory implements PvOwnership {
    private static final int M2P_STRICT = 32;
    private static final long MONITOR_ENTRY = Pte.P | Pte.RW | Pte.US | Pte.A;
    /** Limit of a GDT with the hypervisor's part. */
    public static final int GDT_LIMIT = XenSlots.GDT_PAGES * 4096 - 1;

    private final Domain domain;
    private final boolean wide;
    private final PhysicalMemory memory;
    private final FrameTable frames;
    private final PageTypes types;
    private final MachineToPhys m2p;
    private final PvTlbs tlbs;
    private final PvFailures failures;
    private final XenSlots slots;
    private final TypedPages pages;
    private final EntryUpdates updates;
    private final PvWalker walker;
    private final PvDescriptorTables descriptors;
    private final PvGrants grants;
    private final PvVcpuTables[] vcpus;
    /** Frames of the hypervisor that the guest may map, and whether it may write to them. */
    private final TreeMap<Long, Boolean> shared = new TreeMap<>();
    /** Pages that services write to as long as the domain exists. */
    private final TreeMap<Long, Integer> held = new TreeMap<>();

    /**
     * Creates the memory of a domain that has none yet.
     *
     * @throws ErrnoException ENOMEM when machine memory has no room for the domain's own tables
     */
    public PvMemory(Domain domain, GuestAbi abi, int vcpuCount) {
        Host host = domain.host();
        this.domain = domain;
        this.wide = abi == GuestAbi.X86_64;
        this.memory = host.memory();
        this.frames = host.frames();
        this.types = host.pageTypes();
        this.m2p = host.machineToPhys();
        this.tlbs = new VcpuTlbs(domain);
        this.failures = new PvFailures(domain, types);
        this.slots = new XenSlots(memory, frames, m2p, vcpuCount, wide);
        this.pages = new TypedPages(this, memory, frames, types, failures, tlbs, slots, wide);
        this.updates = new EntryUpdates(memory, types, pages, failures, tlbs, wide);
        this.walker = new PvWalker(memory, wide);
        this.descriptors = new PvDescriptorTables(memory, types, pages, failures, tlbs, slots, wide);
        this.grants = new PvGrants(frames, types, pages, updates, failures, tlbs, wide);
        this.vcpus = new PvVcpuTables[vcpuCount];
        for (int i = 0; i < vcpuCount; i++) {
            vcpus[i] = new PvVcpuTables();
            if (!wide) {
                vcpus[i].monitor = frames.allocate(FrameTable.XEN);
                if (vcpus[i].monitor < 0) {
                    throw new ErrnoException(Errno.ENOMEM, "no machine memory left for a vCPU's own table");
                }
                slots.fillL4(vcpus[i].monitor, false);
            }
        }
    }

    /** Frames of the hypervisor that {@link #PvMemory} takes, so that none is lost where there is no room for all. */
    public static long framesNeeded(Host host, GuestAbi abi, int vcpuCount) {
        return (host.hasPageTypes() ? 0 : MachineToPhys.framesNeeded(host.frames().frames()))
                + XenSlots.framesNeeded(vcpuCount) + (abi == GuestAbi.X86_64 ? 0 : vcpuCount);
    }

    /** True for a 64-bit guest. */
    public boolean wide() {
        return wide;
    }

    /** Levels of the guest's own tables: 4, or 3 with PAE. */
    public int topLevel() {
        return wide ? 4 : 3;
    }

    public PageTypes types() {
        return types;
    }

    public PvTlbs tlbs() {
        return tlbs;
    }

    /** Why the latest refused operation was refused, or null. */
    public PvFailure lastFailure() {
        return failures.last();
    }

    /** Table entries checked or released so far: what the domain's operations cost. */
    public long work() {
        return pages.work();
    }

    // ---- ownership ----

    @Override
    public boolean owns(long mfn) {
        int owner = frames.owner(mfn);
        return owner == domain.domid() || owner == FrameTable.XEN && shared.containsKey(mfn);
    }

    @Override
    public boolean strictM2p() {
        return (domain.vmAssist() & 1L << M2P_STRICT) != 0;
    }

    /** LDTs are shown again page by page as they are used, so that a frame that the guest took out of one is free. */
    @Override
    public void descriptorsUnmapped() {
        for (int i = 0; i < vcpus.length; i++) {
            descriptors.dropLdt(i, vcpus[i]);
        }
    }

    /**
     * Lets the guest map a frame of the hypervisor, such as shared_info or a part of its grant table.
     *
     * @param writable whether it may be mapped for writing
     */
    public void share(long mfn, boolean writable) {
        if (shared.putIfAbsent(mfn, writable) == null) {
            // a count that never drops to 0 keeps the type
            types.setType(mfn, writable ? PageTypes.WRITABLE : PageTypes.NONE);
            types.setValidated(mfn, true);
            types.increment(mfn);
            m2p.set(mfn, MachineToPhys.INVALID);
        }
    }

    private void unshareAll() {
        for (long mfn : shared.keySet()) {
            types.decrement(mfn);
        }
        shared.clear();
    }

    // ---- frames ----

    /** Stores at which pseudo-physical frame number the guest sees a frame of its own. */
    public void setPfn(long mfn, long pfn) {
        m2p.set(mfn, pfn);
    }

    /** What {@link #setPfn} stored. */
    public long pfn(long mfn) {
        return m2p.get(mfn);
    }

    /** MMU_MACHPHYS_UPDATE. */
    public int updateMachineToPhys(long mfn, long pfn) {
        if (!pages.getPage(mfn)) {
            return failures.fail(Kind.BAD_OWNER, mfn);
        }
        m2p.set(mfn, pfn);
        pages.putPage(mfn);
        return 0;
    }

    /** Takes a page of the domain for writing by the hypervisor; false when it is not the domain's or a table. */
    public boolean holdWritable(long mfn) {
        return pages.getPageAndType(mfn, PageTypes.WRITABLE) == 0;
    }

    public void releaseWritable(long mfn) {
        pages.putPageAndType(mfn);
    }

    /** As {@link #holdWritable}, for as long as the domain exists: rings that services read and write. */
    public boolean holdForLife(long mfn) {
        if (!holdWritable(mfn)) {
            return false;
        }
        held.merge(mfn, 1, Integer::sum);
        return true;
    }

    // ---- page tables in use ----

    /** The machine address for CR3 while the vCPU is in kernel or user mode; 0 while there is no table. */
    public long cr3(Vcpu v, boolean kernelMode) {
        PvVcpuTables t = vcpus[v.id()];
        return (!wide ? t.monitor : kernelMode ? t.kernel : t.user) << 12;
    }

    /** The guest's top table for kernel mode (MMUEXT_NEW_BASEPTR), 0 while there is none. */
    public long kernelTable(Vcpu v) {
        return vcpus[v.id()].kernel;
    }

    /** The guest's top table for user mode (MMUEXT_NEW_USER_BASEPTR), 0 while there is none. */
    public long userTable(Vcpu v) {
        return vcpus[v.id()].user;
    }

    /** Pins the domain builder's top table and makes it the vCPU's; the domain does not run yet. */
    public int validateInitial(Vcpu v, long mfn) {
        int rc = pin(mfn, topLevel());
        return rc == 0 ? newBaseptr(v, mfn) : rc;
    }

    /** MMUEXT_NEW_BASEPTR: the vCPU's kernel runs on another top table from now on. */
    public int newBaseptr(Vcpu v, long mfn) {
        PvVcpuTables t = vcpus[v.id()];
        if (t.kernel != mfn || mfn == 0) {
            int rc = pages.getPageAndType(mfn, topLevel());
            if (rc != 0) {
                return rc;
            }
            descriptors.dropLdt(v.id(), t);
            long old = t.kernel;
            t.kernel = mfn;
            if (!wide) {
                updates.store(t.monitor << 12, mfn << 12 | MONITOR_ENTRY);
            } else if (!strictM2p()) {
                slots.showM2p(mfn);
            }
            loadKernel(v, t, old);
            if (old != 0) {
                pages.putPageAndType(old);
            }
        } else {
            loadKernel(v, t, mfn);
        }
        return 0;
    }

    /**
     * No CPU remembers anything of an entry that has changed since ({@link EntryUpdates}), and the tables of the old upper half stayed in
     * use until now: where the new one has the same entries, translations are as if walked anew.
     */
    private void loadKernel(Vcpu v, PvVcpuTables t, long old) {
        tlbs.loadBase(v.id(), wide ? t.kernel : t.monitor, wide && old != 0 && slots.sameUpperHalf(old, t.kernel));
    }

    /** MMUEXT_NEW_USER_BASEPTR: the table for the next time that the vCPU is in user mode; mfn 0 for none. */
    public int newUserBaseptr(Vcpu v, long mfn) {
        PvVcpuTables t = vcpus[v.id()];
        if (!wide) {
            return -Errno.ENOSYS;
        }
        if (t.user == mfn) {
            return 0;
        }
        if (mfn != 0) {
            int rc = pages.getPageAndType(mfn, PageTypes.L4);
            if (rc != 0) {
                return rc;
            }
            if (strictM2p()) {
                slots.hideM2p(mfn);
            }
        }
        long old = t.user;
        t.user = mfn;
        if (old != 0) {
            // what the old table translated must not be seen through the new one
            tlbs.loadUserBase(v.id());
            pages.putPageAndType(old);
        }
        return 0;
    }

    /** MMUEXT_PIN_L1_TABLE to L4: the frame stays a valid page table of a level (1 to 4) until it is unpinned. */
    public int pin(long mfn, int level) {
        if (!wide && level == 4) {
            return 0;
        }
        int rc = pages.getPageAndType(mfn, level);
        if (rc == 0 && types.pinned(mfn)) {
            pages.putPageAndType(mfn);
            return failures.fail(Kind.ALREADY_PINNED, mfn);
        }
        if (rc == 0) {
            types.setPinned(mfn, true);
        }
        return rc;
    }

    /** MMUEXT_UNPIN_TABLE. */
    public int unpin(long mfn) {
        if (!frames.valid(mfn) || !owns(mfn)) {
            return failures.fail(Kind.BAD_OWNER, mfn);
        }
        if (!types.pinned(mfn)) {
            return failures.fail(Kind.NOT_PINNED, mfn);
        }
        types.setPinned(mfn, false);
        pages.putPageAndType(mfn);
        return 0;
    }

    // ---- entries ----

    /**
     * MMU_NORMAL_PT_UPDATE and MMU_PT_UPDATE_PRESERVE_AD: stores 8 bytes in a frame of the domain, as a checked entry
     * if it is a page table.
     */
    public int updateEntry(long at, long entry, boolean preserve) {
        return updateEntry(at, entry, preserve, false);
    }

    /** As {@link #updateEntry} for a mapping of DOMID_IO's frames, of which the domain has none. */
    public int updateEntryForDevice(long at, long entry, boolean preserve) {
        return updateEntry(at, entry, preserve, true);
    }

    private int updateEntry(long at, long entry, boolean preserve, boolean device) {
        long mfn = at >>> 12;
        if (!pages.getPage(mfn)) {
            return failures.fail(Kind.BAD_OWNER, mfn);
        }
        int type = types.type(mfn);
        int rc;
        if (types.count(mfn) > 0 && type >= PageTypes.L1 && type <= PageTypes.L4) {
            rc = device ? updates.updateForDevice(at, entry, preserve) : updates.update(at, entry, preserve);
        } else {
            rc = pages.getType(mfn, PageTypes.WRITABLE);
            if (rc == 0) {
                updates.store(at, entry);
                pages.putType(mfn, -1);
            }
        }
        pages.putPage(mfn);
        return rc;
    }

    /** Level of the table that a frame is in use as, 1 to 4, or 0. */
    public int tableLevel(long mfn) {
        int type = frames.valid(mfn) && types.count(mfn) > 0 ? types.type(mfn) : 0;
        return type <= PageTypes.L4 ? type : 0;
    }

    /** To be called after a list of updates: drops what CPUs may remember of replaced entries of levels 2 to 4. */
    public void flushAfterUpdates() {
        if (updates.takeTablesChanged()) {
            for (int i = 0; i < vcpus.length; i++) {
                tlbs.flush(i);
            }
        }
    }

    /** The level 1 entry's machine address for a linear address in the vCPU's kernel tables, or -1. */
    public long l1Entry(Vcpu v, long gva) {
        return walker.l1Entry(vcpus[v.id()].kernel, gva);
    }

    /** HYPERVISOR_update_va_mapping without its flush. */
    public int updateVaMapping(Vcpu v, long gva, long entry) {
        return updateVaMapping(v, gva, entry, false);
    }

    /** As {@link #updateVaMapping} for a mapping of DOMID_IO's frames. */
    public int updateVaMappingForDevice(Vcpu v, long gva, long entry) {
        return updateVaMapping(v, gva, entry, true);
    }

    private int updateVaMapping(Vcpu v, long gva, long entry, boolean device) {
        long at = l1Entry(v, gva);
        if (!grants.isL1Entry(at)) {
            return failures.fail(Kind.NO_TABLE, at < 0 ? -1 : at >>> 12);
        }
        return device ? updates.updateForDevice(at, entry, false) : updates.update(at, entry, false);
    }

    /** True for an address that {@link #updateVaMapping} and the flushes accept. */
    public boolean guestAddress(long gva) {
        return PvWalker.guestAddress(gva, wide);
    }

    // ---- writable page tables ----

    /**
     * Whether a write that the page tables refused is one to a level 1 table that the guest sees read-only, which the
     * hypervisor makes for it.
     */
    public boolean isPtWrite(Vcpu v, long gva) {
        return ptWriteTarget(v, gva) != -1;
    }

    /** Level 1 tables, and of 32-bit guests those above: GNU Mach stores in its page directory. */
    private boolean writtenThrough(long entry) {
        return grants.isL1Entry(entry & Pte.FRAME) || !wide && owns(Pte.mfn(entry)) && tableLevel(Pte.mfn(entry)) > 1;
    }

    private long ptWriteTarget(Vcpu v, long gva) {
        long at = l1Entry(v, gva);
        long entry = at < 0 ? 0 : updates.load(at);
        if ((entry & (Pte.P | Pte.RW)) != Pte.P || !writtenThrough(entry)) {
            return -1;
        }
        return entry & Pte.FRAME | gva & 0xfff;
    }

    /**
     * Makes a write to a level 1 table that the guest sees read-only: the whole entry is checked as in an update.
     *
     * @param gva aligned to {@code bytes}
     * @param bytes 1, 2, 4 or 8
     * @return false when it must fault instead
     */
    public boolean emulatePtWrite(Vcpu v, long gva, int bytes, long value) {
        long target = ptWriteTarget(v, gva);
        if (target == -1) {
            return false;
        }
        if ((gva & bytes - 1) != 0 || bytes > 8) {
            failures.fail(Kind.PT_WRITE, target >>> 12);
            return false;
        }
        long at = target & ~7L;
        long entry = value;
        if (bytes < 8) {
            int shift = (int) (target & 7) * 8;
            long mask = (1L << bytes * 8) - 1 << shift;
            entry = updates.load(at) & ~mask | value << shift & mask;
        }
        int rc = updates.update(at, entry, false);
        if (rc != 0 && !wide && bytes == 4 && (gva & 4) != 0 && (entry & Pte.P) != 0) {
            // the halves of a PAE entry in the wrong order: not present until the other half comes
            rc = updates.update(at, entry & ~Pte.P, false);
        }
        flushAfterUpdates();
        if (rc != 0) {
            failures.fail(Kind.PT_WRITE, -rc, 1, (int) (at & 0xfff) >>> 3, entry, at >>> 12);
        }
        return rc == 0;
    }

    // ---- descriptor tables ----

    /** HYPERVISOR_set_gdt; {@code frames} has one for each 512 entries. */
    public int setGdt(Vcpu v, long[] gdtFrames, int entries) {
        return descriptors.setGdt(v.id(), vcpus[v.id()], gdtFrames, entries);
    }

    public int gdtEntries(Vcpu v) {
        return vcpus[v.id()].gdtEntries;
    }

    /** Linear address of the vCPU's GDT, with the hypervisor's own descriptors at its end; the limit is {@link #GDT_LIMIT}. */
    public long gdtBase(Vcpu v) {
        return XenSlots.gdtBase(v.id());
    }

    /** MMUEXT_SET_LDT. */
    public int setLdt(Vcpu v, long base, int entries) {
        return descriptors.setLdt(v.id(), vcpus[v.id()], base, entries);
    }

    /** Linear address in the guest of the LDT that was set, 0 when there is none. */
    public long guestLdtBase(Vcpu v) {
        return vcpus[v.id()].ldtBase;
    }

    public int ldtEntries(Vcpu v) {
        return vcpus[v.id()].ldtEntries;
    }

    /** Linear address at which the CPU sees the vCPU's LDT. */
    public long ldtBase(Vcpu v) {
        return XenSlots.ldtBase(v.id());
    }

    /**
     * Shows the CPU a page of the LDT, after a fault at {@code ldtBase() + offset}.
     *
     * @return false when the guest has no valid descriptors there, so that it gets the fault at {@code guestLdtBase() +
     *         offset}
     */
    public boolean mapLdtPage(Vcpu v, int offset) {
        PvVcpuTables t = vcpus[v.id()];
        if (offset < 0 || offset >>> 3 >= t.ldtEntries) {
            return false;
        }
        long linear = t.ldtBase + offset;
        long at = l1Entry(v, wide ? linear : linear & 0xffff_ffffL);
        return at >= 0 && descriptors.mapLdt(v.id(), t, offset, updates.load(at));
    }

    /** HYPERVISOR_update_descriptor. */
    public int updateDescriptor(long at, long descriptor) {
        return descriptors.update(at, descriptor);
    }

    // ---- the hypervisor's own access ----

    /**
     * Copies between guest and hypervisor at a linear address with the guest kernel's rights.
     *
     * @param out true to write to the guest
     * @return false at the first byte that the guest could not access; a part may be done
     */
    public boolean copy(Vcpu v, long gva, byte[] data, int offset, int length, boolean out) {
        long top = vcpus[v.id()].kernel;
        for (int done = 0; done < length;) {
            long va = wide ? gva + done : gva + done & 0xffff_ffffL;
            int n = (int) Math.min(length - done, 4096 - (va & 0xfff));
            long at = walker.access(top, va, out);
            if (at < 0) {
                return false;
            }
            long host = memory.hostPage(at >>> 12) | at & 0xfff;
            if (out) {
                RawMemory.copyIn(data, offset + done, host, n);
                memory.written(at >>> 12);
            } else {
                RawMemory.copyOut(host, data, offset + done, n);
            }
            done += n;
        }
        return true;
    }

    /** True when the guest kernel could read the byte at an address. */
    public boolean readable(Vcpu v, long gva) {
        return walker.access(vcpus[v.id()].kernel, gva, false) >= 0;
    }

    /** MMUEXT_CLEAR_PAGE. */
    public int clearPage(long mfn) {
        int rc = pages.getPageAndType(mfn, PageTypes.WRITABLE);
        if (rc == 0) {
            RawMemory.fill(memory.hostPage(mfn), 4096, 0);
            memory.written(mfn);
            pages.putPageAndType(mfn);
        }
        return rc;
    }

    /** MMUEXT_COPY_PAGE. */
    public int copyPage(long to, long from) {
        if (!pages.getPage(from)) {
            return failures.fail(Kind.BAD_OWNER, from);
        }
        int rc = pages.getPageAndType(to, PageTypes.WRITABLE);
        if (rc == 0) {
            RawMemory.copy(memory.hostPage(from), memory.hostPage(to), 4096);
            memory.written(to);
            pages.putPageAndType(to);
        }
        pages.putPage(from);
        return rc;
    }

    // ---- grants ----

    /**
     * Puts a granted frame that the caller holds into the domain's tables.
     *
     * @param hostAddr linear address, or with GNTMAP_contains_pte the machine address of the entry
     */
    public boolean mapGrant(Vcpu v, long hostAddr, int flags, long mfn) {
        return grants.map(grantEntry(v, hostAddr, flags), mfn, flags);
    }

    /**
     * Takes a granted frame away again.
     *
     * @param newAddr linear address whose mapping moves to where the grant was (GNTTABOP_unmap_and_replace), or 0
     */
    public boolean unmapGrant(Vcpu v, long hostAddr, int flags, long mfn, long newAddr) {
        boolean byEntry = (flags & GrantMappings.CONTAINS_PTE) != 0;
        if (newAddr != 0 && byEntry) {
            return false;
        }
        return grants.unmap(grantEntry(v, hostAddr, flags), mfn, flags, newAddr == 0 ? 0 : l1Entry(v, newAddr));
    }

    private long grantEntry(Vcpu v, long hostAddr, int flags) {
        return (flags & GrantMappings.CONTAINS_PTE) != 0
                ? hostAddr
                : l1Entry(v, hostAddr);
    }

    // ---- reservation ----

    /** True while the domain's own reference to a frame, which it got at allocation, is not given back. */
    public boolean allocated(long mfn) {
        return domain.physmap().type(mfn) == Physmap.Type.RAM_RW;
    }

    /** Gives the domain's own reference to a frame back; the frame goes when nothing uses it any more. */
    public int giveBack(long mfn) {
        if (!frames.valid(mfn) || frames.owner(mfn) != domain.domid()) {
            return failures.fail(Kind.BAD_OWNER, Errno.ENXIO, 0, -1, 0, mfn);
        }
        if (allocated(mfn)) {
            domain.physmap().set(mfn, 0, Physmap.Type.NONE);
            frames.put(mfn);
        }
        return 0;
    }

    /** True for a frame of the domain that nothing uses, so that it can be taken from it at once. */
    public boolean idle(long mfn) {
        if (!frames.valid(mfn) || frames.owner(mfn) != domain.domid() || !allocated(mfn)
                || frames.references(mfn) != 1) {
            failures.fail(Kind.PAGE_IN_USE, mfn);
            return false;
        }
        return true;
    }

    // ---- end ----

    /** Gives all page tables back. The vCPUs never run again. */
    public void destroy() {
        for (int i = 0; i < vcpus.length; i++) {
            tlbs.flush(i);
        }
        for (int i = 0; i < vcpus.length; i++) {
            PvVcpuTables t = vcpus[i];
            descriptors.dropGdt(i, t);
            descriptors.dropLdt(i, t);
            if (t.user != 0) {
                pages.putPageAndType(t.user);
                t.user = 0;
            }
            if (t.kernel != 0) {
                pages.putPageAndType(t.kernel);
                t.kernel = 0;
            }
            if (!wide) {
                frames.put(t.monitor);
            }
        }
        held.forEach((mfn, n) -> {
            for (int i = 0; i < n; i++) {
                pages.putPageAndType(mfn);
            }
        });
        held.clear();
        for (long mfn = 0; mfn < frames.frames(); mfn++) {
            if (types.pinned(mfn) && frames.owner(mfn) == domain.domid()) {
                unpin(mfn);
            }
        }
        unshareAll();
        slots.close();
    }
}
