package org.xenolith.guests.pv;

import org.xenolith.hypervisor.Domain;
import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.ErrnoException;
import org.xenolith.memory.GuestMemory;

/**
 * The memory of a PV domain as the domain is to see it: which machine frame each pseudo-physical frame gets. No frame
 * has the same number in both, so that whoever takes one for the other finds out.
 */
final class PseudoPhysical implements GuestMemory {
    private static final int PAGE_SHIFT = 12;
    private static final int PAGE = 1 << PAGE_SHIFT;
    /** Pages that stay together; the runs themselves go downwards, as Xen gives its memory out. */
    private static final int RUN = 512;
    private static final long FOUR_GIB_FRAMES = 1L << 32 - PAGE_SHIFT;

    private final Domain domain;
    private final int[] mfns;

    /**
     * Takes frames for a new domain.
     *
     * @param pages how many
     * @throws ErrnoException ENOMEM when the domain's limit or machine memory does not allow that
     */
    PseudoPhysical(Domain domain, int pages) {
        this.domain = domain;
        this.mfns = new int[pages];
        for (int end = pages; end > 0; end -= RUN) {
            for (int pfn = Math.max(0, end - RUN); pfn < end; pfn++) {
                long mfn = domain.allocateUnmapped(0);
                if (mfn < 0) {
                    throw new ErrnoException(Errno.ENOMEM, "machine memory has no room for " + domain.name());
                }
                mfns[pfn] = (int) mfn;
            }
        }
        for (int pfn = 0; pfn < pages; pfn++) {
            if (mfns[pfn] == pfn) {
                swap(pfn, pfn == 0 ? 1 : pfn - 1);
            }
        }
    }

    private void swap(int a, int b) {
        int mfn = mfns[a];
        mfns[a] = mfns[b];
        mfns[b] = mfn;
    }

    /** Gives a frame a machine frame that a CR3 of 32 bits can hold. */
    void moveBelowFourGib(int pfn) {
        for (int other = pfn; other < mfns.length; other++) {
            if (mfns[other] < FOUR_GIB_FRAMES && mfns[other] != pfn && mfns[pfn] != other) {
                swap(pfn, other);
                return;
            }
        }
        throw new ErrnoException(Errno.ENOMEM, "machine memory below 4 GiB has no room for " + domain.name());
    }

    /** Tells the machine-to-physical table. */
    void publish() {
        for (int pfn = 0; pfn < mfns.length; pfn++) {
            domain.pv().setPfn(mfns[pfn], pfn);
        }
    }

    int pages() {
        return mfns.length;
    }

    long mfn(long pfn) {
        return mfns[(int) pfn];
    }

    private boolean within(long gpa, long length) {
        return gpa >= 0 && length >= 0 && gpa <= (long) mfns.length << PAGE_SHIFT
                && length <= ((long) mfns.length << PAGE_SHIFT) - gpa;
    }

    private long machine(long gpa) {
        return mfn(gpa >>> PAGE_SHIFT) << PAGE_SHIFT | gpa & PAGE - 1;
    }

    @Override
    public boolean isRam(long gpa, long length) {
        return within(gpa, length);
    }

    @Override
    public boolean tryRead(long gpa, byte[] to, int offset, int length) {
        if (!within(gpa, length)) {
            return false;
        }
        for (int done = 0; done < length;) {
            int n = (int) Math.min(length - done, PAGE - (gpa + done & PAGE - 1));
            domain.read(machine(gpa + done), to, offset + done, n);
            done += n;
        }
        return true;
    }

    @Override
    public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
        if (!within(gpa, length)) {
            return false;
        }
        for (int done = 0; done < length;) {
            int n = (int) Math.min(length - done, PAGE - (gpa + done & PAGE - 1));
            domain.write(machine(gpa + done), from, offset + done, n);
            done += n;
        }
        return true;
    }

    @Override
    public long hostPage(long gfn) {
        return gfn >= 0 && gfn < mfns.length ? domain.hostPage(mfn(gfn)) : 0;
    }

    @Override
    public void written(long gfn) {
        if (gfn >= 0 && gfn < mfns.length) {
            domain.written(mfn(gfn));
        }
    }
}
