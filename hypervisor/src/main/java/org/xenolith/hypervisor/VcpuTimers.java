package org.xenolith.hypervisor;

import org.xenolith.hypervisor.evtchn.Virq;
import org.xenolith.time.Timers;

/** The two timers behind a vCPU's VIRQ_TIMER, in system time (virtual nanoseconds since power-on). */
public final class VcpuTimers {
    /** Shortest period that a guest may ask for: 1 ms. */
    public static final long MIN_PERIOD = 1_000_000L;

    private final Vcpu vcpu;
    private final Timers.Timer singleshot;
    private final Timers.Timer periodic;
    private long period;
    private long nextPeriod;

    VcpuTimers(Vcpu vcpu) {
        this.vcpu = vcpu;
        Timers timers = vcpu.domain().host().timers();
        singleshot = timers.timer(this::raise);
        periodic = timers.timer(this::periodicExpired);
    }

    private void raise() {
        vcpu.domain().events().sendVirq(Virq.TIMER, vcpu.id());
    }

    private void periodicExpired() {
        raise();
        long now = vcpu.now();
        while (nextPeriod <= now) {
            nextPeriod += period;
        }
        periodic.arm(nextPeriod);
    }

    /** Arms the one-shot timer for an absolute system time; a time in the past fires at once. */
    public void setSingleshot(long at) {
        singleshot.arm(Math.max(at, 0));
    }

    public void stopSingleshot() {
        singleshot.cancel();
    }

    /** Starts ticking every {@code ns} nanoseconds, at least {@link #MIN_PERIOD}. */
    public void setPeriodic(long ns) {
        period = ns;
        nextPeriod = vcpu.now() + ns;
        periodic.arm(nextPeriod);
    }

    public void stopPeriodic() {
        periodic.cancel();
    }

    /** Absolute deadline of the one-shot timer, or {@link Timers#NEVER}. */
    public long singleshotDeadline() {
        return singleshot.deadline();
    }

    void stop() {
        singleshot.cancel();
        periodic.cancel();
    }
}
