package org.xenolith.hypervisor.pv.mm;

/**
 * What each machine frame is used as, and how often (Xen: the type_info of struct page_info). A frame has one type at a
 * time; it can change only while its count is 0, so that no frame is a page table and writable at once.
 *
 * <p>Every counted use of a type also holds a reference in the {@code FrameTable}.
 */
public final class PageTypes {
    public static final int NONE = 0;
    public static final int L1 = 1;
    public static final int L2 = 2;
    public static final int L3 = 3;
    public static final int L4 = 4;
    public static final int SEGMENT_DESCRIPTORS = 5;
    public static final int WRITABLE = 7;
    /** Added to {@link #L2}: the table of a PAE guest that has the hypervisor's entries at its end. */
    public static final int XEN_L2 = 8;

    private static final String[] NAMES = {"none", "L1 table", "L2 table", "L3 table", "L4 table", "descriptor page",
        "shared", "writable"};
    private static final int TYPE_MASK = 7;
    private static final int PINNED = 16;
    private static final int VALIDATED = 32;
    private static final int MAX_COUNT = Integer.MAX_VALUE;

    private final byte[] info;
    private final int[] count;
    /** Above 0: entries that point to tables of the same level; below 0: uses in such entries. Never both. */
    private final short[] linear;

    public PageTypes(int frames) {
        info = new byte[frames];
        count = new int[frames];
        linear = new short[frames];
    }

    /** The name of a type for messages. */
    public static String name(int type) {
        return (type & XEN_L2) != 0 ? "L2 table with hypervisor entries" : NAMES[type & TYPE_MASK];
    }

    /** Type without flags. */
    public int type(long mfn) {
        return info[(int) mfn] & TYPE_MASK;
    }

    /** Type with {@link #XEN_L2}. */
    int fullType(long mfn) {
        return info[(int) mfn] & (TYPE_MASK | XEN_L2);
    }

    public int count(long mfn) {
        return count[(int) mfn];
    }

    public boolean pinned(long mfn) {
        return (info[(int) mfn] & PINNED) != 0;
    }

    public boolean validated(long mfn) {
        return (info[(int) mfn] & VALIDATED) != 0;
    }

    /** True when the frame is now a page table or descriptor page, so that nobody may write to it. */
    public boolean guarded(long mfn) {
        int t = type(mfn);
        return count[(int) mfn] > 0 && t >= L1 && t <= SEGMENT_DESCRIPTORS;
    }

    void setType(long mfn, int fullType) {
        info[(int) mfn] = (byte) (info[(int) mfn] & PINNED | fullType);
    }

    void setPinned(long mfn, boolean on) {
        info[(int) mfn] = (byte) (on ? info[(int) mfn] | PINNED : info[(int) mfn] & ~PINNED);
    }

    void setValidated(long mfn, boolean on) {
        info[(int) mfn] = (byte) (on ? info[(int) mfn] | VALIDATED : info[(int) mfn] & ~VALIDATED);
    }

    void clearXenL2(long mfn) {
        info[(int) mfn] &= (byte) ~XEN_L2;
    }

    /** False when the count cannot grow. */
    boolean increment(long mfn) {
        if (count[(int) mfn] == MAX_COUNT) {
            return false;
        }
        count[(int) mfn]++;
        return true;
    }

    void decrement(long mfn) {
        if (count[(int) mfn] <= 0) {
            throw new IllegalStateException("mfn 0x" + Long.toHexString(mfn) + " has no type reference");
        }
        count[(int) mfn]--;
    }

    /** Forgets type and count. */
    void reset(long mfn) {
        info[(int) mfn] = 0;
        count[(int) mfn] = 0;
        linear[(int) mfn] = 0;
    }

    /** The frame went back to the host. */
    public void freed(long mfn) {
        if (count[(int) mfn] != 0) {
            throw new IllegalStateException("mfn 0x" + Long.toHexString(mfn) + " is freed in use as " + describe(mfn));
        }
        reset(mfn);
    }

    // ---- tables that map tables of their own level ----

    boolean addLinearEntry(long mfn) {
        if (linear[(int) mfn] < 0 || linear[(int) mfn] == Short.MAX_VALUE) {
            return false;
        }
        linear[(int) mfn]++;
        return true;
    }

    void dropLinearEntry(long mfn) {
        linear[(int) mfn]--;
    }

    boolean addLinearUse(long mfn) {
        if (linear[(int) mfn] > 0 || linear[(int) mfn] == Short.MIN_VALUE) {
            return false;
        }
        linear[(int) mfn]--;
        return true;
    }

    void dropLinearUse(long mfn) {
        linear[(int) mfn]++;
    }

    /** Type, count and flags in words. */
    public String describe(long mfn) {
        return name(fullType(mfn)) + " x" + count(mfn) + (pinned(mfn) ? " pinned" : "")
                + (validated(mfn) ? "" : " not validated");
    }
}
