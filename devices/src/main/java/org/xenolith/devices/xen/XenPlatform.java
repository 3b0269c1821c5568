package org.xenolith.devices.xen;

import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.bus.PortHandler;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;

/**
 * The Xen platform device, PCI 5853:0001 revision 1: by it an HVM guest finds that it runs on Xen, gets an interrupt pin for event channels and 16
 * MiB of addresses for its grant table, and asks for emulated devices to be unplugged (Xen's docs/misc/hvm-emulated-unplug).
 *
 * <p>The unplug protocol, at fixed ports: a guest reads 49D2h from port 10h and the protocol's version from 12h; version 1 lets it tell its product
 * (12h) and build (10h, 32 bits) and see by the magic number whether that build has been refused; then it writes a mask to 10h.
 */
public final class XenPlatform extends PciFunction {
    /** Unplugs emulated devices. */
    public interface Unplug {
        /** All IDE disks; CD-ROM drives stay. */
        void disks();

        /** All network cards. */
        void nics();

        /** IDE disks other than the primary master. */
        void auxDisks();
    }

    private static final Logger LOG = LoggerFactory.getLogger(XenPlatform.class);
    private static final int FIRST_PORT = 0x10;
    private static final int PORTS = 6;
    private static final int MAGIC = 0x49d2;
    private static final int VERSION = 1;
    private static final int UNPLUG_DISKS = 1;
    private static final int UNPLUG_NICS = 2;
    private static final int UNPLUG_AUX_DISKS = 4;
    private static final int MAX_LINE = 256;
    private static final int MAX_PRODUCT = 0xffff;

    /** PV drivers that are refused. */
    public record Refused(int product, int build) {
    }

    private final Unplug unplug;
    private final Set<Refused> refusedDrivers;
    private final IrqLine pin = intx();
    private final StringBuilder line = new StringBuilder();
    private int product;
    private boolean refused;
    private int flags;

    /**
     * Plugs the protocol's ports into the board; the caller adds the function to the bus.
     *
     * @param unplug hears what a guest wants gone, each kind at most once a write
     * @param refusedDrivers builds of PV drivers that see no magic number after they have told who they are
     */
    public XenPlatform(Board board, Unplug unplug, Set<Refused> refusedDrivers) {
        super(board, new PciIdentity(0x5853, 0x0001, 1, 0xff_8000, 0x5853, 0x0001));
        this.unplug = unplug;
        this.refusedDrivers = Set.copyOf(refusedDrivers);
        ioBar(0, 256, new Registers());
        memoryBar(1, 16 << 20, true, new Nothing());
        interruptPin(1);
        board.ports().map(FIRST_PORT, PORTS, new Protocol());
    }

    /** The pin that HVM_PARAM_CALLBACK_IRQ of the PCI INTx type and of the GSI behind it stands for. */
    public IrqLine callback() {
        return pin;
    }

    @Override
    public void reset() {
        super.reset();
        line.setLength(0);
        product = 0;
        refused = false;
        flags = 0;
    }

    /** Ports 10h to 15h. */
    private final class Protocol implements PortHandler {
        @Override
        public long in(int port, int size) {
            return switch (port) {
                case FIRST_PORT -> size == 2 && !refused ? MAGIC : -1L;
                case FIRST_PORT + 2 -> size == 1 ? VERSION : -1L;
                default -> -1L;
            };
        }

        @Override
        public void out(int port, int size, long value) {
            if (port == FIRST_PORT && size == 2) {
                unplug((int) value);
            } else if (port == FIRST_PORT && size == 4) {
                refused = refusedDrivers.contains(new Refused(product, (int) value));
                if (refused) {
                    LOG.warn("PV drivers of product {} build {} are refused", product, value);
                }
            } else if (port == FIRST_PORT + 2 && size == 2) {
                product = (int) value & MAX_PRODUCT;
            } else if (port == FIRST_PORT + 2 && size == 1) {
                log((int) value);
            }
        }
    }

    private void unplug(int mask) {
        if ((mask & UNPLUG_DISKS) != 0) {
            unplug.disks();
        } else if ((mask & UNPLUG_AUX_DISKS) != 0) {
            unplug.auxDisks();
        }
        if ((mask & UNPLUG_NICS) != 0) {
            unplug.nics();
        }
        if ((mask & ~(UNPLUG_DISKS | UNPLUG_NICS | UNPLUG_AUX_DISKS)) != 0) {
            board.unimplemented().accept("xen-platform: unplug " + Integer.toHexString(mask));
        }
    }

    /** A character for the log: lines go to ours, without what a terminal would obey. */
    private void log(int character) {
        if (character == '\n' || line.length() == MAX_LINE) {
            LOG.info("guest: {}", line);
            line.setLength(0);
        }
        if (character >= ' ' && character < 0x7f || character == '\t') {
            line.append((char) character);
        }
    }

    /** BAR 0: the flags of the platform at 0, and the log at 8 as at port 12h. */
    private final class Registers implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return offset == 0 ? flags : offset == 2 ? VERSION : 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            if (offset == 0) {
                // bit 0: the guest wants its ROM area to be read-only, which it is
                flags = (int) value & 1;
            } else if (offset == 8) {
                log((int) value & 0xff);
            }
        }
    }

    /** BAR 1 is room for the grant table; nothing is there until the guest maps it. */
    private static final class Nothing implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
        }
    }
}
