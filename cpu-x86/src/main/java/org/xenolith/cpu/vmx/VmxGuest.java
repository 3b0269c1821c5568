package org.xenolith.cpu.vmx;

import java.util.Map;
import java.util.TreeMap;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.virt.EventInfo;
import org.xenolith.cpu.virt.GuestMode;
import org.xenolith.time.Timers;

/** VMX non-root operation: events, exits and what is due between instructions (SDM vol. 3, chapters 26 to 28). */
final class VmxGuest implements GuestMode {
    /** Activity states of a VMCS. */
    private static final int ACTIVE = 0;
    private static final int HLT = 1;
    private static final int WAIT_FOR_SIPI = 3;
    private static final int NO_VECTOR = -1;
    /** In the exit's event or qualification: IRET had ended the blocking of NMIs (28.2.3). */
    private static final int NMI_UNBLOCKING = 1 << 12;
    private static final int ENTRY_FAILURE = 1 << 31;
    /** Indicators of a VMX abort (28.7). */
    private static final int ABORT_STORE = 1;
    private static final int ABORT_PDPTE = 2;
    private static final int ABORT_LOAD = 4;

    private final Cpu cpu;
    private final Vmx vmx;
    private final EntryState s;
    private final Transition transition;
    private final VirtualApic apic;
    private final Ept ept;
    private final Intercepts intercepts;
    private final PreemptionTimer timer;

    private long hostTscOffset;
    private int activity;
    private int wokenFrom;
    private boolean entered;
    private long inject;
    private int injectLength;
    /** The event that the entry has injected. */
    private long injected;
    private boolean injecting;
    private long entryRetired;
    private boolean trap;
    private boolean belowThreshold;
    private int sipi = NO_VECTOR;
    private boolean emulating;
    private long emulatedRip;

    /** Of the exit that is being made. */
    private final long[] counts = new long[ExitReason.NUMBERS];
    private final ExitCause cause = new ExitCause();

    VmxGuest(Cpu cpu, Vmx vmx, EntryState state, Timers timers) {
        this.cpu = cpu;
        this.vmx = vmx;
        this.s = state;
        this.transition = new Transition(cpu, state, vmx.memory());
        this.apic = new VirtualApic(cpu, this, state, vmx.memory());
        this.ept = new Ept(cpu, this, apic);
        this.intercepts = new Intercepts(cpu, this, state, apic, vmx.memory());
        this.timer = new PreemptionTimer(cpu, timers);
    }

    void reset() {
        timer.stop();
        if (cpu.guestMode() == this) {
            cpu.setGuestMode(null);
            cpu.setStepping(false);
            cpu.mmu().switchSpace(null, 0, false);
        }
        wokenFrom = ACTIVE;
        activity = ACTIVE;
        emulating = false;
    }

    // ---- entry ----

