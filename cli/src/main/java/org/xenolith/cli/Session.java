package org.xenolith.cli;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.emulator.MachineConfig;
import org.xenolith.emulator.NicCounts;
import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.Progress;
import org.xenolith.emulator.RunResult;
import org.xenolith.guests.ImageException;
import org.xenolith.host.HostClock;
import org.xenolith.host.Terminal;
import org.xenolith.hypervisor.blkback.DiskCounts;

/**
 * One run of a machine from building to statistics, with the consoles on files or on standard input and output.
 *
 * <p>Signals: SIGINT, SIGTERM and SIGHUP make the JVM shut down, with 128 plus the signal's number as its status. A
 * shutdown hook stops the machine and waits until the statistics are written; it also restores the terminal.
 */
final class Session {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);
    private static final long SHUTDOWN_WAIT_S = 10;

    private final App app;
    private final MachineConfig config;
    private final ConsoleTarget target;
    private final Optional<StatsFile> stats;
    private final boolean verbose;
    private final HostClock clock = new HostClock();
    private final CountDownLatch finished = new CountDownLatch(1);
    private MachineFactory.Handle machine;
    private String stopReason;
    private IOException consoleError;

    /**
     * Prepares a run.
     *
     * @param target where the guests' output goes
     * @param stats where the statistics go
     * @param verbose whether to say each step and a summary
     */
    Session(App app, MachineConfig config, ConsoleTarget target, Optional<StatsFile> stats, boolean verbose) {
        this.app = app;
        this.config = config;
        this.target = target;
        this.stats = stats;
        this.verbose = verbose;
    }

    /**
     * Runs the machine to its end and says how it ended, unless it ended well.
     *
     * @return what it did
     * @throws UserError when the configuration cannot be run or the console cannot be written
     * @throws ImageException when an image cannot be used
     * @throws NoSuchFileException when an image is not there
     */
    RunResult run() throws UserError, ImageException, NoSuchFileException {
        Thread hook = Thread.ofPlatform().name("shutdown").unstarted(this::shutDown);
        Runtime.getRuntime().addShutdownHook(hook);
        boolean written = false;
        try {
            RunResult result = runMachine();
            written = true;
            if (stats.isPresent()) {
                stats.get().write(result);
            }
            tell(result);
            if (consoleError != null) {
                throw UserError.usage("the console's output could not be written: " + consoleError.getMessage());
            }
            return result;
        } catch (IOException e) {
            if (e instanceof NoSuchFileException missing && !written) {
                throw missing;
            }
            throw UserError.usage("cannot write: " + e.getMessage());
        } finally {
            if (!written) {
                writeFailure();
            }
            app.terminal().ifPresent(Terminal::restore);
            finished.countDown();
            removeHook(hook);
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            LOG.debug("shutting down already", e);
        }
    }

    private void writeFailure() {
        if (stats.isPresent()) {
            try {
                stats.get().writeFailure(config, clock.millis());
            } catch (IOException | RuntimeException e) {
                app.messages().say("the statistics could not be written: " + e.getMessage());
            }
        }
    }

    private RunResult runMachine() throws IOException, UserError, ImageException {
        boolean typed = target.standard() && config.domains().size() == 1;
        Runnable leave = app.terminal().isPresent() ? () -> stop("left the console") : null;
        try (Consoles consoles = Consoles.open(target, config.domains(), app, leave, this::consoleBroken);
                MachineFactory.Handle built = build(consoles)) {
            start(built);
            app.messages().clear();
            if (typed) {
                app.terminal().ifPresent(this::takeTerminal);
            }
            return built.run();
        }
    }

    private void takeTerminal(Terminal terminal) {
        String name = config.domains().getFirst().name();
        String size = terminal.size(Terminal.STDOUT)
                .map(s -> " (this window: stty rows " + s.rows() + " cols " + s.columns() + ")").orElse("");
        if (terminal.makeRaw()) {
            app.messages().say("console of guest '" + name + "'; Ctrl-] leaves and ends it" + size);
        }
    }

    private MachineFactory.Handle build(Consoles consoles) throws UserError, ImageException, NoSuchFileException {
        Progress progress = new Progress() {
            @Override
            public void step(String domain, String what) {
                if (verbose) {
                    app.messages().say(domain + ": " + what);
                } else {
                    app.messages().progress(domain + ": " + what + "…");
                }
            }
        };
        try {
            return app.machines().create(config, consoles::of, progress);
        } catch (IllegalArgumentException e) {
            throw new UserError(String.valueOf(e.getMessage()), e);
        } catch (OutOfMemoryError e) {
            throw new UserError("this host has not enough memory for the guest (" + e.getMessage()
                    + "); ask for less with --memory", e);
        }
    }

    /** Makes {@code built} the machine that {@link #stop} stops; does so at once if that was called before. */
    private synchronized void start(MachineFactory.Handle built) {
        machine = built;
        if (stopReason != null) {
            built.stop(stopReason);
        }
    }

    private synchronized void stop(String reason) {
        if (stopReason == null) {
            stopReason = reason;
            if (machine != null) {
                machine.stop(reason);
            }
        }
    }

    private synchronized void consoleBroken(IOException reason) {
        // nobody reads any more ("| head"): not an error. A full disk is one.
        if (!String.valueOf(reason.getMessage()).contains("Broken pipe")) {
            consoleError = reason;
        }
        stop("the console was closed");
    }

    private void shutDown() {
        stop("stopped by a signal");
        try {
            if (!finished.await(SHUTDOWN_WAIT_S, TimeUnit.SECONDS)) {
                LOG.warn("the machine did not stop in {} s; statistics are not written", SHUTDOWN_WAIT_S);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            app.terminal().ifPresent(Terminal::restore);
        }
    }

    private void tell(RunResult result) {
        app.terminal().ifPresent(Terminal::restore);
        for (RunResult.DomainResult domain : result.domains()) {
            if (!domain.crashReport().isBlank()) {
                app.messages().say("guest '" + domain.name() + "' crashed:");
                app.messages().text(domain.crashReport());
            }
        }
        for (RunResult.DomainResult domain : result.domains()) {
            for (RunResult.DiskResult disk : domain.disks()) {
                tell(domain.name(), disk);
            }
        }
        boolean asked;
        synchronized (this) {
            asked = stopReason != null;
        }
        if (result.outcome() != Outcome.POWEROFF && !result.reason().isBlank() && (!asked || verbose)) {
            app.messages().say(result.reason());
        }
        if (verbose) {
            for (RunResult.DomainResult domain : result.domains()) {
                domain.nics().forEach(n -> app.messages().say(summary(domain.name(), n)));
            }
            app.messages().say(summary(result));
        }
    }

    private void tell(String guest, RunResult.DiskResult disk) {
        if (!disk.problem().isBlank()) {
            app.messages().say(disk.file() + ": " + disk.problem());
        }
        DiskCounts c = disk.counts();
        if (verbose) {
            app.messages().say(String.format(Locale.ROOT,
                    "%s: %s: %,d reads of %,d KiB, %,d writes of %,d KiB, %,d flushes, %,d discards, %,d errors", guest,
                    disk.vdev(), c.reads(), c.bytesRead() >> 10, c.writes(), c.bytesWritten() >> 10, c.flushes(),
                    c.discards(), c.errors()));
        }
    }

    /** One line on what a run did. */
    static String summary(RunResult r) {
        return String.format(Locale.ROOT,
                "%s after %,d instructions, %.3f s of virtual time, %.1f s, %.1f MIPS, %d MiB resident",
                r.outcome().label(), r.instructions(), r.virtualNs() / 1e9, r.wallMs() / 1e3, mips(r), r.peakRssMb());
    }

    /** One line on what went through a network interface. */
    static String summary(String guest, NicCounts n) {
        return String.format(Locale.ROOT,
                "%s: eth%d on %s received %,d frames (%,d bytes, %d dropped, %d errors), sent %,d (%,d bytes, %d errors)",
                guest, n.id(), n.network(), n.rxFrames(), n.rxBytes(), n.rxDropped(), n.rxErrors(), n.txFrames(),
                n.txBytes(), n.txErrors());
    }

    /** Million instructions in a second of host time. */
    static double mips(RunResult r) {
        return r.wallMs() == 0 ? 0 : r.instructions() / 1e3 / r.wallMs();
    }
}
