package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.List;
import org.xenolith.guests.ImageException;

/** What runs on a machine, through all its reboots: a domain of the hypervisor, or the bare machine itself. */
interface Guest {
    DomainConfig config();

    /** Builds what runs and leaves it ready to. */
    void start() throws ImageException, NoSuchFileException;

    /** Frees what {@link #start} built. */
    void destroy();

    /** The CPUs of what was started last. */
    List<VirtualCpu> cpus();

    Console console();

    /** How the guest ended, or null while it runs. */
    Outcome outcome();

    /** Ends the guest from outside. */
    void end(Outcome how);

    /**
     * Looks whether the guest has shut down.
     *
     * @return true when it is to be started again
     */
    boolean checkShutdown();

    /** True when {@link #checkShutdown} has something to see. */
    boolean shuttingDown();

    /** Hands typed bytes to the guest. */
    void pollInput();

    /** True once since the guest last wrote or read its console. */
    boolean takeTalked();

    boolean consoleClosed();

    /** The screen of a guest that has one, else null. */
    default GuestScreen screen() {
        return null;
    }

    /** The status with which the guest has asked to exit (isa-debug-exit), or 0. */
    default int exitCode() {
        return 0;
    }

    /** Makes the disks durable and closes them, at the end of the run. */
    void closeDisks();

    /** Unplugs the network interfaces for good. */
    void unplug();

    RunResult.DomainResult result();
}
