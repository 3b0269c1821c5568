package org.xenolith.cpu.svm;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.virt.EventInfo;
import org.xenolith.cpu.virt.GuestMode;
import org.xenolith.memory.RawMemory;

/** A guest of VMRUN: events, exits and what is due between instructions (APM vol. 2, 15.5 to 15.8, 15.20, 15.21). */
final class SvmGuest implements GuestMode {
    private static final int DR6_BS = 1 << 14;
    private static final long DR7_GD = 1 << 13;
    private static final int MOST_BYTES = 15;

    private final Cpu cpu;
    private final Svm svm;
    private final Vmcb v = new Vmcb();
    private final Vmcb host = new Vmcb();
    private final NestedTables tables;
    private final SvmIntercepts intercepts;

    private long hostTscOffset;
    private long tscOffset;
    private long hostPat;
    private boolean hostInterrupts;
    /** VMRUN was single-stepped, to its end behind the exit. */
    private boolean hostSteps;
    private boolean nested;
    private long space;
    /** V_TPR and what else the VMCB says of the virtual interrupt. */
    private long virtual;
    private long inject;
    private boolean entered;
    /** The event being delivered is one of EVENTINJ, which is not intercepted. */
    private boolean injecting;
    private int trap = ExitCode.INVALID;
    private boolean emulating;
    private long entryRetired;
    private long emulatedRip;

    /** Of the exit that is being made. */
    private int code;
    private long info1;
    private long info2;
    private long interrupted;
    private long exception;
    private long nextRip;
    private boolean fetchedBytes;
    private long linear;
    private int access;
    /** RIP behind the instruction that switches tasks. */
    private long ripPast;

    SvmGuest(Cpu cpu, Svm svm) {
        this.cpu = cpu;
        this.svm = svm;
        this.tables = new NestedTables(cpu, this);
        this.intercepts = new SvmIntercepts(cpu, svm, this, v);
    }

    /** RESET# and INIT: the CPU is in host mode. */
    void abandon() {
        if (cpu.guestMode() == this) {
            cpu.setGuestMode(null);
            cpu.setStepping(false);
            cpu.mmu().switchSpace(null, 0, false);
        }
        inject = 0;
        entered = false;
        injecting = false;
        emulating = false;
        trap = ExitCode.INVALID;
    }

    void setVmcb(long page) {
        v.setPage(page);
    }

    Vmcb vmcb() {
        return v;
    }

    /** Number under which the TLB keeps this guest's translations. */
    long space() {
        return space;
    }

    // ---- entry ----

    void saveHost(long page) {
        host.setPage(page);
        StateSave.saveHost(cpu, host);
        svm.written(host);
    }

    /** VMRUN after its checks. */
    boolean enter() {
        boolean java = cpu.root() != null;
        int from = cpu.mmu().pcid();
        hostInterrupts = cpu.systemFlag(Flags.IF);
        hostSteps = cpu.systemFlag(Flags.TF);
        nested = (v.get(Vmcb.NESTED) & Vmcb.NESTED_PAGING) != 0;
        if (java) {
            tables.configure(v.get(Vmcb.NESTED_CR3), ControlRegisters.CR4_PAE,
                    ControlRegisters.EFER_LMA | ControlRegisters.EFER_NXE);
        } else {
            tables.configure(v.get(Vmcb.NESTED_CR3), cpu.cr4(), cpu.efer());
            hostTscOffset = cpu.field(CpuState.TSC_OFFSET);
            hostPat = cpu.field(CpuState.PAT);
        }
        intercepts.configure();
        virtual = v.get(Vmcb.VIRTUAL_INTERRUPT);
        space = v.intAt(Vmcb.ASID) & 0xffff_ffffL;
        if (!java) {
            StateSave.loadGuest(cpu, v, nested);
            tscOffset = hostTscOffset + v.get(Vmcb.TSC_OFFSET);
            cpu.setField(CpuState.TSC_OFFSET, tscOffset);
            cpu.setInterruptShadow((v.get(Vmcb.SHADOW) & 1) != 0);
        }
        cpu.setStartedShadow(0);
        cpu.debug().suppressStep();
        cpu.setGuestMode(this);
        cpu.mmu().switchSpace(nested ? tables : null, space, from, true, true);
        flush(v.byteAt(Vmcb.TLB_CONTROL));
        svm.setGif(true);
        long event = v.get(Vmcb.EVENT_INJECTION);
        inject = (event & EventInfo.VALID) != 0 ? event : 0;
        entered = true;
        trap = ExitCode.INVALID;
        cpu.setStepping(emulating);
        cpu.setActivity(Cpu.Activity.RUNNING);
        return java || nested || loadPdptes();
    }

