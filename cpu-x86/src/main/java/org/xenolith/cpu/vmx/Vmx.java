package org.xenolith.cpu.vmx;

import java.util.Map;
import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.ControlWrites;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.apic.StartUp;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.virt.Virtualizer;
import org.xenolith.time.Timers;

/**
 * VMX operation of one CPU: VMXON region, current VMCS, and what the VMX instructions do in root operation (SDM vol. 3, chapters 24 and
 * 31). Non-root operation is {@link VmxGuest}.
 */
public final class Vmx {
    /** IA32_FEATURE_CONTROL: the register is locked; VMXON is enabled outside SMX. */
    private static final long FEATURE_LOCK = 1;
    private static final long FEATURE_VMXON = 1 << 2;

    /** VM-instruction errors (31.4). */
    static final int VMCALL_IN_ROOT = 1;
    static final int VMCLEAR_ADDRESS = 2;
    static final int VMCLEAR_VMXON = 3;
    static final int VMLAUNCH_NOT_CLEAR = 4;
    static final int VMRESUME_NOT_LAUNCHED = 5;
    static final int CONTROL_FIELDS = 7;
    static final int HOST_STATE = 8;
    static final int VMPTRLD_ADDRESS = 9;
    static final int VMPTRLD_VMXON = 10;
    static final int VMPTRLD_REVISION = 11;
    static final int UNSUPPORTED_FIELD = 12;
    static final int READ_ONLY_FIELD = 13;
    static final int VMXON_IN_ROOT = 15;
    static final int BLOCKED_BY_SS = 26;
    static final int INVALID_OPERAND = 28;

    private static final long NONE = -1;

    private final Cpu cpu;
    private final HostMemory memory;
    private final Vmcs vmcs = new Vmcs();
    private final EntryState state;
    private final VmxGuest guest;
    private final SteadyState steady = new SteadyState();

    private long featureControl;
    private boolean on;
    private long vmxonPointer = NONE;
    private long current = NONE;
    private boolean initPending;
    private String failure;
    /** The controls and the host state have passed since the last VMWRITE to one of them, with the host in the same mode. */
    private boolean checked;
    private boolean checkedLongMode;

    public Vmx(Cpu cpu, Timers timers) {
        this.cpu = cpu;
        this.memory = new HostMemory(cpu);
        this.state = new EntryState(cpu, vmcs);
        this.guest = new VmxGuest(cpu, this, state, timers);
    }

    /** RESET#. */
    public void reset() {
        guest.reset();
        if (cpu.root() != null) {
            return;
        }
        featureControl = 0;
        on = false;
        vmxonPointer = NONE;
        current = NONE;
        initPending = false;
    }

    /** In VMX operation, root or not. */
    public boolean on() {
        return on;
    }

    /** In VMX root operation: INIT waits, A20 is not masked. */
    public boolean root() {
        return on && cpu.guestMode() == null;
    }

    /** CR0 and CR4 may not lose the bits that VMX operation fixes. */
    public boolean refusesCr0(long v) {
        if (!on) {
            return false;
        }
        long must = cpu.guestMode() == guest && state.unrestricted()
                ? Capabilities.CR0_MUST & ~(ControlRegisters.CR0_PE | ControlRegisters.CR0_PG)
                : Capabilities.CR0_MUST;
        return (v & must) != must;
    }

    public boolean refusesCr4(long v) {
        return on && (v & Capabilities.CR4_MUST) != Capabilities.CR4_MUST;
    }

    /** INIT while it is blocked (root operation), or in a guest, which exits. True when it has been taken care of. */
    public boolean init() {
        if (!on || cpu.root() != null) {
            return false;
        }
        initPending = true;
        if (cpu.guestMode() == guest) {
            guest.wake();
        }
        return true;
    }

    /** A start-up message in a guest: an exit when it waits for one, else nothing. True when it has been taken care of. */
    public boolean startUp(int vector) {
        if (!on || cpu.root() != null) {
            return false;
        }
        if (cpu.guestMode() == guest) {
            guest.startUp(vector);
        }
        return true;
    }

    boolean takeInit() {
        boolean was = initPending;
        initPending = false;
        return was;
    }

    boolean initPending() {
        return initPending;
    }

    HostMemory memory() {
        return memory;
    }

    Vmcs vmcs() {
        return vmcs;
    }

    EntryState state() {
        return state;
    }

    VmxGuest guest() {
        return guest;
    }

    /** Physical address of the current VMCS, or -1. */
    public long current() {
        return current;
    }

    /** The check that the last entry failed, in words, or null. */
    String failure() {
        return failure;
    }

    // ---- MSRs ----

    public long featureControl() {
        return featureControl;
    }

