package org.xenolith.bus;

/**
 * A device's registers or memory in the physical address space. Calls come from the emulation thread, in the middle of the instruction; an
 * access never raises a Java exception.
 */
public interface MmioHandler {
    /**
     * A read.
     *
     * @param offset bytes from the start of the mapping; the access does not leave it
     * @param size 1, 2, 4 or 8 bytes
     * @return the value; bits above {@code size} bytes are ignored
     */
    long read(long offset, int size);

    /** A write; {@code value} has no bits above {@code size} bytes. */
    void write(long offset, int size, long value);
}
