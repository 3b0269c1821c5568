package org.xenolith.emulator;

import org.xenolith.cpu.interp.Interpreter;
import org.xenolith.time.VirtualClock;

/**
 * Virtual time of one machine, from the count of executed instructions: 1 instruction is 1 ns.
 *
 * <p>N CPUs take turns; the clock in turn {@code i} of a round that started at T and gives each CPU {@code slice} instructions reads
 * {@code T + (i * slice + offset) / N}, so that it rises in the order of execution and each CPU gets one instruction a nanosecond.
 */
final class MachineClock implements VirtualClock {
    private final int cpus;
    private long roundStart;
    private long slice;
    private int turn;
    private Interpreter running;
    private long retiredAtTurnStart;
    private long lastRead;

    MachineClock(int cpus) {
        this.cpus = cpus;
    }

    @Override
    public long now() {
        long offset = running == null ? 0 : running.retiredNow() - retiredAtTurnStart;
        long t = roundStart + (turn * slice + offset) / cpus;
        // a turn may run a little past its slice (the event that ended it); time still never goes back
        if (t > lastRead) {
            lastRead = t;
        }
        return lastRead;
    }

    @Override
    public boolean perInstruction() {
        return cpus == 1;
    }

    void startRound(long sliceLength) {
        slice = sliceLength;
        turn = 0;
        running = null;
    }

    void startTurn(int number, Interpreter cpu) {
        turn = number;
        running = cpu;
        retiredAtTurnStart = cpu.retiredNow();
    }

    /** Makes the CPU that executes now look up after its current instruction. */
    void interruptRunning() {
        if (running != null) {
            running.cpu().requestAttention();
        }
    }

    /** Instructions done in this turn. */
    long offset() {
        return running.retiredNow() - retiredAtTurnStart;
    }

    /** The offset in this turn at which {@link #now} first reads {@code time} or more; may be negative. */
    long offsetAt(long time) {
        long delta = time - roundStart;
        if (delta > Long.MAX_VALUE / 2 / cpus) {
            return Long.MAX_VALUE / 2;
        }
        return delta * cpus - turn * slice;
    }

    /** Ends the round after {@code length} ns, or at what the clock has already read. */
    void endRound(long length) {
        running = null;
        turn = 0;
        roundStart = Math.max(roundStart + length, lastRead);
    }

    /** Lets time pass in the middle of an instruction, without instructions. */
    void pass(long ns) {
        roundStart += ns;
    }

    /** Lets idle time pass at once. */
    void jumpTo(long time) {
        if (time > roundStart) {
            roundStart = time;
        }
    }
}
