package org.xenolith.devices.ide;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.xenolith.bus.IrqLine;
import org.xenolith.bus.MmioHandler;
import org.xenolith.bus.PortBus;
import org.xenolith.devices.BlockBackend;
import org.xenolith.devices.Board;
import org.xenolith.devices.pci.PciFunction;
import org.xenolith.devices.pci.PciIdentity;
import org.xenolith.memory.GuestMemory;
import org.xenolith.time.Timers;

/**
 * IDE function of the PIIX3 (82371SB data sheet, 2.3 and 2.7): two channels at the ports and interrupts of the PC/AT,
 * and bus-master DMA.
 *
 * <p>Decoding of a channel's ports follows I/O space enable and the channel's bit in IDETIM. After reset that bit is
 * on here, unlike in the data
 * sheet, for software that was started without firmware.
 */
public final class IdeController extends PciFunction {
    /** Drives that fit: primary master and slave, secondary master and slave. */
    public static final int POSITIONS = 4;

    private static final int IDETIM = 0x40;
    private static final int IDETIM_DECODE = 0x8000;
    private static final int BUS_MASTER_BAR = 4;
    private static final int[] PORTS = {0x1f0, 0x170};
    private static final int[] CONTROL_PORTS = {0x3f6, 0x376};

    private final IdeChannel[] channels;
    private final List<PortBus.@Nullable Mapping> mappings = new ArrayList<>();

    /**
     * A controller without drives.
     *
     * @param irq14 edge-triggered line of the primary channel
     * @param irq15 of the secondary channel
     */
    public IdeController(Board board, IrqLine irq14, IrqLine irq15) {
        super(board, new PciIdentity(0x8086, 0x7010, 0, 0x010180, 0, 0));
        channels = new IdeChannel[]{new IdeChannel(this, PORTS[0], irq14), new IdeChannel(this, PORTS[1], irq15)};
        init(STATUS, 2, 0x0280, 0);
        init(IDETIM, 2, IDETIM_DECODE, 0xffff);
        init(IDETIM + 2, 2, IDETIM_DECODE, 0xffff);
        init(IDETIM + 4, 1, 0, 0xff);
        ioBar(BUS_MASTER_BAR, 16, new MmioHandler() {
            @Override
            public long read(long offset, int size) {
                long v = 0;
                for (int i = 0; i < size; i++) {
                    int at = (int) offset + i;
                    v |= (long) channels[at >>> 3].master().read(at & 7) << 8 * i;
                }
                return v;
            }

            @Override
            public void write(long offset, int size, long value) {
                for (int i = 0; i < size; i++) {
                    int at = (int) offset + i;
                    channels[at >>> 3].master().write(at & 7, (int) (value >>> 8 * i) & 0xff);
                }
            }
        });
        for (int i = 0; i < 2 * channels.length; i++) {
            mappings.add(null);
        }
    }

    /**
     * Attaches a disk.
     *
     * @param position 0 to 3
     * @param backend stays the caller's: it is neither closed here nor flushed but when the guest says so
     * @param serial up to 20 ASCII characters
     * @throws IllegalStateException when the position is taken
     */
    public void attachDisk(int position, BlockBackend backend, String serial) {
        IdeChannel c = channels[position >>> 1];
        c.attach(position & 1, new AtaDisk(c, backend, serial));
    }

    /**
     * Attaches a CD-ROM drive.
     *
     * @param position 0 to 3
     * @param medium its disc, of 2048-byte blocks, or null for an empty tray
     * @return the drive's tray
     * @throws IllegalStateException when the position is taken
     */
    public CdTray attachCdrom(int position, @Nullable BlockBackend medium) {
        IdeChannel c = channels[position >>> 1];
        CdTray tray = new CdTray(medium);
        c.attach(position & 1, new AtapiCdrom(c, tray));
        return tray;
    }

    /**
     * Takes all disks away, as Xen's unplug protocol asks; CD-ROM drives stay. Requests under way are not answered
     * any more.
     */
    public void unplugDisks() {
        for (IdeChannel c : channels) {
            c.unplugDisks();
        }
    }

    @Override
    protected void configWritten(int offset, int size) {
        decode();
        for (IdeChannel c : channels) {
            c.dmaStarted();
        }
    }

    private void decode() {
        boolean io = (config16(COMMAND) & COMMAND_IO) != 0;
        for (int i = 0; i < channels.length; i++) {
            boolean on = io && (config16(IDETIM + 2 * i) & IDETIM_DECODE) != 0;
            PortBus.Mapping block = mappings.get(2 * i);
            PortBus.Mapping control = mappings.get(2 * i + 1);
            if (on && block == null) {
                mappings.set(2 * i, board.ports().map(PORTS[i], 8, channels[i]));
                mappings.set(2 * i + 1, board.ports().map(CONTROL_PORTS[i], 1, channels[i].new Control()));
            } else if (!on && block != null && control != null) {
                block.unmap();
                control.unmap();
                mappings.set(2 * i, null);
                mappings.set(2 * i + 1, null);
            }
        }
    }

    @Override
    public void reset() {
        super.reset();
        for (IdeChannel c : channels) {
            c.reset();
        }
        decode();
    }

    @Override
    public void unplug() {
        super.unplug();
        decode();
    }

    // ---- for channels ----

    long now() {
        return board.clock().now();
    }

    Timers timers() {
        return board.timers();
    }

    @Nullable
    GuestMemory memory() {
        return dma();
    }

    void unimplemented(String what) {
        board.unimplemented().accept("ide: " + what);
    }
}
