package org.xenolith.hypervisor.ring;

import java.util.List;

/**
 * Several pages of a ring as one piece of memory, so that offsets reach to the end of the last one. Integers do not lie
 * across the end of a page; copies may.
 */
public final class JoinedRingPages implements RingPage {
    private final RingPage[] pages;

    /** The pages in their order; they stay the caller's. */
    public JoinedRingPages(List<? extends RingPage> pages) {
        this.pages = pages.toArray(RingPage[]::new);
    }

    @Override
    public int read32(int offset) {
        return pages[offset / SIZE].read32(offset % SIZE);
    }

    @Override
    public void write32(int offset, int value) {
        pages[offset / SIZE].write32(offset % SIZE, value);
    }

    @Override
    public void read(int offset, byte[] dst, int dstOffset, int length) {
        for (int done = 0; done < length;) {
            int at = offset + done;
            int n = Math.min(length - done, SIZE - at % SIZE);
            pages[at / SIZE].read(at % SIZE, dst, dstOffset + done, n);
            done += n;
        }
    }

    @Override
    public void write(int offset, byte[] src, int srcOffset, int length) {
        for (int done = 0; done < length;) {
            int at = offset + done;
            int n = Math.min(length - done, SIZE - at % SIZE);
            pages[at / SIZE].write(at % SIZE, src, srcOffset + done, n);
            done += n;
        }
    }
}
