package org.xenolith.hypervisor;

import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.cpu.virt.EventInfo;
import org.xenolith.cpu.virt.RootSoftware;
import org.xenolith.cpu.virt.Virtualizer;
import org.xenolith.hypervisor.p2m.FrameTable;

/**
 * HVM on VT-x or AMD-V: the guest runs in non-root mode on a VMCS or VMCB of the vCPU, behind the domain's {@code NestedTables}, with its
 * domain's PC around it; the vCPU's local APIC is the guest's, which it reaches by exits. Port E9h stays Xen's debug port; what the PC does not
 * answer is counted by its buses.
 */
public final class HvmContainer extends PvhContainer implements RootSoftware {
    private static final Logger LOG = LoggerFactory.getLogger(HvmContainer.class);
    /** MSRs that the guest has to itself, as in Xen: SYSENTER_*; STAR, LSTAR, CSTAR, FMASK; FS_BASE, GS_BASE, KERNEL_GS_BASE. */
    private static final int[] GUEST_MSRS = {0x174, 0x175, 0x176, 0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084,
        0xc000_0100, 0xc000_0101, 0xc000_0102};

    private final Map<String, Statistics.Counter> exits = new HashMap<>();
    private Virtualizer virtualizer;
    private long[] frames = {};
    /** An exit is asked for as soon as the guest takes interrupts. */
    private boolean window;

    HvmContainer(Vcpu vcpu) {
        super(vcpu);
    }

    private HvmPlatform platform() {
        return vcpu.domain().platform();
    }

    /** Takes the vCPU's processor, whose state is that of the guest. */
    void attach(Cpu cpu) {
        cpu.setRoot(this);
        virtualizer = cpu.model().amd() ? cpu.svm().virtualizer() : cpu.vmx().virtualizer();
    }

    // ---- entries and exits ----

    private void start() {
        FrameTable table = vcpu.domain().frames();
        frames = new long[virtualizer.frames()];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = table.allocate(FrameTable.XEN);
            if (frames[i] < 0) {
                throw new IllegalStateException("machine memory has no room for the control structures of a vCPU");
            }
        }
        virtualizer.start(frames, vcpu.domain().nested().root());
        for (int msr : GUEST_MSRS) {
            virtualizer.interceptMsr(msr, false, false);
        }
    }

    @Override
    public void enter(Cpu cpu) {
        if (frames.length == 0) {
            start();
        }
        if (!virtualizer.injecting()) {
            offerInterrupt(cpu);
        }
        resume(cpu);
    }

    private void resume(Cpu cpu) {
        if (cpu.activity() == Cpu.Activity.RUNNING && !virtualizer.enter()) {
            LOG.error("vCPU {} of domain {} cannot be entered: {}", vcpu.id(), vcpu.domain().domid(),
                    virtualizer.failure());
            vcpu.domain().count("vm-entry:" + virtualizer.failure());
            vcpu.domain().shutdown(ShutdownReason.CRASH);
        }
    }

    @Override
    public void exited(Cpu cpu) {
        exits.computeIfAbsent(virtualizer.exitName(), vcpu.domain().host().exits()::counter).add();
        long interrupted = virtualizer.interruptedEvent();
        if (interrupted != 0) {
            virtualizer.inject(interrupted);
        }
        switch (virtualizer.kind()) {
            case HLT -> {
                virtualizer.skipInstruction();
                if (!pending(cpu) || !virtualizer.takesInterrupts()) {
                    cpu.setActivity(Cpu.Activity.HALTED);
                    return;
                }
                offerInterrupt(cpu);
            }
            case HYPERCALL -> {
                virtualizer.skipInstruction();
                hypercall(cpu);
            }
            case INTERRUPT -> offerInterrupt(cpu);
            case WINDOW -> {
                window = false;
                virtualizer.requestWindow(false);
                offerInterrupt(cpu);
            }
            case NESTED_FAULT -> nestedFault();
            case TRIPLE_FAULT -> shutdown(cpu);
            case ENTRY_FAILED, INIT, SIPI, NMI -> {
                vcpu.domain().count("vm-exit:" + virtualizer.exitName());
                vcpu.domain().shutdown(ShutdownReason.CRASH);
            }
            // the processor does once, without interception, what the guest wanted; its environment is this container
            default -> virtualizer.emulate();
        }
        resume(cpu);
    }

    private void nestedFault() {
        long gfn = virtualizer.gpa() >>> 12;
        Domain d = vcpu.domain();
        if (!d.physmap().onDemand(gfn)) {
            virtualizer.emulate();
        } else if (d.mfn(gfn) == Stage2.MMIO) {
            d.shutdown(ShutdownReason.CRASH);
        }
    }

    private boolean pending(Cpu cpu) {
        return hasExternalInterrupt(cpu) || cpu.apic().pending();
    }

    /** Has the guest take an interrupt that is pending, or exit as soon as it can. */
    private void offerInterrupt(Cpu cpu) {
        if (virtualizer.injecting() || !pending(cpu)) {
            return;
        }
        if (!virtualizer.takesInterrupts()) {
            window = true;
            virtualizer.requestWindow(true);
            return;
        }
        int vector = hasExternalInterrupt(cpu) ? externalInterrupt(cpu) : cpu.apic().acknowledge();
        if (vector >= 0) {
            virtualizer.inject(EventInfo.of(vector, Exceptions.Source.EXTERNAL, false, 0));
        }
    }

    @Override
    public boolean interrupts(Cpu cpu) {
        return !window && pending(cpu) && !virtualizer.injecting();
    }

    @Override
    public boolean wakes(Cpu cpu) {
        return cpu.nmiPending() && !cpu.nmiBlocked() || virtualizer.takesInterrupts() && pending(cpu);
    }

    @Override
    public void release() {
        for (long mfn : frames) {
            vcpu.domain().frames().put(mfn);
        }
        frames = new long[0];
    }

    // ---- interrupts ----

    @Override
    public boolean hasExternalInterrupt(Cpu cpu) {
        vcpu.domain().callback().settle();
        return super.hasExternalInterrupt(cpu) || platform().devices().hasExternalInterrupt(cpu);
    }

    @Override
    public int externalInterrupt(Cpu cpu) {
        return super.hasExternalInterrupt(cpu)
                ? super.externalInterrupt(cpu)
                : platform().devices().externalInterrupt(cpu);
    }

    // ---- what instructions meet ----

    @Override
    public long in(Cpu cpu, int port, int size) {
        return port == DEBUG_PORT ? super.in(cpu, port, size) : platform().devices().in(cpu, port, size);
    }

    @Override
    public void out(Cpu cpu, int port, int size, long value) {
        if (port == DEBUG_PORT) {
            super.out(cpu, port, size, value);
        } else {
            platform().devices().out(cpu, port, size, value);
        }
    }

    @Override
    public long mmioRead(Cpu cpu, long gpa, int size) {
        return cpu.apic().mapped(gpa >>> 12)
                ? cpu.apic().mmioRead((int) gpa & 0xfff, size)
                : platform().devices().mmioRead(cpu, gpa, size);
    }

    @Override
    public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
        if (cpu.apic().mapped(gpa >>> 12)) {
            cpu.apic().mmioWrite((int) gpa & 0xfff, size, value);
        } else {
            platform().devices().mmioWrite(cpu, gpa, size, value);
        }
    }

    @Override
    public void floatingPointError(Cpu cpu) {
        platform().devices().floatingPointError(cpu);
    }
}
