package org.xenolith.cpu;

import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;
import static org.xenolith.memory.RawMemory.put8;

import org.xenolith.cpu.apic.LocalApic;
import org.xenolith.cpu.decode.Insn;
import org.xenolith.cpu.decode.InsnDef;
import org.xenolith.cpu.fpu.Mxcsr;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.cpu.svm.Svm;
import org.xenolith.cpu.virt.GuestMode;
import org.xenolith.cpu.virt.RootSoftware;
import org.xenolith.cpu.vmx.Vmx;
import org.xenolith.memory.HostMapping;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;
import org.xenolith.time.VirtualClock;

/**
 * One logical processor: typed access to its off-heap state ({@link CpuState}) and the mode derived from it.
 *
 * <p>Not thread-safe: one emulation thread per machine. Instructions raise exceptions with {@link #fault}, which never returns.
 */
public final class Cpu implements AutoCloseable {
    /** Why {@link #attention} was set or a run ended. */
    public enum Activity {
        /** Executing instructions. */
        RUNNING,
        /** In HLT (or MWAIT): waits for an interrupt, NMI or reset. */
        HALTED,
        /** An application processor before its start-up IPI, or a vCPU that the hypervisor holds. */
        WAIT_FOR_SIPI,
        /** Shut down after a triple fault; only a reset helps. */
        SHUTDOWN
    }

    private static final int VM_BITS = InsnDef.NEEDS_VM | InsnDef.NEEDS_VM_OFTEN;

    private final int id;
    private final HostMapping block = new HostMapping(
            CpuState.STACK_ROOM + CpuState.JUMP_CACHES + CpuState.JUMP_CACHE_BYTES);
    private final long s = block.address() + CpuState.STACK_ROOM;
    private final CpuModel model;
    private final PhysicalMemory memory;
    private final VirtualClock clock;
    private final GuestFault guestFault = new GuestFault();
    private final FaultLog faults = new FaultLog();
    private final Mxcsr sse = new Mxcsr();
    private final Mmu mmu;
    private final LocalApic apic;
    private final MsrFile msrs = new MsrFile(this);
    private final int[] cpuidRegisters = new int[4];
    private final StackFrame stackFrame = new StackFrame(this);
    private final DebugRegisters debug = new DebugRegisters(this);
    private final X87Unit x87 = new X87Unit(this);
    private CpuEnvironment environment;
    private GuestMode guestMode;
    private RootSoftware root;
    private boolean stepping;
    private long vectoring;
    private final Vmx vmx;
    private final Svm svm;

    private int cpl;
    private int denied;
    private int codeBits = 16;
    private int stackBits = 16;
    private boolean longMode;
    private boolean guestKernel;
    private boolean deprivileged;
    private boolean guestRing1;
    private boolean protectedMode;
    private Activity activity = Activity.RUNNING;
    private boolean attention;
    private boolean interruptShadow;
    private boolean stackShadow;
    private int startedShadow;
    private boolean nmiBlocked;
    private boolean nmiPending;
    private boolean nmiUnblocking;
    private long blockRip;

    private int faultVector;
    private int faultError;
    private boolean faultHasError;
    private long earlierCr2;

    /** Instructions (and REP iterations, and event deliveries) retired since creation, up to the last block boundary. */
    private long retired;
    private long repBudget;
    private int repExtra;

    /**
     * Creates a CPU in its state after reset.
     *
     * @param id 0-based number within the machine or domain; also the initial index of the local APIC id
     */
    public Cpu(int id, int apicId, CpuModel model, PhysicalMemory memory, Stage2 stage2, CpuEnvironment environment,
            VirtualClock clock,
            Timers timers) {
        this.id = id;
        this.model = model;
        this.memory = memory;
        this.environment = environment;
        this.clock = clock;
        this.mmu = new Mmu(this, memory, stage2, s + CpuState.TLB);
        this.apic = new LocalApic(this, apicId, clock, timers);
        this.vmx = new Vmx(this, timers);
        this.svm = new Svm(this);
        reset();
    }

