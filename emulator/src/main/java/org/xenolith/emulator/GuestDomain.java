package org.xenolith.emulator;

import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.xenolith.cpu.RandomSource;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.ImageFile;
import org.xenolith.guests.hvm.HvmBoot;
import org.xenolith.guests.hvm.HvmLayout;
import org.xenolith.guests.image.SnapshotMemory;
import org.xenolith.guests.pc.PcBoot;
import org.xenolith.guests.pc.PcMap;
import org.xenolith.guests.pv.PvBuilder;
import org.xenolith.guests.pv.PvLayout;
import org.xenolith.guests.pv.PvStart;
import org.xenolith.guests.pvh.MemoryRange;
import org.xenolith.guests.pvh.PvhBoot;
import org.xenolith.guests.pvh.PvhBuilder;
import org.xenolith.guests.pvh.PvhSize;
import org.xenolith.guests.pvh.SpecialPages;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.E820Entry;
import org.xenolith.hypervisor.Host;
import org.xenolith.hypervisor.HvmParams;
import org.xenolith.hypervisor.ShutdownReason;
import org.xenolith.hypervisor.Vcpu;
import org.xenolith.hypervisor.console.ConsoleRing;
import org.xenolith.hypervisor.pv.HypercallPage;
import org.xenolith.hypervisor.toolstack.DomainLinks;
import org.xenolith.hypervisor.toolstack.MemoryTarget;
import org.xenolith.hypervisor.xenstore.DomainTree;
import org.xenolith.hypervisor.xenstore.GuestDescription;
import org.xenolith.hypervisor.xenstore.Xenstored;

/** One guest of a machine through all its reboots: its domain, its console and how it ended. */
final class GuestDomain extends Guest {
    /** Pages of machine memory that the hypervisor needs beside a guest's memory: tables, grant and event frames. */
    private static final long EXTRA_PAGES = 4096;
    /** Pages for an HVM guest's video memory, the ROMs of its devices, and its tables. */
    private static final long DEVICE_PAGES = 16_384;

    private final Host host;
    private final Xenstored xenstored;
    private final UUID uuid;
    private final MachineClock clock;
    private final byte[] input = new byte[1024];
    private Domain domain;
    private ConsoleRing ring;
    private HvmPc pc;
    private long instructionsBefore;
    private int exitCode;
    private String crashReport = "";

    GuestDomain(DomainConfig config, XenHost xen, MachineClock clock, Execution execution, long seed, Console console,
            GuestNics nics, SnapshotMemory snapshots, Progress progress) {
        super(config, execution, console, nics, snapshots, progress);
        this.host = xen.host();
        this.xenstored = xen.xenstored();
        this.uuid = config.uuid().orElseGet(
                () -> UUID.nameUUIDFromBytes((seed + "/" + config.name()).getBytes(StandardCharsets.UTF_8)));
        this.clock = clock;
    }

    /** Pages of machine memory that a guest needs beside its own memory. */
    static long extraPages(DomainConfig config) {
        return EXTRA_PAGES + (config.pc().isPresent() ? DEVICE_PAGES : 0);
    }

    Domain domain() {
        return domain;
    }

    @Override
    void start() throws ImageException, NoSuchFileException {
        if (disks == null) {
            disks = GuestDisks.open(config.disks(), config.pc().flatMap(PcHardware::cdrom), snapshots);
        }
        Runnable begin = switch (config.type()) {
            case PV -> buildPv(kernel(), initrd());
            case HVM -> buildHvm();
            default -> buildPvh(kernel(), initrd());
        };
        connect();
        disks.attach(host, xenstored.client(), domain);
        for (Vcpu v : domain.vcpus()) {
            // the uuid comes from the machine's seed and the guest's name
            RandomSource.seed(v.cpu(), uuid.getMostSignificantBits() ^ uuid.getLeastSignificantBits());
            cpus.add(VirtualCpu.of(v, execution.start(v.cpu())));
        }
        begin.run();
        domain.unpause();
    }

    private ImageFile kernel() throws ImageException, NoSuchFileException {
        ImageFile kernel = ImageFile.open(config.kernel().orElseThrow());
        progress.step(config.name(), "loading " + kernel.name());
        return kernel;
    }

    private Optional<ImageFile> initrd() throws ImageException, NoSuchFileException {
        return config.initrd().isPresent() ? Optional.of(ImageFile.open(config.initrd().get())) : Optional.empty();
    }

    private org.xenolith.hypervisor.DomainConfig limits() {
        return org.xenolith.hypervisor.DomainConfig.of(config.name(), uuid, config.maxVcpus(),
                pages(config.maxMemoryBytes()) + MemoryTarget.SLACK_PAGES);
    }

