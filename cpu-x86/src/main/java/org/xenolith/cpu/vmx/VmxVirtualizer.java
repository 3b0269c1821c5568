package org.xenolith.cpu.vmx;

import static org.xenolith.memory.RawMemory.fill;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put8;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.virt.EventInfo;
import org.xenolith.cpu.virt.ExitKind;
import org.xenolith.cpu.virt.Virtualizer;

/**
 * VT-x in the hands of a hypervisor that is no guest code. The CPU holds the guest's state all the time: an entry writes it to the VMCS
 * and checks it there.
 *
 * <p>Of CR0 and CR4 the guest does not own NE and VMXE, which VMX operation wants set; it sees its own ones without exits.
 */
final class VmxVirtualizer implements Virtualizer {
    private static final int VMCS = 0;
    private static final int MSR_BITMAP = 1;
    private static final int IO_BITMAP = 2;
    private static final int FRAMES = 4;
    /** Write-back, four levels. */
    private static final long EPTP_SETTINGS = 6 | 3 << 3;
    private static final int CR0_OWNED = (int) ControlRegisters.CR0_NE;
    private static final int CR4_OWNED = (int) ControlRegisters.CR4_VMXE;

    private final Cpu cpu;
    private final Vmx vmx;
    private final VmxGuest guest;
    private final Vmcs v;
    private long[] frames = {};

    VmxVirtualizer(Cpu cpu, Vmx vmx) {
        this.cpu = cpu;
        this.vmx = vmx;
        this.guest = vmx.guest();
        this.v = vmx.vmcs();
    }

    @Override
    public int frames() {
        return FRAMES;
    }

    @Override
    public void start(long[] mfns, long tables) {
        frames = mfns.clone();
        for (int k = 0; k < FRAMES; k++) {
            fill(cpu.memory().hostPage(mfns[k]), 4096, k == VMCS ? 0 : 0xff);
            cpu.memory().written(mfns[k]);
        }
        vmx.adopt(mfns[VMCS] << 12);
        v.setRevision(Vmcs.REVISION);
        v.put(Field.PIN, Capabilities.PIN_MUST | Controls.PIN_EXTERNAL);
        put32(Field.PROC, Capabilities.PROC_MUST | Controls.HLT | Controls.USE_TSC_OFFSET | Controls.IO_BITMAPS
                | Controls.MSR_BITMAPS | Controls.SECONDARY);
        v.put(Field.PROC2, Controls.EPT | Controls.VPID | Controls.UNRESTRICTED | Controls.RDTSCP | Controls.INVPCID
                | Controls.XSAVES | Controls.WBINVD);
        v.put(Field.EXIT, Capabilities.EXIT_MUST | Controls.EXIT_SAVE_DEBUG | Controls.EXIT_HOST64
                | Controls.EXIT_SAVE_EFER | Controls.EXIT_LOAD_EFER | Controls.EXIT_SAVE_PAT | Controls.EXIT_LOAD_PAT);
        v.put(Field.ENTRY, Capabilities.ENTRY_MUST | Controls.ENTRY_LOAD_DEBUG | Controls.ENTRY_LOAD_EFER
                | Controls.ENTRY_LOAD_PAT);
        v.put(Field.MSR_BITMAP, mfns[MSR_BITMAP] << 12);
        v.put(Field.IO_BITMAP_A, mfns[IO_BITMAP] << 12);
        v.put(Field.IO_BITMAP_B, mfns[IO_BITMAP + 1] << 12);
        v.put(Field.EPTP, tables << 12 | EPTP_SETTINGS);
        v.put(Field.VPID, 1);
        v.put(Field.LINK, -1);
        v.put(Field.CR0_MASK, CR0_OWNED);
        v.put(Field.CR4_MASK, CR4_OWNED);
        vmx.recheck();
        save();
    }

    private void put32(int field, int value) {
        v.put(field, value & 0xffff_ffffL);
    }

    @Override
    public boolean enter() {
        if (cpu.guestMode() != null) {
            return true;
        }
        save();
        return vmx.enterChecked();
    }

    @Override
    public String failure() {
        return vmx.failure();
    }

    @Override
    public void save() {
        owned(CpuState.CR0, Field.CR0_SHADOW, CR0_OWNED);
        owned(CpuState.CR4, Field.CR4_SHADOW, CR4_OWNED);
        vmx.state().read();
        guest.transition().saveGuest();
        // a step that a shadow holds up is pending
        boolean held = cpu.interruptShadow() && cpu.systemFlag(Flags.TF) && (cpu.field(CpuState.DEBUGCTL) & 2) == 0;
        if (held) {
            v.put(Field.PENDING_DEBUG, v.get(Field.PENDING_DEBUG) | 0x4000);
        }
        v.put(Field.ACTIVITY, 0);
        v.put(Field.TSC_OFFSET, cpu.field(CpuState.TSC_OFFSET));
    }