    /** Power-on and RESET# state (SDM vol. 3, table 10-1). */
    public void reset() {
        long random = get64(s + CpuState.RANDOM);
        for (int i = 0; i < CpuState.NATIVE; i += 8) {
            put64(s + i, 0);
        }
        put64(s + CpuState.GPR + 8 * CpuState.RDX, model.signature());
        setSystemFlags(Flags.FIXED);
        setRflags(Flags.FIXED);
        put64(s + CpuState.RIP, 0xfff0);
        put64(s + CpuState.CR0, 0x6000_0010);
        put32(s + CpuState.MXCSR, 0x1f80);
        put32(s + CpuState.FCW, 0x0040);
        put64(s + CpuState.PAT, 0x0007_0406_0007_0406L);
        put64(s + CpuState.XCR0, 1);
        put64(s + CpuState.DR + 6 * 8, 0xffff_0ff0L);
        put64(s + CpuState.DR + 7 * 8, 0x400);
        for (int seg = 0; seg < 8; seg++) {
            setSegment(seg, 0, 0, 0xffff,
                    seg == CpuState.CS ? 0x9b : seg == CpuState.LDTR ? 0x82 : seg == CpuState.TR ? 0x8b : 0x93);
        }
        setSegment(CpuState.CS, 0xf000, 0xffff_0000L, 0xffff, 0x9b);
        put64(s + CpuState.GDTR_LIMIT, 0xffff);
        put64(s + CpuState.IDTR_LIMIT, 0xffff);
        put64(s + CpuState.RANDOM, random);
        vmx.reset();
        svm.reset();
        msrs.reset();
        apic.reset();
        activity = Activity.RUNNING;
        interruptShadow = false;
        stackShadow = false;
        nmiBlocked = false;
        nmiPending = false;
        updateMode();
        mmu.flushAll();
        debug.reset();
    }

    public int id() {
        return id;
    }

    public CpuModel model() {
        return model;
    }

    public PhysicalMemory memory() {
        return memory;
    }

    public Mmu mmu() {
        return mmu;
    }

    public LocalApic apic() {
        return apic;
    }

    public MsrFile msrs() {
        return msrs;
    }

    /** What CPUID answers: eax, ebx, ecx, edx, in an array that the next call uses again. */
    public int[] cpuid(int leaf, int subleaf) {
        model.cpuid(this, leaf, subleaf, cpuidRegisters);
        environment.cpuid(this, leaf, subleaf, cpuidRegisters);
        return cpuidRegisters;
    }

    public X87Unit x87() {
        return x87;
    }

    public VirtualClock clock() {
        return clock;
    }

    public CpuEnvironment environment() {
        return environment;
    }

    public void setEnvironment(CpuEnvironment environment) {
        this.environment = environment;
    }

    // ---- virtualization ----

    /** What governs the CPU while it is in VMX non-root operation or in an SVM guest, else null. */
    public GuestMode guestMode() {
        return guestMode;
    }

    /** Enters or (with null) leaves guest mode; {@link #updateMode} follows. */
    public void setGuestMode(GuestMode guest) {
        guestMode = guest;
        updateMode();
    }

    /** VT-x of this CPU; whether its instructions exist is for the model to say. */
    public Vmx vmx() {
        return vmx;
    }

    /** AMD-V of this CPU; whether its instructions exist is for the model to say. */
    public Svm svm() {
        return svm;
    }

    /** The hypervisor that has this CPU after each VM exit, or null when that is code that the CPU runs. */
    public RootSoftware root() {
        return root;
    }

    public void setRoot(RootSoftware root) {
        this.root = root;
    }

    /** Makes every instruction be followed by a look at what is due: the monitor trap flag. */
    public void setStepping(boolean on) {
        stepping = on;
        attention = true;
    }

    public boolean stepping() {
        return stepping;
    }

    /** Begins a VM exit whose cause {@link #guestMode} has noted. Declared to return so that callers can write {@code throw cpu.vmExit()}. */
    public GuestFault vmExit() {
        faultVector = Vector.VM_EXIT;
        throw guestFault;
    }

    /** The event of an INT instruction in whose delivery the present fault or exit arose, or 0; reading it clears it. */
    public long takeVectoring() {
        long v = vectoring;
        vectoring = 0;
        return v;
    }

    void setVectoring(long event) {
        vectoring = event;
    }

    /** Breakpoints and single-stepping. */
    public DebugRegisters debug() {
        return debug;
    }

    /** Scratch for building a frame on a stack that is about to become current. */
    StackFrame stackFrame() {
        return stackFrame;
    }

