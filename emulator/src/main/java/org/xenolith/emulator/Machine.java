package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.jit.LockstepDifference;
import org.xenolith.cpu.mmu.TlbCounts;
import org.xenolith.cpu.model.CpuModels;
import org.xenolith.cpu.model.StandardModel;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.image.SnapshotMemory;
import org.xenolith.host.HostClock;
import org.xenolith.host.ProcessMemory;
import org.xenolith.hypervisor.Statistics;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/**
 * A machine with its hypervisor and guests: the public API that the command line, tests and tools use.
 *
 * <p>It never exits the process, prints or reads a terminal; consoles are given as {@link Console}. All methods but {@link #stop} belong to one
 * thread.
 */
public final class Machine implements AutoCloseable {
    private static final long MS = 1_000_000;
    /** Longest wait for console input before limits are looked at again, in milliseconds. */
    private static final long MAX_WAIT_MS = 100;
    /** The same for the host's network, which does not hear of what is typed. */
    private static final long MAX_HOST_WAIT_MS = 10;

    private final MachineConfig config;
    private final HostClock wall = new HostClock();
    private final PhysicalMemory memory;
    private final Timers timers = new Timers();
    private final MachineClock clock;
    private final RunLoop loop;
    private final CpuModel model;
    private final Optional<XenHost> xen;
    private final Execution execution;
    private final Statistics bareStatistics = new Statistics("unimplemented");
    private final Networks networks;
    private final List<Guest> guests = new ArrayList<>();
    private List<VirtualCpu> cpus = List.of();
    private long idleNs;
    private volatile String stopReason;
    private String reason = "";

    private Machine(MachineConfig config) {
        this.config = config;
        StandardModel named = CpuModels.parse(config.cpu());
        model = bare(config) ? named : named.withoutVirtualization();
        int vcpus = 0;
        long bytes = 64L << 20;
        for (DomainConfig d : config.domains()) {
            vcpus += d.maxVcpus();
            bytes += d.maxMemoryBytes() + (GuestDomain.extraPages(d) << 12);
        }
        memory = new PhysicalMemory(bytes + 4095 & -4096L);
        clock = new MachineClock(vcpus);
        loop = new RunLoop(clock, timers);
        xen = bare(config)
                ? Optional.empty()
                : Optional.of(XenHost.create(memory, clock, timers, model, config.epoch().getEpochSecond()));
        execution = new Execution(config, memory);
        networks = new Networks(clock, timers, statistics()::count, config.epoch().getEpochSecond(), config.seed());
    }

    private static boolean bare(MachineConfig config) {
        return config.domains().stream().anyMatch(d -> d.type() == GuestType.MACHINE);
    }

    private Statistics statistics() {
        return xen.map(x -> x.host().statistics()).orElse(bareStatistics);
    }

    /**
     * Builds the machine and its guests, ready to run.
     *
     * @param config what to build
     * @param console gives each domain its console
     * @param progress hears of steps
     * @throws ImageException when a kernel or initrd cannot be used; the message names file and reason
     * @throws NoSuchFileException when a file is not there
     * @throws IllegalArgumentException when a value of {@code config} is out of range; the message names it
     */
    public static Machine create(MachineConfig config, Function<DomainConfig, Console> console, Progress progress)
            throws ImageException, NoSuchFileException {
        Machine m = new Machine(config);
        boolean done = false;
        try {
            SnapshotMemory snapshots = SnapshotMemory.ofHeap();
            for (DomainConfig d : config.domains()) {
                Guest g = m.guest(d, console.apply(d), snapshots, progress);
                m.guests.add(g);
                g.start();
                g.screen().ifPresent(s -> s.setWakeup(() -> g.console().interrupt()));
            }
            m.collectCpus();
            for (MemorySet s : config.memorySets()) {
                m.timers.timer(() -> m.setMemory(s.domain(), s.bytes())).arm(s.atNs());
            }
            done = true;
            return m;
        } finally {
            if (!done) {
                m.close();
            }
        }
    }

    /**
     * Sets the memory that a guest is to have, as {@code xl mem-set} does: its maximum at once, and the target that its
     * balloon driver follows. Nothing happens where the guest has ended.
     *
     * @param domain the guest's name
     * @param bytes 1 KiB to the guest's {@code maxMemoryBytes}
     * @throws IllegalArgumentException for no such guest, or another amount
     */
    public void setMemory(String domain, long bytes) {
        for (Guest g : guests) {
            if (g.config().name().equals(domain) && g instanceof GuestDomain d) {
                d.setMemory(bytes);
                return;
            }
        }
        throw new IllegalArgumentException("there is no guest '" + domain + "' with a balloon");
    }

