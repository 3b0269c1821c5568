package org.xenolith.devices.pci;

import org.xenolith.devices.RamWindows;
import org.xenolith.memory.RawMemory;

/** An expansion ROM as a guest sees it: read-only memory at the place that its base address register says (PCI Local Bus 3.0, 6.2.5.2). */
final class ExpansionRom {
    private static final int MAX_BYTES = 1 << 24;
    private static final int ENABLE = 1;

    private final RamWindows windows;
    private final RamWindows.Block block;
    private final int bytes;
    private final Runnable left;
    private long base = -1;

    /** @param left called after the ROM has left a place */
    ExpansionRom(RamWindows windows, byte[] image, Runnable left) {
        if (image.length == 0 || image.length > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "an expansion ROM of " + image.length + " bytes; 1 byte to 16 MiB are possible");
        }
        this.windows = windows;
        this.left = left;
        bytes = Math.max(4096, Integer.highestOneBit(2 * image.length - 1));
        block = windows.allocate(bytes);
        RawMemory.copyIn(image, 0, block.address(), image.length);
    }

    /** The bits of its base address register that can be written. */
    long mask() {
        return -bytes & 0xffff_f800L | ENABLE;
    }

    /** The base address register, or whether memory is decoded at all, may have changed. */
    void update(long bar, boolean memoryOn) {
        long at = bar & -bytes & 0xffff_f800L;
        boolean on = memoryOn && (bar & ENABLE) != 0 && at != 0 && at != (0xffff_ffffL & -bytes);
        long now = on ? at : -1;
        if (now == base) {
            return;
        }
        if (base >= 0) {
            windows.restore(base, bytes, true);
            left.run();
        }
        base = now;
        if (now >= 0) {
            windows.show(now, block, 0, bytes, false);
        }
    }
}
