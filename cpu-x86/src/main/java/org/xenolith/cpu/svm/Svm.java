package org.xenolith.cpu.svm;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Feature;
import org.xenolith.cpu.Msr;
import org.xenolith.cpu.apic.StartUp;
import org.xenolith.cpu.mmu.Mmu;
import org.xenolith.cpu.virt.Virtualizer;

/**
 * AMD-V of one CPU: its MSRs, the global interrupt flag, and what the SVM instructions do in the host (APM vol. 2, chapter 15). The guest is
 * {@link SvmGuest}.
 */
public final class Svm {
    /** CPUID Fn8000_000A_EBX: address space identifiers, the host's 0 included. */
    public static final int ASIDS = 0x1000;
    /** CPUID Fn8000_000A_EAX. */
    public static final int REVISION = 1;
    /**
     * CPUID Fn8000_000A_EDX: nested paging, SVM lock, NRIP save, VMCB clean bits, flush by ASID, decode assists, pause filter and its
     * threshold.
     */
    public static final int FEATURES = 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 12;

    private static final long VM_CR_DEFINED = 0x1f;
    private static final long VM_CR_LOCK = 1 << 3;
    private static final long VM_CR_DISABLE = 1 << 4;

    private final Cpu cpu;
    private final SvmGuest guest;
    private long vmCr;
    private long hostSave;
    private long key;
    private boolean gif = true;
    private boolean initPending;
    private String failure;

    public Svm(Cpu cpu) {
        this.cpu = cpu;
        this.guest = new SvmGuest(cpu, this);
    }

    /** RESET#. */
    public void reset() {
        vmCr = 0;
        hostSave = 0;
        key = 0;
        gif = true;
        initPending = false;
        guest.abandon();
    }

    /** AMD-V for a hypervisor that is no guest code. */
    public Virtualizer virtualizer() {
        return new SvmVirtualizer(cpu, this);
    }

    SvmGuest guest() {
        return guest;
    }

    // ---- the global interrupt flag ----

    /** Interrupts, NMIs and INIT are not held back. */
    public boolean gif() {
        return gif;
    }

    void setGif(boolean on) {
        gif = on;
        cpu.requestAttention();
    }

    public void stgi() {
        setGif(true);
        if (initPending && cpu.guestMode() == null) {
            takeInit();
        }
    }

    public void clgi() {
        setGif(false);
    }

    /** INIT while it is held back, or in a guest. True when it has been taken care of. */
    public boolean init() {
        boolean inGuest = cpu.guestMode() == guest && cpu.root() == null;
        if (gif && !inGuest) {
            return false;
        }
        initPending = true;
        cpu.requestAttention();
        return true;
    }

    boolean initPending() {
        return initPending;
    }

    /** INIT acts on the CPU, in a guest too. */
    void takeInit() {
        guest.abandon();
        gif = true;
        initPending = false;
        StartUp.init(cpu);
    }

    // ---- MSRs ----

    /** Whether an MSR is one of SVM's, and the CPU has it. */
    public boolean owns(int msr) {
        return msr >= Msr.VM_CR && msr <= Msr.SVM_KEY && msr != Msr.IGNNE && msr != Msr.SMM_CTL
                && cpu.model().has(Feature.SVM);
    }

    public long rdmsr(int msr) {
        return switch (msr) {
            case Msr.VM_CR -> vmCr;
            case Msr.VM_HSAVE_PA -> hostSave;
            default -> 0;
        };
    }

    /** WRMSR; false for #GP. */
    public boolean wrmsr(int msr, long v) {
        switch (msr) {
            case Msr.VM_CR -> {
                long kept = (vmCr & VM_CR_LOCK) != 0 ? VM_CR_LOCK | VM_CR_DISABLE : 0;
                long now = v & ~kept | vmCr & kept;
                boolean on = (cpu.efer() & ControlRegisters.EFER_SVME) != 0;
                if ((v & ~VM_CR_DEFINED) != 0 || on && (now & VM_CR_DISABLE) != 0) {
                    return false;
                }
                vmCr = now;
            }
            case Msr.VM_HSAVE_PA -> {
                if (badAddress(v)) {
                    return false;
                }
                hostSave = v;
            }
            default -> {
                if ((vmCr & VM_CR_LOCK) == 0) {
                    key = v;
                } else if (key != 0 && key == v) {
                    vmCr &= ~VM_CR_LOCK;
                }
            }
        }
        return true;
    }

    /** EFER.SVME may not be set while VM_CR.SVMDIS is. */
    public boolean refusesEfer(long v) {
        return (v & ControlRegisters.EFER_SVME) != 0 && (vmCr & VM_CR_DISABLE) != 0;
    }

    private boolean badAddress(long pa) {
        return (pa & 0xfff) != 0 || pa >>> cpu.model().maxPhysicalAddressBits() != 0;
    }

    // ---- instructions ----

    /** #UD unless SVM is on and the CPU in protected mode, #GP(0) outside of ring 0. */
    public void require() {
        if (!cpu.protectedMode() || cpu.vm86() || (cpu.efer() & ControlRegisters.EFER_SVME) == 0) {
            throw cpu.ud();
        }
        if (cpu.cpl() != 0) {
            throw cpu.gp0();
        }
    }

    /** Host address of the VMCB at a physical address; #GP(0) for one that is not at a page of memory. */
    private long page(long pa) {
        long page = badAddress(pa) ? 0 : cpu.mmu().physicalPage(pa);
        if (page == 0) {
            throw cpu.gp0();
        }
        return page;
    }

    /** VMRUN; RIP is past it. */
    public void vmrun(long pa) {
        long host = page(hostSave);
        guest.setVmcb(page(pa));
        guest.saveHost(host);
        enterChecked();
    }

    /** An entry with all checks; true when the CPU is in the guest. */
    boolean enterChecked() {
        Checks.Check bad = Checks.failing(cpu, guest.vmcb());
        failure = null;
        if (bad != null) {
            failure = bad.toString();
            cpu.environment().entryFailed(cpu, failure);
            guest.entryFailed();
            return false;
        }
        return guest.enter();
    }

    /** PDPTEs of the guest have reserved bits. */
    void report(String check) {
        failure = check;
        cpu.environment().entryFailed(cpu, check);
    }

    String failure() {
        return failure;
    }

    public void vmload(long pa) {
        Vmcb v = new Vmcb();
        v.setPage(page(pa));
        StateSave.loadMore(cpu, v);
    }

    public void vmsave(long pa) {
        Vmcb v = new Vmcb();
        v.setPage(page(pa));
        StateSave.saveMore(cpu, v);
        written(v);
    }

    void written(Vmcb v) {
        cpu.memory().written(v.page() - cpu.memory().base() >>> 12);
    }

    /** INVLPGA. */
    public void invlpga(long va, int asid) {
        long current = cpu.guestMode() == guest ? guest.space() : 0;
        long space = asid & 0xffff_ffffL;
        if (!Mmu.isCanonical(va) && cpu.longMode()) {
            return;
        }
        if (space == current) {
            cpu.mmu().flushPage(va);
        } else {
            cpu.mmu().dropSpacesPage(s -> s == space, va);
        }
    }
}
