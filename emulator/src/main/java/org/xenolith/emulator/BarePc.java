package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuModel;
import org.xenolith.cpu.RandomSource;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.Board;
import org.xenolith.devices.fwcfg.FwCfg;
import org.xenolith.devices.pc.BareMemory;
import org.xenolith.devices.pc.PcEvents;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.acpi.PcTables;
import org.xenolith.guests.image.SnapshotMemory;
import org.xenolith.guests.pc.PcBoot;
import org.xenolith.guests.pc.PcMap;
import org.xenolith.guests.pc.PcSetup;
import org.xenolith.guests.pc.Smbios;
import org.xenolith.hypervisor.OnDemandUse;
import org.xenolith.hypervisor.Statistics;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.time.Timers;

/** The machine itself as a PC: firmware and whatever it starts, without a hypervisor under it. */
final class BarePc extends Guest {
    private static final int PM_BASE = 0x600;
    private static final long DISCARDED_FRAMES = 1 << 18;
    private static final String TABLES = "etc/acpi/tables";
    private static final String RSDP = "etc/acpi/rsdp";

    private final PhysicalMemory machine;
    private final MachineClock clock;
    private final Timers timers;
    private final Statistics statistics;
    private final CpuModel model;
    private final long seed;
    private final long epochSeconds;
    private final Events events = new Events();
    private BareMemory memory;
    private Board bus;
    private PcBoard board;
    /** The kernel that starts without firmware, or null. */
    private PcBoot kernel;
    private int exitCode;

    /** What the PC has asked for since the last look. */
    private final class Events implements PcEvents {
        private boolean reset;
        private boolean off;
        private boolean exit;

        private boolean any() {
            return reset || off || exit;
        }

        /** Nothing more is executed until {@link #checkShutdown} has seen to it. */
        private void stop() {
            cpus.forEach(c -> c.cpu().setActivity(Cpu.Activity.SHUTDOWN));
        }

        @Override
        public void reset() {
            reset = true;
            stop();
        }

        @Override
        public void powerOff() {
            off = true;
            stop();
        }

        @Override
        public void exit(int code) {
            exit = true;
            exitCode = code;
            stop();
        }

        @Override
        public void a20(boolean open) {
            memory.setA20(open);
        }
    }

    BarePc(DomainConfig config, MachineConfig machineConfig, Parts parts, Execution execution, Console console,
            GuestNics nics, SnapshotMemory snapshots, Progress progress) {
        super(config, execution, console, nics, snapshots, progress);
        this.machine = parts.memory();
        this.clock = parts.clock();
        this.timers = parts.timers();
        this.statistics = parts.statistics();
        this.model = parts.model().withTopology(config.vcpus(), 0);
        this.seed = machineConfig.seed();
        this.epochSeconds = machineConfig.epoch().getEpochSecond();
    }

    /** What the PC is made of. */
    record Parts(PhysicalMemory memory, MachineClock clock, Timers timers, Statistics statistics, CpuModel model) {
    }

    @Override
    void start() throws ImageException, NoSuchFileException {
        PcHardware hardware = config.pc().orElseThrow();
        Firmware firmware = config.kernel().isPresent() ? Firmware.NONE : Firmware.open(hardware);
        disks = GuestDisks.open(config.disks(), hardware.cdrom(), snapshots);
        memory = new BareMemory(machine, config.memoryBytes());
        memory.setListener(() -> cpus.forEach(c -> c.cpu().mmu().flushAll()));
        PortBus ports = new PortBus(statistics::count);
        MmioBus mmio = new MmioBus(statistics::count);
        PcEnvironment environment = new PcEnvironment(ports, mmio, clock, statistics, events::reset);
        ApicBus apics = new ApicBus();
        for (int i = 0; i < config.vcpus(); i++) {
            Cpu cpu = new Cpu(i, i, model, machine, memory, environment, clock, timers);
            RandomSource.seed(cpu, seed + i);
            apics.add(cpu.apic());
            cpus.add(VirtualCpu.of(cpu, execution.start(cpu)));
        }
        bus = new Board(ports, mmio, memory, memory, timers, clock, statistics::count);
        board = new PcBoard(bus, apics, config, new PcBoard.PcMemory(memory.lowRam(), memory.highRam()), firmware,
                firmware.image(), serial, disks, nics, epochSeconds, events);
        environment.setPc(board.pc());
        PcTables tables = tables(PM_BASE);
        acpi(board.pc().fwCfg(), tables);
        Smbios smbios = new Smbios(config.vcpus(), memory.lowRam(), memory.highRam());
        board.pc().fwCfg().file(Smbios.TABLES, smbios.tables());
        board.pc().fwCfg().file(Smbios.ANCHOR, smbios.anchor());
        if (config.kernel().isPresent()) {
            kernel = KernelStart.read(config, new PcMap(memory.lowRam(), memory.highRam(), tables));
        }
        powerOn();
        progress.step(config.name(), "starting " + (kernel == null
                ? firmware.file()
                : config.kernel().get() + " by " + kernel.protocol() + " at 0x" + Long.toHexString(kernel.eip())));
        if (board.vga() != null) {
            screen().orElseThrow().attach(board.vga().screen(), board.input(), board.input(), timers, clock);
        }
    }