    private Guest guest(DomainConfig d, Console console, SnapshotMemory snapshots, Progress progress) {
        if (xen.isPresent()) {
            return new GuestDomain(d, xen.get(), clock, execution, config.seed(), console, networks.plug(d), snapshots,
                    progress);
        }
        return new BarePc(d, config, new BarePc.Parts(memory, clock, timers, bareStatistics, model), execution, console,
                networks.plug(d), snapshots, progress);
    }

    private void collectCpus() {
        List<VirtualCpu> all = new ArrayList<>();
        for (Guest g : guests) {
            all.addAll(g.cpus());
        }
        cpus = all;
    }

    /**
     * Runs until all domains have ended, a limit is reached or {@link #stop} is called.
     *
     * @throws LockstepDifference when {@link Tier#LOCKSTEP} has found its tiers to differ
     */
    public RunResult run() {
        while (!ended()) {
            guests.forEach(g -> {
                if (g.outcome() == null) {
                    g.pollInput();
                    if (g.screen().isPresent() && g.screen().get().poll()) {
                        idleNs = 0;
                    }
                }
            });
            if (networks.poll()) {
                idleNs = 0;
            }
            if (!loop.round(cpus, config.timeoutNs())) {
                idle();
            }
            settle();
        }
        execution.finish();
        screens().map(GuestScreen::finish).forEach(problems -> problems
                .forEach(p -> reason = reason.isEmpty() ? p : reason + "; " + p));
        guests.forEach(Guest::closeDisks);
        return result();
    }

    private Stream<GuestScreen> screens() {
        return guests.stream().flatMap(g -> g.screen().stream());
    }

    private boolean ended() {
        return guests.stream().allMatch(g -> g.outcome() != null);
    }

    /** Shutdowns, reboots and limits. */
    private void settle() {
        boolean rebuilt = false;
        for (Guest g : guests) {
            if (g.checkShutdown()) {
                restart(g);
                rebuilt = true;
            } else if (g.outcome() != null) {
                g.closeDisks();
            }
            if (g.takeTalked()) {
                idleNs = 0;
            }
            if (g.consoleClosed()) {
                endAll(Outcome.DESTROYED, "the console was closed");
            }
        }
        if (rebuilt) {
            collectCpus();
        }
        if (stopReason != null) {
            endAll(Outcome.DESTROYED, stopReason);
        } else if (clock.now() >= config.timeoutNs()) {
            endAll(Outcome.TIMEOUT, "stopped after " + seconds(config.timeoutNs()) + " s of virtual time (--timeout)");
        } else if (wall.millis() >= config.wallTimeoutMs()) {
            endAll(Outcome.TIMEOUT, "stopped after " + seconds(config.wallTimeoutMs() * MS) + " s (--wall-timeout)");
        }
    }

    private void restart(Guest g) {
        g.destroy();
        try {
            g.start();
        } catch (ImageException | NoSuchFileException e) {
            g.end(Outcome.CRASH);
            reason = "the guest asked for a reboot, but could not be started again: " + e.getMessage();
        }
    }

    private void endAll(Outcome how, String why) {
        for (Guest g : guests) {
            if (g.outcome() == null) {
                g.end(how);
                reason = why;
            }
        }
    }

    private static String seconds(long ns) {
        return String.valueOf(ns / 1_000_000_000.0).replaceAll("\\.0$", "");
    }

    /** No CPU can run: time passes until the next timer, or until someone types. */
    private void idle() {
        if (ended() || guests.stream().anyMatch(g -> g.outcome() == null && g.shuttingDown())) {
            return;
        }
        long now = clock.now();
        long next = Math.min(timers.next(), config.timeoutNs());
        boolean listening = guests.stream().anyMatch(g -> g.outcome() == null && (!g.console().inputEnded()
                || g.screen().isPresent() && g.screen().get().watched()));
        if (next == Timers.NEVER && !listening && !networks.awaitsHost()) {
            endAll(Outcome.TIMEOUT, "every vCPU waits and nothing can wake one");
            return;
        }
        if (networks.awaitsHost()) {
            waitForHost(now, next);
            return;
        }
        if (config.pace() == Pace.REAL || listening) {
            waitForWallClock(now, next);
            return;
        }
        idleNs += next - now;
        if (idleNs > config.idleTimeoutNs()) {
            endAll(Outcome.TIMEOUT, "idle for " + seconds(config.idleTimeoutNs())
                    + " s of virtual time, with only its own timers to wake it (--idle-timeout)");
            return;
        }
        clock.jumpTo(next);
    }