    /** Where the CPU has lost the bit (a reset, INIT, a restored state) its value so far is the guest's. */
    private void owned(int register, int shadow, int bit) {
        long value = cpu.field(register);
        if ((value & bit) == 0) {
            v.put(shadow, v.get(shadow) & ~bit);
            cpu.setField(register, value | bit);
        }
    }

    @Override
    public void skipInstruction() {
        cpu.setRip(cpu.rip() + v.get(Field.EXIT_LENGTH) & (cpu.code64() ? -1L : 0xffff_ffffL));
        cpu.setInterruptShadow(false);
    }

    @Override
    public ExitKind kind() {
        boolean nmi = guest.reason() == ExitReason.EXCEPTION_NMI && EventInfo.type(exception()) == EventInfo.NMI;
        return nmi ? ExitKind.NMI : guest.reason().kind;
    }

    @Override
    public String exitName() {
        return guest.reason().label;
    }

    @Override
    public int instructionLength() {
        return v.get32bits(Field.EXIT_LENGTH);
    }

    @Override
    public long qualification() {
        return v.get(Field.QUALIFICATION);
    }

    @Override
    public long gpa() {
        return v.get(Field.GUEST_PHYSICAL);
    }

    @Override
    public long va() {
        return v.get(Field.GUEST_LINEAR);
    }

    @Override
    public int access() {
        return guest.access();
    }

    @Override
    public int port() {
        return (int) (qualification() >>> 16) & 0xffff;
    }

    @Override
    public int portBytes() {
        return (int) (qualification() & 7) + 1;
    }

    @Override
    public boolean portIn() {
        return (qualification() & 8) != 0;
    }

    @Override
    public boolean portString() {
        return (qualification() & 16) != 0;
    }

    @Override
    public long exception() {
        return v.get(Field.EXIT_EVENT) & 0xffff_ffffL | v.get(Field.EXIT_ERROR) << 32;
    }

    @Override
    public long interruptedEvent() {
        long event = v.get(Field.VECTORING) & 0xffff_ffffL;
        return (event & EventInfo.VALID) == 0 ? 0 : event | v.get(Field.VECTORING_ERROR) << 32;
    }

    @Override
    public void inject(long event) {
        v.put(Field.ENTRY_EVENT, event & 0xffff_ffffL);
        v.put(Field.ENTRY_ERROR, event >>> 32);
        v.put(Field.ENTRY_LENGTH, v.get(Field.EXIT_LENGTH));
    }

    @Override
    public boolean injecting() {
        return v.get32bits(Field.ENTRY_EVENT) < 0 || guest.injectionPending();
    }

    @Override
    public boolean takesInterrupts() {
        return cpu.systemFlag(Flags.IF) && !cpu.interruptShadow();
    }

    private void control(int bit, boolean on) {
        int proc = v.get32bits(Field.PROC);
        put32(Field.PROC, on ? proc | bit : proc & ~bit);
        if (cpu.guestMode() != null) {
            vmx.state().read();
            guest.intercepts().configure();
            cpu.updateMode();
        }
    }

    @Override
    public void requestWindow(boolean on) {
        control(Controls.INTERRUPT_WINDOW, on);
    }

    @Override
    public void emulate() {
        guest.emulate();
    }

    @Override
    public void interceptPort(int port, boolean on) {
        bit(frames[IO_BITMAP + (port >>> 15)], port & 0x7fff, on);
    }

    @Override
    public void interceptMsr(int msr, boolean read, boolean write) {
        boolean high = msr >>> 13 == 0xc000_0000 >>> 13;
        if (!high && msr >>> 13 != 0) {
            throw new IllegalArgumentException("MSR " + Integer.toHexString(msr) + " always exits");
        }
        int n = (high ? 1024 * 8 : 0) + (msr & 0x1fff);
        bit(frames[MSR_BITMAP], n, read);
        bit(frames[MSR_BITMAP], 2048 * 8 + n, write);
    }

    private void bit(long mfn, int n, boolean on) {
        long at = cpu.memory().hostPage(mfn) + (n >>> 3);
        int bit = 1 << (n & 7);
        put8(at, on ? get8(at) | bit : get8(at) & ~bit);
    }

    @Override
    public void interceptExceptions(int vectors) {
        put32(Field.EXCEPTIONS, vectors);
    }

    @Override
    public void interceptTsc(boolean on) {
        control(Controls.RDTSC, on);
    }

    @Override
    public void setTscOffset(long ticks) {
        cpu.setField(CpuState.TSC_OFFSET, ticks);
        v.put(Field.TSC_OFFSET, ticks);
        cpu.apic().tscChanged();
    }

    @Override
    public void flush() {
        cpu.mmu().flushAll();
    }
}
