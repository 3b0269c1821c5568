package org.xenolith.cli;

import java.nio.file.NoSuchFileException;
import java.util.function.Function;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.emulator.Machine;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.Progress;
import org.xenolith.emulator.RunResult;
import org.xenolith.guests.ImageException;

/** Makes machines; a seam, so that tests of the command line need none. */
@FunctionalInterface
interface MachineFactory {
    /** See {@link Machine#create}. */
    Handle create(MachineConfig config, Function<DomainConfig, Console> console, Progress progress)
            throws ImageException, NoSuchFileException;

    /** A machine, ready to run. */
    interface Handle extends AutoCloseable {
        /** See {@link Machine#run}. */
        RunResult run() throws ImageException, NoSuchFileException;

        /** See {@link Machine#stop}. */
        void stop(String reason);

        @Override
        void close();
    }

    /** The real thing. */
    static MachineFactory real() {
        return (config, console, progress) -> {
            Machine machine = Machine.create(config, console, progress);
            return new Handle() {
                @Override
                public RunResult run() throws ImageException, NoSuchFileException {
                    return machine.run();
                }

                @Override
                public void stop(String reason) {
                    machine.stop(reason);
                }

                @Override
                public void close() {
                    machine.close();
                }
            };
        };
    }
}
