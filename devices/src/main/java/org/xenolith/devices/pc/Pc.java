package org.xenolith.devices.pc;

import java.util.ArrayList;
import java.util.List;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.PortHandler;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.cpu.apic.LocalApic;
import org.xenolith.devices.Board;
import org.xenolith.devices.Device;
import org.xenolith.devices.chipset.CoprocessorError;
import org.xenolith.devices.chipset.Dma8237;
import org.xenolith.devices.chipset.HostBridge;
import org.xenolith.devices.chipset.IsaBridge;
import org.xenolith.devices.chipset.PowerManagement;
import org.xenolith.devices.chipset.SystemControlA;
import org.xenolith.devices.chipset.SystemRom;
import org.xenolith.devices.fwcfg.FwCfg;
import org.xenolith.devices.irq.Interrupts;
import org.xenolith.devices.irq.IoApic;
import org.xenolith.devices.pci.PciBus;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.ps2.I8042;
import org.xenolith.devices.serial.PrintPort;
import org.xenolith.devices.serial.Uart16550;
import org.xenolith.devices.timer.Hpet;
import org.xenolith.devices.timer.Pit8254;
import org.xenolith.devices.timer.Rtc;

/**
 * A PC with a 440FX chipset on a board: interrupt controllers, timers, chipset, keyboard controller, serial ports and fw_cfg. Disks, display and network
 * are added to it.
 *
 * <p>The CPU's side: {@link #pending} and {@link #acknowledge} are {@code CpuEnvironment.hasExternalInterrupt} and {@code externalInterrupt};
 * {@link #floatingPointError} is {@code CpuEnvironment.floatingPointError}.
 */
public final class Pc implements Device {
    /** Places of PCI functions: device number times 8 plus function. */
    public static final int HOST_BRIDGE = 0;
    public static final int ISA_BRIDGE = 1 << 3;
    public static final int IDE = 1 << 3 | 1;
    public static final int UHCI = 1 << 3 | 2;
    public static final int POWER_MANAGEMENT = 1 << 3 | 3;
    public static final int VGA = 2 << 3;
    /** The first device number that is free for network cards and others. */
    public static final int FIRST_FREE_DEVICE = 3;

    private static final int COM1 = 0x3f8;
    private static final int COM2 = 0x2f8;
    private static final int QEMU_DEBUG_PORT = 0x402;
    private static final int BOCHS_DEBUG_PORT = 0xe9;
    private static final int DEBUG_EXIT = 0xf4;

    private final Interrupts interrupts;
    private final PciBus pci;
    private final Rtc rtc;
    private final Pit8254 pit;
    private final PowerManagement power;
    private final SystemControlA portA;
    private final I8042 keyboard;
    private final CoprocessorError coprocessor;
    private final Dma8237 dma;
    private final FwCfg fwCfg;
    private final PcEvents events;
    private final List<Device> devices = new ArrayList<>();

    /**
     * Puts a PC together.
     *
     * @param apics local APICs of its CPUs, which may be added later
     * @param firmware what is in the ROM that ends at 4 GiB; empty for none
     * @throws IllegalArgumentException when the firmware is too long
     */
    public Pc(Board board, ApicBus apics, PcConfig config, PcEvents events, byte[] firmware) {
        this.events = events;
        interrupts = new Interrupts(board, apics, board.unimplemented());
        pci = new PciBus(board);
        IrqLine[] routes = new IrqLine[IoApic.PINS];
        for (int pin = 0; pin < IoApic.PINS; pin++) {
            routes[pin] = (Hpet.ROUTES >>> pin & 1) != 0 ? line(pin) : null;
        }
        Hpet hpet = add(new Hpet(board, line(0), line(8), routes));
        pit = add(new Pit8254(board, hpet.legacyInput(0)));
        rtc = add(new Rtc(board, hpet.legacyInput(1), config.epochSeconds()));
        dma = add(new Dma8237(board));
        portA = add(new SystemControlA(board, events::a20, events::reset));
        coprocessor = add(new CoprocessorError(board, line(13)));
        keyboard = add(new I8042(board, line(1), line(12), new KeyboardLines()));
        fwCfg = add(new FwCfg(board));
        add(new Uart16550(board, COM1, line(4), config.com1()));
        if (config.com2() != null) {
            add(new Uart16550(board, COM2, line(3), config.com2()));
        }
        new PrintPort(board.ports(), QEMU_DEBUG_PORT, config.debug());
        new PrintPort(board.ports(), BOCHS_DEBUG_PORT, config.debug());
        if (config.debugExit()) {
            board.ports().map(DEBUG_EXIT, 1, new DebugExit());
        }
        SystemRom rom = firmware.length == 0 ? null : new SystemRom(board.windows(), firmware);
        power = new PowerManagement(board, line(9), events::powerOff);
        pci.add(HOST_BRIDGE, new HostBridge(board, rom));
        pci.add(ISA_BRIDGE, new IsaBridge(board, pci, this::line, events::reset));
        pci.add(POWER_MANAGEMENT, power);
        FirmwareData.describe(config, rtc, fwCfg);
    }

    /** The outputs of the keyboard controller: reset, and the A20 gate that it shares with port 92h. */
    private final class KeyboardLines implements I8042.Lines {
        @Override
        public void resetPulse() {
            events.reset();
        }

        @Override
        public void a20(boolean enabled) {
            portA.a20(enabled);
        }
    }

    /** isa-debug-exit. */
    private final class DebugExit implements PortHandler.Bytes {
        @Override
        public int in8(int port) {
            return 0;
        }

        @Override
        public void out8(int port, int value) {
            events.exit(value);
        }
    }

    // ---- putting in ----

    /** A device that is reset with the PC. */
    public <D extends Device> D add(D device) {
        devices.add(device);
        return device;
    }

    /**
     * Plugs a PCI function in; it is reset with the PC.
     *
     * @param devfn device number times 8 plus function
     * @throws IllegalStateException when the place is taken
     */
    public <F extends PciFunction> F add(int devfn, F function) {
        pci.add(devfn, function);
        return function;
    }

    /** A new source on an interrupt line: ISA IRQ 0, 1, 3 to 15, or I/O APIC input 16 to 23. */
    public IrqLine line(int irq) {
        return interrupts.line(irq);
    }

    // ---- the CPU's side ----

    /** True when the 8259A pair has an interrupt for the CPU of this local APIC. */
    public boolean pending(LocalApic apic) {
        return interrupts.pic().pending() && apic.acceptsExternal();
    }

    /** The interrupt-acknowledge cycle: the vector that the 8259A pair gives. */
    public int acknowledge() {
        return interrupts.pic().acknowledge();
    }

    /** FERR#: IRQ 13. */
    public void floatingPointError() {
        coprocessor.assertError();
    }

    // ---- parts ----

    public PciBus pci() {
        return pci;
    }

    public FwCfg fwCfg() {
        return fwCfg;
    }

    /** The keyboard controller, with keyboard and mouse. */
    public I8042 keyboard() {
        return keyboard;
    }

    public Rtc rtc() {
        return rtc;
    }

    public Pit8254 pit() {
        return pit;
    }

    public PowerManagement power() {
        return power;
    }

    public Interrupts interrupts() {
        return interrupts;
    }

    /** The last POST code of the firmware. */
    public int postCode() {
        return dma.postCode();
    }

    /** RESET# of everything on the board. */
    @Override
    public void reset() {
        pci.reset();
        for (Device d : devices) {
            d.reset();
        }
        interrupts.reset();
    }
}