    private void flush(int control) {
        switch (control) {
            case 0 -> {
            }
            case 1 -> {
                cpu.mmu().flushAll();
                cpu.mmu().dropSpaces(any -> true);
            }
            case 7 -> cpu.mmu().flushAllNonGlobal();
            default -> cpu.mmu().flushAll();
        }
    }

    /** PAE paging without long mode: false when that has ended the entry. */
    private boolean loadPdptes() {
        boolean pae = (cpu.cr0() & ControlRegisters.CR0_PG) != 0 && (cpu.cr4() & ControlRegisters.CR4_PAE) != 0;
        if (!pae || (cpu.efer() & ControlRegisters.EFER_LMA) != 0) {
            return true;
        }
        try {
            cpu.mmu().loadPdptes(cpu.field(CpuState.CR3));
            return true;
        } catch (GuestFault _) {
            svm.report("the PDPTEs have no reserved bits (APM vol. 2, 15.5.1)");
            leave(ExitCode.INVALID, 0, 0);
            return false;
        }
    }

    /** The entry has failed a check: the host goes on behind VMRUN. */
    void entryFailed() {
        note(ExitCode.INVALID, 0, 0);
        writeControls();
        if (cpu.root() == null) {
            svm.setGif(false);
        }
    }

    // ---- exits ----

    /** An exit at an instruction boundary, with RIP as it is. */
    void leave(int why, long first, long second) {
        note(why, first, second);
        complete();
    }

    /** An exit that an instruction causes, which RIP is past. */
    void leaveAt(Insn i, int why, long first, long second) {
        note(why, first, second);
        nextRip = cpu.rip();
        cpu.setRip(nextRip - i.length());
        complete();
    }

    /** As {@link #leaveAt}, in the middle of the instruction's work. */
    RuntimeException leaveAmid(int why, long first, long second) {
        note(why, first, second);
        nextRip = cpu.rip();
        throw cpu.vmExit();
    }

    private void note(int why, long first, long second) {
        code = why;
        info1 = first;
        info2 = second;
        interrupted = 0;
        exception = 0;
        nextRip = 0;
        fetchedBytes = false;
        linear = 0;
        ripPast = 0;
    }

    RuntimeException nestedFault(long error, long gpa, long va, int wanted) {
        note(ExitCode.NPF, error, gpa);
        linear = va;
        access = wanted;
        fetchedBytes = wanted != NestedTables.FETCH;
        throw cpu.vmExit();
    }

    /** An exit with a code follows the instruction that is about to execute, unless it faults. */
    void trapAfter(int why) {
        trap = why;
        cpu.requestAttention();
    }

    @Override
    public void exit(Cpu c, long during) {
        // an event to inject that has not begun is lost to the guest as well
        interrupted = entered && inject != 0 ? inject : during;
        if (ripPast != 0 && (during == 0 || EventInfo.type(during) == EventInfo.SOFTWARE)) {
            nextRip = ripPast;
        }
        complete();
    }

    /** SVM has one type for all exceptions. */
    private static long eventOf(long event) {
        boolean exception = EventInfo.type(event) > EventInfo.SOFTWARE;
        return exception ? event & ~0x700L | EventInfo.EXCEPTION << 8 : event;
    }