    /** Host address of the {@link CpuState} block. */
    public long stateAddress() {
        return s;
    }

    // ---- general registers ----

    public long reg(int r) {
        return get64(s + (r << 3));
    }

    public void setReg(int r, long v) {
        put64(s + (r << 3), v);
    }

    public int reg32(int r) {
        return get32(s + (r << 3));
    }

    /** Writes the low half and zeroes the upper half, as 32-bit operations do. */
    public void setReg32(int r, long v) {
        put64(s + (r << 3), v & 0xffff_ffffL);
    }

    public void setReg16(int r, long v) {
        put16(s + (r << 3), (int) v);
    }

    public int reg8(int r) {
        return get8(s + (r << 3));
    }

    public void setReg8(int r, long v) {
        put8(s + (r << 3), (int) v);
    }

    /** AH, CH, DH, BH for r = 0 to 3. */
    public int regHigh8(int r) {
        return get8(s + (r << 3) + 1);
    }

    public void setRegHigh8(int r, long v) {
        put8(s + (r << 3) + 1, (int) v);
    }

    /** The low {@code bits} (8, 16, 32, 64) of a register, zero-extended. */
    public long reg(int r, int bits) {
        return Alu.zx(get64(s + (r << 3)), bits);
    }

    /** Writes with the architectural rule of the size: 8 and 16 merge, 32 zero-extends. */
    public void setReg(int r, long v, int bits) {
        switch (bits) {
            case 8 -> put8(s + (r << 3), (int) v);
            case 16 -> put16(s + (r << 3), (int) v);
            case 32 -> put64(s + (r << 3), v & 0xffff_ffffL);
            default -> put64(s + (r << 3), v);
        }
    }

    public long rip() {
        return get64(s + CpuState.RIP);
    }

    public void setRip(long v) {
        put64(s + CpuState.RIP, v);
    }

    // ---- flags ----

    public void setLazy(long result, long aux) {
        put64(s + CpuState.FLAG_RESULT, result);
        put64(s + CpuState.FLAG_AUX, aux);
    }

    public boolean cf() {
        return get64(s + CpuState.FLAG_AUX) < 0;
    }

    public boolean zf() {
        return get64(s + CpuState.FLAG_RESULT) == 0;
    }

    public boolean sf() {
        return (get64(s + CpuState.FLAG_RESULT) >>> 63 ^ get64(s + CpuState.FLAG_AUX) & 1) != 0;
    }

    public boolean of() {
        long aux = get64(s + CpuState.FLAG_AUX);
        return (aux ^ aux << 1) < 0;
    }

    public boolean pf() {
        return (Integer.bitCount((int) (get64(s + CpuState.FLAG_RESULT) ^ get64(s + CpuState.FLAG_AUX) >>> 8) & 0xff)
                & 1) == 0;
    }

    public boolean af() {
        return (get64(s + CpuState.FLAG_AUX) & 8) != 0;
    }

    /** The condition of Jcc, SETcc and CMOVcc by its low opcode nibble (SDM vol. 1, appendix B). */
    public boolean condition(int cc) {
        boolean r = switch (cc >> 1) {
            case 0 -> of();
            case 1 -> cf();
            case 2 -> zf();
            case 3 -> cf() || zf();
            case 4 -> sf();
            case 5 -> pf();
            case 6 -> sf() != of();
            default -> zf() || sf() != of();
        };
        return r ^ (cc & 1) != 0;
    }

    public int arithmeticFlags() {
        return Flags.materialize(get64(s + CpuState.FLAG_RESULT), get64(s + CpuState.FLAG_AUX));
    }

    /** Sets all six arithmetic flags from RFLAGS positions; other bits of {@code flags} are ignored. */
    public void setArithmeticFlags(int flags) {
        setLazy(Flags.resultFor(flags), Flags.auxFor(flags));
    }

    public void setCf(boolean v) {
        setArithmeticFlags(arithmeticFlags() & ~Flags.CF | (v ? Flags.CF : 0));
    }

    public void setZf(boolean v) {
        setArithmeticFlags(arithmeticFlags() & ~Flags.ZF | (v ? Flags.ZF : 0));
    }

    public long rflags() {
        return get64(s + CpuState.SYSTEM_FLAGS) | arithmeticFlags();
    }