    /** WRMSR of IA32_FEATURE_CONTROL; false for #GP. */
    public boolean setFeatureControl(long v) {
        if ((featureControl & FEATURE_LOCK) != 0 || (v & ~(FEATURE_LOCK | FEATURE_VMXON)) != 0) {
            return false;
        }
        featureControl = v;
        return true;
    }

    /** Whether an MSR is one of the capability registers. */
    public static boolean isCapability(int msr) {
        return msr >= Capabilities.FIRST && msr <= Capabilities.LAST;
    }

    public long capability(int msr) {
        return Capabilities.read(cpu.model(), msr);
    }

    // ---- results of instructions ----

    public void succeed() {
        cpu.setArithmeticFlags(0);
    }

    private void failInvalid() {
        cpu.setArithmeticFlags(Flags.CF);
    }

    void fail(int error) {
        if (current == NONE) {
            failInvalid();
        } else {
            cpu.setArithmeticFlags(Flags.ZF);
            vmcs.put(Field.INSTRUCTION_ERROR, error);
        }
    }

    /** #UD outside of VMX operation, #GP(0) outside of ring 0. */
    public void require() {
        if (!on) {
            throw cpu.ud();
        }
        if (cpu.cpl() != 0) {
            throw cpu.gp0();
        }
    }

    /** #UD in real, virtual-8086 and compatibility mode. */
    public void requireMode() {
        if (!cpu.protectedMode() || cpu.vm86() || cpu.longMode() && !cpu.code64()) {
            throw cpu.ud();
        }
    }

    private boolean validAddress(long address, int align) {
        return (address & align - 1) == 0 && address >>> cpu.model().maxPhysicalAddressBits() == 0;
    }

    private boolean exists(long address) {
        return cpu.mmu().physicalPage(address) != 0;
    }

    /** Checks of VMXON before its operand is read. */
    public void beforeVmxon() {
        if ((cpu.cr4() & ControlRegisters.CR4_VMXE) == 0) {
            throw cpu.ud();
        }
        boolean allowed = cpu.cpl() == 0;
        if (!on) {
            allowed &= (cpu.cr0() & Capabilities.CR0_MUST) == Capabilities.CR0_MUST
                    && (cpu.cr4() & ~(ControlWrites.cr4Mask(cpu.model()))) == 0
                    && (featureControl & (FEATURE_LOCK | FEATURE_VMXON)) == (FEATURE_LOCK | FEATURE_VMXON);
        }
        if (!allowed) {
            throw cpu.gp0();
        }
    }

    public void vmxon(long address) {
        if (on) {
            fail(VMXON_IN_ROOT);
        } else if (!validAddress(address, Vmcs.BYTES) || memory.read32(address) != Vmcs.REVISION) {
            failInvalid();
        } else {
            on = true;
            vmxonPointer = address;
            current = NONE;
            succeed();
        }
    }

    public void vmxoff() {
        on = false;
        vmxonPointer = NONE;
        current = NONE;
        succeed();
        if (initPending) {
            initPending = false;
            StartUp.init(cpu);
        }
    }

    public void vmclear(long address) {
        if (!validAddress(address, Vmcs.BYTES)) {
            fail(VMCLEAR_ADDRESS);
        } else if (address == vmxonPointer) {
            fail(VMCLEAR_VMXON);
        } else {
            long page = cpu.mmu().physicalPage(address);
            if (page != 0) {
                Vmcs v = new Vmcs();
                v.setPage(page);
                v.setLaunched(false);
                cpu.memory().written(page - cpu.memory().base() >>> 12);
            }
            succeed();
            if (address == current) {
                current = NONE;
            }
        }
    }

    public void vmptrld(long address) {
        if (!validAddress(address, Vmcs.BYTES)) {
            fail(VMPTRLD_ADDRESS);
        } else if (address == vmxonPointer) {
            fail(VMPTRLD_VMXON);
        } else if (!exists(address) || memory.read32(address) != Vmcs.REVISION) {
            fail(VMPTRLD_REVISION);
        } else {
            load(address);
            succeed();
        }
    }

    private void load(long address) {
        current = address;
        vmcs.setPage(cpu.mmu().physicalPage(address));
        checked = false;
    }

    /** VMPTRST has stored {@link #current}. */
    public void vmptrst() {
        succeed();
    }

    /** VMREAD: true when {@link #readValue} holds the field. */
    public boolean vmread(long encoding) {
        if (current == NONE) {
            failInvalid();
            return false;
        }
        if (!Field.exists(encoding)) {
            fail(UNSUPPORTED_FIELD);
            return false;
        }
        return true;
    }

    /** The value of a field for which {@link #vmread} gave true. */
    public long readValue(long encoding) {
        return vmcs.read((int) encoding);
    }

