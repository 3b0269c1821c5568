package org.xenolith.hypervisor;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.evtchn.EventChannels;
import org.xenolith.hypervisor.evtchn.EventDomain;
import org.xenolith.hypervisor.evtchn.EventVcpu;
import org.xenolith.hypervisor.gnttab.GrantDomain;
import org.xenolith.hypervisor.gnttab.GrantMappings;
import org.xenolith.hypervisor.gnttab.GrantTable;
import org.xenolith.hypervisor.gnttab.GrantTarget;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.p2m.NestedTables;
import org.xenolith.hypervisor.p2m.Physmap;
import org.xenolith.hypervisor.p2m.Physmap.Type;
import org.xenolith.hypervisor.pv.mm.MachineToPhys;
import org.xenolith.hypervisor.pv.mm.PvMemory;
import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.SharedPage;
import org.xenolith.memory.GuestMemory;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/**
 * One guest: its address space, vCPUs, event channels, grants and life cycle. As GuestMemory it is addressed by gpa.
 */
public final class Domain implements GuestMemory, Stage2, EventDomain, GrantDomain, GrantTarget {
    private static final Logger LOG = LoggerFactory.getLogger(Domain.class);
    private static final String OVER_MAXIMUM = "memory:over_maximum";
    /** APIC ids are even, so that vCPUs look like cores without hyperthreads, as Xen numbers them. */
    static final int APIC_ID_SHIFT = 1;
    /** Grants that one maptrack frame can hold. */
    private static final int HANDLES_PER_MAPTRACK_FRAME = 256;

    private final Host host;
    private final int domid;
    private final DomainConfig config;
    private final FrameTable frames;
    private final Physmap physmap;
    private final SharedInfo shared;
    private final EventChannels events;
    private final GrantTable grants;
    private final GrantMappings mappings;
    private final HvmParams params = new HvmParams();
    private final CallbackLine callback = new CallbackLine(this);
    private final DeviceWindows windows;
    private final NestedTables nested;
    private HvmPlatform platform = HvmPlatform.NONE;
    private final GuestLines console;
    private final Watchdog watchdog;
    private final Statistics hypercalls = new Statistics("hypercall");
    private final CpuModel model;
    private final ApicBus apics = new ApicBus();
    private final List<Vcpu> vcpus = new ArrayList<>();
    private final long createdAt;
    private final List<Long> unmapped = new ArrayList<>();
    private final OnDemand onDemand = new OnDemand();
    private final Timers.Timer sweep;
    private String outOfMemory = "";
    private final PvMemory pv;
    private List<E820Entry> memoryMap = List.of();
    private long maxPages;
    private long totalPages;
    private long vmAssist;
    private int pauses = 1;
    private int shutdownReason = -1;
    private boolean dying;

    Domain(Host host, int domid, DomainConfig config) {
        this.host = host;
        this.domid = domid;
        this.config = config;
        this.frames = host.frames();
        this.maxPages = config.maxPages();
        this.physmap = new Physmap(host.memory(), this::populateOnUse);
        this.windows = new DeviceWindows(this);
        this.nested = config.hvm()
                ? new NestedTables(host.memory(), frames, host.model().amd(), this::noRoomForTables)
                : null;
        if (nested != null) {
            physmap.setListener(nested);
        }
        this.sweep = host.timers().timer(this::sweepZeroPages);
        this.createdAt = host.clock().now();
        long own = 2 + (config.pv() == null ? 0 : PvMemory.framesNeeded(host, config.pv(), config.vcpus()));
        long mfn = frames.freeFrames() < own ? -1 : frames.allocate(FrameTable.XEN);
        if (mfn < 0) {
            throw new ErrnoException(Errno.ENOMEM, "no machine memory left for domain " + domid);
        }
        this.shared = new SharedInfo(new SharedPage(host.memory(), mfn));
        this.events = new EventChannels(this, config.maxEventPort());
        this.grants = new GrantTable(this, config.maxGrantFrames());
        this.mappings = new GrantMappings(this, config.maxMaptrackFrames() * HANDLES_PER_MAPTRACK_FRAME);
        this.console = new GuestLines(line -> host.log().line(domid, line));
        this.watchdog = new Watchdog(host, () -> shutdown(ShutdownReason.WATCHDOG));
        shared.setWallclock(host.config().epochSeconds(), 0);
        this.model = host.model().withTopology(config.vcpus(), APIC_ID_SHIFT);
        for (int i = 0; i < config.vcpus(); i++) {
            Vcpu v = new Vcpu(this, i);
            vcpus.add(v);
            apics.add(v.cpu().apic());
        }
        if (config.pv() == null) {
            pv = null;
        } else {
            pv = new PvMemory(this, config.pv(), config.vcpus());
            shared.setAbi(config.pv());
            pv.share(mfn, true);
            vcpus.forEach(v -> v.pv().attach(v.cpu()));
        }
    }