    /** Loads all of RFLAGS; mode and interrupt state follow. */
    public void setRflags(long v) {
        setArithmeticFlags((int) v);
        setSystemFlags(v);
    }

    public int systemFlags() {
        return get32(s + CpuState.SYSTEM_FLAGS);
    }

    /** Loads every flag but the six arithmetic ones. */
    public void setSystemFlags(long v) {
        long old = get64(s + CpuState.SYSTEM_FLAGS);
        long now = v & CpuState.SYSTEM_FLAG_BITS | Flags.FIXED;
        put64(s + CpuState.SYSTEM_FLAGS, now);
        if (((old ^ now) & Flags.VM) != 0) {
            updateMode();
        } else if (((old ^ now) & Flags.AC) != 0) {
            mmu.modeChanged();
        }
        // a flag that goes off can neither let an interrupt in nor begin stepping
        if ((now & ~old & (Flags.IF | Flags.TF)) != 0) {
            attention = true;
        }
    }

    public boolean systemFlag(int mask) {
        return (get32(s + CpuState.SYSTEM_FLAGS) & mask) != 0;
    }

    public int iopl() {
        return get32(s + CpuState.SYSTEM_FLAGS) >>> 12 & 3;
    }

    // ---- segments ----

    public long segmentBase(int seg) {
        return get64(s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE);
    }

    public void setSegmentBase(int seg, long base) {
        put64(s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE, base);
    }

    /** Highest valid offset. */
    public long segmentLimit(int seg) {
        return get64(s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_LIMIT);
    }

    public int selector(int seg) {
        return get32(s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_SELECTOR);
    }

    public int segmentAttributes(int seg) {
        return get32(s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE + CpuState.SEGMENT_ATTRIBUTES);
    }

    /** Loads the hidden part of a segment register without any check; call {@link #updateMode} after CS or SS. */
    public void setSegment(int seg, int selector, long base, long limit, int attributes) {
        long at = s + CpuState.SEGMENT + seg * CpuState.SEGMENT_SIZE;
        put64(at, base);
        put64(at + CpuState.SEGMENT_LIMIT, limit);
        put32(at + CpuState.SEGMENT_SELECTOR, selector);
        put32(at + CpuState.SEGMENT_ATTRIBUTES, attributes);
    }

    // ---- control state ----

    /** A 64-bit field of {@link CpuState} by its offset. */
    public long field(int offset) {
        return get64(s + offset);
    }

    public void setField(int offset, long v) {
        put64(s + offset, v);
    }

    public int field32(int offset) {
        return get32(s + offset);
    }

    public void setField32(int offset, int v) {
        put32(s + offset, v);
    }

    public long cr0() {
        return get64(s + CpuState.CR0);
    }

    public long cr4() {
        return get64(s + CpuState.CR4);
    }

    public long efer() {
        return get64(s + CpuState.EFER);
    }

    /** Recomputes everything derived from CR0, CR4, EFER, RFLAGS, CS and SS; to be called after any of them changed. */
    public void updateMode() {
        long cr0 = cr0();
        protectedMode = (cr0 & ControlRegisters.CR0_PE) != 0;
        longMode = (efer() & ControlRegisters.EFER_LMA) != 0;
        int cs = segmentAttributes(CpuState.CS);
        boolean vm = systemFlag(Flags.VM);
        if (!protectedMode) {
            cpl = 0;
        } else if (vm) {
            cpl = 3;
        } else {
            cpl = segmentAttributes(CpuState.SS) >>> 5 & 3;
        }
        if (longMode && (cs & 0x2000) != 0) {
            codeBits = 64;
            stackBits = 64;
        } else {
            codeBits = (cs & 0x4000) != 0 ? 32 : 16;
            stackBits = (segmentAttributes(CpuState.SS) & 0x4000) != 0 ? 32 : 16;
        }
        denied = deniedBits(cr0);
        int guest = field32(CpuState.GUEST);
        deprivileged = guest == CpuState.GUEST_USER || guest == CpuState.GUEST_KERNEL;
        guestRing1 = guest == CpuState.GUEST_RING1;
        guestKernel = guest == CpuState.GUEST_KERNEL;
        mmu.modeChanged();
        attention = true;
    }

