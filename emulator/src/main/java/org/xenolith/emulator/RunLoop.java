package org.xenolith.emulator;

import java.util.List;
import org.xenolith.time.Timers;

/**
 * Gives the CPUs of a machine their turns; deterministic for a given sequence of inputs.
 */
final class RunLoop {
    /** Most instructions between two looks at the host (stop requests, console input). */
    private static final long MAX_BUDGET = 1_000_000;
    /**
     * Instructions of a turn when several CPUs share the machine. A prime: a turn that were a multiple of a loop's length would always end at the
     * same place of it, and another CPU would never see the lock free that the loop gives up for an instruction or two (SeaBIOS does so).
     */
    private static final long SHARED_SLICE = 9_973;

    private final MachineClock clock;
    private final Timers timers;

    RunLoop(MachineClock clock, Timers timers) {
        this.clock = clock;
        this.timers = timers;
        // a timer armed in mid-block may be due before the budget ends
        timers.setOnChange(clock::interruptRunning);
    }

    /**
     * One round: every CPU that can run gets a turn.
     *
     * @param limit virtual time at which the round ends at the latest
     * @return false when no CPU could run
     */
    boolean round(List<VirtualCpu> cpus, long limit) {
        timers.expire(clock.now());
        boolean any = false;
        for (VirtualCpu cpu : cpus) {
            any |= cpu.runnable();
        }
        if (!any) {
            return false;
        }
        boolean alone = cpus.size() == 1;
        long slice = Math.max(1, Math.min(alone ? MAX_BUDGET : SHARED_SLICE, limit - clock.now()));
        clock.startRound(slice);
        long done = 0;
        for (int i = 0; i < cpus.size(); i++) {
            VirtualCpu cpu = cpus.get(i);
            clock.startTurn(i, cpu.tier());
            timers.expire(clock.now());
            turn(cpu, slice);
            done = clock.offset();
        }
        // a lone CPU's round is as long as what it executed, so that its time is exact
        clock.endRound(alone ? done : slice);
        return true;
    }

    private void turn(VirtualCpu cpu, long slice) {
        while (cpu.runnable()) {
            long done = clock.offset();
            if (done >= slice) {
                return;
            }
            long untilTimer = clock.offsetAt(timers.next()) - done;
            if (untilTimer <= 0) {
                timers.expire(clock.now());
                untilTimer = 1;
            }
            cpu.cpu().requestAttention();
            cpu.run(Math.min(slice - done, untilTimer));
            timers.expire(clock.now());
        }
    }
}
