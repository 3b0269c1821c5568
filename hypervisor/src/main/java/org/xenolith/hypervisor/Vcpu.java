package org.xenolith.hypervisor;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Cpu.Activity;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.hypervisor.evtchn.EventVcpu;
import org.xenolith.hypervisor.gnttab.GrantTarget;
import org.xenolith.hypervisor.pv.PvContainer;
import org.xenolith.hypervisor.shared.SharedInfo;
import org.xenolith.hypervisor.shared.SharedPage;
import org.xenolith.hypervisor.shared.TimeInfo;
import org.xenolith.hypervisor.shared.VcpuInfo;
import org.xenolith.time.Timers;

/**
 * One virtual CPU: a processor with what the hypervisor keeps for it.
 *
 * <p>The run loop calls {@link #beforeRun} and {@link #afterRun} around each stretch of instructions. A vCPU that is
 * down, or whose domain
 * is paused or shut down, has its processor in WAIT_FOR_SIPI.
 */
public final class Vcpu implements EventVcpu, AutoCloseable {
    /** Why the guest waits in a hypercall. */
    private enum Wait {
        NONE, BLOCK, POLL
    }

    /** What toolstack or hvmloader give every vCPU of a PVH or HVM guest: MTRRs on, all memory write-back. */
    private static final long MTRR_ON_WRITE_BACK = 1 << 11 | 6;

    private final Domain domain;
    private final int id;
    private final Cpu cpu;
    private final Container container;
    private final PvContainer pv;
    private final VcpuTimers timers;
    private final Runstate runstate;
    private final GuestAccess access;
    private final Timers.Timer pollTimer;
    private VcpuInfo info;
    private boolean infoRegistered;
    private long runstateArea;
    private long timeArea;
    private int upcallVector;
    private boolean initialised;
    private boolean held = true;
    private Activity beforeHold = Activity.WAIT_FOR_SIPI;
    private Wait wait = Wait.NONE;
    private int pollPort;
    private long seenTscOffset;

    Vcpu(Domain domain, int id) {
        this.domain = domain;
        this.id = id;
        this.pv = domain.config().pv() == null ? null : new PvContainer(this);
        HvmContainer hvm = domain.config().hvm() ? new HvmContainer(this) : null;
        this.container = pv != null ? pv : hvm != null ? hvm : new PvhContainer(this);
        Host host = domain.host();
        // the second level of an HVM guest is nested page tables, which hold machine frames
        Stage2 machine = gfn -> host.frames().valid(gfn) ? gfn : Stage2.MMIO;
        this.cpu = new Cpu(id, id << Domain.APIC_ID_SHIFT, domain.model(), host.memory(),
                hvm == null ? domain : machine,
                container, host.clock(), host.timers());
        if (hvm != null) {
            hvm.attach(cpu);
        }
        this.timers = new VcpuTimers(this);
        this.runstate = new Runstate(host.clock().now());
        this.access = new GuestAccess(this);
        this.pollTimer = host.timers().timer(this::wake);
        if (id < SharedInfo.LEGACY_MAX_VCPUS) {
            info = new VcpuInfo(domain.sharedInfo().page(), id * SharedInfo.VCPU_INFO_SIZE, domain.sharedInfo());
        }
        cpu.setField(CpuState.MTRR_DEF_TYPE, MTRR_ON_WRITE_BACK);
        cpu.setActivity(Activity.WAIT_FOR_SIPI);
    }

    @Override
    public int id() {
        return id;
    }

    public Domain domain() {
        return domain;
    }

    public Cpu cpu() {
        return cpu;
    }

    public Container container() {
        return container;
    }

    /** The container of a PV guest's vCPU, or null. */
    public PvContainer pv() {
        return pv;
    }

    public VcpuTimers timers() {
        return timers;
    }

    public Runstate runstate() {
        return runstate;
    }

    /** Memory as the guest's present page tables show it. */
    public GuestAccess access() {
        return access;
    }

    /** Where grants are mapped that a call of this vCPU names. */
    public GrantTarget grantTarget() {
        return domain.pv() == null ? domain : new PvGrantTarget(this);
    }

    public long now() {
        return domain.host().clock().now();
    }

    // ---- start and stop ----