    private static long pages(long bytes) {
        return bytes + 4095 >>> 12;
    }

    /** Builds a PV domain; its first vCPU starts when the result is run. */
    private Runnable buildPv(ImageFile kernel, Optional<ImageFile> initrd) throws ImageException {
        PvLayout layout = PvLayout.of(kernel, initrd, config.commandLine(), config.memoryBytes());
        domain = host.createDomain(limits().withPv(layout.abi()));
        PvStart start = PvBuilder.build(domain, layout, pages(config.maxMemoryBytes()));
        if (start.hypercallMfn() >= 0) {
            domain.write(start.hypercallMfn() << 12, HypercallPage.bytes(start.abi()), 0, 4096);
        }
        for (Vcpu v : domain.vcpus()) {
            if (v.id() == 0 && domain.pv().validateInitial(v, start.topMfn()) != 0) {
                throw new IllegalStateException("the initial page tables are refused: " + domain.pv().lastFailure());
            }
        }
        return () -> {
            progress.step(config.name(), "starting at 0x" + Long.toHexString(start.rip()));
            domain.vcpu(0).pv().start(start.rip(), start.rsp(), start.startInfo());
        };
    }

    private Runnable buildPvh(ImageFile kernel, Optional<ImageFile> initrd) throws ImageException {
        PvhBoot boot = PvhBuilder.build(kernel, initrd, config.commandLine(), new PvhSize(config.memoryBytes(),
                config.maxMemoryBytes(), config.vcpus(), config.maxVcpus()));
        domain = host.createDomain(limits());
        populate(boot.populated());
        boot.load(domain);
        share(boot.memoryMap());
        return () -> {
            progress.step(config.name(), "starting at 0x" + Integer.toHexString(boot.eip()));
            domain.vcpu(0).startPvh(Integer.toUnsignedLong(boot.eip()), Integer.toUnsignedLong(boot.ebx()));
        };
    }

    private Runnable buildHvm() throws ImageException, NoSuchFileException {
        // a kernel is started without firmware
        boolean direct = config.kernel().isPresent();
        Firmware firmware = direct ? Firmware.NONE : Firmware.open(config.pc().orElseThrow());
        HvmLayout layout = HvmLayout.of(config.maxMemoryBytes());
        domain = host.createDomain(limits().withHvm());
        List<MemoryRange> populated = new ArrayList<>(layout.ram());
        populated.addAll(layout.extra());
        populate(populated);
        pc = new HvmPc(domain, config, layout, firmware, serial, disks, nics, clock);
        if (pc.board().vga() != null) {
            screen().orElseThrow().attach(pc.board().vga().screen(), pc.board().input(), pc.board().input(),
                    host.timers(),
                    clock);
        }
        if (direct) {
            PcMap map = new PcMap(layout.lowEnd(), layout.high(), HvmBoot.acpi(config.maxVcpus()));
            PcBoot kernel = KernelStart.read(config, map);
            pc.load(kernel);
            share(map.ranges());
            return () -> {
                progress.step(config.name(), "starting " + config.kernel().get() + " by " + kernel.protocol());
                domain.vcpu(0).startHvm();
                KernelStart.setUp(domain.vcpu(0).cpu(), HvmLayout.PCI_START);
                KernelStart.enter(domain.vcpu(0).cpu(), kernel);
            };
        }
        share(layout.map());
        pc.load(layout, firmware, config.maxVcpus(), uuid);
        return () -> {
            progress.step(config.name(), "starting " + firmware.file());
            domain.vcpu(0).startHvm();
        };
    }

    private void populate(List<MemoryRange> ranges) {
        boolean onDemand = config.maxMemoryBytes() > config.memoryBytes();
        for (MemoryRange r : ranges) {
            if (onDemand && r.type() == MemoryRange.Type.RAM) {
                domain.populateOnDemand(r.start() >>> 12, pages(r.size()));
            } else if (!domain.populateRange(r.start() >>> 12, pages(r.size()))) {
                throw new IllegalArgumentException("machine memory has no room for " + config.name());
            }
        }
        // the tables and special pages are beside the guest's memory
        domain.setOnDemandPages(pages(config.memoryBytes()) + domain.totalPages());
    }