    /** The direct-paged memory of a PV guest, or null for a guest with a physmap. */
    public PvMemory pv() {
        return pv;
    }

    public Host host() {
        return host;
    }

    @Override
    public int domid() {
        return domid;
    }

    public DomainConfig config() {
        return config;
    }

    public String name() {
        return config.name();
    }

    /** Virtual time at which the domain was created, in nanoseconds. */
    public long createdAt() {
        return createdAt;
    }

    /** The processor model that the vCPUs show, with the domain's topology. */
    public CpuModel model() {
        return model;
    }

    /** Joins the local APICs of the vCPUs; also takes MSIs. */
    public ApicBus apics() {
        return apics;
    }

    public EventChannels events() {
        return events;
    }

    public GrantTable grants() {
        return grants;
    }

    public GrantMappings mappings() {
        return mappings;
    }

    public HvmParams params() {
        return params;
    }

    /** The interrupt line, where the guest has chosen one, by which it hears of events. */
    public CallbackLine callback() {
        return callback;
    }

    /** Memory of devices that the guest sees among its own. */
    public DeviceWindows windows() {
        return windows;
    }

    /** The physmap as an HVM guest's processors walk it, or null. */
    NestedTables nested() {
        return nested;
    }

    private void noRoomForTables() {
        if (shutdownReason < 0) {
            outOfMemory = "machine memory has no room for more nested page tables";
            countRefusal("memory:nested_tables");
            shutdown(ShutdownReason.CRASH);
        }
    }

    /** The PC of an HVM guest. */
    public HvmPlatform platform() {
        return platform;
    }

    /** Puts an HVM guest's PC around its vCPUs, before they run. */
    public void setPlatform(HvmPlatform pc) {
        platform = pc;
    }

    /** Lines that the guest writes to the hypervisor's console. */
    public GuestLines console() {
        return console;
    }

    public Watchdog watchdog() {
        return watchdog;
    }

    public List<Vcpu> vcpus() {
        return List.copyOf(vcpus);
    }

    /** The vCPU of a number, or null. */
    public Vcpu vcpu(int id) {
        return id < 0 || id >= vcpus.size() ? null : vcpus.get(id);
    }

    public List<E820Entry> memoryMap() {
        return memoryMap;
    }

    public void setMemoryMap(List<E820Entry> map) {
        memoryMap = List.copyOf(map);
    }

    /** Bits of VMASST_TYPE_* that are on. */
    public long vmAssist() {
        return vmAssist;
    }

    public void setVmAssist(long bits) {
        vmAssist = bits;
    }

    /** Counts something of this guest that is not built, also in the host's statistics. */
    public void count(String what) {
        host.statistics().count(what);
    }

    /** Counts something that this guest asked for and must not have. */
    public void countRefusal(String what) {
        host.refusals().count(what);
    }

    /** Counts a hypercall by name; each part of a continued one counts. */
    public void countHypercall(String name) {
        hypercalls.count(name);
    }

    /** The counter of a hypercall that is made very often. */
    public Statistics.Counter hypercallCounter(String name) {
        return hypercalls.counter(name);
    }

    /** Hypercalls made, by name in alphabetical order. */
    public SortedMap<String, Long> hypercallCounts() {
        return hypercalls.counts();
    }