    private void acpi(FwCfg fwCfg, PcTables tables) {
        fwCfg.file(TABLES, () -> tables(board.pc().power().ioBase()).file());
        fwCfg.file(RSDP, tables.rsdpFile());
        fwCfg.file("etc/table-loader", tables.loaderScript(TABLES, RSDP));
    }

    /** The tables for the power-management ports that firmware has chosen: OVMF takes others than SeaBIOS; negative for none yet. */
    private PcTables tables(int pmBase) {
        return new PcTables(config.vcpus(), 1, memory.pciStart(), pmBase < 0 ? PM_BASE : pmBase);
    }

    /** Resets everything; without firmware, memory is then that of a kernel about to start. */
    private void powerOn() throws ImageException {
        board.pc().reset();
        for (VirtualCpu c : cpus) {
            c.cpu().reset();
            if (c.cpu().id() != 0) {
                c.cpu().setActivity(Cpu.Activity.WAIT_FOR_SIPI);
            }
            if (kernel != null) {
                KernelStart.setUp(c.cpu(), memory.pciStart());
            }
        }
        if (kernel != null) {
            PcSetup.run(bus, board.pc(), memory.pciStart());
            kernel.load(memory);
            KernelStart.enter(cpus.getFirst().cpu(), kernel);
        }
    }

    @Override
    boolean checkShutdown() {
        serial.flush();
        if (outcome != null || !events.any()) {
            return false;
        }
        if (events.exit || events.off) {
            outcome = Outcome.POWEROFF;
        } else if (config.restarts().reboot()) {
            events.reset = false;
            progress.step(config.name(), "it is reset");
            restart();
        } else {
            outcome = Outcome.REBOOT;
        }
        return false;
    }

    private void restart() {
        if (kernel != null) {
            discardRam();
        }
        try {
            powerOn();
        } catch (ImageException e) {
            progress.step(config.name(), e.getMessage());
            outcome = Outcome.REBOOT;
        }
    }

    /** A kernel's pieces are laid into memory of zeros. */
    private void discardRam() {
        long frames = config.memoryBytes() >>> 12;
        for (long mfn = 0; mfn < frames; mfn += DISCARDED_FRAMES) {
            machine.discard(mfn, (int) Math.min(DISCARDED_FRAMES, frames - mfn));
        }
    }

    @Override
    boolean shuttingDown() {
        return events.any();
    }

    @Override
    void destroy() {
        cpus.forEach(execution::stop);
        cpus.forEach(c -> c.cpu().close());
        cpus.clear();
    }

    @Override
    int exitCode() {
        return exitCode;
    }

    @Override
    RunResult.DomainResult result() {
        long kib = config.memoryBytes() >>> 10;
        return new RunResult.DomainResult(0, config.name(), config.type(), config.vcpus(), outcome,
                cpus.stream().mapToLong(c -> c.cpu().retired()).sum(),
                new RunResult.MemoryUse(kib, kib, OnDemandUse.NONE), log.sha256(),
                log.bytes(), "", disks.results(), nics.counts());
    }
}