    /** Tells of the memory map, and offers the pages that a guest with a physmap shares with its hypervisor. */
    private void share(List<MemoryRange> memoryMap) {
        domain.setMemoryMap(
                memoryMap.stream().map(r -> new E820Entry(r.start(), r.size(), r.type().number())).toList());
        DomainLinks.offer(domain, SpecialPages.XENSTORE, SpecialPages.CONSOLE);
        HvmParams params = domain.params();
        params.set(HvmParams.PAGING_RING_PFN, SpecialPages.PAGING);
        params.set(HvmParams.MONITOR_RING_PFN, SpecialPages.MONITOR);
        params.set(HvmParams.SHARING_RING_PFN, SpecialPages.SHARING);
        params.set(HvmParams.IDENT_PT, SpecialPages.IDENT_PT << 12);
    }

    private void connect() {
        int storePort = DomainLinks.storePort(domain);
        int consolePort = DomainLinks.consolePort(domain);
        DomainTree.create(xenstored.client(),
                new GuestDescription(domain.domid(), config.name(), uuid, config.type().label(),
                        config.maxVcpus(), config.vcpus(), config.maxMemoryBytes() >>> 10, config.memoryBytes() >>> 10,
                        0,
                        new GuestDescription.Ring(domain.params().get(HvmParams.STORE_PFN), storePort),
                        new GuestDescription.Console(
                                new GuestDescription.Ring(domain.params().get(HvmParams.CONSOLE_PFN), consolePort),
                                "pty", "")));
        DomainLinks.xenstore(domain, xenstored);
        ring = DomainLinks.console(domain, log::output);
        nics.attach(domain, xenstored);
    }

    /** Sets the memory that the guest is to have; nothing where it has ended. */
    void setMemory(long bytes) {
        if (outcome == null && domain != null && !domain.dying()) {
            MemoryTarget.set(domain, xenstored.client(), bytes >>> 10);
        }
    }

    @Override
    void pollInput() {
        if (config.type() == GuestType.HVM) {
            super.pollInput();
            return;
        }
        int room = Math.min(input.length, ring.inputRoom());
        if (room > 0) {
            int n = log.input(input, room);
            if (n > 0) {
                ring.feed(input, 0, n);
            }
        }
    }

    long instructions() {
        long n = instructionsBefore;
        for (VirtualCpu c : cpus) {
            n += c.cpu().retired();
        }
        return n;
    }

    @Override
    boolean shuttingDown() {
        return domain.shutdownReason() >= 0;
    }

    @Override
    boolean checkShutdown() {
        serial.flush();
        if (outcome != null || domain.shutdownReason() < 0) {
            return false;
        }
        Restarts restarts = config.restarts();
        switch (domain.shutdownReason()) {
            case ShutdownReason.POWEROFF -> {
                if (restarts.poweroff()) {
                    return true;
                }
                outcome = Outcome.POWEROFF;
            }
            case ShutdownReason.REBOOT, ShutdownReason.SOFT_RESET -> {
                Optional<String> tripleFault = CrashReport.tripleFault(domain);
                if (restarts.reboot()) {
                    // some kernels restart this way on purpose: a line, not the report of a guest that ended
                    tripleFault.ifPresent(why -> progress.step(config.name(), why + "; it is started again"));
                    return true;
                }
                if (tripleFault.isPresent()) {
                    crashReport = CrashReport.of(domain, config);
                }
                outcome = Outcome.REBOOT;
            }
            case ShutdownReason.SUSPEND -> outcome = Outcome.POWEROFF;
            default -> {
                if (restarts.crash()) {
                    progress.step(config.name(), "it crashed; it is started again");
                    return true;
                }
                outcome = Outcome.CRASH;
                crashReport = CrashReport.of(domain, config);
            }
        }
        return false;
    }

    @Override
    void destroy() {
        if (domain == null) {
            return;
        }
        instructionsBefore = instructions();
        for (VirtualCpu c : cpus) {
            execution.stop(c);
        }
        cpus.clear();
        if (pc != null) {
            exitCode = pc.exitCode();
            pc.close();
            pc = null;
        }
        disks.detach();
        nics.detach();
        xenstored.release(domain.domid());
        DomainTree.remove(xenstored.client(), domain.domid(), uuid);
        domain.destroy();
    }

    private RunResult.MemoryUse memory() {
        return domain == null
                ? RunResult.MemoryUse.NONE
                : new RunResult.MemoryUse(domain.totalPages() << 2, domain.maxPages() << 2, domain.onDemandUse());
    }

    @Override
    RunResult.DomainResult result() {
        return new RunResult.DomainResult(domain == null ? 0 : domain.domid(), config.name(), config.type(),
                config.vcpus(), outcome,
                instructions(), memory(), log.sha256(), log.bytes(), crashReport,
                disks.results(), nics.counts());
    }

    @Override
    int exitCode() {
        return pc == null ? exitCode : pc.exitCode();
    }
}