    /** True once the vCPU has a register state that it may run with. */
    public boolean initialised() {
        return initialised;
    }

    public void setInitialised() {
        initialised = true;
    }

    /** True while the vCPU waits for {@link #up} or for a start-up message of another's local APIC. */
    public boolean down() {
        return activity() == Activity.WAIT_FOR_SIPI;
    }

    private Activity activity() {
        return held ? beforeHold : cpu.activity();
    }

    /**
     * Sets the state in which a PVH guest starts (Xen: docs/misc/pvh.pandoc): flat 32-bit protected mode without
     * paging.
     *
     * @param entry gpa of the first instruction, below 4 GiB
     * @param startInfo gpa of struct hvm_start_info, for EBX
     */
    public void startPvh(long entry, long startInfo) {
        cpu.reset();
        if (held) {
            cpu.setActivity(Activity.WAIT_FOR_SIPI);
        }
        for (int r = 0; r < 16; r++) {
            cpu.setReg(r, 0);
        }
        cpu.setReg(CpuState.RBX, startInfo & 0xffff_ffffL);
        cpu.setRip(entry & 0xffff_ffffL);
        cpu.setField(CpuState.CR0, ControlRegisters.CR0_PE | ControlRegisters.CR0_ET);
        cpu.setSegment(CpuState.CS, 0, 0, 0xffff_ffffL, 0xc09b);
        // the interface leaves FS and GS open, but 32-bit Linux reads its stack protector's value through FS before it loads it
        for (int seg : new int[]{CpuState.DS, CpuState.ES, CpuState.SS, CpuState.FS, CpuState.GS}) {
            cpu.setSegment(seg, 0, 0, 0xffff_ffffL, 0xc093);
        }
        cpu.setSegment(CpuState.TR, 0, 0, 0x67, 0x8b);
        cpu.setRflags(Flags.FIXED);
        cpu.setField(CpuState.MTRR_DEF_TYPE, MTRR_ON_WRITE_BACK);
        cpu.updateMode();
        initialised = true;
        up();
    }

    /**
     * Sets the state in which an HVM guest's first vCPU starts: that after RESET#, but with the code segment where firmware below 1 MiB has
     * it.
     */
    public void startHvm() {
        cpu.reset();
        if (held) {
            cpu.setActivity(Activity.WAIT_FOR_SIPI);
        }
        cpu.setSegment(CpuState.CS, 0xf000, 0xf_0000, 0xffff, 0x9b);
        cpu.setField(CpuState.MTRR_DEF_TYPE, MTRR_ON_WRITE_BACK);
        cpu.updateMode();
        initialised = true;
        up();
    }

    /** Lets an initialised vCPU run (VCPUOP_up, or a start-up IPI). */
    public void up() {
        setActivity(Activity.RUNNING);
        updateTime();
        changeRunstate(Runstate.RUNNABLE);
    }

    /** Stops the vCPU until {@link #up}; the domain powers off when it was the last one. */
    public void takeDown() {
        wait = Wait.NONE;
        setActivity(Activity.WAIT_FOR_SIPI);
        changeRunstate(Runstate.OFFLINE);
        if (domain.vcpus().stream().allMatch(Vcpu::down)) {
            domain.shutdown(ShutdownReason.POWEROFF);
        }
    }

    private void setActivity(Activity a) {
        if (held) {
            beforeHold = a;
        } else {
            cpu.setActivity(a);
        }
    }

    void setHeld(boolean hold) {
        if (hold == held) {
            return;
        }
        if (hold) {
            beforeHold = cpu.activity();
            cpu.setActivity(Activity.WAIT_FOR_SIPI);
        } else {
            cpu.setActivity(beforeHold);
        }
        held = hold;
    }

    /**
     * To be called when the vCPU is about to execute (or to be woken): accounts for time and refreshes the guest's view
     * of it.
     */
    public void beforeRun() {
        if (runstate.state() != Runstate.RUNNING) {
            initialised = true;
            changeRunstate(Runstate.RUNNING);
            updateTime();
        } else if (cpu.field(CpuState.TSC_OFFSET) != seenTscOffset) {
            updateTime();
        }
    }