    /** Loads the guest and enters it; false when an MSR could not be loaded. */
    boolean enter() {
        boolean java = cpu.root() != null;
        int from = cpu.mmu().pcid();
        if (!java) {
            hostTscOffset = cpu.field(CpuState.TSC_OFFSET);
        }
        intercepts.configure();
        boolean apicPage = s.proc2(Controls.APIC_ACCESSES);
        ept.configure(s.proc2(Controls.EPT), s.v.get(Field.EPTP), apicPage ? s.v.get(Field.APIC_ACCESS) : -1);
        if (!java) {
            transition.loadGuest();
        }
        if (!java && s.proc(Controls.USE_TSC_OFFSET)) {
            cpu.setField(CpuState.TSC_OFFSET, hostTscOffset + s.v.get(Field.TSC_OFFSET));
        }
        boolean vpid = s.proc2(Controls.VPID);
        boolean second = s.proc2(Controls.EPT) || apicPage;
        cpu.setGuestMode(this);
        cpu.mmu().switchSpace(second ? ept : null, space(), from, vpid || java, vpid || java);
        apic.load();
        int bad = transition.loadMsrs(Field.ENTRY_MSR_LOAD, Field.ENTRY_MSR_LOAD_COUNT);
        if (bad != 0) {
            vmx.report("entry " + bad + " of the VM-entry MSR-load area can be loaded (SDM vol. 3, 27.4)");
            entryFailed(ExitReason.MSR_LOAD, bad);
            return false;
        }
        s.v.setLaunched(true);
        inject = s.injects() ? s.event() & 0xffff_ffffL | s.v.get(Field.ENTRY_ERROR) << 32 : 0;
        injectLength = s.v.get32bits(Field.ENTRY_LENGTH) & 15;
        s.v.put(Field.ENTRY_EVENT, s.event() & 0x7fff_ffffL);
        activity = s.activity();
        if (inject != 0 && EventInfo.type(inject) != EntryChecks.OTHER_EVENT) {
            activity = ACTIVE;
            if (EventInfo.type(inject) < EventInfo.SOFTWARE) {
                cpu.debug().drop();
            }
        }
        wokenFrom = ACTIVE;
        entered = true;
        injected = 0;
        trap = false;
        belowThreshold = false;
        apic.checkThreshold();
        if (s.pin(Controls.PIN_TIMER)) {
            timer.start(s.v.get(Field.PREEMPTION_TIMER) & 0xffff_ffffL);
        }
        cpu.setStepping(s.proc(Controls.MTF) || emulating);
        cpu.setActivity(activity == ACTIVE ? Cpu.Activity.RUNNING : Cpu.Activity.HALTED);
        return true;
    }

    /** The number under which the TLB keeps this guest's translations: EPT root and VPID. */
    private long space() {
        long vpid = s.proc2(Controls.VPID) ? s.v.get(Field.VPID) & 0xffff : 0;
        return s.proc2(Controls.EPT) ? ept.pointer() >>> 12 << 16 | vpid : vpid;
    }

    /** EPTP switching: another root, at once. */
    void switchEptp(long eptp) {
        s.v.put(Field.EPTP, eptp);
        boolean apicPage = s.proc2(Controls.APIC_ACCESSES);
        ept.configure(true, eptp, apicPage ? s.v.get(Field.APIC_ACCESS) : -1);
        boolean vpid = s.proc2(Controls.VPID);
        cpu.mmu().switchSpace(ept, space(), cpu.mmu().pcid(), vpid, vpid);
    }

    // ---- exits ----

    /** An entry that failed after the host-state checks: the guest's state in the VMCS stays. */
    void entryFailed(ExitReason why, long exitQualification) {
        s.v.put(Field.EXIT_REASON, why.number | ENTRY_FAILURE & 0xffff_ffffL);
        s.v.put(Field.QUALIFICATION, exitQualification);
        cause.reason = why;
        cause.qualification = exitQualification;
        if (cpu.root() == null) {
            toHost(cpu.guestMode() == this);
        } else {
            cpu.setGuestMode(null);
        }
    }

    /** An exit at an instruction boundary, with RIP as it is. */
    void leave(ExitReason why, long exitQualification) {
        note(why, exitQualification);
        complete();
    }

    /** An exit that an instruction causes, which RIP is past. */
    void leaveAt(Insn i, ExitReason why, long exitQualification, int exitInfo) {
        note(why, exitQualification);
        cause.length = i.length();
        cause.info = exitInfo;
        cpu.setRip(cpu.rip() - cause.length);
        complete();
    }

    /** As {@link #leaveAt}, in the middle of the instruction's work. */
    RuntimeException leaveAmid(Insn i, ExitReason why, long exitQualification, int exitInfo, long linearAddress) {
        note(why, exitQualification);
        cause.length = i.length();
        cause.info = exitInfo;
        cause.linear = linearAddress;
        throw cpu.vmExit();
    }

    private void note(ExitReason why, long exitQualification) {
        cause.begin(why, exitQualification);
    }

    RuntimeException violation(long exitQualification, long gpaWanted, long va, int wanted) {
        note(ExitReason.EPT_VIOLATION, exitQualification);
        cause.gpa = gpaWanted;
        cause.linear = va;
        cause.access = wanted;
        throw cpu.vmExit();
    }

