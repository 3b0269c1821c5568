package org.xenolith.hypervisor.ring;

/**
 * One 4096-byte page shared between a guest and a backend. Integers are little-endian. Callers stay inside the page:
 * {@code 0 <= offset} and {@code offset + length <= 4096}, for integers {@code offset <= 4092}.
 *
 * <p>Implementations never throw for something that the guest did: a page that the guest has given away reads as
 * all ones and swallows writes, as a bus without a device does.
 */
public interface RingPage {
    /** Size of the page in bytes. */
    int SIZE = 4096;

    /** Reads the 32-bit integer at {@code offset}. */
    int read32(int offset);

    /** Writes the 32-bit integer at {@code offset}. */
    void write32(int offset, int value);

    /** Copies {@code length} bytes from the page at {@code offset} into {@code dst}. */
    void read(int offset, byte[] dst, int dstOffset, int length);

    /** Copies {@code length} bytes of {@code src} into the page at {@code offset}. */
    void write(int offset, byte[] src, int srcOffset, int length);
}
