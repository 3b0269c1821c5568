package org.xenolith.emulator;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.hypervisor.Vcpu;

/**
 * A CPU with the tier that runs it.
 *
 * @param before the hypervisor's accounting before a stretch of instructions
 * @param after the same after it
 */
record VirtualCpu(Cpu cpu, Interpreter tier, Runnable before, Runnable after) {
    static VirtualCpu of(Vcpu vcpu, Interpreter tier) {
        return new VirtualCpu(vcpu.cpu(), tier, vcpu::beforeRun, vcpu::afterRun);
    }

    /** A CPU of the bare machine. */
    static VirtualCpu of(Cpu cpu, Interpreter tier) {
        return new VirtualCpu(cpu, tier, () -> {}, () -> {});
    }

    boolean runnable() {
        return tier.runnable();
    }

    /** Executes up to {@code budget} instructions, with the hypervisor's accounting around them. */
    void run(long budget) {
        before.run();
        tier.run(budget);
        after.run();
    }
}
