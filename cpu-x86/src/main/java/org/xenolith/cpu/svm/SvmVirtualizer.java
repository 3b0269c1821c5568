package org.xenolith.cpu.svm;

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
 * AMD-V in the hands of a hypervisor that is no guest code. The CPU holds the guest's state all the time: an entry writes it to the VMCB
 * and checks it there.
 */
final class SvmVirtualizer implements Virtualizer {
    private static final int VMCB = 0;
    private static final int IOPM = 1;
    private static final int MSRPM = 4;
    private static final int FRAMES = 6;
    private static final int[] INTERCEPTED = {ExitCode.INTR, ExitCode.INIT, ExitCode.RDPMC, ExitCode.CPUID,
        ExitCode.INVD, ExitCode.HLT, ExitCode.INVLPGA, ExitCode.IOIO, ExitCode.MSR,
        ExitCode.SHUTDOWN, ExitCode.VMRUN, ExitCode.VMMCALL, ExitCode.VMLOAD, ExitCode.VMSAVE, ExitCode.STGI,
        ExitCode.CLGI,
        ExitCode.SKINIT, ExitCode.WBINVD, ExitCode.MONITOR, ExitCode.MWAIT, ExitCode.XSETBV};

    private final Cpu cpu;
    private final Svm svm;
    private final SvmGuest guest;
    private final Vmcb v;
    private long[] frames = {};

    SvmVirtualizer(Cpu cpu, Svm svm) {
        this.cpu = cpu;
        this.svm = svm;
        this.guest = svm.guest();
        this.v = guest.vmcb();
    }

    @Override
    public int frames() {
        return FRAMES;
    }

    @Override
    public void start(long[] mfns, long tables) {
        frames = mfns.clone();
        long[] maps = new long[FRAMES - IOPM];
        for (int k = 0; k < FRAMES; k++) {
            long page = cpu.memory().hostPage(mfns[k]);
            fill(page, 4096, k == VMCB ? 0 : 0xff);
            cpu.memory().written(mfns[k]);
            if (k >= IOPM) {
                maps[k - IOPM] = page;
            }
        }
        guest.setVmcb(cpu.memory().hostPage(mfns[VMCB]));
        guest.intercepts().setMaps(maps);
        for (int code : INTERCEPTED) {
            set(code, true);
        }
        v.put(Vmcb.IOPM, mfns[IOPM] << 12);
        v.put(Vmcb.MSRPM, mfns[MSRPM] << 12);
        v.putInt(Vmcb.ASID, 1);
        v.put(Vmcb.NESTED, Vmcb.NESTED_PAGING);
        v.put(Vmcb.NESTED_CR3, tables << 12);
        save();
    }

    private void set(int code, boolean on) {
        int at = Vmcb.INTERCEPTS + (code >>> 5) * 4;
        int bit = 1 << (code & 31);
        v.putInt(at, on ? v.intAt(at) | bit : v.intAt(at) & ~bit);
    }

    @Override
    public boolean enter() {
        if (cpu.guestMode() != null) {
            return true;
        }
        saveChecked();
        return svm.enterChecked();
    }

    @Override
    public String failure() {
        return svm.failure();
    }

    @Override
    public void save() {
        saveChecked();
        StateSave.saveMore(cpu, v);
    }

    /** What VMRUN looks at, in which SVM is on without the guest's doing. */
    private void saveChecked() {
        StateSave.saveGuest(cpu, v, true);
        v.put(Vmcb.EFER, cpu.efer() | ControlRegisters.EFER_SVME);
    }

    @Override
    public void skipInstruction() {
        cpu.setRip(v.get(Vmcb.NEXT_RIP) & (cpu.code64() ? -1L : 0xffff_ffffL));
        cpu.setInterruptShadow(false);
    }

    @Override
    public ExitKind kind() {
        return ExitCode.kind(guest.code(), qualification());
    }

    @Override
    public String exitName() {
        return ExitCode.name(guest.code());
    }

    @Override
    public int instructionLength() {
        return (int) (v.get(Vmcb.NEXT_RIP) - v.get(Vmcb.RIP)) & 15;
    }

    @Override
    public long qualification() {
        return v.get(Vmcb.EXIT_INFO_1);
    }

    @Override
    public long gpa() {
        return v.get(Vmcb.EXIT_INFO_2);
    }

    @Override
    public long va() {
        return guest.linear();
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
        return (int) (qualification() >>> 4) & 7;
    }

    @Override
    public boolean portIn() {
        return (qualification() & 1) != 0;
    }

    @Override
    public boolean portString() {
        return (qualification() & 4) != 0;
    }

    @Override
    public long exception() {
        return guest.exception();
    }

    @Override
    public long interruptedEvent() {
        long event = v.get(Vmcb.EXIT_INT_INFO);
        return (event & EventInfo.VALID) == 0 ? 0 : event;
    }

    @Override
    public void inject(long event) {
        boolean exception = EventInfo.type(event) > EventInfo.SOFTWARE;
        v.put(Vmcb.EVENT_INJECTION, exception ? event & ~0x700L | EventInfo.EXCEPTION << 8 : event);
    }

    @Override
    public boolean injecting() {
        return (v.get(Vmcb.EVENT_INJECTION) & EventInfo.VALID) != 0 && cpu.guestMode() == null
                || guest.injectionPending();
    }

    @Override
    public boolean takesInterrupts() {
        return cpu.systemFlag(Flags.IF) && !cpu.interruptShadow();
    }

    private void changed() {
        if (cpu.guestMode() != null) {
            guest.reconfigure();
            cpu.updateMode();
        }
    }

    @Override
    public void requestWindow(boolean on) {
        long asks = Vmcb.V_IRQ | Vmcb.V_IGNORE_TPR;
        long now = v.get(Vmcb.VIRTUAL_INTERRUPT);
        v.put(Vmcb.VIRTUAL_INTERRUPT, on ? now | asks : now & ~asks);
        set(ExitCode.VINTR, on);
        changed();
    }

    @Override
    public void emulate() {
        guest.emulate();
    }

    @Override
    public void interceptPort(int port, boolean on) {
        bit(IOPM, port, on);
    }

    @Override
    public void interceptMsr(int msr, boolean read, boolean write) {
        int range = switch (msr >>> 13) {
            case 0 -> 0;
            case 0xc000_0000 >>> 13 -> 1;
            case 0xc001_0000 >>> 13 -> 2;
            default -> throw new IllegalArgumentException("MSR " + Integer.toHexString(msr) + " always exits");
        };
        int n = range * 0x4000 + (msr & 0x1fff) * 2;
        bit(MSRPM, n, read);
        bit(MSRPM, n + 1, write);
    }

    private void bit(int map, int n, boolean on) {
        long at = cpu.memory().hostPage(frames[map + (n >>> 15)]) + (n >>> 3 & 0xfff);
        int bit = 1 << (n & 7);
        put8(at, on ? get8(at) | bit : get8(at) & ~bit);
    }

    @Override
    public void interceptExceptions(int vectors) {
        v.putInt(Vmcb.INTERCEPTS + 8, vectors);
        changed();
    }

    @Override
    public void interceptTsc(boolean on) {
        set(ExitCode.RDTSC, on);
        set(ExitCode.RDTSCP, on);
        changed();
    }

    @Override
    public void setTscOffset(long ticks) {
        cpu.setField(CpuState.TSC_OFFSET, ticks);
        v.put(Vmcb.TSC_OFFSET, ticks);
        cpu.apic().tscChanged();
    }

    @Override
    public void flush() {
        cpu.mmu().flushAll();
    }
}