    // ---- life cycle ----

    /** True when its vCPUs may run: not paused, not shut down. */
    public boolean runnable() {
        return pauses == 0 && shutdownReason < 0 && !dying;
    }

    public boolean paused() {
        return pauses > 0;
    }

    /** Stops the vCPUs before their next instruction; counts. */
    public void pause() {
        pauses++;
        updateHolds();
    }

    public void unpause() {
        if (pauses == 0) {
            throw new IllegalStateException("domain " + domid + " is not paused");
        }
        pauses--;
        updateHolds();
    }

    private void updateHolds() {
        boolean hold = !runnable();
        for (Vcpu v : vcpus) {
            v.setHeld(hold);
        }
    }

    /** Reason given at the shutdown ({@link ShutdownReason}, or another byte), or -1 while the domain is up. */
    public int shutdownReason() {
        return shutdownReason;
    }

    /** Stops the guest for good, or until {@link #resume}; the first reason counts. */
    public void shutdown(int reason) {
        if (shutdownReason < 0 && !dying) {
            shutdownReason = reason & 0xff;
            watchdog.stop();
            updateHolds();
            console.flush();
        }
    }

    /** Lets a domain that shut down for suspend go on. */
    public void resume() {
        shutdownReason = -1;
        updateHolds();
    }

    public boolean dying() {
        return dying;
    }

    /** Frees all that the domain has, except pages that others still use. */
    public void destroy() {
        if (dying) {
            return;
        }
        dying = true;
        updateHolds();
        watchdog.stop();
        if (pv != null) {
            pv.destroy();
        }
        events.destroy();
        mappings.destroy(this);
        grants.destroy();
        vcpus.forEach(Vcpu::releasePages);
        List<Long> mapped = new ArrayList<>();
        physmap.forEach((gfn, mfn, type) -> {
            if (type == Type.RAM_RW || type == Type.RAM_RO || type == Type.FOREIGN) {
                mapped.add(gfn);
            }
        });
        // so that taking the pages away one by one finds nothing to drop
        vcpus.forEach(v -> v.cpu().mmu().flushAll());
        totalPages -= onDemand.clear();
        sweep.cancel();
        mapped.forEach(this::remove);
        unmapped.forEach(frames::put);
        windows.close();
        if (nested != null) {
            nested.close();
        }
        frames.put(shared.page().mfn());
        vcpus.forEach(Vcpu::close);
        host.forget(this);
    }

    // ---- memory ----

    public long maxPages() {
        return maxPages;
    }

    public void setMaxPages(long pages) {
        maxPages = pages;
    }

    /** Pages that the domain owns now. */
    public long totalPages() {
        return totalPages;
    }

    void pageFreed() {
        totalPages--;
    }

    /** A frame of the machine went back to the host: a PV guest's CPUs may still have translations of it. */
    void forgetFrame(long mfn) {
        if (pv != null) {
            dropTranslations(mfn);
        }
    }

    @Override
    public Physmap physmap() {
        return physmap;
    }

    /**
     * Gives the domain 2^order zeroed pages at a gfn, in place of what is there.
     *
     * @return false at the limit of the domain or of machine memory, or for a gfn out of range
     */
    public boolean populate(long gfn, int order) {
        int count = 1 << order;
        if (gfn < 0 || gfn + count > Physmap.GFN_LIMIT) {
            return false;
        }
        long mfn = allocate(count);
        if (mfn < 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            remove(gfn + i);
            physmap.set(gfn + i, mfn + i, Type.RAM_RW);
            frames.setGfn(mfn + i, gfn + i);
        }
        return true;
    }

    /** Takes adjacent frames for the domain; -1, counted, at its limit, and -1 when machine memory has none. */
    private long allocate(int count) {
        if (totalPages + count > maxPages) {
            if (host.refusals().get(OVER_MAXIMUM) == 0) {
                LOG.info("domain {}: {} pages more than its {} are over its maximum of {}", domid, count, totalPages,
                        maxPages);
            }
            countRefusal(OVER_MAXIMUM);
            return -1;
        }
        long mfn = frames.allocate(domid, count);
        if (mfn >= 0) {
            totalPages += count;
        }
        return mfn;
    }