    private void complete() {
        cpu.debug().suppressStep();
        if (cpu.startedShadow() != 0) {
            // the instruction that exits is still to be executed, in the shadow in which it began
            cpu.setInterruptShadow(true);
        }
        writeControls();
        v.put(Vmcb.EVENT_INJECTION, v.get(Vmcb.EVENT_INJECTION) & ~EventInfo.VALID);
        v.put(Vmcb.SHADOW, (cpu.interruptShadow() ? 1 : 0) | (cpu.systemFlag(Flags.IF) ? 2 : 0));
        v.put(Vmcb.VIRTUAL_INTERRUPT, virtual);
        StateSave.saveGuest(cpu, v, nested);
        injecting = false;
        inject = 0;
        entered = false;
        trap = ExitCode.INVALID;
        emulating = false;
        tables.setForgiving(false);
        cpu.setStepping(false);
        svm.written(v);
        if (cpu.root() != null) {
            v.put(Vmcb.EFER, v.get(Vmcb.EFER) | ControlRegisters.EFER_SVME);
            cpu.setGuestMode(null);
            cpu.setActivity(Cpu.Activity.RUNNING);
            cpu.root().exited(cpu);
        } else {
            toHost();
        }
    }

    private void writeControls() {
        v.put(Vmcb.EXIT_CODE, code);
        v.put(Vmcb.EXIT_INFO_1, info1);
        v.put(Vmcb.EXIT_INFO_2, info2);
        v.put(Vmcb.EXIT_INT_INFO, eventOf(interrupted));
        v.put(Vmcb.NEXT_RIP, nextRip);
        v.putByte(Vmcb.FETCHED, fetchedBytes ? fetchBytes() : 0);
    }

    /** Decode assist: the bytes of the instruction into the VMCB, as many as can be read; returns their number. */
    private int fetchBytes() {
        long rip = cpu.code64() ? cpu.rip() : cpu.rip() + cpu.segmentBase(CpuState.CS) & 0xffff_ffffL;
        for (int n = 0; n < MOST_BYTES; n++) {
            long at = cpu.mmu().peekRam(rip + n, false);
            if (at == 0 || at == -1) {
                return n;
            }
            v.putByte(Vmcb.FETCHED + 1 + n, RawMemory.get8(at));
        }
        return MOST_BYTES;
    }

