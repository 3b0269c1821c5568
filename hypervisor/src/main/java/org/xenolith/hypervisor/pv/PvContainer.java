package org.xenolith.hypervisor.pv;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Exceptions.Source;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.GuestFault;
import org.xenolith.cpu.Segmentation;
import org.xenolith.cpu.Vector;
import org.xenolith.hypervisor.Container;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.Statistics;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.abi.GuestAbi;
import org.xenolith.hypervisor.pv.mm.PvMemory;

/**
 * Paravirtualisation: the guest's kernel is deprivileged (in ring 3 for a 64-bit guest, in ring 1 for a 32-bit one) on page tables that it
 * wrote and the hypervisor checked. What the processor would do through IDT, SYSCALL and ring 0 is done here.
 */
public final class PvContainer implements Container {
    private static final Logger LOG = LoggerFactory.getLogger(PvContainer.class);

    /** VMASST_TYPE_architectural_iopl. */
    static final int ARCHITECTURAL_IOPL = 4;
    /** Hypercalls of 32-bit kernels. */
    private static final int HYPERCALL_VECTOR = 0x82;
    private static final int HYPERCALL_LENGTH = 2;
    private static final int IRET = 23;
    private static final int PF_WRITE_PROTECTED = 3;
    private static final int PF_USER = 4;

    private final Vcpu vcpu;
    private final GuestAbi abi;
    private final PvRegisters registers = new PvRegisters();
    private PvMemory memory;
    private GuestMode mode;
    private Bounce bounce;
    private PvReturn returns;
    private PrivilegedOps operations;
    private PvMsrs msrs;
    private Statistics.Counter irets;
    private Statistics.Counter ptWrites;
    private boolean eventDue;
    private long emulatedWrite;

    public PvContainer(Vcpu vcpu) {
        this.vcpu = vcpu;
        this.abi = vcpu.domain().config().pv();
    }

    /** Joins the parts once vCPU and domain are complete. */
    public void attach(Cpu cpu) {
        memory = vcpu.domain().pv();
        irets = vcpu.domain().hypercallCounter("iret");
        ptWrites = vcpu.domain().host().exits().counter("pv_pt_write");
        mode = new GuestMode(vcpu, cpu);
        bounce = new Bounce(this, mode, registers);
        returns = new PvReturn(this, mode, registers, bounce);
        msrs = new PvMsrs(vcpu, mode);
        operations = new PrivilegedOps(this, mode, registers, msrs);
    }

    Vcpu vcpu() {
        return vcpu;
    }

    /** What the guest's kernel set up of its virtual processor. */
    public PvRegisters registers() {
        return registers;
    }

    PvMemory memory() {
        return memory;
    }

    GuestMode mode() {
        return mode;
    }

    boolean hasAssist(int type) {
        return (vcpu.domain().vmAssist() & 1L << type) != 0;
    }

    @Override
    public Kind kind() {
        return Kind.PV;
    }

    @Override
    public GuestAbi callAbi() {
        return abi;
    }

    @Override
    public int callLength() {
        return HYPERCALL_LENGTH;
    }

    /** The guest cannot go on: it is stopped as crashed, and the log says why. */
    void crash(String why) {
        Domain d = vcpu.domain();
        if (d.shutdownReason() < 0) {
            LOG.warn("domain {} vCPU {}: {}; the domain is crashed", d.domid(), vcpu.id(), why);
            d.count("pv:crash");
            d.shutdown(ShutdownReason.CRASH);
        }
    }

    // ---- start ----