    /**
     * Lets a range of gfns get a page each when it is first used. The domain owns {@link #setOnDemandPages} pages for
     * that, and is to give back the rest before it has used those up (Xen: populate on demand).
     */
    public void populateOnDemand(long gfn, long pages) {
        for (long i = 0; i < pages; i++) {
            if (physmap.type(gfn + i) == Type.NONE) {
                physmap.set(gfn + i, 0, Type.ON_DEMAND);
                onDemand.added();
            }
        }
    }

    /**
     * Makes the domain own as many pages as that, as far as gfns that have no page yet allow it; nothing happens where
     * none are left (XENMEM_set_pod_target).
     */
    public void setOnDemandPages(long pages) {
        totalPages += onDemand.setPages(pages - (totalPages - onDemand.pages()));
        onDemand.resetSweeps();
    }

    /** What the domain has of memory that is populated on demand. */
    public OnDemandUse onDemandUse() {
        return onDemand.use();
    }

    /** Why the domain crashed for want of memory, in words; empty when it did not. */
    public String outOfMemory() {
        return outOfMemory;
    }

    private boolean populateOnUse(long gfn) {
        if (dying) {
            return false;
        }
        if (!onDemand.take()) {
            usedUp(gfn);
            return false;
        }
        if (onDemand.sweepIsDue()) {
            // between two instructions: this one may hold on to the page of another gfn
            sweep.arm(host.clock().now());
        }
        totalPages--;
        return populate(gfn, 0);
    }

    private void usedUp(long gfn) {
        if (shutdownReason >= 0) {
            return;
        }
        OnDemandUse use = onDemand.use();
        outOfMemory = "gfn 0x" + Long.toHexString(gfn) + " of the memory map was used for the first time, and all "
                + totalPages + " pages (" + (totalPages >> 8) + " MiB) that the guest owns are in use already; "
                + use.unbackedGfns() + " gfns have none, and " + use.reclaimed()
                + " pages that held only zeroes were taken back so far. Its balloon driver must give memory back "
                + "before it uses up its own: start it earlier, or give the guest more memory, or less maxmem";
        LOG.info("domain {} has used up its memory before it gave some back: {}", domid, outOfMemory);
        countRefusal("memory:on_demand_used_up");
        shutdown(ShutdownReason.CRASH);
    }

    /** Takes pages that hold only zeroes back for gfns that have none. */
    private void sweepZeroPages() {
        if (dying) {
            return;
        }
        ZeroPages zero = new ZeroPages(host.memory(), frames, domid);
        for (long gfn : zero.of(physmap, OnDemand.SWEEP_PAGES)) {
            if (onDemand.pages() >= onDemand.use().unbackedGfns()) {
                return;
            }
            remove(gfn);
            physmap.set(gfn, 0, Type.ON_DEMAND);
            onDemand.added();
            onDemand.reclaimed();
        }
    }

