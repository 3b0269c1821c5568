package org.xenolith.emulator;

import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.xenolith.cpu.apic.ApicBus;
import org.xenolith.devices.Board;
import org.xenolith.devices.NetPort;
import org.xenolith.devices.ide.CdTray;
import org.xenolith.devices.ide.IdeController;
import org.xenolith.devices.nic.E1000;
import org.xenolith.devices.nic.Rtl8139;
import org.xenolith.devices.pc.Pc;
import org.xenolith.devices.pc.PcConfig;
import org.xenolith.devices.pc.PcEvents;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.usb.Uhci;
import org.xenolith.devices.usb.UsbKeyboard;
import org.xenolith.devices.usb.UsbTablet;
import org.xenolith.devices.vga.StdVga;
import org.xenolith.devices.xen.XenPlatform;
import org.xenolith.guests.ImageException;
import org.xenolith.guests.net.NicSpec;

/**
 * A whole PC as a guest's configuration describes it: {@link Pc} with display, disks, CD-ROM drive and network cards, and in an HVM domain
 * Xen's platform device.
 */
final class PcBoard {
    /** Where disks go; the CD-ROM drive is the secondary master. */
    private static final int[] DISK_POSITIONS = {0, 1, 3};
    private static final int CDROM_POSITION = 2;

    private final Pc pc;
    private final IdeController ide;
    private final CdTray tray;
    private final StdVga vga;
    private final XenPlatform platform;
    private final List<PciFunction> cards = new ArrayList<>();
    private final List<NetPort> cables = new ArrayList<>();
    private final GuestInput input;

    /**
     * Puts the PC together.
     *
     * @param rom what the ROM below 4 GiB has; empty when firmware is in RAM
     * @param epochSeconds what the clock shows at power-on
     * @throws IllegalArgumentException when there are more disks than places; the message says so
     */
    PcBoard(Board board, ApicBus apics, DomainConfig config, PcMemory memory, Firmware firmware, byte[] rom,
            SerialConsole serial, GuestDisks disks, GuestNics nics, long epochSeconds, PcEvents events)
            throws ImageException, NoSuchFileException {
        PcHardware hardware = config.pc().orElseThrow();
        if (config.disks().size() > DISK_POSITIONS.length) {
            throw new IllegalArgumentException(
                    config.name() + ": a PC has room for " + DISK_POSITIONS.length + " disks and a CD-ROM drive, not "
                            + config.disks().size() + " disks");
        }
        PcConfig parts = new PcConfig(config.vcpus(), memory.low(), memory.high(), epochSeconds, hardware.bootOrder(),
                serial, null, new FirmwareLog(config.name()), true);
        pc = new Pc(board, apics, parts, events, rom);
        vga = hardware.vga() ? pc.add(Pc.VGA, new StdVga(board, firmware.vgaBios())) : null;
        ide = pc.add(Pc.IDE, new IdeController(board, pc.line(14), pc.line(15)));
        for (int i = 0; i < config.disks().size(); i++) {
            ide.attachDisk(DISK_POSITIONS[i], disks.image(i), String.format("XEN%05d", i));
        }
        tray = ide.attachCdrom(CDROM_POSITION, disks.cdrom());
        Uhci usb = pc.add(Pc.UHCI, new Uhci(board));
        UsbTablet tablet = new UsbTablet(board.clock());
        UsbKeyboard keys = new UsbKeyboard(board.clock());
        usb.attach(0, tablet);
        usb.attach(1, keys);
        input = new GuestInput(pc.keyboard(), keys, tablet);
        int device = Pc.FIRST_FREE_DEVICE;
        platform = config.type() == GuestType.HVM
                ? pc.add(device++ << 3, new XenPlatform(board, new Unplug(board), Set.of()))
                : null;
        for (GuestNics.Nic n : nics.all()) {
            if (n.spec().model().orElse(NicSpec.Model.E1000) != NicSpec.Model.VIF) {
                cards.add(pc.add(device++ << 3, card(board, n)));
                cables.add(n.card());
            }
        }
    }

    /** What PV drivers ask to go. */
    private final class Unplug implements XenPlatform.Unplug {
        private final Board board;

        private Unplug(Board board) {
            this.board = board;
        }

        @Override
        public void disks() {
            ide.unplugDisks();
        }

        @Override
        public void nics() {
            for (PciFunction card : cards) {
                card.reset();
                card.unplug();
            }
            cards.clear();
            // what comes in is not for them, and is not lost either
            cables.forEach(c -> c.setReceiver(f -> false));
        }

        @Override
        public void auxDisks() {
            board.unimplemented().accept("xen-platform:unplug-aux-disks");
        }
    }

    private static PciFunction card(Board board, GuestNics.Nic n) {
        NetPort port = new CountedPort(n.card(), n.counts());
        return n.spec().model().orElse(NicSpec.Model.E1000) == NicSpec.Model.RTL8139
                ? new Rtl8139(board, port, n.mac(), new byte[0])
                : new E1000(board, port, n.mac(), new byte[0]);
    }

    Pc pc() {
        return pc;
    }

    /** The display adapter, or null. */
    StdVga vga() {
        return vga;
    }

    /** Xen's platform device, or null. */
    XenPlatform platform() {
        return platform;
    }

    /** Keyboard and pointer, as a person uses them. */
    GuestInput input() {
        return input;
    }

    IdeController ide() {
        return ide;
    }

    CdTray tray() {
        return tray;
    }

    /** RAM of the PC in bytes: from 0, and from 4 GiB. */
    record PcMemory(long low, long high) {
    }
}