    /** {@link #updateMode} for a tier that has itself looked at what the change lets in. */
    public void followMode() {
        boolean before = attention;
        updateMode();
        attention = before;
    }

    /** The {@code InsnDef.NEEDS_*} bits of instructions that fault in the current state, before they do anything. */
    public int denied() {
        return denied;
    }

    private int deniedBits(long cr0) {
        boolean em = (cr0 & ControlRegisters.CR0_EM) != 0;
        boolean ts = (cr0 & ControlRegisters.CR0_TS) != 0;
        boolean sse = em || ts || (cr4() & ControlRegisters.CR4_OSFXSR) == 0;
        boolean avx = ts || (cr4() & ControlRegisters.CR4_OSXSAVE) == 0 || (field(CpuState.XCR0) & 6) != 6
                || !protectedMode || vm86();
        int exits = guestMode == null ? 0 : guestMode.interceptsOften() ? VM_BITS : InsnDef.NEEDS_VM;
        return (cpl != 0 ? 1 : 0) | (!protectedMode || vm86() ? 2 : 0) | (em || ts ? 4 | 8 : 0) | (sse ? 16 : 0)
                | (avx ? 32 : 0) | exits;
    }

    /**
     * Looks at an instruction whose {@code needs} meet {@link #denied}: raises its fault (mode, privilege, and x87/SSE/AVX state in the
     * order of the manual), or makes the VM exit that it causes.
     *
     * @return whether it shall execute after all
     */
    public boolean checkDenied(Insn i) {
        int why = i.needs() & denied;
        if ((why & ~VM_BITS) != 0) {
            throw raiseDenied(why);
        }
        return guestMode.instruction(this, i);
    }

    private GuestFault raiseDenied(int why) {
        if ((why & 2) != 0) {
            return ud();
        }
        if ((why & 1) != 0) {
            return gp0();
        }
        boolean em = (cr0() & ControlRegisters.CR0_EM) != 0;
        if ((why & 16) != 0 && (em || (cr4() & ControlRegisters.CR4_OSFXSR) == 0) || (why & 8) != 0 && em
                || (why & 32) != 0 && ((cr4() & ControlRegisters.CR4_OSXSAVE) == 0 || (field(CpuState.XCR0) & 6) != 6
                        || !protectedMode
                        || vm86())) {
            return ud();
        }
        return fault(Vector.NM);
    }

    public int cpl() {
        return cpl;
    }

    /** Default code size: 16, 32 or 64. */
    public int codeBits() {
        return codeBits;
    }

    /** Stack-pointer size for implicit stack references: 16, 32 or 64. */
    public int stackBits() {
        return stackBits;
    }

    /** EFER.LMA: long mode, 64-bit or compatibility. */
    public boolean longMode() {
        return longMode;
    }

    /** The CPU runs a 64-bit guest whose kernel shares ring 3 with its programs ({@link CpuState#GUEST}). */
    public boolean deprivileged() {
        return deprivileged;
    }

    /** The CPU runs a 32-bit guest whose kernel is in ring 1 ({@link CpuState#GUEST_RING1}). */
    public boolean guestRing1() {
        return guestRing1;
    }

    /** That guest's kernel runs: it has its own translations. */
    public boolean guestKernel() {
        return guestKernel;
    }

    public boolean code64() {
        return codeBits == 64;
    }

    /** CR0.PE. */
    public boolean protectedMode() {
        return protectedMode;
    }

    public boolean vm86() {
        return systemFlag(Flags.VM);
    }

    // ---- faults ----

    /** Raises an exception without error code. Declared to return it so that callers can write {@code throw cpu.fault(…)}. */
    public GuestFault fault(int vector) {
        faultVector = vector;
        faultHasError = false;
        faultError = 0;
        throw guestFault;
    }

    /** Raises an exception with an error code. */
    public GuestFault fault(int vector, int error) {
        faultVector = vector;
        faultHasError = true;
        faultError = error;
        throw guestFault;
    }

    public GuestFault gp0() {
        return fault(Vector.GP, 0);
    }

    public GuestFault ud() {
        return fault(Vector.UD);
    }

    public GuestFault pageFault(long address, int error) {
        earlierCr2 = get64(s + CpuState.CR2);
        put64(s + CpuState.CR2, address);
        return fault(Vector.PF, error);
    }

