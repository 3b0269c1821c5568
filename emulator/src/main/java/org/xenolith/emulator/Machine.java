package org.xenolith.emulator;

import java.util.function.Function;
import org.xenolith.guests.ImageException;

/**
 * A machine with its hypervisor and guests: the public API that the command line, tests and tools use.
 *
 * <p>It never exits the process, prints or reads a terminal; consoles are given as {@link Console}.
 */
public final class Machine implements AutoCloseable {
    private Machine() {
    }

    /**
     * Builds the machine and its guests, ready to run.
     *
     * @param config what to build
     * @param console gives each domain its console
     * @param progress hears of steps
     * @throws ImageException when a kernel or initrd cannot be used; the message names file and reason
     * @throws java.nio.file.NoSuchFileException when a file is not there
     * @throws IllegalArgumentException when a value of {@code config} is out of range; the message names it
     */
    public static Machine create(MachineConfig config, Function<DomainConfig, Console> console, Progress progress)
            throws ImageException, java.nio.file.NoSuchFileException {
        throw new UnsupportedOperationException();
    }

    /** Runs until all domains have ended, a limit is reached or {@link #stop} is called. */
    public RunResult run() {
        throw new UnsupportedOperationException();
    }

    /** Asks the run to end soon with {@link Outcome#DESTROYED}; from any thread. */
    public void stop(String reason) {
        throw new UnsupportedOperationException(reason);
    }

    @Override
    public void close() {
    }
}