    /** Lets virtual time follow the wall clock while it waits for a timer or for input. */
    private void waitForWallClock(long now, long next) {
        long wallNs = wall.nanos();
        if (next <= wallNs) {
            clock.jumpTo(next);
            return;
        }
        long most = screens().mapToLong(GuestScreen::pollWithinMs).min().orElse(MAX_WAIT_MS);
        long waitMs = Math.clamp((next - Math.max(now, wallNs)) / MS, 1, Math.clamp(most, 1, MAX_WAIT_MS));
        guests.stream().filter(g -> g.outcome() == null).findFirst().ifPresent(g -> g.console().await(waitMs));
        clock.jumpTo(Math.min(next, Math.max(now, wall.nanos())));
    }

    /**
     * Lets virtual time pass no faster than the wall clock while a host's answer is awaited, whatever the pace and however far apart the
     * two clocks are: the guest's timeouts must not run out because idle time takes no time.
     */
    private void waitForHost(long now, long next) {
        long before = wall.nanos();
        networks.await(Math.clamp((next - now) / MS, 1, MAX_HOST_WAIT_MS));
        clock.jumpTo(Math.min(next, now + Math.max(1, wall.nanos() - before)));
    }

    private RunResult result() {
        List<RunResult.DomainResult> domains = guests.stream().map(Guest::result).toList();
        Outcome worst = domains.stream().map(RunResult.DomainResult::outcome)
                .max(Comparator.comparingInt(Machine::severity)).orElse(Outcome.POWEROFF);
        long instructions = domains.stream().mapToLong(RunResult.DomainResult::instructions).sum();
        Map<String, Long> exits = new TreeMap<>();
        exits.putAll(execution.exits());
        xen.ifPresent(x -> exits.putAll(x.host().exits().counts()));
        if (xen.isEmpty()) {
            cpus.forEach(c -> c.cpu().vmx().exits().forEach((name, n) -> exits.merge(name, n, Long::sum)));
        }
        exits.put("tlb_miss", sum(TlbCounts::misses));
        exits.put("tlb_miss_fetch", sum(TlbCounts::fetchMisses));
        exits.put("tlb_flush", sum(TlbCounts::flushes));
        exits.put("tlb_flush_programs", sum(TlbCounts::programFlushes));
        exits.put("tlb_switch", sum(TlbCounts::switches));
        exits.put("tlb_parked", sum(TlbCounts::parked));
        exits.put("tlb_restored", sum(TlbCounts::restored));
        int exitCode = guests.stream().mapToInt(Guest::exitCode).filter(c -> c != 0).findFirst().orElse(0);
        return new RunResult(worst, exitCode, reason, instructions, clock.now(), wall.millis(), execution.tier(),
                execution.interpretedShare(instructions), ProcessMemory.peakRssMb(), exits, execution.interpreted(),
                domains, new TreeMap<>(statistics().counts()),
                new TreeMap<>(xen.map(x -> x.host().refusals().counts()).orElseGet(TreeMap::new)));
    }

    private long sum(ToLongFunction<TlbCounts> counter) {
        return cpus.stream().mapToLong(c -> counter.applyAsLong(c.cpu().mmu().counts())).sum();
    }

    private static int severity(Outcome o) {
        return switch (o) {
            case POWEROFF -> 0;
            case REBOOT -> 1;
            case DESTROYED -> 2;
            case TIMEOUT -> 3;
            case CRASH -> 4;
        };
    }

    /** Asks the run to end soon with {@link Outcome#DESTROYED}; from any thread. */
    public void stop(String why) {
        stopReason = why;
        guests.forEach(g -> g.console().interrupt());
        networks.wakeup();
    }

    @Override
    public void close() {
        guests.forEach(Guest::destroy);
        guests.forEach(Guest::closeDisks);
        guests.forEach(Guest::unplug);
        guests.clear();
        networks.close();
        execution.close();
        xen.ifPresent(XenHost::close);
        memory.close();
    }
}