    /** Sets the processor's part of a new guest: long mode, flat segments, the hypervisor's descriptor tables. The caller loads registers. */
    public void resetProcessor(Cpu c) {
        boolean held = c.activity() == Cpu.Activity.WAIT_FOR_SIPI;
        c.reset();
        // its address is that of a machine frame, which may be anyone's RAM
        c.apic().hidePage();
        for (int r = 0; r < 16; r++) {
            c.setReg(r, 0);
        }
        c.setField(CpuState.EFER,
                ControlRegisters.EFER_LME | ControlRegisters.EFER_LMA | ControlRegisters.EFER_NXE);
        c.setField(CpuState.CR0, PrivilegedOps.CR0_FIXED);
        registers.setCr4(0);
        c.setField(CpuState.CR4, operations.realCr4());
        c.setField(CpuState.GDTR_BASE, memory.gdtBase(vcpu));
        c.setField(CpuState.GDTR_LIMIT, PvMemory.GDT_LIMIT);
        c.setField(CpuState.IDTR_LIMIT, 0);
        c.setSegment(CpuState.TR, 0, 0, 0, 0);
        loadLdt(c);
        c.setRflags(Flags.FIXED | Flags.IF);
        c.updateMode();
        if (held) {
            c.setActivity(Cpu.Activity.WAIT_FOR_SIPI);
        }
    }

    /** MMUEXT_SET_LDT has changed the guest's LDT. */
    public void loadLdt(Cpu c) {
        int entries = memory.ldtEntries(vcpu);
        c.setSegment(CpuState.LDTR, 0, memory.ldtBase(vcpu), entries * 8L - 1, entries == 0 ? 1 << 16 : 0x82);
    }