    RuntimeException misconfiguration(long gpaWanted, long va) {
        note(ExitReason.EPT_MISCONFIG, 0);
        cause.gpa = gpaWanted;
        cause.linear = va;
        throw cpu.vmExit();
    }

    /** Whether the APIC-access page has virtual registers at all. */
    boolean virtualizesApicPage() {
        return s.proc(Controls.TPR_SHADOW);
    }

    /** An access to the APIC-access page that is not virtualized. */
    RuntimeException apicAccessExit(int offset, int wanted, long va, boolean table) {
        note(ExitReason.APIC_ACCESS, offset | (table ? 15L : wanted) << 12);
        cause.linear = va;
        throw cpu.vmExit();
    }

    void tprBelowThreshold() {
        belowThreshold = true;
        cpu.requestAttention();
    }

    @Override
    public void exit(Cpu c, long during) {
        if (c.nmiUnblocking()) {
            c.setNmiUnblocking(false);
            if (during == 0 && cause.reason == ExitReason.EPT_VIOLATION) {
                cause.qualification |= NMI_UNBLOCKING;
            }
        }
        if (during != 0) {
            cause.vectoring = during;
            if (cause.reason == ExitReason.APIC_ACCESS) {
                cause.qualification = cause.qualification & 0xfff | 3L << 12;
            }
            cause.length = softwareLength(during);
        }
        if (cause.ripPast != 0) {
            cause.length = (int) (cause.ripPast - c.rip()) & 15;
        }
        complete();
    }

    /** Length of the instruction that made an event, or 0 for an event of another kind. */
    private int softwareLength(long what) {
        if (EventInfo.type(what) < EventInfo.SOFTWARE) {
            return 0;
        }
        return what == injected ? injectLength : EventInfo.type(what) == EventInfo.SOFTWARE ? 2 : 1;
    }

    private void complete() {
        injecting = false;
        counts[cause.reason.number]++;
        Vmcs v = s.v;
        cause.store(v);
        if (cause.resumes()) {
            cpu.setSystemFlags(cpu.systemFlags() | Flags.RF);
        }
        cpu.debug().suppressStep();
        emulating = false;
        ept.setForgiving(false);
        restoreShadow();
        transition.saveGuest();
        v.put(Field.ACTIVITY, cpu.activity() == Cpu.Activity.HALTED ? activity == ACTIVE ? HLT : activity : wokenFrom);
        apic.save();
        if (s.exit(Controls.EXIT_SAVE_TIMER)) {
            v.put(Field.PREEMPTION_TIMER, timer.left());
        }
        timer.stop();
        wokenFrom = ACTIVE;
        activity = ACTIVE;
        cpu.setStepping(false);
        if (cpu.root() != null) {
            cpu.setGuestMode(null);
            cpu.setActivity(Cpu.Activity.RUNNING);
            cpu.root().exited(cpu);
            return;
        }
        if (!transition.storeMsrs()) {
            abort(ABORT_STORE);
            return;
        }
        toHost(true);
    }

    /** The instruction that exits is still to be executed, in the shadow in which it began. */
    private void restoreShadow() {
        if (cpu.startedShadow() == 2) {
            cpu.setStackShadow();
        } else if (cpu.startedShadow() == 1) {
            cpu.setInterruptShadow(true);
        }
    }

    private void toHost(boolean fromGuest) {
        int from = cpu.mmu().pcid();
        boolean nmi = cause.nmi();
        transition.loadHost();
        if (fromGuest) {
            cpu.setField(CpuState.TSC_OFFSET, hostTscOffset);
            boolean vpid = s.proc2(Controls.VPID);
            cpu.setGuestMode(null);
            cpu.mmu().switchSpace(null, 0, from, vpid, vpid);
        } else {
            cpu.updateMode();
            cpu.mmu().flushAll();
        }
        cpu.setNmiBlocked(nmi);
        cpu.setActivity(Cpu.Activity.RUNNING);
        if (!transition.loadHostPdptes()) {
            abort(ABORT_PDPTE);
        } else if (transition.loadMsrs(Field.EXIT_MSR_LOAD, Field.EXIT_MSR_LOAD_COUNT) != 0) {
            abort(ABORT_LOAD);
        }
    }

