package org.xenolith.devices.chipset;

import org.xenolith.devices.RamWindows;
import org.xenolith.memory.RawMemory;

/** Firmware in ROM: it ends at 4 GiB, and its last 128 KiB also show below 1 MiB, where the host bridge lets them. */
public final class SystemRom {
    /** Most bytes of firmware. */
    public static final int MAX_BYTES = 16 << 20;

    static final int LOW_END = 0x10_0000;
    private static final int LOW_BYTES = 0x2_0000;
    private static final long END = 1L << 32;

    private final RamWindows windows;
    private final RamWindows.Block block;

    /**
     * Shows firmware at its place below 4 GiB.
     *
     * @param image 1 byte to 16 MiB; one that is no multiple of 4 KiB gets zeros in front
     * @throws IllegalArgumentException when it is empty or too long
     */
    public SystemRom(RamWindows windows, byte[] image) {
        if (image.length == 0 || image.length > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "firmware of " + image.length + " bytes: 1 byte to 16 MiB are possible");
        }
        this.windows = windows;
        long bytes = image.length + 0xfffL & ~0xfffL;
        block = windows.allocate(bytes);
        RawMemory.copyIn(image, 0, block.address() + bytes - image.length, image.length);
        windows.show(END - bytes, block, 0, bytes, false);
    }

    /** Shows what the ROM has for a range below 1 MiB, and nothing where it has nothing. */
    void showLow(long gpa, long bytes) {
        long first = LOW_END - Math.min(LOW_BYTES, block.bytes());
        if (gpa < first) {
            windows.hide(gpa, Math.min(bytes, first - gpa));
        }
        long from = Math.max(gpa, first);
        if (from < gpa + bytes) {
            windows.show(from, block, block.bytes() - (LOW_END - from), gpa + bytes - from, false);
        }
    }
}
