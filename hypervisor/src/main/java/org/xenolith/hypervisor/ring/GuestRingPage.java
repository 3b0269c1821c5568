package org.xenolith.hypervisor.ring;

import java.util.Arrays;
import org.xenolith.memory.GuestMemory;

/** A ring page in a guest's memory. */
public final class GuestRingPage implements RingPage {
    private final GuestMemory memory;
    private final long base;
    private final byte[] word = new byte[4];

    /** The page at frame {@code gfn} of the guest; it is looked up anew at each access. */
    public GuestRingPage(GuestMemory memory, long gfn) {
        this.memory = memory;
        this.base = gfn << 12;
    }

    @Override
    public int read32(int offset) {
        if (!memory.tryRead(base + offset, word, 0, 4)) {
            return -1;
        }
        return word[0] & 0xff | (word[1] & 0xff) << 8 | (word[2] & 0xff) << 16 | (word[3] & 0xff) << 24;
    }

    @Override
    public void write32(int offset, int value) {
        word[0] = (byte) value;
        word[1] = (byte) (value >>> 8);
        word[2] = (byte) (value >>> 16);
        word[3] = (byte) (value >>> 24);
        memory.tryWrite(base + offset, word, 0, 4);
    }

    @Override
    public void read(int offset, byte[] dst, int dstOffset, int length) {
        if (!memory.tryRead(base + offset, dst, dstOffset, length)) {
            Arrays.fill(dst, dstOffset, dstOffset + length, (byte) -1);
        }
    }

    @Override
    public void write(int offset, byte[] src, int srcOffset, int length) {
        memory.tryWrite(base + offset, src, srcOffset, length);
    }
}
