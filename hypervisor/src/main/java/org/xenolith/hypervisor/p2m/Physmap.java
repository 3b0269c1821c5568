package org.xenolith.hypervisor.p2m;

import org.xenolith.cpu.mmu.Stage2;
import org.xenolith.memory.GuestMemory;
import org.xenolith.memory.PhysicalMemory;
import org.xenolith.memory.RawMemory;

/**
 * One domain's p2m: what is behind each guest frame. A radix tree that grows with what is in it, so that a far gfn
 * costs little.
 *
 * <p>It only holds entries; references to frames are counted by the domain.
 */
public final class Physmap implements Stage2, GuestMemory {
    /** What an entry is (Xen: p2m_type_t). */
    public enum Type {
        /** Nothing: reads as a bus without a device. */
        NONE,
        RAM_RW, RAM_RO,
        /** Another domain's page through its grant table. */
        GRANT_RW, GRANT_RO,
        /** Another domain's page through XENMAPSPACE_gmfn_foreign. */
        FOREIGN,
        /** A page of the hypervisor: shared_info, grant table frames. */
        XEN,
        /** A page of the hypervisor that the guest may only read: a device's ROM. */
        XEN_RO,
        /** RAM of which there is no page before it is used. */
        ON_DEMAND
    }

    /** Gives a gfn that is {@link Type#ON_DEMAND} its page. */
    @FunctionalInterface
    public interface Populator {
        /** Replaces the entry; false when there is no page for it. */
        boolean populate(long gfn);
    }

    /** Hears of every change of an entry. */
    @FunctionalInterface
    public interface Listener {
        void changed(long gfn, long mfn, Type type);
    }

    /** First gfn that cannot be mapped: 43 bits of guest-physical address. */
    public static final long GFN_LIMIT = 1L << 31;

    private static final Type[] TYPES = Type.values();
    private static final int TYPE_SHIFT = 56;
    private static final long MFN_MASK = (1L << 40) - 1;
    private static final int BITS = 9;
    private static final int SLOTS = 1 << BITS;
    private static final int ROOT_SLOTS = (int) (GFN_LIMIT >>> 3 * BITS);

    private final PhysicalMemory memory;
    private final long[][][][] root = new long[ROOT_SLOTS][][][];
    private final Populator populator;
    private long highest = -1;
    private Listener listener;

    public Physmap(PhysicalMemory memory, Populator populator) {
        this.memory = memory;
        this.populator = populator;
    }

    /** Has the entries kept elsewhere, too; to be called while there are none. */
    public void setListener(Listener to) {
        listener = to;
    }

    private long entry(long gfn) {
        long e = stored(gfn);
        if (e >>> TYPE_SHIFT == Type.ON_DEMAND.ordinal()) {
            return populator.populate(gfn) ? stored(gfn) : 0;
        }
        return e;
    }

    /** True for a gfn that gets its page when it is used; every other question about it is a use. */
    public boolean onDemand(long gfn) {
        return stored(gfn) >>> TYPE_SHIFT == Type.ON_DEMAND.ordinal();
    }

    private long stored(long gfn) {
        if (gfn < 0 || gfn >= GFN_LIMIT) {
            return 0;
        }
        long[][][] a = root[(int) (gfn >>> 3 * BITS)];
        if (a == null) {
            return 0;
        }
        long[][] b = a[(int) (gfn >>> 2 * BITS) & SLOTS - 1];
        if (b == null) {
            return 0;
        }
        long[] c = b[(int) (gfn >>> BITS) & SLOTS - 1];
        return c == null ? 0 : c[(int) gfn & SLOTS - 1];
    }

    /** Replaces an entry. The gfn must be below {@link #GFN_LIMIT}. */
    public void set(long gfn, long mfn, Type type) {
        long[][][] a = root[(int) (gfn >>> 3 * BITS)];
        if (a == null) {
            a = new long[SLOTS][][];
            root[(int) (gfn >>> 3 * BITS)] = a;
        }
        int j = (int) (gfn >>> 2 * BITS) & SLOTS - 1;
        if (a[j] == null) {
            a[j] = new long[SLOTS][];
        }
        int k = (int) (gfn >>> BITS) & SLOTS - 1;
        if (a[j][k] == null) {
            a[j][k] = new long[SLOTS];
        }
        a[j][k][(int) gfn & SLOTS - 1] = type == Type.NONE ? 0 : (long) type.ordinal() << TYPE_SHIFT | mfn;
        if (type != Type.NONE) {
            highest = Math.max(highest, gfn);
        }
        if (listener != null) {
            listener.changed(gfn, mfn, type);
        }
    }

