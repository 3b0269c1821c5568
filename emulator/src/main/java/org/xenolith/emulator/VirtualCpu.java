package org.xenolith.emulator;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.hypervisor.Vcpu;

/** A vCPU with the tier that runs it. */
record VirtualCpu(Vcpu vcpu, Interpreter tier) {
    Cpu cpu() {
        return vcpu.cpu();
    }

    boolean runnable() {
        return tier.runnable();
    }

    /** Executes up to {@code budget} instructions, with the hypervisor's accounting around them. */
    void run(long budget) {
        vcpu.beforeRun();
        tier.run(budget);
        vcpu.afterRun();
    }
}
