package org.xenolith.emulator;

import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.devices.pc.Pc;
import org.xenolith.hypervisor.Statistics;

/** What the CPUs of a bare PC have around them: its buses and its interrupt controllers. */
final class PcEnvironment implements CpuEnvironment {
    private static final Logger LOG = LoggerFactory.getLogger(PcEnvironment.class);

    /** Nanoseconds that a read from a slow port takes, as on the ISA bus; the programs that wait by reading ports count on it. */
    private static final long SLOW_READ_NS = 1000;
    private static final int LEGACY_END = 0x400;
    private static final int PM_TIMER = 8;
    private static final int IDE_DATA = 0x1f0;
    private static final int IDE_DATA_2 = 0x170;
    private static final int DELAY_PORT = 0x80;

    private final PortBus ports;
    private final MmioBus mmio;
    private final MachineClock clock;
    private final Statistics statistics;
    private final Runnable tripleFault;
    private final Set<String> failedEntries = new HashSet<>();
    private Pc pc;

    PcEnvironment(PortBus ports, MmioBus mmio, MachineClock clock, Statistics statistics, Runnable tripleFault) {
        this.ports = ports;
        this.mmio = mmio;
        this.clock = clock;
        this.statistics = statistics;
        this.tripleFault = tripleFault;
    }

    void setPc(Pc pc) {
        this.pc = pc;
    }

    @Override
    public long in(Cpu cpu, int port, int size) {
        if (port < LEGACY_END && port != IDE_DATA && port != IDE_DATA_2 || port == pc.power().ioBase() + PM_TIMER) {
            clock.pass(SLOW_READ_NS);
        }
        return ports.in(port, size);
    }

    @Override
    public void out(Cpu cpu, int port, int size, long value) {
        if (port == DELAY_PORT) {
            clock.pass(SLOW_READ_NS);
        }
        ports.out(port, size, value);
    }

    @Override
    public long mmioRead(Cpu cpu, long gpa, int size) {
        return mmio.read(gpa, size);
    }

    @Override
    public void mmioWrite(Cpu cpu, long gpa, int size, long value) {
        mmio.write(gpa, size, value);
    }

    @Override
    public void entryFailed(Cpu cpu, String check) {
        if (failedEntries.add(check)) {
            LOG.warn("a VM entry of CPU {} failed; it asks that {}", cpu.id(), check);
        }
    }

    @Override
    public boolean hasExternalInterrupt(Cpu cpu) {
        return pc.pending(cpu.apic());
    }

    @Override
    public int externalInterrupt(Cpu cpu) {
        return pc.acknowledge();
    }

    @Override
    public void floatingPointError(Cpu cpu) {
        pc.floatingPointError();
    }

    @Override
    public void shutdown(Cpu cpu) {
        tripleFault.run();
    }

    @Override
    public void unimplemented(Cpu cpu, String what) {
        statistics.count(what);
    }
}