    /** Populates a range of single pages; false, with a part of it done, at a limit. */
    public boolean populateRange(long gfn, long pages) {
        for (long i = 0; i < pages; i++) {
            if (!populate(gfn + i, 0)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Takes 2^order pages that are in no physmap (XENMEM_increase_reservation). A PV guest, which has none but the
     * identity, can use them at once.
     *
     * @return the first mfn, or -1 at the limit of the domain or of machine memory
     */
    public long allocateUnmapped(int order) {
        int count = 1 << order;
        long mfn = allocate(count);
        if (mfn >= 0) {
            for (int i = 0; i < count; i++) {
                if (pv == null) {
                    unmapped.add(mfn + i);
                } else {
                    physmap.set(mfn + i, mfn + i, Type.RAM_RW);
                    pv.setPfn(mfn + i, MachineToPhys.INVALID);
                }
            }
        }
        return mfn;
    }

    /**
     * Gives a frame that nothing uses to another domain; a guest with a physmap gets it at a gfn, in place of what is
     * there. False when that domain may not have more.
     */
    public boolean giveFrame(long mfn, Domain to, long gfn) {
        if (to.dying || to.totalPages >= to.maxPages
                || to.pv == null && (gfn < 0 || gfn >= Physmap.GFN_LIMIT || to.isGrant(gfn))) {
            return false;
        }
        dropTranslations(mfn);
        physmap.set(mfn, 0, Type.NONE);
        host.pageTypes().freed(mfn);
        frames.setOwner(mfn, to.domid);
        totalPages--;
        to.totalPages++;
        if (to.pv == null) {
            to.remove(gfn);
            to.physmap.set(gfn, mfn, Type.RAM_RW);
            frames.setGfn(mfn, gfn);
        } else {
            to.physmap.set(mfn, mfn, Type.RAM_RW);
        }
        return true;
    }

    /** Empties a gfn; RAM there goes back to the host. False when nothing (or a grant mapping) is there. */
    public boolean remove(long gfn) {
        if (physmap.onDemand(gfn)) {
            physmap.set(gfn, 0, Type.NONE);
            totalPages -= onDemand.removed();
            return true;
        }
        Type type = physmap.type(gfn);
        if (type == Type.NONE || type == Type.GRANT_RW || type == Type.GRANT_RO) {
            return false;
        }
        long mfn = physmap.frame(gfn);
        clear(gfn, mfn);
        if (type != Type.XEN && type != Type.XEN_RO) {
            frames.put(mfn);
            totalPages += onDemand.freed();
        } else {
            frames.setGfn(mfn, FrameTable.INVALID_GFN);
        }
        return true;
    }

    private void clear(long gfn, long mfn) {
        physmap.set(gfn, 0, Type.NONE);
        if (frames.gfn(mfn) == (int) gfn) {
            frames.setGfn(mfn, FrameTable.INVALID_GFN);
        }
        dropTranslations(mfn);
    }

    private void dropTranslations(long mfn) {
        for (Vcpu v : vcpus) {
            v.cpu().mmu().dropFrame(mfn);
        }
    }

    /** Shows a page of the hypervisor at a gfn; it leaves the gfn where it was shown before. */
    public boolean mapXenPage(long gfn, long mfn) {
        if (gfn < 0 || gfn >= Physmap.GFN_LIMIT || isGrant(gfn)) {
            return false;
        }
        int old = frames.gfn(mfn);
        if (old != FrameTable.INVALID_GFN && physmap.frame(old) == mfn) {
            clear(old, mfn);
        }
        remove(gfn);
        physmap.set(gfn, mfn, Type.XEN);
        frames.setGfn(mfn, gfn);
        return true;
    }

    /** Moves a page of RAM from one gfn to another, whose page goes back to the host. */
    public boolean movePage(long fromGfn, long toGfn) {
        if (toGfn < 0 || toGfn >= Physmap.GFN_LIMIT || physmap.type(fromGfn) != Type.RAM_RW || isGrant(toGfn)) {
            return false;
        }
        if (fromGfn != toGfn) {
            long mfn = physmap.frame(fromGfn);
            remove(toGfn);
            clear(fromGfn, mfn);
            physmap.set(toGfn, mfn, Type.RAM_RW);
            frames.setGfn(mfn, toGfn);
        }
        return true;
    }

    private boolean isGrant(long gfn) {
        Type t = physmap.type(gfn);
        return t == Type.GRANT_RW || t == Type.GRANT_RO;
    }

    @Override
    public boolean holdWritable(long mfn) {
        return pv == null || pv.holdWritable(mfn);
    }

    @Override
    public void releaseWritable(long mfn) {
        if (pv != null) {
            pv.releaseWritable(mfn);
        }
    }

    @Override
    public boolean map(long hostAddr, int flags, long mfn) {
        long gfn = hostAddr >>> 12;
        // page-table entries belong to PV guests
        if ((flags & GrantMappings.CONTAINS_PTE) != 0 || gfn < 0 || gfn >= Physmap.GFN_LIMIT || isGrant(gfn)
                || physmap.type(gfn) == Type.XEN) {
            return false;
        }
        remove(gfn);
        physmap.set(gfn, mfn, (flags & GrantMappings.READONLY) != 0 ? Type.GRANT_RO : Type.GRANT_RW);
        return true;
    }

    @Override
    public boolean unmap(long hostAddr, int flags, long mfn, long newAddr) {
        long gfn = hostAddr >>> 12;
        if (newAddr != 0 || !isGrant(gfn) || physmap.frame(gfn) != mfn) {
            return false;
        }
        physmap.set(gfn, 0, Type.NONE);
        dropTranslations(mfn);
        return true;
    }

    @Override
    public void drop(long hostAddr, long mfn) {
        if (pv == null) {
            unmap(hostAddr, 0, mfn, 0);
        }
    }

    /**
     * The gfn at which the guest sees a frame of its own or of the hypervisor, or -1. A PV guest sees each by its mfn, and
     * may map what it has been told of.
     */
    public long gfnOf(long mfn) {
        if (pv != null) {
            pv.share(mfn, true);
            return mfn;
        }
        int gfn = frames.gfn(mfn);
        return gfn != FrameTable.INVALID_GFN && physmap.frame(gfn) == mfn ? gfn : -1;
    }

    // ---- shared_info ----

    @Override
    public SharedInfo sharedInfo() {
        return shared;
    }

    /**
     * Follows the word size of the guest kernel, which Xen learns from the mode of the vCPU that makes certain calls.
     */
    public void latchAbi(GuestAbi abi) {
        if (shared.abi() != abi) {
            shared.setAbi(abi);
            shared.setWallclock(host.config().epochSeconds(), 0);
            vcpus.forEach(Vcpu::updateTime);
        }
    }

    // ---- event channels ----

    @Override
    public EventVcpu eventVcpu(int id) {
        return vcpu(id);
    }

    @Override
    public int vcpuCount() {
        return config.vcpus();
    }

    @Override
    public SharedPage borrow(long gfn) {
        if (physmap.type(gfn) != Type.RAM_RW) {
            return null;
        }
        long mfn = physmap.frame(gfn);
        if (pv == null) {
            frames.get(mfn);
        } else if (!pv.holdWritable(mfn)) {
            return null;
        }
        return new SharedPage(host.memory(), mfn);
    }

    @Override
    public void release(SharedPage page) {
        if (pv == null) {
            frames.put(page.mfn());
        } else {
            pv.releaseWritable(page.mfn());
        }
    }

    @Override
    public EventChannels peer(int other) {
        return host.events(other);
    }

    // ---- grants ----

    @Override
    public FrameTable frames() {
        return frames;
    }

    @Override
    public PhysicalMemory machineMemory() {
        return host.memory();
    }

    @Override
    public GrantTable grantTable(int other) {
        return host.grantTable(other);
    }

    // ---- GuestMemory and Stage2 ----

    @Override
    public long mfn(long gfn) {
        if (pv != null) {
            // page tables hold machine frames, and what they may hold was decided when they were checked
            return frames.valid(gfn) ? gfn : MMIO;
        }
        return physmap.mfn(gfn);
    }

    @Override
    public boolean isRam(long gpa, long length) {
        return physmap.isRam(gpa, length);
    }

    @Override
    public boolean tryRead(long gpa, byte[] to, int offset, int length) {
        return physmap.tryRead(gpa, to, offset, length);
    }

    @Override
    public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
        return !writesTable(gpa, length) && physmap.tryWrite(gpa, from, offset, length);
    }

    /** True for a range with a page of a PV guest that only checked entries may be written to. */
    private boolean writesTable(long gpa, long length) {
        if (pv != null && gpa >= 0) {
            for (long gfn = gpa >>> 12; frames.valid(gfn) && gfn <= gpa + length - 1 >>> 12; gfn++) {
                if (pv.types().guarded(gfn)) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public long hostPage(long gfn) {
        return physmap.hostPage(gfn);
    }

    @Override
    public void written(long gfn) {
        physmap.written(gfn);
    }
}
