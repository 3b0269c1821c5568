package org.xenolith.cpu.virt;

import org.xenolith.cpu.Cpu;

/**
 * A hypervisor that is no guest code: after each VM exit it, and not the host state of a VMCS or VMCB, has the CPU. It enters the guest
 * again with the operations that VMLAUNCH, VMRESUME and VMRUN stand for.
 */
public interface RootSoftware {
    /**
     * A VM exit has just been completed: the guest's state is in its VMCS or VMCB, and the CPU still holds it. The guest is entered again,
     * or the CPU's activity says why it is not.
     */
    void exited(Cpu cpu);

    /** The CPU is to run and is not in guest mode: enters the guest, or changes the CPU's activity. */
    void enter(Cpu cpu);

    /** True when a halted CPU has something to do. */
    boolean wakes(Cpu cpu);

    /** True when the CPU is in guest mode and its hypervisor wants it back: an interrupt for the host, as VMX and SVM see it. */
    boolean interrupts(Cpu cpu);
}
