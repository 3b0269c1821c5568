package org.xenolith.cpu.vmx;

import org.xenolith.cpu.Cpu;
import org.xenolith.time.Timers;

/** The VMX-preemption timer, which counts down in units of the time-stamp counter (SDM vol. 3, 26.5.1). */
final class PreemptionTimer {
    private final Cpu cpu;
    private final Timers.Timer timer;
    private boolean active;
    private long end;

    PreemptionTimer(Cpu cpu, Timers timers) {
        this.cpu = cpu;
        this.timer = timers.timer(cpu::requestAttention);
    }

    private long ticks() {
        return cpu.model().ticks(cpu.clock().now());
    }

    void start(long value) {
        active = true;
        end = (ticks() >>> Capabilities.TIMER_SHIFT) + value << Capabilities.TIMER_SHIFT;
        timer.arm(cpu.model().nanoseconds(end));
    }

    void stop() {
        timer.cancel();
        active = false;
    }

    /** What is left, 0 when it has run out. */
    long left() {
        long left = end - ticks();
        return left <= 0 ? 0 : left + (1 << Capabilities.TIMER_SHIFT) - 1 >>> Capabilities.TIMER_SHIFT;
    }

    boolean expired() {
        return active && ticks() >= end;
    }
}