    /** The last page fault is not delivered, but exits: CR2 is as before. */
    public void restoreCr2() {
        put64(s + CpuState.CR2, earlierCr2);
    }

    /** The last exceptions delivered, for crash reports. */
    public FaultLog faults() {
        return faults;
    }

    public int faultVector() {
        return faultVector;
    }

    public int faultError() {
        return faultError;
    }

    public boolean faultHasError() {
        return faultHasError;
    }

    // ---- run state ----

    public Activity activity() {
        return activity;
    }

    public void setActivity(Activity activity) {
        this.activity = activity;
        attention = true;
    }

    /** Asks the run loop to look at interrupts, budget and activity after the current instruction. */
    public void requestAttention() {
        attention = true;
    }

    public boolean attention() {
        return attention;
    }

    public void clearAttention() {
        attention = false;
    }

    /** True for one instruction after STI, MOV SS or POP SS. */
    public boolean interruptShadow() {
        return interruptShadow;
    }

    /** Blocks interrupts for the next instruction; false ends the shadow of STI and of a load of SS. */
    public void setInterruptShadow(boolean on) {
        interruptShadow = on;
        if (on) {
            attention = true;
        } else {
            stackShadow = false;
        }
    }

    /** True for one instruction after MOV SS or POP SS: debug exceptions wait as well. */
    public boolean stackShadow() {
        return stackShadow;
    }

    /** Blocks interrupts and debug exceptions for the next instruction (SDM vol. 3, 6.8.3). */
    public void setStackShadow() {
        stackShadow = true;
        setInterruptShadow(true);
    }

    /** What held interrupts off when the running instruction began: 0 nothing, 1 STI, 2 a load of SS. */
    public int startedShadow() {
        return startedShadow;
    }

    /** Starts an instruction in a shadow, which ends with it; 0 when it is over. */
    public void setStartedShadow(int shadow) {
        startedShadow = shadow;
    }

    public boolean nmiBlocked() {
        return nmiBlocked;
    }

    public void setNmiBlocked(boolean blocked) {
        nmiBlocked = blocked;
        attention = true;
    }

    /** An IRET that ended the blocking of NMIs has not been completed: it faults or exits. */
    public boolean nmiUnblocking() {
        return nmiUnblocking;
    }

    public void setNmiUnblocking(boolean on) {
        nmiUnblocking = on;
    }

    public boolean nmiPending() {
        return nmiPending;
    }

    public void setNmiPending(boolean pending) {
        nmiPending = pending;
        attention = true;
    }

    /** Virtual address of the first instruction of the running block. */
    public long blockRip() {
        return blockRip;
    }

    public void setBlockRip(long rip) {
        blockRip = rip;
    }

    public long retired() {
        return retired;
    }

    public void addRetired(long n) {
        retired += n;
    }

    /** Iterations that a REP instruction may do before it must stop. */
    public long repBudget() {
        return repBudget;
    }

    public void setRepBudget(long n) {
        repBudget = n;
    }

    /** Iterations of the REP instruction just executed, beyond the one that every instruction counts. */
    public int takeRepExtra() {
        int n = repExtra;
        repExtra = 0;
        return n;
    }

    /** As {@link #takeRepExtra}, which stays. */
    public int repExtra() {
        return repExtra;
    }

    public void setRepExtra(int n) {
        repExtra = n;
    }

    /** The time-stamp counter: machine time in TSC ticks plus this CPU's offset. */
    public long tsc() {
        return model.ticks(clock.now()) + get64(s + CpuState.TSC_OFFSET);
    }

    // ---- vector registers ----

    /** 64-bit lane {@code lane} (0 to 3) of YMM register {@code r}. */
    public long ymm(int r, int lane) {
        return get64(s + CpuState.YMM + (r << 5) + (lane << 3));
    }

    public void setYmm(int r, int lane, long v) {
        put64(s + CpuState.YMM + (r << 5) + (lane << 3), v);
    }

    /** Rounding modes and exceptions of the SSE or AVX instruction being executed; the register itself is {@link CpuState#MXCSR}. */
    public Mxcsr sse() {
        return sse;
    }

    /** Host address of YMM register {@code r}. */
    public long ymmAddress(int r) {
        return s + CpuState.YMM + (r << 5);
    }

    @Override
    public void close() {
        block.close();
    }
}
