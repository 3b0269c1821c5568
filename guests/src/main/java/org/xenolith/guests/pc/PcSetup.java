package org.xenolith.guests.pc;

import org.xenolith.bus.PortBus;
import org.xenolith.devices.Board;
import org.xenolith.devices.pc.Pc;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.guests.hvm.PciSetup;
import org.xenolith.memory.GuestMemory;

/**
 * Leaves a PC as firmware does for what it starts, for a kernel that is started without: interrupt controllers and timer set up, with all
 * interrupts masked; PCI devices with their addresses and interrupts; the data that a BIOS keeps below 1 MiB. A software interrupt to a BIOS
 * service that is not there returns with the carry flag set.
 */
public final class PcSetup {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xa0;
    private static final int SCI = 9;
    private static final int INTERRUPT_LINE = 0x3c;
    private static final long PCI_END = 0xfec0_0000L;

    private static final int VECTORS = 256;
    private static final int BIOS_SEGMENT = 0xf000;
    private static final int NO_SERVICE = 0xff53;
    /** STC; RETF 2. */
    private static final byte[] NO_SERVICE_CODE = {(byte) 0xf9, (byte) 0xca, 2, 0};
    private static final int EBDA_SEGMENT = 0x9fc0;
    private static final int CONVENTIONAL_KIB = 639;

    private final Board board;
    private final Pc pc;

    private PcSetup(Board board, Pc pc) {
        this.board = board;
        this.pc = pc;
    }

    /**
     * Sets up a PC that has just been reset.
     *
     * @param pciStart first address for memory of PCI devices
     * @throws IllegalStateException when PCI devices want more room than there is
     */
    public static void run(Board board, Pc pc, long pciStart) {
        PcSetup setup = new PcSetup(board, pc);
        setup.controllers();
        setup.functions(pciStart);
        setup.biosData();
    }

    private void out(int port, int... bytes) {
        PortBus ports = board.ports();
        for (int b : bytes) {
            ports.out(port, 1, b);
        }
    }

    private void controllers() {
        out(0x92, 2);
        out(MASTER, 0x11);
        out(MASTER + 1, 0x08, 4, 1, 0xfb);
        out(SLAVE, 0x11);
        out(SLAVE + 1, 0x70, 2, 1, 0xff);
        // timer 0: 18.2 Hz; the clock counts in BCD, 24 hours
        out(0x43, 0x34);
        out(0x40, 0, 0);
        out(0x70, 0x0a);
        out(0x71, 0x26);
        out(0x70, 0x0b);
        out(0x71, 2);
    }

    private void functions(long pciStart) {
        PciSetup.apply(pc, board.ports(), pciStart, PCI_END);
        PciFunction ide = pc.pci().function(Pc.IDE);
        if (ide != null) {
            // both channels decode
            ide.writeConfig(0x40, 2, 0x8000);
            ide.writeConfig(0x42, 2, 0x8000);
        }
        pc.pci().function(Pc.POWER_MANAGEMENT).writeConfig(INTERRUPT_LINE, 1, SCI);
    }

    private void biosData() {
        GuestMemory memory = board.memory();
        memory.write(BIOS_SEGMENT * 16L + NO_SERVICE, NO_SERVICE_CODE, 0, NO_SERVICE_CODE.length);
        for (int v = 0; v < VECTORS; v++) {
            memory.write32(4L * v, BIOS_SEGMENT << 16 | NO_SERVICE);
        }
        memory.write16(0x400, 0x3f8);
        memory.write16(0x40e, EBDA_SEGMENT);
        memory.write16(0x410, 0x0206);
        memory.write16(0x413, CONVENTIONAL_KIB);
        memory.write8(EBDA_SEGMENT * 16L, 1);
    }
}
