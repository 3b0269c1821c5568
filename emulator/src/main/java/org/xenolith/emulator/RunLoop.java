package org.xenolith.emulator;

import java.util.List;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.time.Timers;

/**
 * Gives the CPUs of a machine their turns and lets idle time pass; deterministic for a given sequence of inputs.
 */
final class RunLoop {
    /** Most instructions between two looks at the host (stop requests, console input). */
    private static final long MAX_BUDGET = 1_000_000;
    /** Instructions of a turn when several CPUs share the machine. */
    private static final long SHARED_SLICE = 10_000;

    private final MachineClock clock;
    private final Timers timers;

    RunLoop(MachineClock clock, Timers timers) {
        this.clock = clock;
        this.timers = timers;
    }

    /**
     * One round: every CPU that can run gets a turn.
     *
     * @return false when no CPU could run
     */
    boolean round(List<Interpreter> cpus) {
        timers.expire(clock.now());
        boolean any = false;
        for (Interpreter cpu : cpus) {
            any |= cpu.runnable();
        }
        if (!any) {
            return false;
        }
        long slice = cpus.size() == 1 ? MAX_BUDGET : SHARED_SLICE;
        clock.startRound(slice);
        long longest = 0;
        for (int i = 0; i < cpus.size(); i++) {
            Interpreter cpu = cpus.get(i);
            clock.startTurn(i, cpu);
            timers.expire(clock.now());
            turn(cpu, slice);
            longest = Math.max(longest, clock.offset());
        }
        // a lone CPU's round is as long as what it executed, so that its time is exact
        clock.endRound(cpus.size() == 1 ? longest : slice);
        return true;
    }

    private void turn(Interpreter cpu, long slice) {
        while (cpu.runnable()) {
            long done = clock.offset();
            long left = Math.min(slice - done, clock.offsetAt(timers.next()) - done);
            if (slice - done <= 0) {
                return;
            }
            if (left <= 0) {
                timers.expire(clock.now());
                left = 1;
                if (clock.offsetAt(timers.next()) <= done) {
                    // a timer that its own action armed for the past: let one instruction pass
                    cpu.cpu().requestAttention();
                } else {
                    continue;
                }
            }
            cpu.cpu().requestAttention();
            cpu.run(left);
            timers.expire(clock.now());
        }
    }

    /** True when the CPU executes or would if it got a turn. */
    static boolean alive(Cpu cpu) {
        return cpu.activity() != Cpu.Activity.SHUTDOWN;
    }
}