    /** VMX abort: the CPU shuts down (28.7). */
    private void abort(int indicator) {
        s.v.setAbort(indicator);
        cpu.environment().unimplemented(cpu, "vmx:abort" + indicator);
        if (cpu.guestMode() == this) {
            cpu.setGuestMode(null);
            cpu.mmu().switchSpace(null, 0, false);
        }
        cpu.setActivity(Cpu.Activity.SHUTDOWN);
        cpu.environment().shutdown(cpu);
    }

    // ---- instructions ----

    @Override
    public boolean instruction(Cpu c, Insn i) {
        return emulating || intercepts.instruction(i);
    }

    @Override
    public boolean interceptsOften() {
        return intercepts.often();
    }

    @Override
    public boolean port(Cpu c, Insn i, int port, int bytes, boolean in) {
        return emulating || intercepts.port(i, port, bytes, in);
    }

    @Override
    public long readCr(Cpu c, int number, long value) {
        return intercepts.readCr(number, value);
    }

    @Override
    public long writeCr(Cpu c, int number, long value) {
        return intercepts.writeCr(number, value);
    }

    @Override
    public boolean writeTpr(Cpu c, long value) {
        if (!s.proc(Controls.TPR_SHADOW)) {
            return false;
        }
        if ((value & ~15L) != 0) {
            throw c.gp0();
        }
        apic.setTpr((int) value << 4);
        return true;
    }

    @Override
    public void taskSwitch(Cpu c, int selector, TaskSwitchSource source, boolean hasError, int error) {
        if (c.root() != null) {
            // the CPU does it as well as its hypervisor would
            return;
        }
        note(ExitReason.TASK_SWITCH, selector & 0xffff | (long) source.ordinal() << 30);
        if (source != TaskSwitchSource.GATE) {
            cause.ripPast = c.rip();
        }
        throw c.vmExit();
    }

    // ---- events ----

    @Override
    public boolean event(Cpu c, long what, long during) {
        if (injecting) {
            injecting = false;
            return false;
        }
        int vector = EventInfo.vector(what);
        int type = EventInfo.type(what);
        boolean unblocking = c.nmiUnblocking();
        c.setNmiUnblocking(false);
        boolean exits = (s.v.get32bits(Field.EXCEPTIONS) >>> vector & 1) != 0;
        if (vector == Vector.PF) {
            exits ^= (EventInfo.error(what) & s.v.get32bits(Field.PF_MASK)) != s.v.get32bits(Field.PF_MATCH);
        }
        if (vector > 31 || !exits) {
            return false;
        }
        long q = 0;
        if (vector == Vector.PF) {
            q = c.field(CpuState.CR2);
            c.restoreCr2();
        } else if (vector == Vector.DB && type == EventInfo.EXCEPTION) {
            q = c.debug().takeCause();
        }
        note(ExitReason.EXCEPTION_NMI, q);
        cause.event = unblocking && during == 0 ? what | NMI_UNBLOCKING : what;
        cause.vectoring = vector == Vector.DF ? 0 : during;
        cause.length = softwareLength(cause.vectoring);
        if (type >= EventInfo.PRIVILEGED_SOFTWARE) {
            cause.length = 1;
            c.setRip(c.rip() - 1);
        }
        complete();
        return true;
    }

    @Override
    public boolean tripleFault(Cpu c) {
        leave(ExitReason.TRIPLE_FAULT, 0);
        return true;
    }

    /** INIT has come. */
    void wake() {
        cpu.requestAttention();
    }

    void startUp(int vector) {
        if (activity == WAIT_FOR_SIPI && cpu.activity() == Cpu.Activity.HALTED) {
            sipi = vector;
            cpu.requestAttention();
        }
    }