    /**
     * Accounts for time after the guest stopped executing; a halt that nothing can end takes the vCPU down, as in Xen.
     */
    public void afterRun() {
        if (cpu.activity() == Activity.WAIT_FOR_SIPI && !held) {
            // an INIT message
            changeRunstate(Runstate.OFFLINE);
        } else if (cpu.activity() == Activity.HALTED) {
            if (wait == Wait.NONE && !cpu.systemFlag(Flags.IF) && !cpu.nmiPending()) {
                takeDown();
            } else {
                changeRunstate(Runstate.BLOCKED);
            }
        }
    }

    // ---- waiting ----

    /** SCHEDOP_block: gives the processor up until an event or interrupt. */
    public void block() {
        container.beforeBlock();
        if (info != null && info.upcallPending() || cpu.apic().pending() || cpu.nmiPending()) {
            return;
        }
        wait = Wait.BLOCK;
        setActivity(Activity.HALTED);
    }

    /**
     * SCHEDOP_poll: waits for an event.
     *
     * @param port the only port waited for, or 0 for any
     * @param timeout absolute system time, 0 for none
     */
    public void poll(int port, long timeout) {
        wait = Wait.POLL;
        pollPort = port;
        if (timeout != 0) {
            pollTimer.arm(Math.max(timeout, 0));
        }
        setActivity(Activity.HALTED);
    }

    /** Ends a wait in a hypercall. */
    public void wake() {
        if (wait != Wait.NONE) {
            wait = Wait.NONE;
            pollTimer.cancel();
            if (activity() == Activity.HALTED) {
                setActivity(Activity.RUNNING);
            }
        }
    }

    @Override
    public void pollWake(int port) {
        if (wait == Wait.POLL && (pollPort == 0 || pollPort == port)) {
            wake();
        }
    }

    // ---- events ----

    @Override
    public VcpuInfo info() {
        return info;
    }

    public boolean infoRegistered() {
        return infoRegistered;
    }

    /**
     * VCPUOP_register_vcpu_info with a page from {@link Domain#borrow}: everything is marked pending, so that nothing
     * gets lost.
     */
    public void registerInfo(SharedPage page, int offset) {
        VcpuInfo fresh = new VcpuInfo(page, offset, domain.sharedInfo());
        if (info != null) {
            fresh.copyFrom(info);
        }
        info = fresh;
        infoRegistered = true;
        updateTime();
        info.setUpcallPending(true);
        info.setAllSelectors();
        upcall();
    }

    /** Vector that the guest chose with HVMOP_set_evtchn_upcall_vector, or 0. */
    public int upcallVector() {
        return upcallVector;
    }

    public void setUpcallVector(int vector) {
        upcallVector = vector;
        container.upcall();
    }

    @Override
    public void upcall() {
        wake();
        container.upcall();
    }

    // ---- time and runstate ----

    /** Refreshes vcpu_time_info, so that the guest's extrapolation starts from now. */
    public void updateTime() {
        seenTscOffset = cpu.field(CpuState.TSC_OFFSET);
        TimeInfo t = TimeInfo.now(cpu, domain.host().tscScale());
        if (info != null) {
            info.setTime(t);
        }
        if (timeArea != 0) {
            access.tryCopyOut(timeArea, t.bytes(2), TimeInfo.SIZE);
        }
    }

    /** VCPUOP_register_vcpu_time_memory_area, a guest-virtual address; 0 for none. */
    public void setTimeArea(long gva) {
        timeArea = gva;
        updateTime();
    }

    /** VCPUOP_register_runstate_memory_area, a guest-virtual address; 0 for none. */
    public void setRunstateArea(long gva) {
        runstateArea = gva;
        storeRunstate();
    }

    private void changeRunstate(int to) {
        if (runstate.state() != to) {
            runstate.change(to, now());
            storeRunstate();
        }
    }

    private void storeRunstate() {
        if (runstateArea != 0) {
            byte[] b = runstate.storedBytes(domain.sharedInfo().abi());
            access.tryCopyOut(runstateArea, b, b.length);
        }
    }

    void releasePages() {
        timers.stop();
        pollTimer.cancel();
        if (infoRegistered) {
            domain.release(info.page());
            infoRegistered = false;
        }
        info = null;
    }

    @Override
    public void close() {
        container.release();
        cpu.close();
    }
}
