package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.UUID;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioBus;
import org.xenolith.bus.PortBus;
import org.xenolith.cpu.CpuEnvironment;
import org.xenolith.devices.Board;
import org.xenolith.devices.irq.IoApic;
import org.xenolith.devices.pc.PcEvents;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.hvm.HvmBoot;
import org.xenolith.guests.hvm.HvmLayout;
import org.xenolith.guests.hvm.PciSetup;
import org.xenolith.guests.pc.PcBoot;
import org.xenolith.guests.pc.PcSetup;
import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.HostConfig;
import org.xenolith.hypervisor.HvmPlatform;
import org.xenolith.hypervisor.ShutdownReason;

/** The PC of one HVM domain, from its power-on to its end: built, set up as hvmloader does, and loaded with firmware. */
final class HvmPc implements HvmPlatform {
    private static final int CASCADE = 2;

    private final Domain domain;
    private final Board bus;
    private final PcBoard board;
    private final PortBus ports;
    private final PcEnvironment environment;
    private final IrqLine[] lines = new IrqLine[IoApic.PINS];
    private int exitCode;

    /** What the PC asks for ends the domain, which the toolstack starts again after a reset. */
    private final class Events implements PcEvents {
        @Override
        public void reset() {
            domain.shutdown(ShutdownReason.REBOOT);
        }

        @Override
        public void powerOff() {
            domain.shutdown(ShutdownReason.POWEROFF);
        }

        @Override
        public void exit(int code) {
            exitCode = code;
            domain.shutdown(ShutdownReason.POWEROFF);
        }

        @Override
        public void a20(boolean open) {
            // as in Xen, the line is always on
        }
    }

    /**
     * Builds a PC around a domain that has its memory.
     *
     * @throws IllegalArgumentException when there are more devices than places
     */
    HvmPc(Domain domain, DomainConfig config, HvmLayout layout, Firmware firmware, SerialConsole serial,
            GuestDisks disks, GuestNics nics, MachineClock clock) throws ImageException, NoSuchFileException {
        this.domain = domain;
        ports = new PortBus(domain::count);
        MmioBus mmio = new MmioBus(domain::count);
        Events events = new Events();
        environment = new PcEnvironment(ports, mmio, clock, domain.host().statistics(), events::reset);
        bus = new Board(ports, mmio, domain, domain.windows(), domain.host().timers(), clock, domain::count);
        board = new PcBoard(bus, domain.apics(), config, new PcBoard.PcMemory(layout.lowEnd(), layout.high()), firmware,
                new byte[0], serial, disks, nics, domain.host().config().epochSeconds(), events);
        environment.setPc(board.pc());
        for (int n = 0; n < lines.length; n++) {
            lines[n] = n == CASCADE ? null : board.pc().line(n);
        }
        board.pc().reset();
        domain.setPlatform(this);
    }

    /** Sets PCI devices up, and puts firmware and tables into the domain's memory. */
    void load(HvmLayout layout, Firmware firmware, int vcpus, UUID uuid) throws ImageException {
        PciSetup.apply(board.pc(), ports);
        HostConfig xen = domain.host().config();
        HvmBoot.load(domain, layout, firmware.image(), firmware.file().toString(), vcpus,
                xen.major() + "." + xen.minor() + xen.extraVersion(), uuid);
    }

    /** Leaves everything as firmware does, and puts a kernel into the domain's memory. */
    void load(PcBoot kernel) throws ImageException {
        PcSetup.run(bus, board.pc(), HvmLayout.PCI_START);
        kernel.load(domain);
        domain.vcpus().forEach(v -> KernelStart.setUp(v.cpu(), HvmLayout.PCI_START));
    }

    PcBoard board() {
        return board;
    }

    /** The byte that the guest has written to isa-debug-exit, or 0. */
    int exitCode() {
        return exitCode;
    }

    /** Stops all that goes on in the devices, before the domain is destroyed. */
    void close() {
        board.pc().reset();
    }

    @Override
    public CpuEnvironment devices() {
        return environment;
    }

    @Override
    public IrqLine gsi(int number) {
        return number >= 0 && number < lines.length ? lines[number] : null;
    }

    @Override
    public IrqLine intx(int devfn, int pin) {
        return board.platform() != null && devfn == board.platform().devfn() && pin == 0
                ? board.platform().callback()
                : null;
    }
}