    private boolean interruptPending() {
        return cpu.root() != null
                ? cpu.root().interrupts(cpu)
                : cpu.environment().hasExternalInterrupt(cpu) || cpu.apic().pending();
    }

    @Override
    public boolean wakes(Cpu c) {
        int state = activity == ACTIVE ? HLT : activity;
        boolean wakes = vmx.initPending();
        if (state == WAIT_FOR_SIPI) {
            wakes |= sipi != NO_VECTOR;
        } else {
            wakes |= timer.expired() || c.nmiPending() && (s.pin(Controls.PIN_NMI) || !c.nmiBlocked()) || trap
                    || s.proc(Controls.NMI_WINDOW) && !c.nmiBlocked();
            boolean in = c.systemFlag(Flags.IF);
            boolean pending = s.pin(Controls.PIN_EXTERNAL) && interruptPending();
            if (state == HLT) {
                boolean direct = !s.pin(Controls.PIN_EXTERNAL) || c.root() != null;
                wakes |= pending || s.proc(Controls.MTF) && entered || c.debug().pending() || belowThreshold
                        || in && (s.proc(Controls.INTERRUPT_WINDOW)
                                || s.proc2(Controls.VIRTUAL_INTERRUPTS) && apic.pending()
                                || direct && (c.environment().hasExternalInterrupt(c) || c.apic().pending()));
            } else {
                wakes |= pending;
            }
        }
        if (wakes) {
            wokenFrom = state;
            activity = ACTIVE;
        }
        return wakes;
    }

    @Override
    public boolean awaitsInterruptFlag(Cpu c) {
        return s.proc(Controls.INTERRUPT_WINDOW) || s.proc2(Controls.VIRTUAL_INTERRUPTS) && apic.pending()
                || (!s.pin(Controls.PIN_EXTERNAL) || c.root() != null)
                        && (c.environment().hasExternalInterrupt(c) || c.apic().pending());
    }

    @Override
    public boolean boundary(Cpu c) {
        if (due(c)) {
            return true;
        }
        wokenFrom = ACTIVE;
        return false;
    }

    private boolean due(Cpu c) {
        if (entered) {
            entered = false;
            entryRetired = c.retired();
            emulatedRip = c.rip();
            if (inject != 0) {
                injectEvent(c);
                return true;
            }
        }
        if (vmx.initPending()) {
            vmx.takeInit();
            leave(ExitReason.INIT, 0);
            return true;
        }
        if (sipi != NO_VECTOR) {
            int vector = sipi;
            sipi = NO_VECTOR;
            leave(ExitReason.SIPI, vector);
            return true;
        }
        if (apic.writePending() && apic.afterWrite()) {
            return true;
        }
        if (belowThreshold) {
            belowThreshold = false;
            leave(ExitReason.TPR_BELOW_THRESHOLD, 0);
            return true;
        }
        if (trap || s.proc(Controls.MTF) && c.retired() != entryRetired) {
            trap = false;
            leave(ExitReason.MTF, 0);
            return true;
        }
        if (emulating && c.retired() != entryRetired && c.rip() != emulatedRip) {
            endEmulation();
        }
        if (c.debug().pending() && !c.stackShadow()) {
            c.debug().deliver();
            return true;
        }
        if (timer.expired()) {
            leave(ExitReason.PREEMPTION_TIMER, 0);
            return true;
        }
        return !emulating && interrupts(c);
    }

