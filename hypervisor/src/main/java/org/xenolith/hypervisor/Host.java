package org.xenolith.hypervisor;

import java.util.Collection;
import java.util.Collections;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.decode.InstructionTable;
import org.xenolith.cpu.insn.InstructionSet;
import org.xenolith.hypervisor.evtchn.EventChannels;
import org.xenolith.hypervisor.gnttab.GrantTable;
import org.xenolith.hypervisor.p2m.FrameTable;
import org.xenolith.hypervisor.pv.mm.MachineToPhys;
import org.xenolith.hypervisor.pv.mm.PageTypes;
import org.xenolith.hypervisor.shared.TimeInfo;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/** One machine under the hypervisor: its memory, its domains by domid, and what they share. */
public final class Host implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Host.class);
    /** First domid that no domain may have (public/xen.h, DOMID_FIRST_RESERVED). */
    public static final int DOMID_FIRST_RESERVED = 0x7ff0;
    public static final int DOMID_SELF = 0x7ff0;

    private final PhysicalMemory memory;
    private final VirtualClock clock;
    private final Timers timers;
    private final CpuModel model;
    private final HostConfig config;
    private final Hypercalls hypercalls;
    private final FrameTable frames;
    private final TimeInfo.TscScale tscScale;
    private final Statistics statistics = new Statistics("thing not built or not known");
    private final Statistics refusals = new Statistics("refusal");
    private final Statistics exits = new Statistics("exit");
    private final NavigableMap<Integer, Domain> domains = new TreeMap<>();
    private final ControlDomain control;
    /** Made for the first PV domain, as is {@link #machineToPhys}. */
    private PageTypes pageTypes;
    private MachineToPhys machineToPhys;
    private InstructionTable instructions;
    private HypervisorLog log = (domid, line) -> LOG.info("(d{}) {}", domid, line);
    private int nextDomid = 1;

    /** Takes the lines that guests write to the hypervisor's console. */
    @FunctionalInterface
    public interface HypervisorLog {
        void line(int domid, String text);
    }

    /**
     * Creates a host without domains.
     *
     * @param memory all of machine memory; the caller closes it after the host
     * @param hypercalls usually {@code HypercallTable}
     */
    public Host(PhysicalMemory memory, VirtualClock clock, Timers timers, CpuModel model, HostConfig config,
            Hypercalls hypercalls) {
        this.memory = memory;
        this.clock = clock;
        this.timers = timers;
        this.model = model;
        this.config = config;
        this.hypercalls = hypercalls;
        this.frames = new FrameTable(memory);
        this.tscScale = TimeInfo.TscScale.of(model.tscKhz());
        this.control = new ControlDomain(this);
        frames.setFreeListener(this::freed);
    }

    private void freed(long mfn, int owner) {
        Domain d = domains.get(owner);
        if (d != null) {
            d.pageFreed();
        }
        if (pageTypes != null) {
            pageTypes.freed(mfn);
            machineToPhys.set(mfn, MachineToPhys.INVALID);
            for (Domain pv : domains.values()) {
                pv.forgetFrame(mfn);
            }
        }
    }

    /** The instructions that the hypervisor decodes when it makes one for a guest. */
    public InstructionTable instructions() {
        if (instructions == null) {
            instructions = InstructionSet.create();
        }
        return instructions;
    }

    /** True once there has been a PV domain. */
    public boolean hasPageTypes() {
        return pageTypes != null;
    }

    /** What frames are used as, once there has been a PV domain. */
    public PageTypes pageTypes() {
        if (pageTypes == null) {
            machineToPhys = new MachineToPhys(memory, frames);
            pageTypes = new PageTypes(frames.frames());
        }
        return pageTypes;
    }

    /** The tables of PV guests that say where a frame's owner sees it. */
    public MachineToPhys machineToPhys() {
        pageTypes();
        return machineToPhys;
    }

    public PhysicalMemory memory() {
        return memory;
    }

    public VirtualClock clock() {
        return clock;
    }

    public Timers timers() {
        return timers;
    }

    public CpuModel model() {
        return model;
    }

    public HostConfig config() {
        return config;
    }

    public Hypercalls hypercalls() {
        return hypercalls;
    }

    public FrameTable frames() {
        return frames;
    }

    public TimeInfo.TscScale tscScale() {
        return tscScale;
    }

    /** What guests asked for and is not built, by name. */
    public Statistics statistics() {
        return statistics;
    }

    /** What guests asked for and must not have, by name. */
    public Statistics refusals() {
        return refusals;
    }

    /** What the hypervisor did for guests in place of the CPU, by name. */
    public Statistics exits() {
        return exits;
    }

    /** The in-process domain 0. */
    public ControlDomain control() {
        return control;
    }

    public HypervisorLog log() {
        return log;
    }

    public void setLog(HypervisorLog log) {
        this.log = log;
    }

    /**
     * Creates a domain without memory, paused.
     *
     * @throws org.xenolith.hypervisor.abi.ErrnoException ENOMEM when machine memory has no room for its own pages
     */
    public Domain createDomain(DomainConfig domainConfig) {
        int domid = nextDomid;
        // frames that others still use keep the domid of a domain that is gone
        while (domains.containsKey(domid) || frames.isOwner(domid)) {
            domid = following(domid);
        }
        nextDomid = following(domid);
        Domain d = new Domain(this, domid, domainConfig);
        domains.put(domid, d);
        return d;
    }

    private static int following(int domid) {
        return domid + 1 == DOMID_FIRST_RESERVED ? 1 : domid + 1;
    }

    /** The domain of a domid, or null. */
    public Domain domain(int domid) {
        return domains.get(domid);
    }

    /** All guests by rising domid. */
    public Collection<Domain> domains() {
        return Collections.unmodifiableCollection(domains.values());
    }

    void forget(Domain d) {
        domains.remove(d.domid());
        control.events().closeHandlersOf(d.domid());
    }

    EventChannels events(int domid) {
        if (domid == 0) {
            return control.events();
        }
        Domain d = domains.get(domid);
        return d == null ? null : d.events();
    }

    GrantTable grantTable(int domid) {
        Domain d = domains.get(domid);
        return d == null ? null : d.grants();
    }

    /** Destroys all domains. */
    @Override
    public void close() {
        while (!domains.isEmpty()) {
            domains.firstEntry().getValue().destroy();
        }
    }
}
