package org.xenolith.devices;

/**
 * RAM that devices own (video memory, ROMs, shadow RAM) and the guest-physical addresses at which it shows. Accesses to it run at the speed of
 * RAM and are not seen by the device.
 */
public interface RamWindows {
    /** Memory of a device. */
    interface Block {
        /** Bytes, a multiple of 4096. */
        long bytes();

        /** Host address of its first byte; adjacent pages are adjacent on the host. */
        long address();

        /** To be called after the device has written to it: drops code translated from that page. */
        void written(long offset);
    }

    /**
     * Makes zeroed memory.
     *
     * @param bytes a multiple of 4096
     * @throws IllegalStateException when machine memory has no room
     */
    Block allocate(long bytes);

    /**
     * Shows a part of a block at a gpa, over the guest's own RAM; gpa, offset and bytes are multiples of 4096.
     *
     * @param writable false for ROM: writes go to {@code Board.mmio()}
     */
    void show(long gpa, Block block, long offset, long bytes, boolean writable);

    /** Shows neither blocks nor RAM in a range: accesses go to {@code Board.mmio()}. */
    void hide(long gpa, long bytes);

    /** Shows the guest's own RAM in a range again, where it has some. */
    void restore(long gpa, long bytes, boolean writable);
}