    /** NMIs, interrupts and their windows. */
    private boolean interrupts(Cpu c) {
        if (!c.stackShadow()) {
            if (s.proc(Controls.NMI_WINDOW) && !c.nmiBlocked()) {
                leave(ExitReason.NMI_WINDOW, 0);
                return true;
            }
            if (c.nmiPending() && s.pin(Controls.PIN_NMI)) {
                c.setNmiPending(false);
                note(ExitReason.EXCEPTION_NMI, 0);
                cause.event = EventInfo.VALID | EventInfo.NMI << 8 | Vector.NMI;
                complete();
                return true;
            }
        }
        if (c.interruptShadow()) {
            return false;
        }
        if (s.proc(Controls.INTERRUPT_WINDOW) && c.systemFlag(Flags.IF)) {
            leave(ExitReason.INTERRUPT_WINDOW, 0);
            return true;
        }
        if (s.pin(Controls.PIN_EXTERNAL) && interruptPending()) {
            return externalInterrupt(c);
        }
        if (s.proc2(Controls.VIRTUAL_INTERRUPTS) && apic.pending() && c.systemFlag(Flags.IF)) {
            apic.deliver();
            return true;
        }
        return false;
    }

    private boolean externalInterrupt(Cpu c) {
        int vector = NO_VECTOR;
        if (s.exit(Controls.EXIT_ACKNOWLEDGE) && c.root() == null) {
            boolean local = !c.environment().hasExternalInterrupt(c);
            vector = local ? c.apic().acknowledge() : c.environment().externalInterrupt(c);
            if (vector < 0) {
                return false;
            }
            if (local && s.pin(Controls.PIN_POSTED) && vector == (s.v.get32bits(Field.POSTED_VECTOR) & 0xff)) {
                c.apic().endOfInterrupt();
                apic.posted();
                return true;
            }
        }
        note(ExitReason.EXTERNAL_INTERRUPT, 0);
        cause.event = vector < 0 ? 0 : EventInfo.VALID | vector;
        complete();
        return true;
    }

    /** Delivers the event of the entry (27.6.1). */
    private void injectEvent(Cpu c) {
        long what = inject;
        inject = 0;
        injected = what;
        int type = EventInfo.type(what);
        int vector = EventInfo.vector(what);
        if (type == EntryChecks.OTHER_EVENT) {
            trap = true;
            c.requestAttention();
            return;
        }
        Exceptions.Source source = EventInfo.source(what);
        long dr7 = c.field(CpuState.DR + 7 * 8);
        if (type < EventInfo.SOFTWARE) {
            if (type == EventInfo.NMI) {
                c.setNmiBlocked(true);
            }
            injecting = type == EventInfo.EXCEPTION;
            Exceptions.deliver(c, vector, source, EventInfo.hasError(what), EventInfo.error(what));
        } else {
            long rip = c.rip();
            c.setRip(rip + injectLength);
            injecting = true;
            try {
                Exceptions.software(c, vector, source);
            } catch (GuestFault _) {
                c.setRip(rip);
                if (c.faultVector() == Vector.VM_EXIT) {
                    exit(c, c.takeVectoring());
                } else {
                    injecting = false;
                    Exceptions.deliver(c, c.faultVector(), Exceptions.Source.EXCEPTION, c.faultHasError(),
                            c.faultError());
                }
            }
        }
        injecting = false;
        if (vector == Vector.DB && c.guestMode() == this && type == EventInfo.EXCEPTION) {
            c.setField(CpuState.DR + 7 * 8, dr7);
        }
    }

    // ---- for a hypervisor that is no guest code ----

    /** The next entry emulates one instruction. */
    void emulate() {
        emulating = true;
        ept.setForgiving(true);
    }

    private void endEmulation() {
        emulating = false;
        ept.setForgiving(false);
        cpu.setStepping(s.proc(Controls.MTF));
    }

    boolean injectionPending() {
        return cpu.guestMode() == this && inject != 0;
    }

    /** Exits so far by reason, in lower case. */
    Map<String, Long> counts() {
        Map<String, Long> all = new TreeMap<>();
        for (ExitReason r : ExitReason.values()) {
            if (counts[r.number] != 0) {
                all.put(r.label, counts[r.number]);
            }
        }
        return all;
    }

    Transition transition() {
        return transition;
    }

    ExitReason reason() {
        return cause.reason;
    }

    int access() {
        return cause.access;
    }

    Intercepts intercepts() {
        return intercepts;
    }
}
