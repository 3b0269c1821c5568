package org.xenolith.devices.ide;

import org.xenolith.memory.GuestMemory;

/**
 * Bus-master DMA of one channel: three registers and a table of physical regions in memory (Programming Interface for
 * Bus Master IDE Controller
 * 1.0; 82371SB data sheet, 2.7).
 *
 * <p>A region has a 32-bit address, a 16-bit length of which 0 means 64 KiB, and a mark on the last one. The
 * controller reads the table as the
 * transfer goes, so that what is before a bad entry is transferred.
 */
final class BusMaster {
    static final int BMIC = 0;
    static final int BMIS = 2;
    static final int BMIDTP = 4;

    private static final int START = 1;
    private static final int TO_MEMORY = 8;
    private static final int ACTIVE = 1;
    private static final int ERROR = 2;
    private static final int INTERRUPT = 4;
    private static final int CAPABLE = 0x60;
    /** A table lies within 64 KiB. */
    private static final int MAX_REGIONS = 8192;

    private final IdeChannel channel;
    private int command;
    private int status;
    private long table;

    // where the transfer is
    private long nextRegion;
    private int regions;
    private long address;
    private int left;
    private boolean last;

    BusMaster(IdeChannel channel) {
        this.channel = channel;
    }

    void reset() {
        command = 0;
        status = 0;
        table = 0;
        left = 0;
        last = false;
    }

    int read(int register) {
        return switch (register) {
            case BMIC -> command;
            case BMIS -> status;
            case 4, 5, 6, 7 -> (int) (table >>> 8 * (register - BMIDTP)) & 0xff;
            default -> 0;
        };
    }

    void write(int register, int value) {
        switch (register) {
            case BMIC -> writeCommand(value);
            case BMIS -> status = status & ~(value & (ERROR | INTERRUPT)) & ~CAPABLE | value & CAPABLE;
            case 4, 5, 6, 7 -> {
                int shift = 8 * (register - BMIDTP);
                table = (table & ~(0xffL << shift) | (long) (value & 0xff) << shift) & ~3L;
            }
            default -> {
            }
        }
    }

    private void writeCommand(int value) {
        boolean was = started();
        // the direction may not change while a transfer goes on
        command = was && (value & START) != 0 ? command : value & (START | TO_MEMORY);
        if (started() && !was) {
            status |= ACTIVE;
            nextRegion = table;
            regions = 0;
            left = 0;
            last = false;
            channel.dmaStarted();
        } else if (was && !started()) {
            status &= ~ACTIVE;
            channel.dmaStopped();
        }
    }

    boolean started() {
        return (command & START) != 0;
    }

    /** True when the engine moves data: started, and neither at the end of its table nor stopped by an error. */
    boolean active() {
        return started() && (status & ACTIVE) != 0;
    }

    boolean toMemory() {
        return (command & TO_MEMORY) != 0;
    }

    /** The drive's interrupt line rose. */
    void interrupted() {
        status |= INTERRUPT;
    }

    /**
     * Moves bytes between a drive's buffer and memory.
     *
     * @return bytes moved; fewer than {@code length} at the end of the table, or when it leads out of memory
     */
    int move(byte[] buffer, int at, int length) {
        int done = 0;
        while (done < length && active()) {
            if (left == 0 && !region()) {
                break;
            }
            int n = Math.min(length - done, left);
            GuestMemory memory = channel.memory();
            boolean ok = memory != null && (toMemory()
                    ? memory.tryWrite(address, buffer, at + done, n)
                    : memory.tryRead(address, buffer, at + done, n));
            if (!ok) {
                fault();
                break;
            }
            done += n;
            address += n;
            left -= n;
            if (left == 0 && last) {
                status &= ~ACTIVE;
            }
        }
        return done;
    }

    private boolean region() {
        GuestMemory memory = channel.memory();
        if (last || regions++ >= MAX_REGIONS || memory == null || !memory.isRam(nextRegion, 8)) {
            fault();
            return false;
        }
        address = memory.read32(nextRegion) & 0xffff_fffeL;
        int word = memory.read32(nextRegion + 4);
        left = (word & 0xfffe) == 0 ? 0x10000 : word & 0xfffe;
        last = word < 0;
        nextRegion += 8;
        return true;
    }

    /** The PCI transaction ends with master abort. */
    private void fault() {
        status = status & ~ACTIVE | ERROR;
        channel.unimplemented("DMA outside RAM");
    }
}
