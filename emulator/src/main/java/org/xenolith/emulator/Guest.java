package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.SnapshotMemory;

/** What runs on a machine, through all its reboots: a domain of the hypervisor, or the bare machine itself. */
abstract class Guest {
    final DomainConfig config;
    final Execution execution;
    final GuestNics nics;
    final SnapshotMemory snapshots;
    final Progress progress;
    final ConsoleLog log;
    final SerialConsole serial;
    final List<VirtualCpu> cpus = new ArrayList<>();
    GuestDisks disks;
    Outcome outcome;
    private final Optional<GuestScreen> screen;

    Guest(DomainConfig config, Execution execution, Console console, GuestNics nics, SnapshotMemory snapshots,
            Progress progress) {
        this.config = config;
        this.execution = execution;
        this.nics = nics;
        this.snapshots = snapshots;
        this.progress = progress;
        log = new ConsoleLog(console);
        serial = new SerialConsole(log);
        screen = config.pc().map(p -> new GuestScreen(p.screen(), config.name(), console));
    }

    final DomainConfig config() {
        return config;
    }

    /** Builds what runs and leaves it ready to. */
    abstract void start() throws ImageException, NoSuchFileException;

    /** Frees what {@link #start} built. */
    abstract void destroy();

    /** The CPUs of what was started last. */
    final List<VirtualCpu> cpus() {
        return cpus;
    }

    final Console console() {
        return log.console();
    }

    /** The screen of a guest that sees a PC. */
    final Optional<GuestScreen> screen() {
        return screen;
    }

    /** How the guest ended, or null while it runs. */
    final Outcome outcome() {
        return outcome;
    }

    /** Ends the guest from outside. */
    final void end(Outcome how) {
        if (outcome == null) {
            outcome = how;
        }
    }

    /**
     * Looks whether the guest has shut down.
     *
     * @return true when it is to be started again
     */
    abstract boolean checkShutdown();

    /** True when {@link #checkShutdown} has something to see. */
    abstract boolean shuttingDown();

    /** Hands typed bytes to the guest. */
    void pollInput() {
        if (!config.pc().orElseThrow().screen().terminal()) {
            serial.pollInput();
        }
    }

    /** True once since the guest last wrote or read its console. */
    final boolean takeTalked() {
        return log.takeTalked();
    }

    /** Nobody reads the console or the screen in the terminal any more. */
    final boolean consoleClosed() {
        return log.closed() || screen.isPresent() && screen.get().closed();
    }

    /** The status with which the guest has asked to exit (isa-debug-exit), or 0. */
    abstract int exitCode();

    /** Makes the disks durable and closes them, at the end of the run. */
    final void closeDisks() {
        serial.flush();
        if (disks != null) {
            disks.close();
        }
    }

    /** Unplugs the network interfaces and closes the screen, for good. */
    final void unplug() {
        nics.close();
        screen.ifPresent(GuestScreen::close);
    }

    abstract RunResult.DomainResult result();
}