    public void vmwrite(long encoding, long value) {
        if (current == NONE) {
            failInvalid();
        } else if (!Field.exists(encoding)) {
            fail(UNSUPPORTED_FIELD);
        } else if (Field.type((int) encoding) == Field.READ_ONLY) {
            fail(READ_ONLY_FIELD);
        } else {
            int e = (int) encoding;
            // the event to inject is looked at with each entry; everything else that is no guest state has to be checked anew
            if (Field.type(e) != Field.GUEST && (e < Field.ENTRY_EVENT || e > Field.TPR_THRESHOLD)) {
                checked = false;
            }
            vmcs.write(e, value);
            succeed();
        }
    }

    /** VMCALL in root operation. */
    public void vmcall() {
        fail(VMCALL_IN_ROOT);
    }

    /** INVEPT with its descriptor's first quadword. */
    public void invept(long type, long eptp, long reserved) {
        boolean single = type == 1;
        if (!single && type != 2 || single && !Ept.validPointer(cpu, eptp)) {
            fail(INVALID_OPERAND);
            return;
        }
        long frame = eptp >>> 12;
        cpu.mmu().dropSpaces(space -> single ? space >>> 16 == frame && space >>> 16 != 0 : space >>> 16 != 0);
        succeed();
    }

    /** INVVPID: 0 an address, 1 a VPID, 2 all, 3 a VPID but for global translations. */
    public void invvpid(long type, long descriptor, long va) {
        long vpid = descriptor & 0xffff;
        boolean reserved = Long.compareUnsigned(type, 3) > 0 || descriptor >>> 16 != 0;
        if (reserved || type != 2 && vpid == 0 || type == 0 && !Mmu.isCanonical(va)) {
            fail(INVALID_OPERAND);
            return;
        }
        switch ((int) type) {
            case 0 -> cpu.mmu().dropSpacesPage(space -> (space & 0xffff) == vpid, va);
            case 1 -> cpu.mmu().dropSpaces(space -> (space & 0xffff) == vpid);
            case 2 -> cpu.mmu().dropSpaces(space -> (space & 0xffff) != 0);
            default -> cpu.mmu().dropSpacesNonGlobal(space -> (space & 0xffff) == vpid);
        }
        succeed();
    }

    /** VM exits so far by reason, in lower case. */
    public Map<String, Long> exits() {
        return guest.counts();
    }

    // ---- entries ----

    /** VT-x for a hypervisor that is no guest code; the CPU's {@code Stage2} must be the identity. */
    public Virtualizer virtualizer() {
        return new VmxVirtualizer(cpu, this);
    }

    /** VMLAUNCH and VMRESUME; RIP is past the instruction. */
    public void enter(boolean resume) {
        if (current == NONE) {
            failInvalid();
        } else if (cpu.startedShadow() == 2) {
            fail(BLOCKED_BY_SS);
        } else if (vmcs.launched() != resume) {
            fail(resume ? VMRESUME_NOT_LAUNCHED : VMLAUNCH_NOT_CLEAR);
        } else {
            enterChecked();
        }
    }

    /** An entry after the first checks; true when the CPU is in the guest. */
    boolean enterChecked() {
        failure = null;
        state.read();
        EntryChecks.Check bad = null;
        int error = CONTROL_FIELDS;
        boolean again = !checked || checkedLongMode != cpu.longMode();
        if (again) {
            bad = EntryChecks.failing(EntryChecks.CONTROLS, state);
        }
        if (bad == null) {
            bad = EntryChecks.failing(EntryChecks.EVENTS, state);
        }
        if (bad == null && again && cpu.root() == null) {
            error = HOST_STATE;
            bad = EntryChecks.failing(EntryChecks.HOST, state);
        }
        if (bad != null) {
            report(bad.toString());
            fail(error);
            return false;
        }
        checked = true;
        checkedLongMode = cpu.longMode();
        boolean same = steady.same(state);
        bad = EntryChecks.failing(same ? EntryChecks.CHANGING : EntryChecks.GUEST, state);
        if (bad == null && !same) {
            steady.remember(state);
        }
        if (bad != null) {
            report(bad.toString());
            guest.entryFailed(ExitReason.INVALID_STATE, bad.qualification());
            return false;
        }
        return guest.enter();
    }

    void report(String check) {
        failure = check;
        cpu.environment().entryFailed(cpu, check);
    }

    /** Makes a frame the current VMCS without an instruction, for a hypervisor that is no guest code. */
    void adopt(long address) {
        on = true;
        load(address);
    }

    /** Controls or host state were written without VMWRITE. */
    void recheck() {
        checked = false;
    }
}