    public Type type(long gfn) {
        return TYPES[(int) (entry(gfn) >>> TYPE_SHIFT)];
    }

    /** Highest gfn that was ever mapped, or -1. */
    public long highestGfn() {
        return highest;
    }

    /** The plain mfn, or -1 when the gfn maps nothing. */
    public long frame(long gfn) {
        long e = entry(gfn);
        return e == 0 ? -1 : e & MFN_MASK;
    }

    private static boolean readOnly(long e) {
        int t = (int) (e >>> TYPE_SHIFT);
        return t == Type.RAM_RO.ordinal() || t == Type.GRANT_RO.ordinal() || t == Type.XEN_RO.ordinal();
    }

    @Override
    public long mfn(long gfn) {
        long e = entry(gfn);
        if (e == 0) {
            return MMIO;
        }
        return readOnly(e) ? e & MFN_MASK | READ_ONLY : e & MFN_MASK;
    }

    @Override
    public boolean isRam(long gpa, long length) {
        return covered(gpa, length, false);
    }

    private boolean covered(long gpa, long length, boolean write) {
        if (gpa < 0 || length < 0 || gpa + length < 0 || gpa + length > GFN_LIMIT << 12) {
            return false;
        }
        for (long gfn = gpa >>> 12; length > 0 && gfn <= gpa + length - 1 >>> 12; gfn++) {
            long e = entry(gfn);
            if (e == 0 || write && readOnly(e)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean tryRead(long gpa, byte[] to, int offset, int length) {
        if (!covered(gpa, length, false)) {
            return false;
        }
        for (int done = 0; done < length;) {
            int n = (int) Math.min(length - done, 4096 - (gpa + done & 0xfff));
            RawMemory.copyOut(hostPage(gpa + done >>> 12) + (gpa + done & 0xfff), to, offset + done, n);
            done += n;
        }
        return true;
    }

    @Override
    public boolean tryWrite(long gpa, byte[] from, int offset, int length) {
        if (!covered(gpa, length, true)) {
            return false;
        }
        for (int done = 0; done < length;) {
            int n = (int) Math.min(length - done, 4096 - (gpa + done & 0xfff));
            RawMemory.copyIn(from, offset + done, hostPage(gpa + done >>> 12) + (gpa + done & 0xfff), n);
            written(gpa + done >>> 12);
            done += n;
        }
        return true;
    }

    @Override
    public long hostPage(long gfn) {
        long e = entry(gfn);
        return e == 0 ? 0 : memory.hostPage(e & MFN_MASK);
    }

    @Override
    public void written(long gfn) {
        long e = entry(gfn);
        if (e != 0) {
            memory.written(e & MFN_MASK);
        }
    }

    /** Calls the visitor for every entry, by rising gfn. */
    public void forEach(Visitor visitor) {
        for (long gfn = 0; gfn <= highest;) {
            long[][][] a = root[(int) (gfn >>> 3 * BITS)];
            long[][] b = a == null ? null : a[(int) (gfn >>> 2 * BITS) & SLOTS - 1];
            long[] c = b == null ? null : b[(int) (gfn >>> BITS) & SLOTS - 1];
            if (c == null) {
                gfn += 1L << (a == null ? 3 * BITS : b == null ? 2 * BITS : BITS);
                continue;
            }
            for (int i = 0; i < SLOTS; i++) {
                if (c[i] != 0) {
                    visitor.visit(gfn + i, c[i] & MFN_MASK, TYPES[(int) (c[i] >>> TYPE_SHIFT)]);
                }
            }
            gfn += SLOTS;
        }
    }

    /** Receives entries of a physmap. */
    @FunctionalInterface
    public interface Visitor {
        void visit(long gfn, long mfn, Type type);
    }
}