    /**
     * Starts vCPU 0 as the domain builder prepared it (public/xen.h, "start of day"); its top page table has been validated.
     *
     * @param rip linear address of the first instruction
     * @param rsp initial stack pointer
     * @param startInfo linear address of struct start_info, for RSI
     */
    public void start(long rip, long rsp, long startInfo) {
        Cpu c = vcpu.cpu();
        resetProcessor(c);
        c.setField(CpuState.CR3, memory.cr3(vcpu, true));
        for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
            c.setSegment(seg, 0, 0, 0, 1 << 16);
        }
        if (mode.wide()) {
            c.setField32(CpuState.GUEST, CpuState.GUEST_KERNEL);
            mode.flat64();
        } else {
            c.setField32(CpuState.GUEST, CpuState.GUEST_RING1);
            Segmentation.loadCodeAndStack(c, GuestMode.RING1_CS, GuestMode.RING1_DS);
            for (int seg = CpuState.ES; seg <= CpuState.GS; seg++) {
                if (seg != CpuState.CS && seg != CpuState.SS) {
                    Segmentation.load(c, seg, GuestMode.RING1_DS);
                }
            }
        }
        c.setReg(CpuState.RSP, rsp);
        c.setReg(CpuState.RSI, startInfo);
        c.setRip(rip);
        c.updateMode();
        if (vcpu.info() != null) {
            vcpu.info().setUpcallMask(1);
        }
        vcpu.setInitialised();
        vcpu.up();
    }

    /** Registers of {@code struct cpu_user_regs} that a vCPU starts with. */
    public static final class UserRegisters {
        /** By their encoding. */
        public final long[] general = new long[16];
        public long rip;
        public long rflags;
        public int cs;
        public int ss;
        public int ds;
        public int es;
        public int fs;
        public int gs;
        public long fsBase;
        public long gsKernel;
        public long gsUser;
    }

    /**
     * Sets the state in which a vCPU starts, once its tables are set up.
     *
     * @param inKernel whether it starts in its kernel
     * @param masked whether it takes no events at first
     * @return false for selectors that cannot be loaded or a user's start without a page table
     */
    public boolean initialise(UserRegisters r, boolean inKernel, boolean masked) {
        Cpu c = vcpu.cpu();
        if (!inKernel && mode.wide() && memory.userTable(vcpu) == 0) {
            return false;
        }
        resetProcessor(c);
        c.setField(CpuState.CR3, memory.cr3(vcpu, inKernel));
        if (mode.wide()) {
            c.setField32(CpuState.GUEST, inKernel ? CpuState.GUEST_KERNEL : CpuState.GUEST_USER);
        } else {
            c.setField32(CpuState.GUEST, CpuState.GUEST_RING1);
        }
        for (int i = 0; i < 16; i++) {
            c.setReg(i, r.general[i]);
        }
        c.setRip(r.rip);
        try {
            int rpl = mode.wide() ? 3 : Math.max(r.cs & 3, 1);
            Segmentation.loadCodeAndStack(c, r.cs & ~3 | rpl, r.ss & ~3 | rpl);
            Segmentation.load(c, CpuState.DS, r.ds);
            Segmentation.load(c, CpuState.ES, r.es);
            Segmentation.load(c, CpuState.FS, r.fs);
            Segmentation.load(c, CpuState.GS, r.gs);
        } catch (GuestFault _) {
            return false;
        }
        if (mode.wide()) {
            c.setSegmentBase(CpuState.FS, r.fsBase);
            c.setSegmentBase(CpuState.GS, inKernel ? r.gsKernel : r.gsUser);
            c.setField(CpuState.KERNEL_GS_BASE, inKernel ? r.gsUser : r.gsKernel);
        }
        registers.setIopl((int) r.rflags >>> 12 & 3);
        c.setRflags(r.rflags & ~(long) (Flags.IOPL | Flags.VM) | Flags.IF | Flags.FIXED);
        c.updateMode();
        if (vcpu.info() != null) {
            vcpu.info().setUpcallMask(masked ? 1 : 0);
        }
        return true;
    }

    // ---- events ----

    @Override
    public void upcall() {
        checkEvents();
    }

    @Override
    public void beforeBlock() {
        if (vcpu.info() != null) {
            vcpu.info().setUpcallMask(0);
        }
    }

    /** Decides whether an event is delivered before the guest goes on: asked on each way back into it. */
    void checkEvents() {
        eventDue = vcpu.info() != null && vcpu.info().upcallPending() && vcpu.info().upcallMask() == 0
                && registers.callbacks().address(Callback.EVENT) != 0;
        if (eventDue) {
            vcpu.cpu().requestAttention();
        }
    }

    @Override
    public boolean hasExternalInterrupt(Cpu cpu) {
        return eventDue;
    }

    @Override
    public int externalInterrupt(Cpu cpu) {
        return eventDue ? HYPERCALL_VECTOR : -1;
    }

    // ---- exceptions, interrupts, INT n ----

    @Override
    public boolean takesEvent(Cpu cpu, int vector, Source source, boolean hasError, int error) {
        switch (source) {
            case EXTERNAL -> external(cpu, vector);
            case EXCEPTION -> exception(cpu, vector, hasError, error);
            case TRAP -> {
                record(cpu, vector, error);
                bounce.trap(cpu, vector, false, 0);
            }
            default -> software(cpu, vector);
        }
        checkEvents();
        return true;
    }

    private void external(Cpu cpu, int vector) {
        if (vector == Vector.NMI) {
            bounce.callback(cpu, Callback.NMI);
        } else if (eventDue) {
            bounce.callback(cpu, Callback.EVENT);
        }
    }

    private void exception(Cpu cpu, int vector, boolean hasError, int error) {
        int code = error;
        switch (vector) {
            case Vector.PF -> {
                if (pageFaultHandled(cpu)) {
                    return;
                }
                code = error & ~PF_USER | (mode.kernel() ? 0 : PF_USER);
            }
            case Vector.GP -> {
                if (error == 0 && emulated(cpu)) {
                    return;
                }
            }
            case Vector.UD -> {
                if (operations.emulateForced(cpu)) {
                    return;
                }
            }
            case Vector.NM -> operations.taskSwitched(cpu, false);
            default -> {}
        }
        record(cpu, vector, code);
        bounce.trap(cpu, vector, hasError, code);
    }

    /** True for an instruction that was done, or whose own fault the guest has got. */
    private boolean emulated(Cpu cpu) {
        try {
            return operations.emulate(cpu);
        } catch (GuestFault _) {
            if (cpu.faultVector() == Vector.GP) {
                return false;
            }
            exception(cpu, cpu.faultVector(), cpu.faultHasError(), cpu.faultError());
            return true;
        }
    }

    private static void record(Cpu cpu, int vector, int error) {
        cpu.faults().record(cpu, vector, error, false);
    }

    /** Faults on the hypervisor's view of the LDT are served; others are the guest's, with CR2 for it to read. */
    private boolean pageFaultHandled(Cpu cpu) {
        long address = cpu.field(CpuState.CR2);
        long offset = address - memory.ldtBase(vcpu);
        if (offset >= 0 && offset < 1 << 16) {
            if (memory.mapLdtPage(vcpu, (int) offset)) {
                return true;
            }
            cpu.setField(CpuState.CR2, memory.guestLdtBase(vcpu) + offset);
        }
        if (vcpu.info() != null) {
            vcpu.info().setCr2(cpu.field(CpuState.CR2));
        }
        return false;
    }

    /** RIP is past the instruction. */
    private void software(Cpu cpu, int vector) {
        if (abi == GuestAbi.X86_32 && vector == HYPERCALL_VECTOR && mode.kernel()) {
            hypercall32(cpu);
            return;
        }
        int ring = mode.wide() && mode.kernel() ? 1 : cpu.cpl();
        if (vector == Vector.DB) {
            bounce.trap(cpu, vector, false, 0);
        } else if (registers.traps().handles(vector) && registers.traps().dpl(vector) >= ring) {
            bounce.trap(cpu, vector, false, 0);
        } else {
            throw cpu.fault(Vector.GP, vector << 3 | 2);
        }
    }

    // ---- hypercalls and system calls ----

    @Override
    public boolean syscall(Cpu cpu) {
        if (!mode.wide()) {
            return false;
        }
        cpu.setReg(CpuState.RCX, cpu.rip());
        cpu.setReg(11, cpu.rflags() & ~(long) Flags.RF);
        if (mode.kernel()) {
            mode.flat64();
            if (cpu.reg32(CpuState.RAX) == IRET) {
                irets.add();
                returns.iret(cpu);
            } else {
                vcpu.domain().host().hypercalls().dispatch(vcpu);
            }
        } else {
            boolean wideProgram = cpu.code64();
            if (wideProgram) {
                mode.flat64();
            } else {
                mode.flat32();
            }
            bounce.systemCall(cpu, wideProgram ? Callback.SYSCALL : Callback.SYSCALL32);
        }
        checkEvents();
        return true;
    }

    private void hypercall32(Cpu cpu) {
        if (cpu.reg32(CpuState.RAX) == IRET) {
            irets.add();
            returns.iret32(cpu);
        } else {
            vcpu.domain().host().hypercalls().dispatch(vcpu);
        }
    }

    /** HYPERVISOR_fpu_taskswitch. */
    public void taskSwitched(boolean set) {
        operations.taskSwitched(vcpu.cpu(), set);
    }

    /** HYPERVISOR_set_debugreg of register 0 to 7; false for a value that the guest may not have. */
    public boolean setDebug(int number, long value) {
        return operations.setDebug(vcpu.cpu(), number, value);
    }

    /** HYPERVISOR_get_debugreg, 0 to 7. */
    public long debug(int number) {
        return operations.debug(vcpu.cpu(), number);
    }

    // ---- instructions ----

    @Override
    public boolean emulatesWrite(Cpu cpu, long va) {
        if (mode.kernel() && memory.isPtWrite(vcpu, va)) {
            emulatedWrite = va;
            return true;
        }
        return false;
    }

    @Override
    public long mmioRead(Cpu cpu, long gpa, int size) {
        return emulatedRead(gpa, size);
    }

    private long emulatedRead(long gpa, int size) {
        byte[] b = new byte[size];
        if (!vcpu.domain().tryRead(gpa, b, 0, size)) {
            return -1;
        }
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | b[i] & 0xff;
        }
        return v;
    }

    @Override
    public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
        ptWrites.add();
        long va = emulatedWrite & -4096L | gpa & 0xfff;
        if (!memory.emulatePtWrite(vcpu, va, size, value)) {
            throw cpu.pageFault(va, PF_WRITE_PROTECTED);
        }
    }

    @Override
    public void cpuid(Cpu cpu, int leaf, int subleaf, int[] regs) {
        PvCpuid.edit(vcpu, registers, leaf, subleaf, regs);
    }

    @Override
    public boolean rdmsr(Cpu cpu, int msr, long[] value) {
        return msrs.platform(msr, value);
    }

    @Override
    public void shutdown(Cpu cpu) {
        crash("shutdown of the processor");
    }

    @Override
    public void unimplemented(Cpu cpu, String what) {
        vcpu.domain().count(what);
    }
}