    private void toHost() {
        int from = cpu.mmu().pcid();
        svm.setGif(false);
        StateSave.loadHost(cpu, host);
        cpu.setField(CpuState.TSC_OFFSET, hostTscOffset + cpu.field(CpuState.TSC_OFFSET) - tscOffset);
        if (nested) {
            cpu.setField(CpuState.PAT, hostPat);
        }
        cpu.setInterruptShadow(false);
        cpu.setGuestMode(null);
        cpu.mmu().switchSpace(null, 0, from, true, true);
        cpu.setActivity(Cpu.Activity.RUNNING);
        if (hostSteps) {
            cpu.debug().pend(DR6_BS);
        }
        boolean pae = (cpu.cr0() & ControlRegisters.CR0_PG) != 0 && (cpu.cr4() & ControlRegisters.CR4_PAE) != 0;
        if (pae && !cpu.longMode()) {
            try {
                cpu.mmu().loadPdptes(cpu.field(CpuState.CR3));
            } catch (GuestFault _) {
                // the host's state is not consistent (15.6)
                cpu.setActivity(Cpu.Activity.SHUTDOWN);
                cpu.environment().shutdown(cpu);
            }
        }
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

    private boolean masking() {
        return (virtual & Vmcb.V_MASKING) != 0;
    }

    @Override
    public long tscOffset(Cpu c) {
        return c.root() == null ? tscOffset - hostTscOffset : 0;
    }

    @Override
    public long readCr(Cpu c, int number, long value) {
        return number == 8 && masking() ? virtual & 15 : value;
    }

    @Override
    public long writeCr(Cpu c, int number, long value) {
        return value;
    }

    @Override
    public boolean writeTpr(Cpu c, long value) {
        if ((value & ~15L) != 0) {
            throw c.gp0();
        }
        if (c.root() != null) {
            return false;
        }
        virtual = virtual & ~Vmcb.V_TPR | value;
        c.requestAttention();
        return masking();
    }

    @Override
    public void taskSwitch(Cpu c, int selector, TaskSwitchSource source, boolean hasError, int error) {
        if (!intercepts.on(ExitCode.TASK_SWITCH)) {
            return;
        }
        long second = switch (source) {
            case IRET -> 1L << 36;
            case JMP -> 1L << 38;
            default -> 0;
        };
        second |= (hasError ? 1L << 44 | error & 0xffff_ffffL : 0) | (c.systemFlag(Flags.RF) ? 1L << 48 : 0);
        note(ExitCode.TASK_SWITCH, selector & 0xffff, second);
        ripPast = c.rip();
        throw c.vmExit();
    }

    // ---- events ----

    @Override
    public boolean event(Cpu c, long what, long during) {
        trap = ExitCode.INVALID;
        if (injecting) {
            injecting = false;
            return false;
        }
        int vector = EventInfo.vector(what);
        if (vector > 31 || !intercepts.on(ExitCode.EXCEPTION + vector)) {
            return false;
        }
        note(ExitCode.EXCEPTION + vector, EventInfo.hasError(what) ? EventInfo.error(what) & 0xffff_ffffL : 0, 0);
        exception = what;
        if (vector == Vector.PF) {
            info2 = c.field(CpuState.CR2);
            c.restoreCr2();
            fetchedBytes = (info1 & NestedTables.ERROR_FETCH) == 0;
        } else if (vector == Vector.DB) {
            c.setField(CpuState.DR + 7 * 8, c.field(CpuState.DR + 7 * 8) & ~DR7_GD);
        }
        if (EventInfo.type(what) >= EventInfo.PRIVILEGED_SOFTWARE) {
            nextRip = c.rip();
            c.setRip(nextRip - 1);
        }
        interrupted = during;
        complete();
        return true;
    }

    @Override
    public boolean tripleFault(Cpu c) {
        if (!intercepts.on(ExitCode.SHUTDOWN)) {
            return false;
        }
        leave(ExitCode.SHUTDOWN, 0, 0);
        return true;
    }

    private boolean physicalPending() {
        return cpu.environment().hasExternalInterrupt(cpu) || cpu.apic().pending();
    }

    /** RFLAGS.IF, of the host where it masks interrupts for itself. */
    private boolean physicalOpen() {
        return masking() ? hostInterrupts : cpu.systemFlag(Flags.IF) && !cpu.interruptShadow();
    }

    private boolean virtualPending() {
        return (virtual & Vmcb.V_IRQ) != 0 && ((virtual & Vmcb.V_IGNORE_TPR) != 0
                || (virtual >>> Vmcb.V_PRIORITY_SHIFT & 15) > (virtual & 15));
    }

    @Override
    public boolean wakes(Cpu c) {
        if (svm.initPending() || entered || trap != ExitCode.INVALID || c.debug().pending()) {
            return true;
        }
        boolean in = c.systemFlag(Flags.IF);
        boolean physical = c.root() != null
                ? c.root().interrupts(c) || in && physicalPending()
                : physicalPending() && physicalOpen();
        return svm.gif() && (c.nmiPending() && !c.nmiBlocked() || physical || in && virtualPending());
    }

    @Override
    public boolean awaitsInterruptFlag(Cpu c) {
        return virtualPending() || physicalPending() && (c.root() != null || !masking());
    }

    @Override
    public boolean takesInterrupts(Cpu c) {
        return c.root() != null;
    }

    @Override
    public boolean boundary(Cpu c) {
        if (entered) {
            entered = false;
            entryRetired = c.retired();
            emulatedRip = c.rip();
            if (inject != 0) {
                injectEvent(c);
                return true;
            }
        }
        if (trap != ExitCode.INVALID) {
            leave(trap, intercepts.written(trap), 0);
            return true;
        }
        if (emulating && c.retired() != entryRetired && c.rip() != emulatedRip) {
            emulating = false;
            tables.setForgiving(false);
            c.setStepping(false);
        }
        if (c.debug().pending() && !c.stackShadow()) {
            c.debug().deliver();
            return true;
        }
        return !emulating && svm.gif() && interrupts(c);
    }

    private boolean interrupts(Cpu c) {
        if (svm.initPending()) {
            if (intercepts.on(ExitCode.INIT)) {
                leave(ExitCode.INIT, 0, 0);
            } else {
                svm.takeInit();
            }
            return true;
        }
        if (c.nmiPending() && !c.nmiBlocked() && intercepts.on(ExitCode.NMI)) {
            leave(ExitCode.NMI, 0, 0);
            return true;
        }
        if (c.root() != null) {
            if (c.root().interrupts(c)) {
                leave(ExitCode.INTR, 0, 0);
                return true;
            }
        } else if (physicalPending() && physicalOpen()) {
            if (intercepts.on(ExitCode.INTR)) {
                leave(ExitCode.INTR, 0, 0);
                return true;
            }
            if (!c.interruptShadow()) {
                boolean external = c.environment().hasExternalInterrupt(c);
                int vector = external ? c.environment().externalInterrupt(c) : c.apic().acknowledge();
                if (vector >= 0) {
                    Exceptions.deliver(c, vector, Exceptions.Source.EXTERNAL, false, 0);
                    return true;
                }
            }
        }
        if (virtualPending() && c.systemFlag(Flags.IF) && !c.interruptShadow()) {
            if (intercepts.on(ExitCode.VINTR)) {
                leave(ExitCode.VINTR, 0, 0);
            } else {
                int vector = (int) (virtual >>> Vmcb.V_VECTOR_SHIFT) & 0xff;
                virtual &= ~Vmcb.V_IRQ;
                Exceptions.deliver(c, vector, Exceptions.Source.EXTERNAL, false, 0);
            }
            return true;
        }
        return false;
    }

    /** Delivers EVENTINJ; an instruction's event returns to nRIP (15.20). */
    private void injectEvent(Cpu c) {
        long what = inject;
        inject = 0;
        int type = EventInfo.type(what);
        int vector = type == EventInfo.NMI ? Vector.NMI : EventInfo.vector(what);
        boolean instruction = type == EventInfo.SOFTWARE
                || type == EventInfo.EXCEPTION && (vector == Vector.BP || vector == Vector.OF);
        long next = v.get(Vmcb.NEXT_RIP);
        long rip = c.rip();
        if (instruction && next != 0) {
            c.setRip(next);
        }
        if (instruction) {
            injecting = type == EventInfo.EXCEPTION;
            try {
                Exceptions.software(c, vector,
                        injecting ? Exceptions.Source.SOFTWARE_EXCEPTION : Exceptions.Source.SOFTWARE);
            } catch (GuestFault _) {
                injecting = false;
                c.setRip(rip);
                if (c.faultVector() == Vector.VM_EXIT) {
                    exit(c, c.takeVectoring());
                } else {
                    Exceptions.deliver(c, c.faultVector(), Exceptions.Source.EXCEPTION, c.faultHasError(),
                            c.faultError());
                }
            }
        } else {
            long dr7 = c.field(CpuState.DR + 7 * 8);
            injecting = type == EventInfo.EXCEPTION;
            Exceptions.Source source = type != EventInfo.EXCEPTION
                    ? Exceptions.Source.EXTERNAL
                    : vector == Vector.DB ? Exceptions.Source.TRAP : Exceptions.Source.EXCEPTION;
            Exceptions.deliver(c, vector, source, EventInfo.hasError(what), EventInfo.error(what));
            if (vector == Vector.DB && c.guestMode() == this) {
                c.setField(CpuState.DR + 7 * 8, dr7);
            }
        }
        injecting = false;
    }

    // ---- for a hypervisor that is no guest code ----

    /** The next entry emulates one instruction. */
    void emulate() {
        emulating = true;
        tables.setForgiving(true);
    }

    /** The controls in the VMCB have changed. */
    void reconfigure() {
        intercepts.configure();
        virtual = v.get(Vmcb.VIRTUAL_INTERRUPT);
    }

    boolean injectionPending() {
        return cpu.guestMode() == this && inject != 0;
    }

    SvmIntercepts intercepts() {
        return intercepts;
    }

    long linear() {
        return linear;
    }

    int access() {
        return access;
    }

    int code() {
        return code;
    }

    /** The intercepted exception as an event. */
    long exception() {
        return exception;
    }
}
